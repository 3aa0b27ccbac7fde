"""Points on the object where features are missing: a plane sweep over pixels of posed photographs.

Features lie inside textured faces. What bounds an object is its edges and thin parts, such as a
handle two pixels wide. For pixels with a strong gradient, positions along their rays are compared
by colour with the neighbouring images; a position is a point if its colour fits far better than
those elsewhere on the ray, and if rays of other images end there too (Collins, "A space-sweep
approach to true multi-image matching", CVPR 1996).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ..geometry.cameras import Camera
from ..ticket import Ticket

SIDE = 640  # pixels of an image's longer side
REFERENCES = 12  # images whose pixels are swept
NEIGHBOURS = 4  # that each is compared with
USUAL, WIDEST = 20.0, 45.0  # degrees between an image and a neighbour, seen from the focus
CLOSEST = 4.0
PIXELS = 16_000  # of a reference
STEPS = 112  # positions along a ray
FINER = np.linspace(-1.0, 1.0, 9)  # steps from the best one that are tried then
BLOCK = 2_000  # pixels at a time
CAP = 0.25  # colour difference that counts at most: occluded, or wrong
VISIBLE = 3  # neighbours that must fit, if a photograph has that many
FEWEST = 2  # neighbours
FITS = 0.05  # mean colour difference of a point
DISTINCT = 0.5  # of the difference that the ray has elsewhere, at most
APART = 2  # steps from the best one that are elsewhere
SUPPORT = 3  # images whose points must be near
NEAR = 0.004  # distance of these, in radii of the ring


@dataclass(frozen=True)
class Region:
    """A cylinder around the object.

    middle : (2,), radius, lower and upper height
    """

    middle: np.ndarray
    radius: float
    lower: float
    upper: float

    def along(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where rays enter and leave, (N,) each; those that miss it have none in between."""
        with np.errstate(divide="ignore", invalid="ignore"):
            flat, start = directions[:, :2], origin[:2] - self.middle
            a, b = (flat**2).sum(1), flat @ start
            root = np.sqrt(np.maximum(b**2 - a * (start @ start - self.radius**2), 0.0))
            heights = (np.array([[self.lower], [self.upper]]) - origin[2]) / directions[:, 2]
        missed = b**2 <= a * (start @ start - self.radius**2)
        enter = np.maximum((-b - root) / a, np.minimum(*heights))
        leave = np.minimum((-b + root) / a, np.maximum(*heights))
        return np.maximum(enter, 1e-6), np.where(missed, -1.0, leave)


def surface_points(
    image_of: Callable[[int], Tensor],
    cameras: Sequence[Camera],
    region: Region,
    focus: np.ndarray,
    *,
    seed: int = 0,
    ticket: Ticket | None = None,
) -> np.ndarray:
    """Return (N, 3) points of surfaces within a region.

    Parameters
    ----------
    image_of : returns the image of a camera, (H, W, 3), of the camera's size
    cameras : without distortion
    focus : (3,) where the cameras look
    """
    rng = np.random.default_rng(seed)
    away = np.stack([camera.center - focus for camera in cameras])
    radius = float(np.median(np.linalg.norm(away, axis=1)))
    groups = []
    for index in spread(away, REFERENCES):
        if ticket is not None:
            ticket.check()
        others = neighbours(away, index)
        if len(others) >= FEWEST:
            groups.append(_swept(image_of, cameras, index, others, region, rng))
    return _supported([group for group in groups if len(group)], NEAR * radius)


def _supported(groups: Sequence[np.ndarray], near: float) -> np.ndarray:
    """Return the points, (N, 3), that have points of `SUPPORT` images near, theirs included."""
    from scipy.spatial import KDTree

    if not groups:
        return np.zeros((0, 3))
    points = np.concatenate(groups)
    distances = [KDTree(group).query(points, distance_upper_bound=near)[0] for group in groups]
    return points[np.isfinite(np.array(distances)).sum(0) >= SUPPORT]


def spread(away: np.ndarray, count: int) -> list[int]:
    """Return at most `count` indices of directions, (N, 3), far from each other."""
    unit = away / np.linalg.norm(away, axis=1, keepdims=True)
    chosen = [0]
    nearest = unit @ unit[0]
    while len(chosen) < min(count, len(away)):
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, unit @ unit[chosen[-1]])
    return chosen


def neighbours(away: np.ndarray, index: int) -> list[int]:
    """Return the images that see about the same as one from another side."""
    unit = away / np.linalg.norm(away, axis=1, keepdims=True)
    angles = np.degrees(np.arccos((unit @ unit[index]).clip(-1, 1)))
    usable = np.flatnonzero((angles > CLOSEST) & (angles < WIDEST))
    return usable[np.abs(angles[usable] - USUAL).argsort()][:NEIGHBOURS].tolist()


def _swept(
    image_of: Callable[[int], Tensor],
    cameras: Sequence[Camera],
    index: int,
    others: Sequence[int],
    region: Region,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return (N, 3) positions that the pixels of an image agree on with its neighbours."""
    camera, image = cameras[index], image_of(index)
    seen_by = [(cameras[other], image_of(other)) for other in others]
    rows, columns = _edges(image, rng)
    directions = _rays(camera, rows, columns)
    enter, leave = region.along(camera.center, directions)
    seen = leave > enter
    directions, enter, leave = directions[seen], enter[seen], leave[seen]
    colors = image[torch.from_numpy(rows[seen]), torch.from_numpy(columns[seen])]
    part = np.linspace(0.0, 1.0, STEPS)
    result = []
    for start in range(0, len(directions), BLOCK):
        some = slice(start, start + BLOCK)
        along = enter[some, None] + (leave - enter)[some, None] * part
        places = camera.center + along[..., None] * directions[some, None]
        cost = color_cost(seen_by, places, colors[some])
        best, good = _distinct(cost)
        step = (leave - enter)[some] / (STEPS - 1)
        along = along[np.arange(len(best)), best][good, None] + step[good, None] * FINER
        places = camera.center + along[..., None] * directions[some][good, None]
        best = color_cost(seen_by, places, colors[some][torch.from_numpy(good)])
        result.append(places[np.arange(len(best)), best.argmin(1)])
    return np.concatenate(result) if result else np.zeros((0, 3))


def _edges(image: Tensor, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of pixels with the strongest gradients, at most `PIXELS`."""
    down, right = (np.abs(part).max(2) for part in np.gradient(image.numpy(), axis=(0, 1)))
    strength = np.maximum(down, right)
    chosen = np.flatnonzero(strength.ravel() > np.median(strength))
    chosen = rng.permutation(chosen)[:PIXELS]
    rows, columns = np.unravel_index(chosen, strength.shape)
    return rows, columns


def _rays(camera: Camera, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return (N, 3) unit directions in the world of the middles of pixels."""
    plane = np.stack(
        [
            (columns + 0.5 - camera.cx) / camera.fx,
            (rows + 0.5 - camera.cy) / camera.fy,
            np.ones(len(rows)),
        ],
        1,
    )
    turned = plane @ camera.world_from_camera[:3, :3].T
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def color_cost(
    seen_by: Sequence[tuple[Camera, Tensor]], places: np.ndarray, colors: Tensor
) -> np.ndarray:
    """Return (N, T): how far the colours of the neighbours that fit best are off.

    Parameters
    ----------
    seen_by : the neighbours' cameras and images, (H, W, 3)
    places : (N, T, 3)
    colors : (N, 3) that they should have
    """
    points = torch.from_numpy(places).float()
    differences = []
    for camera, image in seen_by:
        pose = torch.from_numpy(camera.camera_from_world).float()
        local = points @ pose[:3, :3].T + pose[:3, 3]
        depth = local[..., 2].clamp_min(1e-6)
        x = (local[..., 0] / depth * camera.fx + camera.cx) / camera.width * 2 - 1
        y = (local[..., 1] / depth * camera.fy + camera.cy) / camera.height * 2 - 1
        sampled = grid_sample(
            image.permute(2, 0, 1)[None], torch.stack([x, y], -1)[None], align_corners=False
        )[0]
        off = (sampled - colors.T[..., None]).abs().mean(0).clamp_max(CAP)
        outside = (x.abs() > 1) | (y.abs() > 1) | (local[..., 2] <= 0)
        differences.append(torch.where(outside, CAP, off))
    count = min(VISIBLE, len(differences))
    return torch.stack(differences).topk(count, 0, largest=False).values.mean(0).numpy()


def _distinct(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (N,) the best step of each ray, and whether no other one is nearly as good."""
    best = cost.argmin(1)
    steps = np.arange(cost.shape[1])
    elsewhere = np.abs(steps - best[:, None]) > APART
    least = cost.min(1)
    second = np.where(elsewhere, cost, np.inf).min(1)
    inner = (best > 0) & (best < cost.shape[1] - 1)
    return best, inner & (least < FITS) & (least < DISTINCT * second)
