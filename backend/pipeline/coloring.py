"""The painter of a result: its images, through the cameras that fit them best."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..appearance.painter import Painter
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..reconstructors import Code
from ..reconstructors.corrections import corrected_views, exposures
from .networks import Networks


def painter_of(
    views: Sequence[View],
    code: Code,
    estimated: Mapping[int, Camera],
    networks: Networks,
    device: str,
) -> Painter:
    """Return the painter of a result's meshes; estimates missing cameras first.

    Parameters
    ----------
    views : given, cameras in the volume; those that the code corrects are taken from it
    estimated : cameras estimated before, by the views' numbers
    """
    unposed = [i for i, view in enumerate(views) if view.camera is None and i not in estimated]
    finder = networks.camera_finder(device) if unposed else None
    if finder is not None:
        cameras = finder.estimate_cameras([views[index] for index in unposed])
        estimated = {**estimated, **dict(zip(unposed, cameras, strict=True))}
    better = corrected_views(views, code)
    posed = [replace(v, camera=estimated.get(i, v.camera)) for i, v in enumerate(better)]
    return Painter(posed, [view.camera is None for view in views], exposures(views, code))
