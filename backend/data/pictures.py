"""Picture files to RGBA, backgrounds to alpha, and pictures with cameras to views."""

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.protocol import Background, CameraData, ViewData
from ..geometry.cameras import Camera
from ..geometry.pictures import resized, shrink
from ..geometry.views import View

LONGEST = 2048  # pixels; larger pictures are worked on as smaller copies
MOST_PIXELS = 80_000_000  # what is decoded at all: 320 MB as RGBA
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".tga")
FULL = 1.0 - 1e-3  # alpha from which a picture has no transparency
SPECK = 1 / 2000  # share of the picture below which an enclosed patch of background is a highlight
MODES = ("auto", "alpha", "corner", "color")
ROUNDS = 4  # of fitting a backdrop to the border, each without what did not fit before
LEAST_BORDER = 0.5  # share of the border that must show the backdrop


def read_picture(path: str | Path, *, longest: int = LONGEST) -> Tensor:
    """Read a picture file.

    Orientation tags are ignored, as cameras are fitted to the pixels as they are stored.

    Parameters
    ----------
    path
        PNG, JPEG, WebP, TIFF, BMP or TGA.
    longest
        A picture whose longer side is above this many pixels is averaged down to it.

    Returns
    -------
    (H, W, 4) float32, sRGB in [0, 1], straight alpha; alpha 1 where the file has none

    Raises
    ------
    RequestError
        If the file is missing, empty, no picture, damaged, or larger than is decoded at all.
    """
    from PIL import Image

    path = Path(path)
    width, height = picture_size(path)
    try:
        with Image.open(path) as file:
            file.draft("RGB", (longest, longest))  # JPEG alone can decode a smaller copy
            picture = _to_rgba(file)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RequestError(
            f"The picture {path} is damaged: {error}.", "Save it again, or leave it out."
        ) from error
    if max(picture.size) > longest:
        factor = longest / max(width, height)
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        picture = picture.resize(size, Image.Resampling.BOX, reducing_gap=3.0)
    return torch.from_numpy(np.asarray(picture, np.float32) / 255.0)


def picture_size(path: str | Path) -> tuple[int, int]:
    """Return width and height of a picture file in pixels, from its header alone.

    Raises
    ------
    RequestError
        If the file is missing, empty, no picture, or larger than is decoded at all.
    """
    from PIL import Image, UnidentifiedImageError

    path = Path(path)
    if not path.is_file():
        raise RequestError(f"There is no picture {path}.", "Check the path.")
    try:
        if path.stat().st_size == 0:
            raise RequestError(
                f"The picture {path} is empty: 0 bytes.", "Save it again, or leave it out."
            )
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                width, height = file.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    except UnidentifiedImageError as error:
        raise RequestError(
            f"{path} is no picture that can be read.", f"Save it as {', '.join(SUFFIXES[:4])}."
        ) from error
    except OSError as error:
        raise RequestError(f"The picture {path} can't be read: {error}.") from error
    if width * height > MOST_PIXELS:
        raise _too_large(path)
    return width, height


def _too_large(path: Path) -> RequestError:
    return RequestError(
        f"The picture {path} has more than {MOST_PIXELS // 1_000_000} million pixels.",
        f"Scale it down; {LONGEST} pixels on the longer side are plenty.",
    )


def _to_rgba(file: Any) -> Any:
    """Return a PIL picture of any mode as RGBA, 8 bits a channel."""
    from PIL import Image

    if file.mode.startswith("I") or file.mode == "F":
        numbers = np.asarray(file, np.float32)
        if file.mode != "F":  # 16-bit greys
            numbers = numbers / 65535.0
        grey = Image.fromarray((numbers.clip(0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
        return grey.convert("RGBA")
    return file.convert("RGBA")


# ---------------------------------------------------------------- backgrounds


def has_alpha(image: Tensor) -> bool:
    """Say whether a picture, (H, W, 4), is transparent anywhere."""
    return bool((image[..., 3] < FULL).any())


def matte(image: Tensor, background: Background, *, name: str = "The picture") -> Tensor:
    """Return the picture with the background transparent, (H, W, 4).

    A picture that is transparent anywhere is returned as it is. Alpha rises with a pixel's distance
    to the background's colour, largest over the channels, and passes one half at the tolerance;
    enclosed specks of background colour, such as highlights, belong to the object.

    Parameters
    ----------
    image : (H, W, 4) sRGB in [0, 1]
    background
        What to treat as background; "alpha" changes nothing. "auto" takes what is seen along the
        picture's border, which may shade off smoothly.
    name
        What to call the picture in a message.

    Raises
    ------
    RequestError
        If the mode is unknown, the corners differ in colour, or the border shows no backdrop.
    """
    if background.mode not in MODES:
        raise RequestError(
            f"There is no background {background.mode!r}.", f"Choose one of {', '.join(MODES)}."
        )
    if background.mode == "alpha" or has_alpha(image):
        return image
    tolerance = max(float(background.tolerance), 1 / 255)
    if background.mode == "auto":
        color = _backdrop(image[..., :3], tolerance, name)
    elif background.mode == "corner":
        color = _corner_color(image, tolerance, name)
    else:
        color = image.new_tensor(background.color)
    distance = (image[..., :3] - color).abs().amax(dim=2)
    alpha = (distance / (2 * tolerance)).clamp(0.0, 1.0)
    alpha = torch.where(_specks(alpha), 1.0, alpha)
    return torch.cat([image[..., :3], alpha[..., None]], dim=2)


def _backdrop(color: Tensor, tolerance: float, name: str) -> Tensor:
    """Return (H, W, 3): the smooth backdrop that the picture's border shows, over all of it.

    A polynomial of second degree in both directions, fitted to the border without what stands out
    there, such as an object that is cut off.
    """
    height, width = color.shape[:2]
    rows = torch.linspace(-1, 1, height, dtype=torch.float64)[:, None].expand(height, width)
    columns = torch.linspace(-1, 1, width, dtype=torch.float64)[None].expand(height, width)
    one = torch.ones_like(rows)
    terms = torch.stack([one, rows, columns, rows * columns, rows**2, columns**2], -1)
    side = max(min(height, width) // 32, 1)
    border = torch.ones(height, width, dtype=torch.bool)
    border[side:-side, side:-side] = False
    known, seen = terms[border], color[border].double()
    fits = (seen - seen.median(dim=0).values).abs().amax(1) <= 3 * tolerance
    fits = fits if fits.double().mean() >= LEAST_BORDER else torch.ones_like(fits)
    weights = known.new_zeros(terms.shape[-1], 3)
    for _ in range(ROUNDS):
        weights = torch.linalg.lstsq(known[fits], seen[fits]).solution
        fits = (known @ weights - seen).abs().amax(1) <= tolerance
        if fits.double().mean() < LEAST_BORDER:
            raise RequestError(
                f"{name}: no plain background is seen along the picture's border.",
                "Photograph it before a plain one, choose the background's colour, or cut the "
                "object out: a picture with alpha needs no background.",
            )
    return (terms @ weights).to(color).clamp(0, 1)


def _corner_color(image: Tensor, tolerance: float, name: str) -> Tensor:
    """Return (3,) the median colour of the picture's corners."""
    side = max(min(image.shape[:2]) // 32, 1)
    corners = [
        image[rows, columns, :3].reshape(-1, 3).median(dim=0).values
        for rows in (slice(None, side), slice(-side, None))
        for columns in (slice(None, side), slice(-side, None))
    ]
    stack = torch.stack(corners)
    color = stack.median(dim=0).values
    if float((stack - color).abs().max()) > tolerance:
        raise RequestError(
            f"{name}: the picture's corners differ in colour, so they don't show the background.",
            "Choose the background's colour, raise its tolerance, or give a picture with alpha.",
        )
    return color


def _specks(alpha: Tensor) -> Tensor:
    """Return (H, W) bool: small patches of background that do not touch the picture's border."""
    from scipy.ndimage import label

    labels, count = cast("tuple[np.ndarray, int]", label(alpha.numpy() < 0.5))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    small = sizes < SPECK * alpha.numel()
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    small[border] = False
    small[0] = False
    return torch.from_numpy(small[labels])


# ---------------------------------------------------------------- views


def to_view(data: ViewData, background: Background) -> View:
    """Return what Blender or a file sent as a view; its camera stays posed in the world.

    Raises
    ------
    RequestError
        If the picture is none, or its proportions are not the camera's; names the view.
    """
    if data.image is None:
        raise RequestError(f"{data.name} has no image.", "Give it one.")
    image = matte(to_image(data.image, name=data.name), background, name=data.name)
    camera = None
    if data.camera is not None:
        camera = fit_camera(to_camera(data.camera, name=data.name), image, name=data.name)
    return shrink(View(image, camera, data.name), LONGEST)


def to_image(pixels: np.ndarray, *, name: str) -> Tensor:
    """Return (H, W, 4) float32 in [0, 1] of uint8 or float pixels, (H, W, 4)."""
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.size:
        raise RequestError(f"{name}: a picture is (height, width, 4), not {pixels.shape}.")
    if pixels.dtype == np.uint8:
        return torch.from_numpy(pixels.astype(np.float32) / 255.0)
    image = np.asarray(pixels, np.float32)
    if not np.isfinite(image).all():
        raise RequestError(
            f"{name}: the picture holds numbers that are not finite.", "Render or save it again."
        )
    return torch.from_numpy(image.clip(0.0, 1.0))


def to_camera(data: CameraData, *, name: str) -> Camera:
    """Return a camera of the contract as one of the maths, posed in the world."""
    try:
        return Camera.from_transforms(asdict(data))
    except RequestError as error:
        raise RequestError(f"{name}: {error.message}", error.hint) from error


def fit_camera(camera: Camera, image: Tensor, *, name: str) -> Camera:
    """Return the camera for the picture's own size, when both have the same proportions."""
    height, width = image.shape[:2]
    if (camera.width, camera.height) == (width, height):
        return camera
    across, down = width / camera.width, height / camera.height
    if abs(across - down) * max(camera.width, camera.height) > 1.5:
        raise RequestError(
            f"{name}: the picture is {width} x {height}, its camera is for "
            f"{camera.width} x {camera.height}.",
            "Use the picture at the camera's proportions, or fit the camera to the picture.",
        )
    return resized(camera, width=width, height=height)
