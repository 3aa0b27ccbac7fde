"""Parts of several messages: images, views, backgrounds, meshes."""

from dataclasses import dataclass

import numpy as np

from ..cameras import CameraData


@dataclass(frozen=True)
class ImageFile:
    """An image file that the worker reads, so that all callers get equal pixels.

    path : absolute; only a name if `encoded` holds the bytes
    encoded : (N,) uint8, the bytes of an image file packed in a .blend; None: read `path`
    mask : path of a mask image, used instead of the alpha; empty: none
    """

    path: str
    encoded: np.ndarray | None = None
    mask: str = ""


@dataclass(frozen=True)
class ViewData:
    """An image and its camera.

    image : (H, W, 4) uint8 or float32, sRGB, straight alpha, row 0 at the top; None: `file`
    camera : posed in the world; None when unknown
    name : the view's name in messages (the camera's name in Blender)
    file : the image's file, instead of `image`
    mirrored : flip the image left-right, top-bottom before applying the camera
    mask : (H, W) uint8 of the image's proportions, used instead of the alpha; None: no such mask
    depth : absolute path of a depth map of the whole image, along the camera's axis; empty: none
    depth_scale : world units of a depth of 1 in a file of whole numbers
    """

    image: np.ndarray | None
    camera: CameraData | None
    name: str
    file: ImageFile | None = None
    mirrored: tuple[bool, bool] = (False, False)
    mask: np.ndarray | None = None
    depth: str = ""
    depth_scale: float = 1.0


@dataclass(frozen=True)
class Background:
    """How to find the background of an opaque image, and corrections of the mask.

    mode : "alpha" (keep the image's alpha), "auto" (from the image's border; by a network, where
        that is not plain), "object" (by the network in any case), "corner" (the colour of its
        corners) or "color"
    color : sRGB of the background, for "color"
    tolerance : distance in sRGB below which a pixel is background
    largest : keep only the largest piece of the mask, whatever it comes from
    fill_holes : fill its holes
    """

    mode: str = "alpha"
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tolerance: float = 0.1
    largest: bool = False
    fill_holes: bool = False


KEEP_ALPHA = Background()  # default of requests
FROM_BORDER = Background("auto")  # default of drawings, which are often opaque


@dataclass(frozen=True)
class MeshData:
    """A mesh from Blender: `vertices`, (V, 3) float32, and `faces`, (F, 3) int32,
    counter-clockwise seen from outside."""

    vertices: np.ndarray
    faces: np.ndarray
