"""The textured sample, drawn from a camera that gave no colours, against that camera's image.

The geometry is the sample's own, so that the texture alone is measured; `levelform bench
appearance` has rows of what the fit of the other images reaches.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from bench.held_out import fidelity, sample_views
from levelform.backend.appearance.unwrapping import unwrap
from levelform.backend.geometry.meshes import Mesh

CHAIR = Path(__file__).parents[3] / "assets" / "sample" / "chair"
LEAST = 26.0  # dB; 27.4 to 27.7 were measured
SIZE = 1024


@pytest.fixture(scope="module")
def chair():
    """The mesh and its eight views, in the volume's frame."""
    with np.load(CHAIR / "truth.npz") as arrays:
        mesh = Mesh(arrays["vertices"], arrays["faces"])
    return mesh, sample_views(CHAIR), torch.from_numpy(unwrap(mesh, SIZE))


@pytest.mark.parametrize(
    "held", [pytest.param(0, marks=pytest.mark.slow), 3, pytest.param(5, marks=pytest.mark.slow)]
)
def test_the_texture_shows_what_a_held_out_camera_saw(chair, held):
    mesh, views, uvs = chair
    reached = fidelity(mesh, views, held, SIZE, uvs=uvs)
    assert reached.textured >= LEAST
    assert reached.textured > reached.by_vertex + 0.5
