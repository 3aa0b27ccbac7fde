"""Views as networks expect them, and several views made into one.

A network was trained on centred pictures of one camera model; a scene's cameras have any lens, aim
and crop. `frame_view` makes the one from the other: a posed view is turned about its own centre
until it looks at the volume's centre, upright, with the training field of view, which is exact (a
homography); a view without pose is cropped and padded around its mask. Then features of V views
are sampled where points project, and reduced over the views.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .contract.errors import RequestError
from .geometry.cameras import Camera
from .geometry.views import View

Backdrop = Literal["white", "black", "rgba"]
Fusion = Literal["mean", "sum", "max", "union", "intersection"]
"""How several views are combined; `reduce_views` knows the first three, methods the others."""


@dataclass(frozen=True)
class Framing:
    """How the pictures were taken that a network was trained on.

    Attributes
    ----------
    size : side of the square picture in pixels
    backdrop : what is behind the object: "white", "black", or "rgba" (four channels, straight
        alpha, colour 0 where alpha is 0)
    focal : focal length over the picture's side; 35/32 is the lens of the 3D-R2N2 renders
    near, far : least and greatest distance of the training cameras from the volume's centre, in
        volume units. A camera within keeps the training field of view; one beyond is zoomed until
        the object is as large as from the nearest of these distances, for that is what the network
        knows.
    margin : share of the side that stays free on each side of the mask of an unposed picture
    """

    size: int
    backdrop: Backdrop = "white"
    focal: float = 35 / 32
    near: float = 2.0
    far: float = 4.0
    margin: float = 0.1

    @property
    def channels(self) -> int:
        """Channels of the picture as the network sees it."""
        return 4 if self.backdrop == "rgba" else 3


# The 3D-R2N2 renders of ShapeNet: a 35 mm lens on a 32 mm sensor at 0.65 to 1.0 of 1.75 ShapeNet
# units; an object's longest side is about three quarters of such a unit there, and 1.8 here.
R2N2 = Framing(size=137, focal=35 / 32, near=2.7, far=4.2)
# The pictures that our own small networks are trained on: 42 mm on a 36 mm sensor at 3.2.
OURS = Framing(size=128, focal=42 / 36, near=3.2, far=3.2)

STEP_NOISE = 1e-6  # of pixels from one sample to the next: below it a step is a whole number


@dataclass(frozen=True)
class Pictures:
    """Framed views of one object, stacked.

    images : (V, 4, S, S) float32 RGBA, straight alpha
    cameras : their cameras, None where unknown, in the frame that the views' cameras came in
    """

    images: Tensor
    cameras: tuple[Camera | None, ...]


# ---------------------------------------------------------------- framing


def frame_views(views: Sequence[View], framing: Framing) -> Pictures:
    """Frame every view and stack them; cameras posed in the volume's frame."""
    framed = [frame_view(view, framing) for view in views]
    images = torch.stack([view.image.permute(2, 0, 1) for view in framed])
    return Pictures(images, tuple(view.camera for view in framed))


def frame_view(view: View, framing: Framing) -> View:
    """Return the view as a training camera would have taken it, (S, S, 4).

    Raises
    ------
    RequestError
        If the volume's centre is behind the camera or at it, or an unposed picture shows nothing.
    """
    if view.camera is None:
        return replace(view, image=crop_to_mask(view, framing))
    target = training_camera(view.camera, framing, name=view.name)
    return replace(view, image=retake(view.image, view.camera, target), camera=target)


def training_camera(camera: Camera, framing: Framing, *, name: str = "view") -> Camera:
    """Return the camera at the same place that looks at the volume's centre as in training.

    It is upright (the volume's +Z is up in the picture) unless it looks along Z. An orthographic
    camera keeps its direction and slides sideways; its zoom is that of the middle training
    distance.
    """
    center, forward = camera.center, camera.forward
    ahead = -float(center @ forward)
    if ahead <= 1e-6 and not camera.orthographic:
        raise RequestError(
            f"The volume's centre is behind the camera of {name}.",
            "Aim the camera at the volume, or move the volume in front of it.",
        )
    if camera.orthographic:
        axis, center = forward, -ahead * forward
        focal = framing.size * framing.focal / ((framing.near + framing.far) / 2)
    else:
        distance = float(np.linalg.norm(center))
        axis = -center / distance
        focal = (
            framing.size * framing.focal * distance / min(max(distance, framing.near), framing.far)
        )
    pose = np.eye(4)
    pose[:3, :3] = _upright(axis, fallback=-camera.world_from_camera[:3, 1])
    pose[:3, 3] = center
    half = framing.size / 2
    size = framing.size
    return Camera(pose, focal, focal, half, half, size, size, orthographic=camera.orthographic)


def _upright(forward: np.ndarray, *, fallback: np.ndarray) -> np.ndarray:
    """Return camera axes (x right, y down, z forward) as columns, with +Z up in the picture."""
    up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.999 else fallback
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def retake(image: Tensor, camera: Camera, target: Camera) -> Tensor:
    """Resample a picture as another camera at the same place takes it.

    Parameters
    ----------
    image : (H, W, 4) straight alpha, taken by `camera`
    target : stands where `camera` stands (orthographic: looks along the same direction)

    Returns
    -------
    (target.height, target.width, 4), straight alpha; transparent where `camera` did not look.
    Exact to resampling: pictures that are made smaller are averaged over, at 2 x 2 samples a
    pixel.
    """
    step = _snapped(_spacing(camera, target))
    flat = premultiply(image).permute(2, 0, 1)[None].float()  # (1, 4, H, W)
    shrink = max(1, math.floor(step / 2))
    if shrink > 1:
        flat = F.avg_pool2d(_pad_to_multiple(flat, shrink), shrink)
    samples = 2 if step > 1 else 1
    pixels, seen = _source_pixels(camera, target, samples=samples)
    size = torch.tensor([flat.shape[3], flat.shape[2]], dtype=torch.float64)
    grid = 2 * pixels / shrink / size - 1
    grid = torch.where(seen[..., None], grid, torch.full_like(grid, 2.0)).float().to(flat.device)
    taken = F.grid_sample(flat, grid[None], padding_mode="zeros", align_corners=False)
    taken = F.avg_pool2d(taken, samples) if samples > 1 else taken
    return straighten(taken[0].permute(1, 2, 0)).to(image.dtype)


def _source_pixels(camera: Camera, target: Camera, *, samples: int) -> tuple[Tensor, Tensor]:
    """Return where each sample of `target` lies in `camera`, (h, w, 2), and whether it does."""
    y = (torch.arange(target.height * samples, dtype=torch.float64) + 0.5) / samples
    x = (torch.arange(target.width * samples, dtype=torch.float64) + 0.5) / samples
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    origins, directions = target.rays(torch.stack([grid_x, grid_y], -1))
    pixels, depth = camera.project(origins + directions)
    return pixels, torch.ones_like(depth, dtype=torch.bool) if camera.orthographic else depth > 1e-6


def _spacing(camera: Camera, target: Camera) -> float:
    """Return how many pixels of `camera` one pixel of `target` spans, at the picture's centre."""
    middle = torch.tensor([target.cx, target.cy], dtype=torch.float64)
    around = middle + torch.tensor([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    origins, directions = target.rays(around)
    pixels, _ = camera.project(origins + directions)
    spans = torch.linalg.vector_norm(pixels[::2] - pixels[1::2], dim=1)
    return float(spans.max())


def _snapped(step: float) -> float:
    """Return a step without what rounding added: 1 + 1e-15 must not smooth what already fits."""
    whole = round(step)
    return float(whole) if abs(step - whole) < STEP_NOISE else step


def _pad_to_multiple(images: Tensor, step: int) -> Tensor:
    height, width = images.shape[2:]
    return F.pad(images, (0, -width % step, 0, -height % step))


def crop_to_mask(view: View, framing: Framing) -> Tensor:
    """Return an unposed picture cropped and padded to a square around its mask, (S, S, 4)."""
    square = mask_square(view.image[..., 3], framing, name=view.name)
    return crop_square(view.image, square, framing.size)


def mask_square(alpha: Tensor, framing: Framing, *, name: str = "view") -> tuple[int, int, int]:
    """Return (left, top, side) in pixels of the square around the mask alpha, (H, W)."""
    rows, columns = (alpha > 0.5).nonzero(as_tuple=True)
    if rows.numel() == 0:
        raise RequestError(
            f"{name}: the picture shows no object, its alpha is empty.",
            "Give a picture whose alpha is the object's mask, or name its background.",
        )
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
    side = math.ceil(max(height, width) / (1 - 2 * framing.margin))
    return left - (side - width) // 2, top - (side - height) // 2, side


def crop_square(image: Tensor, square: tuple[int, int, int], size: int) -> Tensor:
    """Return a square of a picture, (H, W, 4) straight alpha, resized to (size, size, 4).

    What lies outside the picture is transparent.
    """
    left, top, side = square
    flat = premultiply(image).permute(2, 0, 1)[None].float()
    right, bottom = left + side - flat.shape[3], top + side - flat.shape[2]
    cut = F.pad(flat, (-left, right, -top, bottom))  # negative: cut away
    taken = F.interpolate(cut, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return straighten(taken[0].permute(1, 2, 0)).to(image.dtype)


def cropped_camera(camera: Camera, square: tuple[int, int, int], size: int) -> Camera:
    """Return the camera of what `crop_square` made: the same pose, a moved and scaled lens."""
    left, top, side = square
    zoom = size / side
    return replace(
        camera,
        fx=camera.fx * zoom,
        fy=camera.fy * zoom,
        cx=(camera.cx - left) * zoom,
        cy=(camera.cy - top) * zoom,
        width=size,
        height=size,
    )


def whole_camera(camera: Camera, square: tuple[int, int, int], picture: tuple[int, int]) -> Camera:
    """Return the camera of a whole picture, (width, height), from that of a square cut out of it.

    The inverse of `cropped_camera`.
    """
    left, top, side = square
    zoom = side / camera.width
    return replace(
        camera,
        fx=camera.fx * zoom,
        fy=camera.fy * zoom,
        cx=camera.cx * zoom + left,
        cy=camera.cy * zoom + top,
        width=picture[0],
        height=picture[1],
    )


def whole_cameras(
    cameras: Sequence[Camera], views: Sequence[View], framing: Framing
) -> list[Camera]:
    """Return the cameras of unposed views from those of the pictures that `frame_views` made."""
    found = []
    for camera, view in zip(cameras, views, strict=True):
        square = mask_square(view.image[..., 3], framing, name=view.name)
        height, width = view.image.shape[:2]
        found.append(whole_camera(camera, square, (width, height)))
    return found


def canonical_camera(camera: Camera, framing: Framing) -> Camera:
    """Return the camera with the training lens that takes nearly the picture of `camera`.

    A camera network knows one lens. The camera is turned to the picture's middle, and moved along
    its axis until the volume's centre is seen as large through the training lens; what remains is
    a slightly different perspective.

    Parameters
    ----------
    camera
        Of a framed picture, `framing.size` pixels wide and high; perspective.
    """
    size = framing.size
    focal, middle = framing.focal * size, size / 2
    aim = np.array([(middle - camera.cx) / camera.fx, (middle - camera.cy) / camera.fy, 1.0])
    turn = _turned_to(aim)
    camera_from_world = camera.camera_from_world
    rotation = turn @ camera_from_world[:3, :3]
    translation = turn @ camera_from_world[:3, 3]
    translation[2] *= focal / camera.fx
    pose = np.eye(4)
    pose[:3, :3] = rotation.T
    pose[:3, 3] = -rotation.T @ translation
    return Camera(pose, focal, focal, middle, middle, size, size)


def _turned_to(aim: np.ndarray) -> np.ndarray:
    """Return the shortest rotation, (3, 3), that takes the direction `aim` to +z."""
    a = aim / np.linalg.norm(aim)
    v = np.array([a[1], -a[0], 0.0])  # a x z
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + a[2])


def premultiply(image: Tensor) -> Tensor:
    """Return (..., 4) straight alpha with its colours times alpha."""
    return torch.cat([image[..., :3] * image[..., 3:], image[..., 3:]], -1)


def straighten(image: Tensor) -> Tensor:
    """Return (..., 4) premultiplied alpha as straight alpha; colour 0 where alpha is 0."""
    alpha = image[..., 3:].clamp(0, 1)
    color = torch.where(alpha > 1e-4, image[..., :3] / alpha.clamp(min=1e-4), 0.0)
    return torch.cat([color.clamp(0, 1), alpha], -1)


def network_input(images: Tensor, backdrop: Backdrop) -> Tensor:
    """Put the object before the backdrop that a network was trained with.

    Parameters
    ----------
    images : (..., 4, H, W) straight alpha

    Returns
    -------
    (..., 3, H, W), or (..., 4, H, W) with colour 0 where alpha is 0 for "rgba"
    """
    color, alpha = images[..., :3, :, :], images[..., 3:, :, :]
    if backdrop == "rgba":
        return torch.cat([torch.where(alpha > 0, color, 0.0), alpha], -3)
    over = color * alpha
    return over + (1 - alpha) if backdrop == "white" else over


# ---------------------------------------------------------------- several views


def reduce_views(
    values: Tensor, rule: Fusion = "mean", *, weights: Tensor | None = None, dim: int = 0
) -> Tensor:
    """Reduce over the views.

    Parameters
    ----------
    values : (..., V, ...), V along `dim`
    rule
        "mean" (keeps V equal views equal to one), "sum" or "max".
    weights
        Broadcastable to `values`, not negative; for "mean" and "sum". A point that all views weigh
        0 takes the plain mean.
    """
    if rule == "max":
        return values.amax(dim)
    if rule not in ("mean", "sum"):
        raise RequestError(f"Views can't be fused by {rule!r}.", "Choose one of mean, sum, max.")
    if weights is None:
        return values.mean(dim) if rule == "mean" else values.sum(dim)
    if rule == "sum":
        return (values * weights).sum(dim)
    total = weights.sum(dim, keepdim=True)
    shares = torch.where(total > 0, weights, torch.ones_like(weights))
    return (values * shares).sum(dim) / shares.expand_as(values).sum(dim)


def project_points(
    points: Tensor, camera_from_points: Tensor, intrinsics: Tensor, *, orthographic: bool = False
) -> tuple[Tensor, Tensor]:
    """Project the points of B objects into the V pictures of each; differentiable in everything.

    Parameters
    ----------
    points : (B, N, 3)
    camera_from_points : (B, V, 4, 4), camera axes x right, y down, z forward
    intrinsics : (B, V, 4), fx fy cx cy in pixels

    Returns
    -------
    pixels : (B, V, N, 2), from the top left corner, pixel centres at +0.5
    depth : (B, V, N), along the optical axis
    """
    local = torch.einsum("bvij,bnj->bvni", camera_from_points[..., :3, :3], points)
    local = local + camera_from_points[..., None, :3, 3]
    depth = local[..., 2]
    plane = local[..., :2]
    if not orthographic:
        safe = torch.where(depth.abs() < 1e-6, torch.full_like(depth, 1e-6), depth)
        plane = plane / safe[..., None]
    return plane * intrinsics[..., None, :2] + intrinsics[..., None, 2:], depth


def camera_tensors(cameras: Sequence[Camera], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return `camera_from_points` (V, 4, 4) and `intrinsics` (V, 4) of cameras, float32."""
    poses = np.stack([camera.camera_from_world for camera in cameras]).astype(np.float32)
    lenses = np.array([[c.fx, c.fy, c.cx, c.cy] for c in cameras], np.float32)
    return torch.from_numpy(poses).to(device), torch.from_numpy(lenses).to(device)


def sample_maps(maps: Tensor, pixels: Tensor, *, picture: tuple[int, int]) -> Tensor:
    """Sample feature maps bilinearly where points project; beyond the border its value goes on.

    Parameters
    ----------
    maps : (V, C, h, w), of any size
    pixels : (V, N, 2) in the picture that the maps were made of
    picture : its (width, height) in pixels

    Returns
    -------
    (V, N, C)
    """
    size = torch.tensor(picture, dtype=pixels.dtype, device=pixels.device)
    grid = 2 * pixels / size - 1
    taken = F.grid_sample(
        maps, grid[:, :, None].to(maps), padding_mode="border", align_corners=False
    )
    return taken[..., 0].transpose(1, 2)


def inside_picture(pixels: Tensor, depth: Tensor, *, picture: tuple[int, int]) -> Tensor:
    """Return which points, (..., N), a camera sees: before it and within its (width, height)."""
    size = torch.tensor(picture, dtype=pixels.dtype, device=pixels.device)
    return ((pixels >= 0) & (pixels <= size)).all(-1) & (depth > 0)
