"""Make views of the images and cameras that Blender or the terminal sends."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..contract.cameras import resized, same_proportions
from ..contract.distortion import undistorted_image
from ..contract.errors import RequestError
from ..contract.protocol import Background, CameraData, ViewData
from ..geometry.cameras import Camera
from ..geometry.images import shrink
from ..geometry.views import View
from ..ticket import Ticket
from .decoding import UPRIGHT
from .depths import read_depth
from .matte import corrected, has_alpha, matte, with_alpha
from .reading import LONGEST, OPAQUE, read_mask, read_tagged


@dataclass
class Notes:
    """Observations made while reading views; each lists names of views.

    Attributes
    ----------
    tagged : images with a camera and an orientation tag that was not applied
    tags : those tags, 2 to 8
    followed : images with a camera and a tag that was applied, since views agree only then
    white : masks that hide nothing and were ignored
    covered : images whose mask replaced their own alpha
    matted : images whose mask the network found
    doubts : names of images with a clause about why their mask may be wrong
    sources : of each view's mask, in order
    """

    tagged: list[str] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    white: list[str] = field(default_factory=list)
    covered: list[str] = field(default_factory=list)
    matted: list[str] = field(default_factory=list)
    doubts: list[tuple[str, str]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def remarks(self) -> tuple[str, ...]:
        """Return a sentence for each kind."""
        sentences = []
        if self.tagged:
            sentences.append(
                f"{_names(self.tagged)}: the file's orientation tag was not applied, since cameras "
                "are fitted to the pixels as they are stored."
            )
        if self.followed:
            sentences.append(
                f"{_names(self.followed)}: the file's orientation tag was applied, since the views "
                "agree only then."
            )
        if self.white:
            sentences.append(
                f"{_names(self.white)}: the mask is white all over and was not used; a mask is "
                "white where the object is and black elsewhere."
            )
        if self.covered:
            sentences.append(
                f"{_names(self.covered)}: the mask was used instead of the image's own alpha."
            )
        if self.matted:
            sentences.append(
                f"{_names(self.matted)}: the object was cut out of its background by U2-Netp."
            )
        sentences += [f"{name}: check the mask: {doubt}." for name, doubt in self.doubts]
        return tuple(sentences)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def to_view(
    data: ViewData,
    background: Background,
    notes: Notes | None = None,
    ticket: Ticket | None = None,
    *,
    longest: int = LONGEST,
) -> View:
    """Read the view of a request; its camera stays posed in the world.

    The object's mask is the given one, else the mask file, else the image's alpha, else derived
    from the background.
    An image without a camera is rotated upright by its orientation tag; with a camera, the stored
    pixels are kept.

    Parameters
    ----------
    notes
        Collects observations for the person.
    longest
        Pixels along the longer side, at most.

    Raises
    ------
    RequestError
        If the image can't be read, or does not have the camera's proportions; names the view.
    """
    notes = Notes() if notes is None else notes
    read = _read(data, notes, longest)
    across, down = data.mirrored
    dims = [dim for dim, flip in ((1, across), (0, down)) if flip]
    image = read.image.flip(dims) if dims else read.image
    source = "file"
    if not read.masked:
        image, source = _matte(image, data.name, background, notes, ticket)
    notes.sources.append(source)
    if background.largest or background.fill_holes:
        image = with_alpha(image, corrected(image[..., 3], background))
    camera = None
    if data.camera is not None:
        camera = data.camera
        check_proportions(camera, read.size, name=data.name, orientation=read.orientation)
        image, camera = _undistorted(image, resized(camera, image.shape[1], image.shape[0]))
        camera = to_camera(camera, name=data.name)
    return shrink(View(image, camera, data.name, _depth(data)), longest)


def _depth(data: ViewData) -> Tensor | None:
    """Return a view's depth map; None if it has none."""
    if not data.depth:
        return None
    if data.camera is None or data.camera.distortion is not None:
        lacks = "has no camera" if data.camera is None else "has a distorted lens"
        raise RequestError(
            f"{data.name} {lacks}, so its depth map can't be placed.",
            "Undistort image and depth together and give both a camera, or leave the depth out.",
        )
    dims = [dim for dim, flip in zip((1, 0), data.mirrored, strict=True) if flip]
    return read_depth(data.depth, data.depth_scale, name=data.name).flip(dims)


def _matte(
    image: Tensor, name: str, background: Background, notes: Notes, ticket: Ticket | None
) -> tuple[Tensor, str]:
    """Return the image with its mask, and the mask's source."""
    matted = matte(image, background, name=name, ticket=ticket)
    if matted.source == "network":
        notes.matted.append(name)
    notes.doubts += [(name, doubt) for doubt in matted.doubts[:1]]
    return matted.image, matted.source


def _undistorted(image: Tensor, camera: CameraData) -> tuple[Tensor, CameraData]:
    """Undistort the image; return it with its new camera."""
    if camera.distortion is None:
        return image, camera
    pixels, camera = undistorted_image(image.numpy(), camera)
    return torch.from_numpy(np.ascontiguousarray(pixels)), camera


@dataclass(frozen=True)
class _Read:
    """An image, (H, W, 4), its stored size, whether a mask made its alpha, and its orientation."""

    image: Tensor
    size: tuple[int, int]
    masked: bool = False
    orientation: int = UPRIGHT


def _read(data: ViewData, notes: Notes, longest: int) -> _Read:
    """Return the image of a view with the mask that comes with it."""
    read = _read_image(data, notes, longest)
    if data.mask is None:
        return read
    mask = fitted_mask(data.mask, read.image, name=data.name)
    return replace(read, image=with_alpha(read.image, mask), masked=True)


def fitted_mask(pixels: np.ndarray, image: Tensor, *, name: str) -> Tensor:
    """Return a mask, (h, w) uint8, at the size of its image, (H, W, 4), in [0, 1].

    Raises
    ------
    RequestError
        If it does not have the image's proportions, or is empty.
    """
    height, width = image.shape[:2]
    if abs(pixels.shape[1] / pixels.shape[0] * height / width - 1) > 0.02:
        raise RequestError(
            f"{name}: the mask is {pixels.shape[1]} x {pixels.shape[0]}, the image {width} x "
            f"{height}.",
            "Make the mask again for this image.",
        )
    mask = torch.from_numpy(np.ascontiguousarray(pixels)).float()[None, None] / 255
    if mask.shape[2:] != image.shape[:2]:
        size = (height, width)
        mask = interpolate(mask, size=size, mode="bilinear", antialias=True)
    if not bool((mask > 0.5).any()):
        raise RequestError(
            f"{name}: the mask is black all over.", "Paint it white where the object is."
        )
    return mask[0, 0]


def _read_image(data: ViewData, notes: Notes, longest: int) -> _Read:
    file = data.file
    if file is None:
        if data.image is None:
            raise RequestError(f"{data.name} has no image.", "Give it an image.")
        image = to_image(data.image, name=data.name)
        return _Read(image, (image.shape[1], image.shape[0]))
    turned = data.camera is None
    read = read_tagged(file, longest=longest, turned=turned)
    image, tag = read.image, read.orientation
    if tag != UPRIGHT and not turned:
        notes.tagged.append(data.name)
        notes.tags.append(tag)
    if not file.mask:
        return _Read(image, read.size, False, tag)
    size = (image.shape[1], image.shape[0])
    mask = read_mask(file.mask, size, rotated_by=tag if turned else UPRIGHT)
    if bool((mask >= OPAQUE).all()):
        notes.white.append(data.name)
        return _Read(image, read.size, False, tag)
    if has_alpha(image):
        notes.covered.append(data.name)
    masked = torch.cat([image[..., :3], mask[..., None]], 2)
    return _Read(masked, read.size, True, tag)


def to_image(pixels: np.ndarray, *, name: str) -> Tensor:
    """Return (H, W, 4) float32 in [0, 1] of uint8 or float pixels, (H, W, 4)."""
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.size:
        raise RequestError(
            f"{name}: an image is (height, width, 4), not {pixels.shape}.",
            "Convert the image to RGBA.",
        )
    if pixels.dtype == np.uint8:
        return torch.from_numpy(pixels.astype(np.float32) / 255.0)
    image = np.asarray(pixels, np.float32)
    if not np.isfinite(image).all():
        raise RequestError(
            f"{name}: the image holds numbers that are not finite.", "Render or save it again."
        )
    return torch.from_numpy(image.clip(0.0, 1.0))


def to_camera(data: CameraData, *, name: str) -> Camera:
    """Convert a camera of the contract to the maths camera, posed in the world."""
    try:
        return Camera.from_data(data)
    except RequestError as error:
        raise RequestError(f"{name}: {error.message}", error.hint) from error


def check_proportions(
    camera: CameraData, size: tuple[int, int], *, name: str, orientation: int = UPRIGHT
) -> None:
    """Raise `RequestError` if a camera does not have the proportions of its image.

    Parameters
    ----------
    size
        Width and height of the stored image.
    orientation
        The tag of its file, which may explain swapped sides.
    """
    if same_proportions(camera, *size):
        return
    seen = f"{name}: the image is {size[0]} x {size[1]}, its camera is for {camera.w} x {camera.h}"
    if orientation > 4 and same_proportions(camera, *size[::-1]):
        raise RequestError(
            f"{seen}: the file's tag Orientation {orientation} says that it is displayed rotated.",
            "Save the image rotated, without the tag, or fit the camera to the pixels as they are "
            "stored.",
        )
    raise RequestError(
        f"{seen}.",
        "Use the image at the camera's proportions, or fit the camera to the image.",
    )
