"""A small data set and a small network, in a few seconds."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.data.format import DatasetWriter
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.reconstructors.deep_meta_functionals import COMPACT, DeepMetaFunctionals

CONTENTS = Contents(
    points={"uniform": 600, "near": 600},
    surface=200,
    views=2,
    size=32,
    cameras="levelform",
    passes=("depth",),
)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Return the folder of a data set: eight shapes to train with, four to validate."""
    folder = tmp_path_factory.mktemp("training") / "set"
    with DatasetWriter(folder, provenance={"source": "a test"}) as writer:
        for index in range(12):
            category = ("table", "cabinet", "sofa")[index % 3]
            record = record_of_shape(category, index, CONTENTS)
            writer.add(replace(record, split="val" if index >= 8 else "train"))
    return folder


@pytest.fixture
def model():
    """Return a network that learns within seconds."""
    torch.manual_seed(0)
    sizes = {"width": 4, "blocks": 2, "hidden_width": 16}
    framing = replace(COMPACT.framing, size=32)
    return DeepMetaFunctionals(replace(COMPACT, framing=framing, **sizes))
