"""Going on from a saved result: `levelform reconstruct FIT.safetensors -o OUT`."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contract import protocol
from ..contract.saved_words import refuse_about_images
from . import progress

if TYPE_CHECKING:
    from ..session import Session


def write_continued(
    session: "Session", args: argparse.Namespace, choices: protocol.Reconstruct
) -> dict[str, Any]:
    """Improve a saved result further and write its mesh; return the facts.

    Raises
    ------
    RequestError
        If the file holds no state to continue, or images are given, which it contains already.
    """
    from .reconstruct import JOB, last_of, write_last

    (path,) = args.source
    refuse_about_images(args)
    facts = session.open_code(path, JOB)
    request = protocol.Remesh(
        JOB,
        JOB,
        choices.resolution,
        choices.level,
        choices.color,
        dict(choices.options),
        improve=True,
    )
    offset = tuple(facts["world_offset"])
    with progress() as ticket:
        last, stats = last_of(session.remesh(request, ticket))
        if args.keep:
            [*_] = session.save_code(protocol.SaveCode(JOB, JOB, args.keep), ticket)
            stats["kept"] = args.keep
        whole = replace(choices, world_offset=offset)
        return {**write_last(session, whole, last, stats, args.out, ticket), "out": str(args.out)}
