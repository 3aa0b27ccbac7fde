"""What the bundled camera network of `levelform` says of the directions of a sample's images."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.placing.place import facing_of, place
from levelform.backend.reconstructors import load_reconstructor

CHAIR = Path(__file__).parents[3] / "assets" / "sample" / "chair"


@pytest.fixture(scope="module")
def chair():
    from PIL import Image

    content = json.loads((CHAIR / "transforms.json").read_text())
    views = []
    for frame in content["frames"][::2]:
        image = Image.open(CHAIR / frame["file_path"]).convert("RGBA").resize((256, 256))
        small = {**frame, **{k: frame[k] / 2 for k in ("fl_x", "fl_y", "cx", "cy")}}
        camera = Camera.from_transforms({**small, "w": 256, "h": 256}, content)
        pixels = torch.from_numpy(np.array(image)).float() / 255
        views.append(View(pixels, camera, frame["file_path"]))
    return np.array(content["world_from_volume"]), views


def test_azimuths_are_weighed_and_mirror_with_the_image(chair):
    model = load_reconstructor("levelform")
    views = chair[1]
    weights, azimuths = model.azimuths(views)
    assert weights.sum(1) == pytest.approx(np.ones(len(views)))
    flipped = [View(view.image.flip(1), None, view.name) for view in views]
    mirrored, others = model.azimuths(flipped)
    half = weights.shape[1] // 2
    # Each half of the columns is one image's; the mirror image swaps them and their sign.
    # (But for the square around the mask, which is cut at whole pixels.)
    assert mirrored[:, half:] == pytest.approx(weights[:, :half], abs=0.05)
    best = mirrored[:, half:].argmax(1)
    rows = np.arange(len(best))
    assert (weights[:, :half].argmax(1) == best).all()
    assert others[rows, half + best] == pytest.approx(-azimuths[rows, best], abs=0.05)


def test_the_sample_chair_is_found(chair):
    world, views = chair
    placement = place(views, network=load_reconstructor("levelform"))
    assert abs(facing_of(placement.world_from_volume)) < 10
    assert placement.front_from == "found"
    scale = np.linalg.norm(placement.world_from_volume[:3, 0])
    assert scale == pytest.approx(world[0, 0], rel=0.04)
    assert np.linalg.norm(placement.world_from_volume[:3, 3] - world[:3, 3]) < 0.06 * world[0, 0]
