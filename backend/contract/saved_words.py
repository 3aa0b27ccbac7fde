"""Words about saved results, the same in both terminals."""

import argparse
from collections.abc import Sequence

from .errors import RequestError
from .protocol import CODE_FILE

KEEP_HELP = (
    f"save the result there ({CODE_FILE}); of a fit with its images, so that `reconstruct FILE` "
    "improves it further"
)
ABOUT_IMAGES = ("views", "frames", "volume", "front", "check", "save_masks")


def is_saved(sources: Sequence[str]) -> bool:
    """Return whether the sources are a saved result."""
    return len(sources) == 1 and str(sources[0]).lower().endswith(CODE_FILE)


def refuse_about_images(args: argparse.Namespace) -> None:
    """Refuse arguments about images, which a saved result has already.

    Raises
    ------
    RequestError
        If one was given.
    """
    for name in ABOUT_IMAGES:
        if getattr(args, name, None) not in (None, False):
            raise RequestError(
                f"{args.source[0]} is a saved result and has its images, so "
                f"--{name.replace('_', '-')} does not apply to it.",
                "Leave it out.",
            )
