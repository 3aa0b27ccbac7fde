"""What a method found out about its views: cameras that fit better, and exposures.

A method tells them in its code, `told` under `CORRECTIONS`; colours and checks of its result use
them in place of what was given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..geometry.cameras import Camera
from ..geometry.views import View
from .code import Code

CORRECTIONS = "corrections"


@dataclass(frozen=True)
class Correction:
    """What was found out about a view.

    camera : in the volume's frame; None: as given
    exposure : by what factor its linear channels are brighter than usual; None: unknown
    """

    camera: Camera | None = None
    exposure: Sequence[float] | None = None


def told(found: Mapping[int, Correction]) -> list[dict[str, Any]]:
    """Return corrections by the views' numbers, ready for JSON."""
    return [
        {
            "view": number,
            "camera": None if one.camera is None else one.camera.to_transforms(),
            "exposure": None if one.exposure is None else [*one.exposure],
        }
        for number, one in found.items()
    ]


def corrections_of(code: Code | None) -> dict[int, Correction]:
    """Return the corrections that a code tells, by the views' numbers."""
    entries = () if code is None else code.meta.get(CORRECTIONS, ())
    return {
        entry["view"]: Correction(
            None if entry["camera"] is None else Camera.from_transforms(entry["camera"]),
            entry["exposure"],
        )
        for entry in entries
    }


def corrected_views(views: Sequence[View], code: Code | None) -> list[View]:
    """Return views with the cameras that a code tells."""
    found = corrections_of(code)
    cameras = {number: one.camera for number, one in found.items() if one.camera is not None}
    return [replace(v, camera=cameras.get(number, v.camera)) for number, v in enumerate(views)]


def exposures(views: Sequence[View], code: Code | None) -> list[Sequence[float] | None]:
    """Return the views' exposures that a code tells."""
    found = corrections_of(code)
    return [found.get(number, Correction()).exposure for number in range(len(views))]
