"""Sample batches of several views per object, in volumes with random errors.

The image encoder is frozen here, so its features are computed once per image and cached. This
makes a step five times cheaper. Each image is framed once, with a random zoom and offset. Volumes,
camera errors and mask errors do not affect the features, so every step draws new ones.

No image tells a closed hollow object from a solid one, and a network that learned from both leaves
holes in solid ones. Hollow ones are therefore learned as solid where no image sees into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError
from ..data.format import StoredShape
from ..fields.several_views import MARGIN, Round
from ..fields.view_silhouettes import distances_at, pixel_distances
from ..images.alpha import premultiply, straighten
from ..reconstructors import Reconstructor
from ..reconstructors.levelform import Levelform
from .recipes import RoundDraw, Sampling
from .samples import BatchSampler

HOLLOW = 0.5  # fraction of the unseen points inside an object below which it counts as hollow
SEEN_EMPTY = 0.01  # points this far in front of the visible surface are empty, volume units
CANDIDATES = 3072  # candidate points of each kind, before the choice inside the hull


@dataclass(frozen=True)
class Seen:
    """Cached data of an object's V images.

    Attributes
    ----------
    vectors : (V, features) float16, global features of the image encoder
    maps : (V, C, T, T) float16 each, feature maps of the image encoder
    distances : (V, S, S) float16, pixels to the silhouette
    depth : (V, T, T) depth of the visible surface at the cells' centres, infinite at the background
    poses, intrinsics : (V, 4, 4), (V, 4)
    inside : labels of the shape's points by name of their set, (N,) bool, see `solid_labels`
    """

    vectors: Tensor
    maps: tuple[Tensor, ...]
    distances: Tensor
    depth: Tensor
    poses: Tensor
    intrinsics: Tensor
    inside: dict[str, np.ndarray]


class RoundSampler:
    """Samples batches for `Levelform.several_loss`.

    Parameters
    ----------
    shapes
        Have images, depth, cameras of the range "levelform-round", and points "uniform", "wide".
    model
        Network with the image encoder.
    sampling
        Contents of each batch.
    seed
        Seed of all sampling.
    """

    def __init__(
        self, shapes: Sequence[StoredShape], model: Levelform, sampling: RoundDraw, seed: int
    ) -> None:
        if not shapes:
            raise RequestError(
                "The data set holds no shapes to train on.", "Check --data and --categories."
            )
        self.shapes, self.settings, self.seed = shapes, sampling, seed
        self.size, self.describe = model.framing.size, model.described
        self.cells = self.size // model.configuration.stride
        self.device = model.device
        self._kept: dict[int, Seen] = {}

    def sample(self, step: int, *, part: slice = slice(None)) -> Round:
        """Return the batch of a step, or the objects `part` of it."""
        rng = np.random.default_rng([self.seed, step])
        numbers, weights = zip(*self.settings.mixture, strict=True)
        views = int(rng.choice(numbers, p=np.array(weights) / sum(weights)))
        count = max(1, self.settings.objects // views)
        order = rng.integers(len(self.shapes), size=count)
        places = _part(count, self.settings.objects, part)
        items = [self._object(int(order[place]), step, place, views) for place in places]
        columns = [
            torch.stack(column) for column in zip(*[item[:-1] for item in items], strict=True)
        ]
        maps = tuple(
            torch.stack(level).float() for level in zip(*[i[-1] for i in items], strict=True)
        )
        whole = Round._make([*columns, maps])
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        return choose_points(whole, self.settings.uniform, self.settings.wide, generator)

    def _object(
        self, index: int, step: int, place: int, views: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
        """Return one object's entries of a `Round`, in its order."""
        rng = np.random.default_rng([self.seed, step, place])
        shape, seen = self.shapes[index], self._seen(index)
        chosen = torch.from_numpy(_views(len(seen.poses), views, rng, self.settings.even))
        volume = _volume(self.settings, rng)
        poses, scale = volume_poses(seen.poses[chosen].double(), volume)
        poses = _turned(poses, rng, self.settings.pose_noise)
        wider = rng.uniform(-1, 1, views) * self.settings.mask_noise * (rng.random(views) < 0.5)
        distances = seen.distances[chosen].float() - torch.from_numpy(wider).float()[:, None, None]
        points, inside = candidates(shape, seen.inside, volume, rng)
        return (
            seen.vectors[chosen].float(),
            distances,
            poses.float(),
            seen.intrinsics[chosen],
            seen.depth[chosen].float() / scale,
            points,
            inside,
            tuple(level[chosen] for level in seen.maps),
        )

    def _seen(self, index: int) -> Seen:
        """Return the cached data of an object, computed on first use."""
        if index not in self._kept:
            self._kept[index] = self._look(self.shapes[index], index)
        return self._kept[index]

    @torch.no_grad()
    def _look(self, shape: StoredShape, index: int) -> Seen:
        rng = np.random.default_rng([self.seed, 0x100C, index])
        images = torch.from_numpy(np.array(shape["views.images"])).float() / 255
        zoom = torch.from_numpy(rng.uniform(*self.settings.zoom, len(images))).float()
        offset = rng.uniform(-1, 1, (len(images), 2)) * self.settings.offset * images.shape[1]
        moved = torch.from_numpy(offset).float()
        framed, intrinsics = reframed(
            images, torch.from_numpy(np.array(shape["views.intrinsics"])).float(), zoom, moved,
            self.size,
        )  # fmt: skip
        vectors, maps = self.describe(framed.permute(0, 3, 1, 2).to(self.device))
        alpha = framed[..., 3].numpy()
        poses = np.linalg.inv(np.array(shape["views.poses"], np.float64))
        return Seen(
            vectors.half().cpu(),
            tuple(level.half().cpu() for level in maps),
            torch.from_numpy(np.stack([pixel_distances(one) for one in alpha])).half(),
            self._depth(shape, intrinsics),
            torch.from_numpy(poses).float(),
            intrinsics,
            solid_labels(shape),
        )

    def _depth(self, shape: StoredShape, intrinsics: Tensor) -> Tensor:
        """Return the depth at the centres of the framed images' cells, (V, T, T)."""
        stored = torch.from_numpy(np.array(shape["views.depth"])).float()
        own = torch.from_numpy(np.array(shape["views.intrinsics"])).float()
        ticks = (torch.arange(self.cells) + 0.5) * self.size / self.cells
        side = stored.shape[-1]
        index = []
        for axis in (0, 1):
            plane = (ticks - intrinsics[:, 2 + axis, None]) / intrinsics[:, axis, None]
            index.append(plane * own[:, axis, None] + own[:, 2 + axis, None])
        column, row = (each.long().clamp(0, side - 1) for each in index)
        views = torch.arange(len(stored))[:, None, None]
        depth = stored[views, row[:, :, None], column[:, None]]
        return torch.where(depth > 0, depth, torch.inf)


def sampler_for(
    model: Reconstructor, shapes: Sequence[StoredShape], sampling: Sampling | RoundDraw, seed: int
) -> BatchSampler | RoundSampler:
    """Return the sampler for a recipe's batches."""
    if isinstance(sampling, Sampling):
        return BatchSampler(shapes, model.framing, sampling, seed)
    assert isinstance(model, Levelform)
    return RoundSampler(shapes, model, sampling, seed)


def reframed(
    images: Tensor, intrinsics: Tensor, zoom: Tensor, moved: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """Zoom images (V, S, S, 4) by `zoom`, (V,), about a point offset from the centre.

    `moved`, (V, 2), is the offset in pixels. Also return the intrinsics, (V, 4), in pixels of the
    result's `size`.
    """
    side = images.shape[1]
    ticks = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    grid = torch.stack([x, y], -1)[None] / zoom[:, None, None, None]
    grid = grid + 2 * moved[:, None, None] / side
    flat = premultiply(images).permute(0, 3, 1, 2)
    taken = F.grid_sample(flat, grid, padding_mode="zeros", align_corners=False)
    factor = zoom[:, None] * size / side
    center = (intrinsics[:, 2:] - side / 2 - moved) * factor + size / 2
    return straighten(taken.permute(0, 2, 3, 1)), torch.cat([intrinsics[:, :2] * factor, center], 1)


def _part(count: int, whole: int, fraction: slice) -> range:
    """Return the indices among `count` objects of a slice of a batch of `whole` images."""
    start, stop, _ = fraction.indices(whole)
    return range(start * count // whole, stop * count // whole)


def _views(there: int, wanted: int, rng: np.random.Generator, even: float) -> np.ndarray:
    """Choose image indices of an object, evenly spread or at random."""
    if there < wanted:
        raise RequestError(
            f"A shape has {there} images, not {wanted}.", "Make the data set with more --views."
        )
    if rng.random() < even and there % wanted == 0:
        return (rng.integers(there) + np.arange(wanted) * (there // wanted)) % there
    return rng.permutation(there)[:wanted]


def _volume(settings: RoundDraw, rng: np.random.Generator) -> np.ndarray:
    """Draw true_from_volume, (4, 4): a rotation about +Z with errors of size and centre."""
    angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(*settings.scale)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, :3] *= scale
    matrix[:3, 3] = rng.uniform(-1, 1, 3) * settings.shift
    return matrix


def volume_poses(poses: Tensor, volume: np.ndarray) -> tuple[Tensor, float]:
    """Return camera_from_volume, (V, 4, 4), for cameras posed in the true frame; and the scale."""
    scale = float(np.cbrt(np.linalg.det(volume[:3, :3])))
    moved = poses @ torch.from_numpy(volume).to(poses)
    moved[:, :3] /= scale
    return moved, scale


def _turned(poses: Tensor, rng: np.random.Generator, degrees: float) -> Tensor:
    """Return cameras, (V, 4, 4), rotated about their centres by small random angles."""
    std = np.radians(degrees) * rng.uniform(0, 1) * (rng.random() < 0.7)
    vectors = torch.from_numpy(rng.normal(size=(len(poses), 3)) * std).to(poses)
    x, y, z = vectors.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    turned = poses.clone()
    turned[:, :3] = torch.linalg.matrix_exp(cross) @ poses[:, :3]
    return turned


def solid_labels(shape: StoredShape) -> dict[str, np.ndarray]:
    """Return which points are inside, (N,) bool, by name of their set.

    Points of a hollow shape count as inside unless an image shows them to be empty.
    """
    names = ("uniform", "wide")
    inside = {name: np.asarray(shape[f"{name}.distance"]) < 0 for name in names}
    unseen = {name: ~seen_empty(shape, np.asarray(shape[f"{name}.points"])) for name in names}
    solid = inside["uniform"][unseen["uniform"]]
    if len(solid) and solid.mean() < HOLLOW:
        return {name: inside[name] | unseen[name] for name in names}
    return inside


def seen_empty(shape: StoredShape, points: np.ndarray) -> np.ndarray:
    """Return which points, (N, 3), some image shows to be empty, (N,) bool.

    The images show the whole object: points outside all of them are empty too.
    """
    depth = np.asarray(shape["views.depth"], np.float32)  # (V, S, S), 0 at the background
    poses = np.linalg.inv(np.asarray(shape["views.poses"], np.float64))
    empty = np.zeros(len(points), bool)
    for image, pose, (fx, fy, cx, cy) in zip(
        depth, poses, np.asarray(shape["views.intrinsics"]), strict=True
    ):
        x, y, z = pose[:3, :3] @ points.T + pose[:3, 3:]
        column, row = (np.floor(a).astype(int) for a in (x / z * fx + cx, y / z * fy + cy))
        size = image.shape[0]
        shown = (z > 0) & (column >= 0) & (column < size) & (row >= 0) & (row < size)
        empty |= ~shown
        surface = image[row[shown], column[shown]]
        empty[shown] |= (surface == 0) | (z[shown] < surface - SEEN_EMPTY)
    return empty


def candidates(
    shape: StoredShape,
    inside_of: Mapping[str, np.ndarray],
    volume: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Return points in a volume, (2 CANDIDATES, 3), and their inside labels, float.

    The first half is uniform in the volume; points outside the true cube are labelled empty.
    `inside_of` has the labels of the shape's points by name of their set.
    """
    inverse = np.linalg.inv(volume)
    even = rng.uniform(-1, 1, (CANDIDATES, 3))
    within = (np.abs(even @ volume[:3, :3].T + volume[:3, 3]) <= 1).all(1)
    inside = np.zeros(CANDIDATES, bool)
    known, labels = _stored(shape, inside_of, "uniform", 2 * CANDIDATES, inverse, rng)
    kept = np.flatnonzero((np.abs(known) <= 1).all(1))[: within.sum()]
    places = np.flatnonzero(within)[: len(kept)]
    even[places], inside[places] = known[kept], labels[kept]
    near, near_labels = _stored(shape, inside_of, "wide", CANDIDATES, inverse, rng)
    points = np.concatenate([even, near]).astype(np.float32)
    return torch.from_numpy(points), torch.from_numpy(np.concatenate([inside, near_labels])).float()


def _stored(
    shape: StoredShape,
    inside_of: Mapping[str, np.ndarray],
    name: str,
    count: int,
    inverse: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    stored = shape[f"{name}.points"]
    index = rng.permutation(len(stored))[:count]
    index = np.sort(index) if len(index) == count else rng.integers(len(stored), size=count)
    points = np.asarray(stored)[index] @ inverse[:3, :3].T + inverse[:3, 3]
    inside = inside_of[name][index]
    order = rng.permutation(count)
    return points[order], inside[order]


def choose_points(whole: Round, uniform: int, wide: int, generator: torch.Generator) -> Round:
    """Return the batch with `uniform` and `wide` of its candidates inside the hull."""
    views = whole.views
    hull = distances_at(whole.points, views).amax(1)
    allowed = (hull < MARGIN).float() + 1e-6
    first, last = allowed.split(CANDIDATES, 1)
    chosen = [
        torch.multinomial(first, uniform, replacement=True, generator=generator),
        CANDIDATES + torch.multinomial(last, wide, replacement=True, generator=generator),
    ]
    index = torch.cat(chosen, 1)
    return whole._replace(
        points=whole.points.gather(1, index[..., None].expand(-1, -1, 3)),
        inside=whole.inside.gather(1, index),
    )
