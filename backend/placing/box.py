"""The object's bounding box, from the silhouettes of posed images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError
from ..fields.silhouettes import EDGE
from ..geometry.cameras import Camera
from ..geometry.images import resized
from ..geometry.views import View
from .bodies import needed_bodies
from .carving import HullCells, Silhouette, carve
from .extents import Chords, Slab, cut_chords, explaining_box, find_slab, hull_chords
from .pyramids import ViewPyramid, bounding_box, disagreement, sight_of, uncropped

LONGEST = 256  # pixels along the longer side of reduced silhouettes
ROUGH, FINE = 48, 128  # cells along the box: to separate bodies, then to measure
FIRST_LOOK = 32  # cells along the box in a first pass
REGION = 3.0  # half side of the region searched when nothing bounds it, in object radii
LEAST_SPREAD = 1.2e-3  # spread of the axes' directions: two that meet at 4 degrees
BEYOND = 0.1  # assumed fraction of a cropped silhouette beyond an unbounded border
NARROW = 30.0  # degrees: axes nearer to one line than this do not determine the depth


@dataclass(frozen=True)
class Whereabouts:
    """The object's position, as far as the silhouettes determine it.

    Attributes
    ----------
    cells : of the hull's surface, of the bodies that the outlines need; None: there is no hull
    chords : of the hull on the silhouettes' rays
    bounds : (2, 3) of the first bound, world
    slab : the position along the views' common axis; None without a hull
    remarks : sentences about what may be wrong
    cropped : a sentence for each silhouette cut by its image's border
    """

    cells: HullCells | None
    chords: Chords
    bounds: np.ndarray
    slab: Slab | None = None
    remarks: tuple[str, ...] = ()
    cropped: tuple[str, ...] = ()

    def box(self, rotation: np.ndarray) -> np.ndarray:
        """Return (2, 3): the object's box in the axes of `rotation`, (3, 3) world_from_axes."""
        if self.cells is None:
            corners = np.stack(np.meshgrid(*self.bounds.T, indexing="ij"), -1).reshape(-1, 3)
            local = corners @ rotation
            return np.stack([local.min(0), local.max(0)])
        return explaining_box(self.chords, self.cells.box(rotation), rotation)


def find_object(views: Sequence[View], *, finest: int = FINE) -> Whereabouts:
    """Locate the object in posed views.

    Parameters
    ----------
    views
        With cameras posed in the world; alpha is the silhouette.
    finest
        Cells along the box at the end; up to `ROUGH` it is carved once.

    Raises
    ------
    RequestError
        If no view has a camera, or the views see no common point (names the one that disagrees).
    """
    posed = [view for view in views if view.camera is not None]
    if not posed:
        raise RequestError(
            "No view has a camera, so the volume can't be placed.",
            "Add cameras, or place the volume by hand.",
        )
    items = [_silhouette(view) for view in posed]
    telling = [item for item in items if _tells(item.alpha)]
    sights = [item.sight for item in (telling or items)]
    bounds = bounding_box(sights)
    if bounds is None:
        raise disagreement(sights)
    if not np.isfinite(bounds).all() and any(any(sight.cropped) for sight in sights):
        grown = [replace(item, sight=uncropped(item.sight, BEYOND)) for item in telling or items]
        closer = bounding_box([item.sight for item in grown])
        if closer is not None:
            telling, bounds = (grown if telling else []), closer
    spot = None if np.isfinite(bounds).all() else _spot(sights)
    if spot is not None:
        bounds = _region(sights, spot, REGION if telling else 1.0)
    if not telling:
        return Whereabouts(None, _NO_CHORDS, bounds, remarks=(NO_SILHOUETTE,))
    cropped = tuple(CROPPED.format(sight.name) for sight in sights if any(sight.cropped))
    carved = _carved(telling, bounds, spot, _remarks(sights), finest)
    return replace(carved, cropped=cropped)


def rough_box(views: Sequence[View]) -> np.ndarray | None:
    """Return (2, 3), a box of the object in the world by a quick carving.

    None if the silhouettes do not bound the object.
    """
    items = [_silhouette(view) for view in views if view.camera is not None]
    telling = [item for item in items if _tells(item.alpha)]
    bounds = bounding_box([item.sight for item in telling]) if telling else None
    if bounds is None or not np.isfinite(bounds).all():
        return None
    cells = carve(telling, bounds, finest=FIRST_LOOK)
    return cells.box(np.eye(3)) if len(cells.centers) else None


NO_SILHOUETTE = "No image shows the object before a background, so the volume is a guess."
NO_HULL = "The silhouettes have no point in common, so the volume is a guess: check the cameras."
CROPPED = "{}: the silhouette meets the image's border; the object may go on beyond it."
ONE_VIEW = (
    "One view does not show how far away the object is: the volume stands as near to the world's "
    "origin as the view allows. Place it yourself if that is wrong."
)
ONE_LINE = (
    "All views look along nearly one line, so the object's depth is a guess. Add a view from the "
    "side."
)
_NO_CHORDS: Chords = (np.zeros((0, 3)), np.zeros((0, 3)))


def _carved(
    silhouettes: Sequence[Silhouette],
    bounds: np.ndarray,
    spot: np.ndarray | None,
    remarks: tuple[str, ...],
    finest: int,
) -> Whereabouts:
    """Carve twice; the second time around the bodies needed by the outlines."""
    cells = carve(silhouettes, bounds, finest=min(ROUGH, finest))
    if not len(cells.centers):
        return Whereabouts(None, _NO_CHORDS, bounds, remarks=(*remarks, NO_HULL))
    cells = needed_bodies(cells, silhouettes)
    if finest > ROUGH:
        cells = carve(silhouettes, cells.box(np.eye(3)), finest=finest)
        cells = needed_bodies(cells, silhouettes)
    chords = hull_chords(cells, silhouettes)
    axis = _common_axis([item.sight.camera for item in silhouettes])
    center = None if spot is None or not _open_line(silhouettes) else float(spot @ axis)
    slab = find_slab(chords, axis, center)
    return Whereabouts(_inside(cells, slab), cut_chords(chords, slab), bounds, slab, remarks)


def _inside(cells: HullCells, slab: Slab) -> HullCells:
    away = np.abs(cells.centers @ slab.axis - slab.center)
    kept = away <= slab.half + cells.size
    return HullCells(cells.centers[kept], cells.size) if kept.any() else cells


def _remarks(sights: Sequence[ViewPyramid]) -> tuple[str, ...]:
    if len(sights) == 1:
        return (ONE_VIEW,)
    return (ONE_LINE,) if widest_angle([sight.camera for sight in sights]) < NARROW else ()


# ---------------------------------------------------------------- how the cameras stand


def widest_angle(cameras: Sequence[Camera]) -> float:
    """Return the largest angle between the lines along which two cameras look, degrees, 0 to 90."""
    axes = np.array([camera.forward for camera in cameras])
    least = np.abs(axes @ axes.T).min()
    return float(np.degrees(np.arccos(np.clip(least, 0, 1))))


def _common_axis(cameras: Sequence[Camera]) -> np.ndarray:
    """Return the unit direction, (3,), nearest to the lines along which all cameras look."""
    axes = np.array([camera.forward for camera in cameras])
    return np.linalg.eigh(axes.T @ axes)[1][:, 2]


def _open_line(silhouettes: Sequence[Silhouette]) -> bool:
    """Return whether the views do not determine the depth: a single view, or all along one line."""
    axes = [_middle_ray(item.sight)[1] for item in silhouettes]
    return _spread(axes) < LEAST_SPREAD


def _spread(axes: Sequence[np.ndarray]) -> float:
    across = np.array([np.eye(3) - np.outer(axis, axis) for axis in axes])
    return float(np.linalg.eigvalsh(across.mean(0))[0])


def _middle_ray(sight: ViewPyramid) -> tuple[np.ndarray, np.ndarray]:
    """Return origin and unit direction, (3,) world, of the ray through a rectangle's middle."""
    left, top, right, bottom = sight.rectangle
    pixel = torch.tensor([(left + right) / 2, (top + bottom) / 2], dtype=torch.float64)
    origin, direction = (part.numpy() for part in sight.camera.rays(pixel))
    return origin, direction / np.linalg.norm(direction)


def _spot(sights: Sequence[ViewPyramid]) -> np.ndarray:
    """Return the point, (3,) world, that the views most likely look at.

    It is closest to all rays through the rectangles' middles; for parallel rays, it is the point of
    their mean nearest to the world's origin.
    """
    rays = [_middle_ray(sight) for sight in sights]
    if _spread([axis for _, axis in rays]) >= LEAST_SPREAD:
        across = [np.eye(3) - np.outer(axis, axis) for _, axis in rays]
        offsets = sum(one @ origin for one, (origin, _) in zip(across, rays, strict=True))
        spot = np.linalg.solve(np.sum(across, axis=0), offsets)
        if all(_ahead(sight, spot) > 0 for sight in sights):
            return spot
    center = np.mean([origin for origin, _ in rays], axis=0)
    forward = np.mean([axis for _, axis in rays], axis=0)
    forward = forward / max(float(np.linalg.norm(forward)), 1e-9)
    ahead = -float(center @ forward)
    distance = ahead if ahead > 1e-3 else max(float(np.linalg.norm(center)), 1.0)
    return center + distance * forward


def _ahead(sight: ViewPyramid, spot: np.ndarray) -> float:
    """Return the depth of a point in a camera; always positive for an orthographic one."""
    camera = sight.camera
    return 1.0 if camera.orthographic else float((spot - camera.center) @ camera.forward)


def _region(sights: Sequence[ViewPyramid], spot: np.ndarray, reach: float) -> np.ndarray:
    """Return (2, 3): a box about `spot`, `reach` times the largest view's extent there."""

    def half(sight: ViewPyramid) -> float:
        camera, (left, top, right, bottom) = sight.camera, sight.rectangle
        depth = max(_ahead(sight, spot), 1e-6)
        return max((right - left) / camera.fx, (bottom - top) / camera.fy) / 2 * depth

    radius = reach * max(half(sight) for sight in sights)
    return np.stack([spot - radius, spot + radius])


# ---------------------------------------------------------------- silhouettes


def telling_views(views: Sequence[View]) -> list[tuple[View, Silhouette]]:
    """Return the posed views with a silhouette that has an inside and an outside, and it."""
    pairs = [(view, _silhouette(view)) for view in views if view.camera is not None]
    return [(view, item) for view, item in pairs if _tells(item.alpha)]


def _tells(alpha: Tensor) -> bool:
    """Return whether a silhouette, (H, W), has an inside and an outside."""
    inside = alpha >= EDGE
    return bool(inside.any()) and not bool(inside.all())


def _silhouette(view: View) -> Silhouette:
    assert view.camera is not None
    alpha, camera = view.image[..., 3].float().cpu(), view.camera
    longest = max(alpha.shape)
    if longest > LONGEST:
        alpha = _reduced(alpha, LONGEST / longest)
        camera = resized(camera, width=alpha.shape[1], height=alpha.shape[0])
    alpha = alpha.contiguous()
    return Silhouette(sight_of(camera, alpha.numpy(), view.name), alpha)


def _reduced(alpha: Tensor, factor: float) -> Tensor:
    """Shrink a silhouette, keeping parts thinner than one new pixel."""
    size = [max(round(side * factor), 1) for side in alpha.shape]
    mean = F.interpolate(alpha[None, None], size=size, mode="bilinear", antialias=True)
    some = F.adaptive_max_pool2d(alpha[None, None], size) >= EDGE
    near = F.max_pool2d((mean >= EDGE).float(), 3, stride=1, padding=1) > 0
    return torch.where(some & ~near, EDGE + 0.05, mean)[0, 0]
