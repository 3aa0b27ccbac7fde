"""SDF-SRN: the network's own rendering of the view (figures 4 to 7)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from ..contract.options import Option
from ..contract.shows import Exhibit, ShowSpec
from ..geometry.cameras import Camera
from ..images.framing import training_camera
from ..reconstructors.figures.sdf_srn import render
from ..reconstructors.sdf_srn import SDFSRN
from .registry import show
from .subject import Subject, depth_image, image_exhibit, of_all_views


@show(
    ShowSpec(
        "rendering",
        "Own Rendering",
        "what the network thinks the view looks like: color, depth, normals, silhouette "
        "(figures 4 to 7)",
        (
            Option("size", "int", 128, "pixels along a side", 16, 512),
            Option(
                "azimuth",
                "float",
                30.0,
                "degrees about +Z from the front, of a view without a camera",
                -360.0,
                360.0,
            ),
            Option("elevation", "float", 20.0, "degrees, of a view without a camera", -89.0, 89.0),
        ),
    ),
    "sdf-srn",
)
def rendering(
    subject: Subject, *, size: int, azimuth: float, elevation: float
) -> Iterator[Exhibit]:
    """Yield four images for each view with a camera; without any, for one camera."""
    model = cast(SDFSRN, subject.model)
    posed = [view.camera for view in subject.views if view.camera is not None]
    cameras = [training_camera(camera, model.framing) for camera in posed]
    cameras = cameras or [camera_at(model, azimuth, elevation)]
    suffixes = of_all_views(subject.views) if len(posed) > 1 else [""]
    for suffix, camera in zip(suffixes, cameras, strict=True):
        made = render(model, subject.code, resized(camera, size))
        seen = made.silhouette[..., None].float()
        yield image_exhibit(f"Color{suffix}", made.color)
        yield image_exhibit(f"Depth{suffix}", depth_image(made.depth, made.silhouette))
        yield image_exhibit(f"Normals{suffix}", (made.normals / 2 + 0.5) * seen + 1 - seen)
        yield image_exhibit(f"Silhouette{suffix}", seen.expand(-1, -1, 3))


def camera_at(model: SDFSRN, azimuth: float, elevation: float) -> Camera:
    """Return a training camera; angles in degrees, from the volume's front."""
    a, e = np.radians(azimuth), np.radians(elevation)
    away = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
    framing = model.framing
    pose = np.eye(4)
    pose[:3, 2] = -away
    pose[:3, 3] = framing.near * away
    pose[:3, 0] = [np.cos(a), np.sin(a), 0.0]
    pose[:3, 1] = np.cross(pose[:3, 2], pose[:3, 0])
    half = framing.size / 2
    flat = model.configuration.orthographic
    camera = Camera(pose, 1.0, 1.0, half, half, framing.size, framing.size, orthographic=flat)
    return training_camera(camera, framing)


def resized(camera: Camera, size: int) -> Camera:
    """Return a square camera whose image has `size` pixels a side."""
    zoom = size / camera.width
    names = ("fx", "fy", "cx", "cy")
    scaled = {name: getattr(camera, name) * zoom for name in names}
    return replace(camera, **scaled, width=size, height=size)
