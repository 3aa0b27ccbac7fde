"""The sample chair, seen by the bundled networks; each is loaded once."""

import json

import numpy as np
import pytest
import torch
from levelform.backend.commands.reconstruct import read_sources
from levelform.backend.contract.protocol import Background
from levelform.backend.geometry.views import View
from levelform.backend.images import to_view
from levelform.backend.reconstructors import WEIGHTS_FOLDER, load_reconstructor
from levelform.backend.reconstructors.finishing import finished
from levelform.backend.shows import Subject

FOLDER = WEIGHTS_FOLDER.parent / "sample" / "chair"


@pytest.fixture(scope="session")
def views():
    """Two posed views of the chair, cameras in the volume's frame."""
    world = np.array(json.loads((FOLDER / "transforms.json").read_text())["world_from_volume"])
    made = []
    for data in read_sources([str(FOLDER / "transforms.json")], "2").views:
        view = to_view(data, Background())
        made.append(View(view.image, view.camera.in_frame(world), view.name))
    return tuple(made)


@pytest.fixture(scope="session")
def subject(views):
    """The function that makes the subject of a method, of the first view by default."""
    known = {}

    def make(method, weights=None, count=1):
        key = (method, weights, count)
        if key not in known:
            torch.manual_seed(0)
            model = load_reconstructor(method, weights, "cpu")
            code = model.encode(views[:count])
            field = finished(model, model.decode(code), views[:count], None)
            known[key] = Subject(model, code, views[:count], field, field.level(), 32)
        return known[key]

    return make
