"""Images and their cameras, made smaller together."""

from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from .cameras import Camera
from .views import View


def shrink(view: View, longest: int) -> View:
    """Return the view with its longer side at most `longest` pixels; as it is when it already is.

    Pixels are averaged under a triangle twice a new pixel wide, colours weighted by alpha, so that
    a silhouette keeps its edge to a fraction of a pixel.
    """
    height, width = view.image.shape[:2]
    if max(height, width) <= longest:
        return view
    factor = longest / max(height, width)
    size = (max(round(height * factor), 1), max(round(width * factor), 1))
    color, alpha = view.image[..., :3], view.image[..., 3:]
    flat = torch.cat([color * alpha, alpha, color], dim=2).permute(2, 0, 1)[None]
    mean = interpolate(flat, size=size, mode="bilinear", antialias=True)[0].permute(1, 2, 0)
    alpha = mean[..., 3:4]
    color = torch.where(alpha > 1e-6, mean[..., :3] / alpha.clamp_min(1e-6), mean[..., 4:])
    image = torch.cat([color, alpha], dim=2)
    camera = None if view.camera is None else resized(view.camera, width=size[1], height=size[0])
    return replace(view, image=image, camera=camera)


def resized(camera: Camera, *, width: int, height: int) -> Camera:
    """Return the camera of the same image at another size, in pixels."""
    across, down = width / camera.width, height / camera.height
    return replace(
        camera,
        fx=camera.fx * across,
        fy=camera.fy * down,
        cx=camera.cx * across,
        cy=camera.cy * down,
        width=width,
        height=height,
    )
