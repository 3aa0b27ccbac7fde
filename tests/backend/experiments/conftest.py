"""Two dozen small shapes, and networks that take no time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.data.format import DatasetWriter
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.data.shapes import sample_shape
from levelform.backend.reconstructors import find_method
from levelform.backend.training.parts import fresh

CONTENTS = Contents(
    points={"uniform": 2000, "near": 600},
    surface=300,
    views=8,
    size=32,
    cameras="levelform",
    passes=("depth",),
)
SPLITS = ["train"] * 5 + ["val"] + ["test"] * 3
SMALL = {
    "deep-meta-functionals": {"width": 4, "blocks": 2, "hidden_width": 16},
    "disn": {"width": 4, "hidden": 16, "features": 16, "point_widths": (8, 8, 8),
             "decoder_widths": (8, 8), "picture": 32},
    "uclid-net": {"width": 4, "deep": 6, "skip": 4, "stages": (8, 6, 6),
                  "framing.size": 64},
    "tdgn": {"width": 4, "features": 16, "generator_width": 16, "embedding_width": 8},
    "sdf-srn": {"latent": 16, "encoder_width": 4, "hidden": 8, "width": 8, "layers": 2},
    "levelform": {"stem": 4, "widths": (4, 8), "channels": 2, "hidden_width": 8},
}  # fmt: skip


@pytest.fixture(scope="session")
def small():
    """Entries that make each method's network tiny, images of 32 pixels among them."""
    return {name: {"framing.size": 32, **sizes} for name, sizes in SMALL.items()}


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Return the folder of a data set of chairs and tables with all that is ever asked for."""
    folder = tmp_path_factory.mktemp("experiments") / "shapes"
    with DatasetWriter(folder, provenance={"source": {"kind": "procedural"}}) as writer:
        for index, split in enumerate(SPLITS):
            for category in ("chair", "table"):
                record = record_of_shape(category, index, CONTENTS)
                arrays = record.arrays | (mesh_of(category, index) if split == "test" else {})
                writer.add(replace(record, split=split, arrays=arrays))
    return folder


def mesh_of(category, index):
    """Return the triangles of a shape's parts, which are made sooner than those of their union."""
    surface = sample_shape(category, index).surface
    return {
        "mesh.vertices": surface.vertices.astype(np.float32),
        "mesh.faces": surface.faces.astype(np.int32),
    }


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks gain nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def network(small):
    """The function that makes a method's tiny network, in evaluation mode, with weights' names."""

    def make(method, seed=0):
        return fresh(find_method(method), "compact", small[method], seed=seed).eval()

    return make
