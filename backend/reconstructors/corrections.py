"""What a method found out about its views: cameras and masks that fit better, and exposures.

A method tells them in its code, `told` under `CORRECTIONS` and `masks_told` among the tensors;
colours and checks of its result use them in place of what was given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from ..geometry.cameras import Camera
from ..geometry.views import View
from .code import Code

CORRECTIONS = "corrections"
MASK = "corrected_mask_"  # before a view's number in the names of tensors


@dataclass(frozen=True)
class Correction:
    """What a fit learned about a view.

    camera : in the volume's frame; None: as given
    exposure : by what factor its linear channels are brighter than usual; None: unknown
    mask : (h, w) uint8, of the whole image at any size; None: as given
    """

    camera: Camera | None = None
    exposure: Sequence[float] | None = None
    mask: Tensor | None = None


def told(corrections: Mapping[int, Correction]) -> list[dict[str, Any]]:
    """Return corrections by the views' numbers, ready for JSON."""
    return [
        {
            "view": number,
            "camera": None if one.camera is None else one.camera.to_transforms(),
            "exposure": None if one.exposure is None else [*one.exposure],
        }
        for number, one in corrections.items()
    ]


def masks_told(corrections: Mapping[int, Correction]) -> dict[str, Tensor]:
    """Return the masks of corrections as a code's tensors."""
    return {f"{MASK}{n}": one.mask for n, one in corrections.items() if one.mask is not None}


def corrections_of(code: Code | None) -> dict[int, Correction]:
    """Return the corrections that a code tells, by the views' numbers."""
    entries = () if code is None else code.meta.get(CORRECTIONS, ())
    return {
        entry["view"]: Correction(
            None if entry["camera"] is None else Camera.from_transforms(entry["camera"]),
            entry["exposure"],
            None if code is None else code.tensors.get(f"{MASK}{entry['view']}"),
        )
        for entry in entries
    }


def corrected_views(views: Sequence[View], code: Code | None) -> list[View]:
    """Return views with the cameras and masks that a code tells."""
    corrections = corrections_of(code)
    return [_corrected(v, corrections.get(number, Correction())) for number, v in enumerate(views)]


def _corrected(view: View, correction: Correction) -> View:
    if correction.camera is not None:
        view = replace(view, camera=correction.camera)
    if correction.mask is None:
        return view
    image = view.image.clone()
    mask = correction.mask.to(image)[None, None] / 255
    image[..., 3] = interpolate(mask, size=image.shape[:2], mode="bilinear", antialias=True)[0, 0]
    return replace(view, image=image)


def exposures(views: Sequence[View], code: Code | None) -> list[Sequence[float] | None]:
    """Return the views' exposures that a code tells."""
    corrections = corrections_of(code)
    return [corrections.get(number, Correction()).exposure for number in range(len(views))]
