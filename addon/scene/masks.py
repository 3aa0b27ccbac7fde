"""The mask of the panel's single image: Levelform's, which the artist can paint on, or another.

Levelform's mask is an image of Blender's with a hash of its pixels, to distinguish a painted mask
from one that the worker would detect again.
"""

import hashlib
from dataclasses import replace

import bpy
import numpy as np

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Background, ViewData, ViewMask, ViewMasks
from . import thumbnails

MADE = "levelform_mask"  # hash of the pixels as Levelform wrote them
SHOWN = ".levelform mask"  # the image with the outline, hidden from lists


class LevelformMatte(bpy.types.PropertyGroup):
    """The mask of the panel's single image; stored on the scene."""

    mask: bpy.props.PointerProperty(
        type=bpy.types.Image,
        name="Mask",
        description="White where the object is. Levelform's own mask is used once it is painted on",
    )
    shown: bpy.props.PointerProperty(type=bpy.types.Image, options={"HIDDEN"})
    of: bpy.props.StringProperty(options={"HIDDEN"})  # name of the image that it belongs to
    doubt: bpy.props.StringProperty(options={"HIDDEN"})
    source: bpy.props.StringProperty(options={"HIDDEN"})
    largest: bpy.props.BoolProperty(
        name="Largest Piece Only",
        description="Remove all pieces of the mask but the largest",
    )
    fill_holes: bpy.props.BoolProperty(
        name="Fill Holes", description="What the object encloses in the image belongs to it"
    )


def corrected(scene: bpy.types.Scene, background: Background) -> Background:
    """Return the background with the panel's corrections of masks."""
    matte = scene.levelform_matte
    return replace(background, largest=matte.largest, fill_holes=matte.fill_holes)


def with_mask(scene: bpy.types.Scene, views: tuple[ViewData, ...]) -> tuple[ViewData, ...]:
    """Return the panel's single view with the mask that the artist painted or chose, if any.

    Raises
    ------
    RequestError
        If the mask has no pixels.
    """
    mask = chosen_mask(scene)
    if mask is None or len(views) != 1:
        return views
    return (replace(views[0], mask=pixels_of(mask)),)


def chosen_mask(scene: bpy.types.Scene) -> bpy.types.Image | None:
    """Return the mask to be used instead of a detected one; None without one."""
    matte, image = scene.levelform_matte, scene.levelform.image
    mask = matte.mask
    if mask is None or image is None:
        return None
    made = mask.get(MADE)
    if made is None:
        return mask  # the artist's own
    if matte.of != image.name or _hash(pixels_of(mask)) == made:
        return None
    return mask


def pixels_of(mask: bpy.types.Image) -> np.ndarray:
    """Return (H, W) uint8, row 0 at the top: an image's brightness."""
    width, height = mask.size  # pyright: ignore[reportGeneralTypeIssues]
    if not width or not height:
        raise RequestError(f"The mask {mask.name} has no pixels.", "Choose another image.")
    channels = mask.channels
    flat = np.zeros(width * height * channels, np.float32)
    mask.pixels.foreach_get(flat)
    values = flat.reshape(height, width, channels)[::-1]
    grey = values[..., : min(channels, 3)].mean(2)
    return np.ascontiguousarray((grey.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def remember(scene: bpy.types.Scene, masks: ViewMasks) -> None:
    """Show the mask of the panel's image, and keep it for painting; not one of another image."""
    image = scene.levelform.image
    if scene.levelform.source != "IMAGE" or image is None or len(masks.masks) != 1:
        return
    (mask,) = masks.masks
    if mask.name != image.name:  # the panel's image was changed meanwhile
        return
    matte = scene.levelform_matte
    matte.shown = shown_image(matte.shown, mask)
    matte.doubt, matte.source = mask.doubt, mask.source
    own = matte.mask is None or MADE in matte.mask
    painted = matte.of == image.name and chosen_mask(scene) is not None
    matte.of = image.name
    if own and not painted:
        matte.mask = _made(matte.mask, mask, f"{image.name} mask")


def forget(scene: bpy.types.Scene) -> None:
    """Drop the mask; the next one is detected again."""
    matte = scene.levelform_matte
    for name in ("mask", "shown"):
        block = getattr(matte, name)
        setattr(matte, name, None)
        if block is not None and (MADE in block or block.name.startswith(SHOWN)):
            bpy.data.images.remove(block)
    matte.of = matte.doubt = matte.source = ""


def _made(old: bpy.types.Image | None, mask: ViewMask, name: str) -> bpy.types.Image:
    """Return the mask as an image of Blender's, packed in the file."""
    image = _sized(old, name, mask.mask.shape[1], mask.mask.shape[0])
    image.name = name
    image.colorspace_settings.name = "Non-Color"
    _fill(image, np.repeat(mask.mask[..., None], 3, 2))
    image.pack()
    image[MADE] = _hash(mask.mask)
    return image


def shown_image(old: bpy.types.Image | None, mask: ViewMask, name: str = SHOWN) -> bpy.types.Image:
    """Return the image with the outline, whose icon the panel draws."""
    image = _sized(old, name, mask.shown.shape[1], mask.shown.shape[0])
    _fill(image, mask.shown)
    image.pack()
    thumbnails.make_preview(image)
    return image


def _sized(old: bpy.types.Image | None, name: str, width: int, height: int) -> bpy.types.Image:
    if old is not None:
        bpy.data.images.remove(old)
    return bpy.data.images.new(name, width, height, alpha=False)


def _fill(image: bpy.types.Image, colors: np.ndarray) -> None:
    """Write (H, W, 3) uint8, row 0 at the top, to an image."""
    rows = colors[::-1].astype(np.float32) / 255
    opaque = np.ones((*rows.shape[:2], 1), np.float32)
    image.pixels.foreach_set(np.concatenate([rows, opaque], 2).ravel())
    image.update()


def _hash(pixels: np.ndarray) -> str:
    return hashlib.sha1(pixels.tobytes()).hexdigest()


CLASSES = (LevelformMatte,)


def register() -> None:
    """Add the mask to scenes."""
    bpy.types.Scene.levelform_matte = bpy.props.PointerProperty(type=LevelformMatte)


def unregister() -> None:
    """Remove it."""
    del bpy.types.Scene.levelform_matte
