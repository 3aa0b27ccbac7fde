"""The two samples as small views, and how to spoil them."""

import json
from dataclasses import replace
from pathlib import Path

import levelform
import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.images import shrink
from levelform.backend.geometry.views import View
from PIL import Image
from setups import camera_studio

SAMPLES = Path(levelform.__file__).parent / "assets" / "sample"
SIDE = 160
_READ = {}


def read_sample(name):
    """Return a sample's eight views, `SIDE` pixels wide."""
    if name not in _READ:
        content = json.loads((SAMPLES / name / "transforms.json").read_text())
        views = []
        for frame in content["frames"]:
            path = SAMPLES / name / frame["file_path"]
            pixels = np.asarray(Image.open(path).convert("RGBA"), np.float32) / 255
            camera = Camera.from_transforms(frame, content)
            views.append(shrink(View(torch.from_numpy(pixels), camera, path.name), SIDE))
        _READ[name] = views
    return list(_READ[name])


@pytest.fixture(params=["suzanne", "chair"])
def sample(request):
    """Each sample's views, cameras posed in the world."""
    return read_sample(request.param)


@pytest.fixture
def suzanne():
    """The views of one sample."""
    return read_sample("suzanne")


@pytest.fixture
def reordered():
    """The function that gives cameras the images of others."""

    def change(views, order):
        return [
            replace(view, image=views[source].image)
            for view, source in zip(views, order, strict=True)
        ]

    return change


@pytest.fixture
def rotated():
    """The function that rotates one view's camera about an axis of its own, in degrees."""

    def change(views, index, degrees, axis=(0.0, 1.0, 0.0)):
        from scipy.spatial.transform import Rotation

        pose = views[index].camera.world_from_camera.copy()
        pose[:3, :3] @= Rotation.from_rotvec(np.radians(degrees) * np.array(axis)).as_matrix()
        result = list(views)
        result[index] = replace(
            views[index], camera=replace(views[index].camera, world_from_camera=pose)
        )
        return result

    return change


@pytest.fixture(scope="session")
def studio():
    """The functions of `setups.camera_studio`."""
    return camera_studio
