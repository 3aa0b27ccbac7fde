"""Objects for the bench of cameras: meshes, their silhouettes, and the hulls that cameras give.

The objects are those of a folder of props (glTF files), `LEVELFORM_PROPS` or `../shared/data/props`
beside the checkout.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from levelform.backend.data.meshes import Solid, mend, read_asset
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.frames import OBJECT_SIDE
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes.drawing import silhouette
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

PROPS = Path(
    os.environ.get("LEVELFORM_PROPS", Path(__file__).parents[2].parent / "shared/data/props")
)
OBJECTS = (
    "base-meshes/anvil.glb",
    "kenney/mug-1.glb",
    "base-meshes/dining_chair_02.glb",
    "base-meshes/viking_bog_chair.glb",
    "base-meshes/battle_axe.glb",
    "quaternius-farm-buildings/windmill.glb",
    "quaternius-airplane-pack/smallplane.glb",
    "base-meshes/cartoon_controller.glb",
    "base-meshes/carved_bird_ornament.glb",
    "base-meshes/rustic_wood_hand_basket.glb",
    "quaternius-furniture-pack/armchair.glb",
    "quaternius-furniture-pack/officechair.glb",
    "quaternius-holiday-pack/elk.glb",
    "quaternius-spaceship-pack/spaceship.glb",
    "quaternius-car-pack/truck.glb",
    "quaternius-tank-pack/tank.glb",
    "kenney/pirate-captain.glb",
    "kenney/cannon.glb",
    "kenney/tractor.glb",
    "kenney/turkey.glb",
)
POINTS = 40_000  # of the volume, for IoU
SEARCH = 8_000  # of them, for the alignment
SUPERSAMPLES = 4  # squared, of a pixel


@dataclass(frozen=True)
class Subject:
    """An object in the volume's frame, and points that are inside it or not.

    mesh : longest side 1.8, centred
    points : (N, 3) float32 in its box, enlarged by a tenth
    inside : (N,) bool
    """

    name: str
    mesh: Mesh
    points: Tensor
    inside: Tensor

    @property
    def reach(self) -> float:
        """The radius of its sphere about the origin."""
        return float(np.linalg.norm(self.mesh.vertices, axis=1).max())


def available() -> list[str]:
    """Return the objects that exist."""
    return [name for name in OBJECTS if (PROPS / name).exists()]


@cache
def subject(name: str) -> Subject:
    """Read an object; its points are drawn with a fixed seed."""
    mesh = mend(read_asset(PROPS / name).mesh)[0]
    used = mesh.vertices[mesh.faces].reshape(-1, 3)
    lower, upper = used.min(0), used.max(0)
    scale = OBJECT_SIDE / float((upper - lower).max())
    placed = Mesh((mesh.vertices - (lower + upper) / 2) * scale, mesh.faces, None)
    half = (upper - lower) / 2 * scale * 1.1 + 0.02
    points = np.random.default_rng(0).uniform(-half, half, (POINTS, 3))
    inside = Solid(placed).inside(points)
    return Subject(
        Path(name).stem, placed, torch.from_numpy(points).float(), torch.from_numpy(inside)
    )


def look_at(
    center: np.ndarray, target: np.ndarray, focal: float, size: tuple[int, int], roll: float = 0.0
) -> Camera:
    """Return a camera at `center` that looks at `target`.

    Parameters
    ----------
    focal : in widths of the image
    size : width and height in pixels
    roll : radians about the optical axis
    """
    forward = (target - center) / np.linalg.norm(target - center)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward], 1)
    cosine, sine = math.cos(roll), math.sin(roll)
    pose = np.eye(4)
    pose[:3, :3] = axes @ np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    pose[:3, 3] = center
    width, height = size
    return Camera(pose, focal * width, focal * width, width / 2, height / 2, width, height)


def on_sphere(azimuth: float, elevation: float, distance: float) -> np.ndarray:
    """Return a position about the origin; radians, azimuth from -Y counter-clockwise."""
    return distance * np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            -math.cos(azimuth) * math.cos(elevation),
            math.sin(elevation),
        ]
    )


def distance_for(thing: Subject, focal: float, size: tuple[int, int], fill: float = 1.12) -> float:
    """Return the distance from which an object's sphere fills an image, with a margin."""
    half = 0.5 * min(size) / (focal * size[0])
    return fill * thing.reach / math.sin(math.atan(half))


def drawn(thing: Subject, camera: Camera) -> Tensor:
    """Return (H, W), the antialiased silhouette."""
    large = replace(
        camera,
        **{name: getattr(camera, name) * SUPERSAMPLES for name in ("fx", "fy", "cx", "cy")},
        width=camera.width * SUPERSAMPLES,
        height=camera.height * SUPERSAMPLES,
    )
    mesh = thing.mesh
    full = silhouette(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces), large)
    return avg_pool2d(full[None, None].float(), SUPERSAMPLES)[0, 0]


def view_of(alpha: Tensor, camera: Camera | None, name: str) -> View:
    """Return a view with a silhouette as its alpha, grey where it is not empty."""
    return View(torch.cat([torch.full((*alpha.shape, 3), 0.5), alpha[..., None]], 2), camera, name)


def photographed(thing: Subject, cameras: Sequence[Camera]) -> list[View]:
    """Return the object's silhouettes as views."""
    return [view_of(drawn(thing, c), c, f"image {i}") for i, c in enumerate(cameras)]


# ---------------------------------------------------------------- hulls


class Hull:
    """The visual hull of views, as a soft occupancy of points."""

    def __init__(self, alphas: Sequence[Tensor], cameras: Sequence[Camera]) -> None:
        self.alphas = torch.stack([alpha for alpha in alphas])[:, None]
        self.poses = torch.stack([torch.from_numpy(c.camera_from_world).float() for c in cameras])
        numbers = [[c.fx / c.width, c.fy / c.height] for c in cameras]
        self.focal = torch.tensor(numbers, dtype=torch.float32)
        numbers = [[c.cx / c.width, c.cy / c.height] for c in cameras]
        self.center = torch.tensor(numbers, dtype=torch.float32)

    def __call__(self, points: Tensor) -> Tensor:
        """Return (N,) the least alpha at the points' projections."""
        local = points @ self.poses[:, :3, :3].transpose(1, 2) + self.poses[:, None, :3, 3]
        depth = local[..., 2:]
        place = local[..., :2] / depth.clamp_min(1e-4) * self.focal[:, None] + self.center[:, None]
        alpha = grid_sample(self.alphas, place[:, None] * 2 - 1, align_corners=False)[:, 0, 0]
        return torch.where(depth[..., 0] > 1e-4, alpha, 0.0).amin(0)


def iou(
    thing: Subject, hull: Hull, count: int | None = None, matrix: Tensor | None = None
) -> float:
    """Return the IoU of a hull and its object; `matrix`, (3, 4), maps the object to the hull."""
    points, inside = thing.points[:count], thing.inside[:count]
    if matrix is not None:
        points = points @ matrix[:, :3].T + matrix[:, 3]
    with torch.no_grad():
        filled = hull(points) >= 0.5
    return float((filled & inside).sum() / (filled | inside).sum().clamp_min(1))


def aligned_iou(
    thing: Subject, hull: Hull, found: Sequence[Camera], true: Sequence[Camera]
) -> float:
    """Return the IoU after the similarity that aligns the cameras, improved by a search."""
    start = _similarity(true, found)
    scale = np.cbrt(np.linalg.det(start[:, :3]))
    best, step = np.zeros(7), 0.02
    value = iou(thing, hull, SEARCH, _moved(start, best, scale))
    while step > 1e-3:
        better = False
        for axis in range(7):
            for sign in (-1, 1):
                tried = best.copy()
                tried[axis] += sign * step
                new = iou(thing, hull, SEARCH, _moved(start, tried, scale))
                if new > value:
                    best, value, better = tried, new, True
        step = step if better else step / 2
    return iou(thing, hull, None, _moved(start, best, scale))


def _moved(start: np.ndarray, numbers: np.ndarray, scale: float) -> Tensor:
    """Return (3, 4): a small similarity of the object, then `start`."""
    from scipy.spatial.transform import Rotation

    small = np.eye(4)
    small[:3, :3] = Rotation.from_rotvec(numbers[:3]).as_matrix() * math.exp(numbers[6])
    small[:3, 3] = numbers[3:6]
    return torch.from_numpy(start @ small).float()


def _similarity(source: Sequence[Camera], target: Sequence[Camera]) -> np.ndarray:
    """Return (3, 4), the similarity from one set of cameras to another (rotations first)."""
    total = sum(
        t.world_from_camera[:3, :3] @ s.world_from_camera[:3, :3].T
        for s, t in zip(source, target, strict=True)
    )
    left, _, right = np.linalg.svd(total)
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    a, b = (np.stack([c.center for c in cameras]) for cameras in (source, target))
    moved = (a - a.mean(0)) @ rotation.T
    scale = float((moved * (b - b.mean(0))).sum() / (moved**2).sum())
    result = np.zeros((3, 4))
    result[:, :3] = rotation * scale
    result[:, 3] = b.mean(0) - scale * rotation @ a.mean(0)
    return result


def hull_pair(
    thing: Subject, views: Sequence[View], found: Sequence[Camera], true: Sequence[Camera]
) -> tuple[float, float]:
    """Return the IoU of the hull with the found cameras, aligned, and with the true ones."""
    alphas = [view.image[..., 3] for view in views]
    with_found = aligned_iou(thing, Hull(alphas, found), found, true)
    return with_found, iou(thing, Hull(alphas, true))


def nth(index: int) -> Subject:
    """Return one of the objects, again from the first when there are fewer."""
    names = available()
    return subject(names[index % len(names)])
