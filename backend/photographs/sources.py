"""The images of a job, and copies of them for the solver."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.image_files import image_file, list_images, no_images
from ..images.decoding import UPRIGHT
from ..images.exif import focal_in_diagonals
from ..images.matte import has_alpha
from ..images.reading import OPAQUE, read_mask, read_tagged
from ..ticket import Ticket

LONGEST = 1600  # pixels of the copies: finer features do not improve cameras
FEWEST = 3  # images
PLAIN = 0.5  # grey behind images with alpha
SMALL = 224  # pixels along the longer side of the kept silhouettes


@dataclass(frozen=True)
class Photograph:
    """One image.

    Attributes
    ----------
    path : the file
    name : of its copy for the solver
    size : width and height of the file as stored
    copied : width and height of the copy
    orientation : the file's tag, 1 to 8; 1 is upright
    focal : focal length in pixels of the copy, if the file says it
    silhouette : (h, w) float32 coverage by the object, small; None: no mask
    look : (h, w, 3) float32, the image at that size
    """

    path: Path
    name: str
    size: tuple[int, int]
    copied: tuple[int, int]
    orientation: int
    focal: float | None
    silhouette: Tensor | None
    look: Tensor


@dataclass(frozen=True)
class Photographs:
    """The copies of a job's images.

    Attributes
    ----------
    images : in order
    folder, masks : of the copies and of their masks
    cut_out : whether the images are transparent around the object
    """

    images: tuple[Photograph, ...]
    folder: Path
    masks: Path
    cut_out: bool

    @property
    def masked(self) -> bool:
        """Whether every image has a mask."""
        return all(image.silhouette is not None for image in self.images)

    def groups(self) -> list[list[int]]:
        """Return the indices of images that share a camera: of one size and focal length."""
        kinds: dict[tuple[object, ...], list[int]] = {}
        for index, image in enumerate(self.images):
            focal = None if image.focal is None else round(image.focal)
            kinds.setdefault((image.copied, focal), []).append(index)
        return list(kinds.values())


def images_of(sources: Sequence[str | Path]) -> list[Path]:
    """Return the image files of a folder, or the given ones.

    Raises
    ------
    RequestError
        If there are too few.
    """
    paths = [Path(source) for source in sources]
    if len(paths) == 1 and paths[0].is_dir():
        paths = list_images(paths[0])
        if not paths:
            raise no_images(sources[0])
    if len(paths) < FEWEST:
        where = f"{sources[0]} holds" if len(sources) == 1 else "There are"
        raise RequestError(
            f"{where} {len(paths)} image{'s'[: len(paths) != 1]}, too few to find cameras.",
            "Give 24 or more, taken in small steps around the object.",
        )
    return paths


def copy_images(paths: Sequence[Path], folder: Path, ticket: Ticket) -> Photographs:
    """Write the solver's copies of images and of their masks.

    The pixels stay as stored, whatever their orientation tag says: cameras are fitted to stored
    pixels.

    Raises
    ------
    RequestError
        If an image or a mask can't be read, or all images are the same.
    """
    images, masks = folder / "images", folder / "masks"
    images.mkdir()
    masks.mkdir()
    made, cut_out = [], 0
    for index, path in enumerate(paths):
        image, cut = _copy(path, f"{index:05d}.png", images, masks)
        made.append(image)
        cut_out += cut
        ticket.advance((index + 1) / len(paths))
    _check_different(made)
    return Photographs(tuple(made), images, masks, cut_out == len(paths))


def _copy(path: Path, name: str, images: Path, masks: Path) -> tuple[Photograph, bool]:
    """Write one image and its mask; return it, and whether its own alpha is the mask."""
    from PIL import Image

    file = image_file(path)
    read = read_tagged(file, longest=LONGEST)
    height, width = read.image.shape[:2]
    color, alpha = read.image[..., :3], read.image[..., 3]
    cut = has_alpha(read.image)
    mask = alpha if cut else None
    if file.mask:
        mask_alone = read_mask(file.mask, (width, height))
        mask = None if bool((mask_alone >= OPAQUE).all()) else mask_alone
    shown = color * alpha[..., None] + PLAIN * (1 - alpha[..., None]) if cut else color
    Image.fromarray(_bytes(shown)).save(images / name, compress_level=1)
    if mask is not None:
        Image.fromarray(_bytes((mask >= 0.5).float())).save(masks / f"{name}.png")
    diagonals = focal_in_diagonals(file)
    photograph = Photograph(
        path=path,
        name=name,
        size=read.size,
        copied=(width, height),
        orientation=read.orientation or UPRIGHT,
        focal=None if diagonals is None else diagonals * math.hypot(width, height),
        silhouette=None if mask is None else _small(mask[..., None])[..., 0],
        look=_small(shown),
    )
    return photograph, cut and not file.mask


def _check_different(images: Sequence[Photograph]) -> None:
    """Raise a `RequestError` if all images are equal."""
    first = images[0].look
    for image in images[1:]:
        if image.look.shape != first.shape:
            return
        if float((image.look - first).abs().mean()) > 2e-3:
            return
    raise RequestError(
        f"All {len(images)} images are the same.", "Give images from all around the object."
    )


def _small(values: Tensor) -> Tensor:
    """Return an image, (H, W, C), averaged to at most `SMALL` pixels a side."""
    height, width = values.shape[:2]
    factor = min(SMALL / max(height, width), 1.0)
    size = (max(round(height * factor), 1), max(round(width * factor), 1))
    channels = values.permute(2, 0, 1)[None]
    shrunk = torch.nn.functional.interpolate(channels, size=size, mode="area")
    return shrunk[0].permute(1, 2, 0).contiguous()


def _bytes(values: Tensor) -> np.ndarray:
    return (values.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
