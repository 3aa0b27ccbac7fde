"""Sample training batches: objects, views and points of data sets, framed for a network.

The seed and the step's number determine a batch, so an interrupted run resumes exactly and several
processes can divide one batch.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError
from ..data.format import Dataset, StoredShape, unpack_voxels
from ..data.render import AUGMENTATIONS
from ..data.render.augment import draw
from ..geometry.cameras import Camera
from ..images.cropping import crop_square, cropped_camera
from ..images.framing import Framing, canonical_camera, mask_square, training_camera
from ..images.reprojection import reproject
from .batch import Batch
from .recipes import Sampling

SAME_INTRINSICS = 1e-3  # relative; smaller differences of intrinsics need no resampling
MEMORY = 2 << 30  # bytes, cache of framed images per sampler


class FramedImage(NamedTuple):
    """A framed image in the form of `Batch`; without a camera if unposed."""

    image: Tensor  # (4, S, S) uint8
    camera_from_volume: Tensor | None  # (4, 4)
    intrinsics: Tensor | None  # (4,)
    orthographic: bool
    depth: Tensor  # (S, S), empty if not sampled

    @property
    def bytes(self) -> int:
        """Memory of its tensors."""
        return self.image.nbytes + self.depth.nbytes


class BatchSampler:
    """Samples batches from one or more data sets.

    Framed images are cached, up to `MEMORY`: framing costs more than the rest of sampling.

    Parameters
    ----------
    shapes
        Training shapes, all with equal probability.
    framing
        Framing of the network's images.
    sampling
        Contents of each batch.
    seed
        Seed of all sampling.
    """

    def __init__(
        self, shapes: Sequence[StoredShape], framing: Framing, sampling: Sampling, seed: int
    ) -> None:
        if not shapes:
            raise RequestError(
                "The data set holds no shapes to train on.", "Check --data and --categories."
            )
        self.shapes, self.framing, self.settings, self.seed = shapes, framing, sampling, seed
        self._kept: dict[tuple[int, int, bool], FramedImage] = {}
        self._bytes = 0

    def sample(self, step: int, *, part: slice = slice(None)) -> Batch:
        """Return the batch of a step, or the objects `part` of it."""
        order = np.random.default_rng([self.seed, step]).integers(
            len(self.shapes), size=self.settings.objects
        )
        places = range(self.settings.objects)[part]
        batch = _stacked([self._object(int(order[place]), step, place) for place in places])
        images = batch.images.flatten(0, 1)
        seeds = [mixed(self.seed, step, p, v) for p in places for v in range(self.settings.views)]
        changed = _augmented(images, self.settings, seeds)
        return replace(batch, images=changed.unflatten(0, batch.images.shape[:2]))

    def _object(self, index: int, step: int, place: int) -> Batch:
        """Return the batch of one object, without augmentations."""
        shape, rng = self.shapes[index], np.random.default_rng([self.seed, step, place])
        chosen = self._choose_views(shape, rng)
        cropped = rng.random() < self.settings.crops
        mirrored = rng.random() < self.settings.mirror
        points, inside, distances, near = _sample_points(
            shape, self.settings.points, rng, time=self.settings.time
        )
        taken = [self._image(index, int(view), bool(cropped)) for view in chosen]
        surface, normals = _sample_surface(shape, self.settings.surface, rng)
        batch = Batch(
            images=torch.stack([image.image for image in taken]).float() / 255,
            points=points,
            inside=inside,
            distances=distances,
            near=near,
            camera_from_volume=_if_all([image.camera_from_volume for image in taken]),
            intrinsics=_if_all([image.intrinsics for image in taken]),
            orthographic=taken[0].orthographic,
            surface=surface,
            normals=normals,
            depth=torch.stack([p.depth for p in taken]) if self.settings.depth else None,
            voxels=_voxels(shape) if self.settings.voxels else None,
        )
        return mirror(batch) if mirrored else batch

    def _choose_views(self, shape: StoredShape, rng: np.random.Generator) -> np.ndarray:
        """Choose image indices; orthographic images only if the shape has no others."""
        count, views = self.settings.views, np.arange(shape.view_count)
        if "views.orthographic" in shape:
            perspective = views[shape["views.orthographic"] == 0]
            views = perspective if len(perspective) else views
        if len(views) < count:
            raise RequestError(
                f"{shape.id} has {len(views)} images, not {count}.",
                "Make the data set with more --views, or train with fewer.",
            )
        return views[:count] if self.settings.fixed_view else rng.permutation(views)[:count]

    def _image(self, index: int, view: int, cropped: bool) -> FramedImage:
        """Return a framed image, from the cache if possible."""
        key = (index, view, cropped)
        framed = self._kept.get(key)
        if framed is None:
            framed = self._frame(self.shapes[index], view, cropped)
            if self._bytes + framed.bytes <= MEMORY:
                self._kept[key] = framed
                self._bytes += framed.bytes
        return framed

    def _frame(self, shape: StoredShape, view: int, cropped: bool) -> FramedImage:
        """Frame an image by its camera; if `cropped` or unposed, by its mask."""
        image = torch.from_numpy(np.array(shape["views.images"][view])).float() / 255
        camera = shape.camera(view) if "views.poses" in shape else None
        depth = self._depth(shape, view)
        if cropped or camera is None:
            square = mask_square(image[..., 3], self.framing, name=f"{shape.id} #{view}")
            image = crop_square(image, square, self.framing.size)
            depth = _cropped_depth(depth, square, self.framing.size)
            camera = camera and cropped_camera(camera, square, self.framing.size)
        else:
            image, depth, camera = framed(image, depth, camera, self.framing)
        if camera is not None and self.settings.canonical:
            if camera.orthographic:
                raise RequestError(
                    f"{shape.id} has orthographic images; a camera network learns perspective.",
                    "Make the data set with other --cameras.",
                )
            camera = canonical_camera(camera, self.framing)
        stored = (image.permute(2, 0, 1) * 255).round().byte()
        if camera is None:
            return FramedImage(stored, None, None, False, depth)
        pose = torch.from_numpy(camera.camera_from_world).float()
        intrinsics = torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy])
        return FramedImage(stored, pose, intrinsics, camera.orthographic, depth)

    def _depth(self, shape: StoredShape, view: int) -> Tensor:
        """Return depth along the optical axis, (H, W), infinite at the background."""
        if not self.settings.depth:
            return torch.empty(0)
        stored = torch.from_numpy(np.array(shape["views.depth"][view])).float()
        return torch.where(stored > 0, stored, torch.inf)


def load_shapes(
    folders: Sequence[str], split: str | None, *, categories: Sequence[str] | None = None
) -> list[StoredShape]:
    """Return the shapes with images of a split, or all, of some data sets."""
    shapes = [
        shape
        for folder in folders
        for shape in Dataset(folder, split, categories=categories)
        if shape.view_count > 0
    ]
    if not shapes:
        wanted = f" of {', '.join(categories)}" if categories else ""
        part = f"The split {split!r}" if split else "All"
        raise RequestError(
            f"{part} of {', '.join(folders)} has no shapes{wanted} with images.",
            "Make the data set with --views, or name another.",
        )
    return shapes


def framed(
    image: Tensor, depth: Tensor, camera: Camera, framing: Framing
) -> tuple[Tensor, Tensor, Camera]:
    """Return a posed image (S, S, 4), its depth (S, S) and its camera as in training.

    An image with the training camera is only resized; others are reprojected. `depth` may be empty.

    Raises
    ------
    RequestError
        If an image with depth needs reprojection.
    """
    target = training_camera(camera, framing)
    size = (framing.size, framing.size)
    same_pose = np.allclose(
        camera.world_from_camera, target.world_from_camera, atol=SAME_INTRINSICS
    )
    intrinsics = (
        np.array([camera.fx, camera.fy, camera.cx, camera.cy]) * framing.size / camera.width
    )
    own = np.array([target.fx, target.fy, target.cx, target.cy])
    if (
        same_pose
        and camera.width == camera.height
        and np.allclose(intrinsics, own, rtol=SAME_INTRINSICS)
    ):
        if image.shape[:2] != size:
            whole = (0, 0, camera.width)
            image, depth = crop_square(image, whole, size[0]), _cropped_depth(depth, whole, size[0])
        return image, depth, target
    if len(depth):
        raise RequestError(
            "The depth maps have other cameras than the network, and can't be reprojected.",
            "Make the data set with `--cameras levelform` to train on its depth.",
        )
    return reproject(image, camera, target), depth, target


def framed_depths(shape: StoredShape, views: int, framing: Framing) -> list[Tensor]:
    """Return the true depth maps, (S, S), of a shape's first images, framed for a network.

    Volume units along the optical axis, infinite at the background.

    Raises
    ------
    RequestError
        If the data set has no depth, or its cameras differ from the network's.
    """
    depths = []
    for view in range(views):
        image = torch.from_numpy(np.array(shape["views.images"][view])).float() / 255
        stored = torch.from_numpy(np.array(shape["views.depth"][view])).float()
        depth = torch.where(stored > 0, stored, torch.inf)
        depths.append(framed(image, depth, shape.camera(view), framing)[1])
    return depths


def mirror(batch: Batch) -> Batch:
    """Return one object, a batch without its first axis, reflected in the plane x = 0.

    Images are flipped; cameras are adjusted to match.
    """

    def flipped(points: Tensor | None) -> Tensor | None:
        if points is None:
            return None
        return torch.cat([-points[..., :1], points[..., 1:]], -1)

    pose, intrinsics = batch.camera_from_volume, batch.intrinsics
    if pose is not None and intrinsics is not None:
        side = pose.new_tensor([-1.0, 1, 1, 1])
        pose = side[:, None] * pose * side
        intrinsics = intrinsics.clone()
        intrinsics[..., 2] = batch.images.shape[-1] - intrinsics[..., 2]
    return replace(
        batch,
        images=batch.images.flip(-1),
        points=flipped(batch.points),
        camera_from_volume=pose,
        intrinsics=intrinsics,
        surface=flipped(batch.surface),
        normals=flipped(batch.normals),
        depth=None if batch.depth is None else batch.depth.flip(-1),
        voxels=None if batch.voxels is None else batch.voxels.flip(0),
    )


def _cropped_depth(depth: Tensor, square: tuple[int, int, int], size: int) -> Tensor:
    """Crop a square of a depth map, (H, W), with nearest-neighbour resizing, (size, size)."""
    if not len(depth):
        return depth
    left, top, side = square
    right, bottom = left + side - depth.shape[1], top + side - depth.shape[0]
    cut = F.pad(depth[None, None], (-left, right, -top, bottom), value=torch.inf)
    return F.interpolate(cut, (size, size), mode="nearest-exact")[0, 0]


def _sample_points(
    shape: StoredShape,
    sets: tuple[tuple[str, int], ...],
    rng: np.random.Generator,
    *,
    time: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    """Return points, labels, signed distances (None if a set lacks them) and near flags.

    With `time` the points have four coordinates, the last one their moment.

    Raises
    ------
    RequestError
        If a still shape is asked for moments.
    """
    points, inside, distances, near = [], [], [], []
    for name, count in sets:
        stored = shape[f"{name}.points"]
        index = np.sort(rng.integers(len(stored), size=count))  # sorted for sequential disk access
        taken = np.asarray(stored)[index]
        if time:
            if f"{name}.time" not in shape:
                raise RequestError(
                    f"{shape.id} stands still: its points have no time.",
                    "Train on animated shapes, such as `dataset synthesize --categories lid,door`.",
                )
            taken = np.concatenate([taken, shape[f"{name}.time"][index][:, None]], 1)
        points.append(taken)
        if f"{name}.distance" in shape:
            distances.append(shape[f"{name}.distance"][index])
            inside.append(distances[-1] < 0)
        else:
            inside.append(shape[f"{name}.inside"][index] > 0)
        near.append(np.full(count, name != "uniform"))
    signed = torch.from_numpy(np.concatenate(distances)) if len(distances) == len(sets) else None
    return (
        torch.from_numpy(np.concatenate(points)),
        torch.from_numpy(np.concatenate(inside)).float(),
        signed,
        torch.from_numpy(np.concatenate(near)),
    )


def _sample_surface(
    shape: StoredShape, count: int, rng: np.random.Generator
) -> tuple[Tensor | None, Tensor | None]:
    """Return surface points and normals, (count, 3) each; None for a count of 0."""
    if count == 0:
        return None, None
    index = np.sort(rng.integers(len(shape["surface.points"]), size=count))
    points, normals = shape["surface.points"][index], shape["surface.normals"][index]
    return torch.from_numpy(points), torch.from_numpy(normals)


def _voxels(shape: StoredShape) -> Tensor:
    """Return a shape's occupancy grid, (32, 32, 32) float32 [x, y, z]."""
    return torch.from_numpy(unpack_voxels(np.array(shape["voxels"]))).float()


def _if_all(tensors: Sequence[Tensor | None]) -> Tensor | None:
    """Stack tensors; None if one is missing."""
    there = [tensor for tensor in tensors if tensor is not None]
    return torch.stack(there) if len(there) == len(tensors) else None


def _stacked(items: Sequence[Batch]) -> Batch:
    """Stack objects to a batch, without the entries missing from any of them."""
    kinds = {item.orthographic for item in items}
    if len(kinds) > 1:
        raise RequestError(
            "Some shapes have perspective images, others only orthographic ones.",
            "Train on data sets with one kind of camera.",
        )
    names = [f.name for f in fields(Batch) if f.name != "orthographic"]
    columns: dict[str, Any] = {n: _if_all([getattr(item, n) for item in items]) for n in names}
    return Batch(orthographic=kinds.pop(), **columns)


def _augmented(images: Tensor, settings: Sampling, seeds: Sequence[int]) -> Tensor:
    """Return images (N, 4, S, S), each augmentation applied to a random part of them.

    Each image has its own seed, so its augmentation does not depend on the batch.
    """
    if not settings.augment:
        return images
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    last = images.permute(0, 2, 3, 1).contiguous()
    for name in settings.augment:
        chosen = draw(torch.rand, (len(last),), sources) < settings.augmented
        if chosen.any():
            own = [source for source, hit in zip(sources, chosen.tolist(), strict=True) if hit]
            last[chosen] = AUGMENTATIONS[name](last[chosen], own)
    return last.permute(0, 3, 1, 2).contiguous()


def mixed(*numbers: int) -> int:
    """Combine several numbers into one seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
