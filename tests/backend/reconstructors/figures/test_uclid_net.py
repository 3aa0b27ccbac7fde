"""The coloured patches of UCLID-Net."""

from dataclasses import replace

import torch
from levelform.backend.reconstructors.figures.uclid_net import patch_mesh
from levelform.backend.reconstructors.uclid_net import COMPACT, UCLIDNet

SIZES = {"width": 4, "deep": 6, "skip": 3, "stages": (6, 5, 5), "camera_width": 0, "depth_width": 4}


def test_each_patch_has_one_colour_and_lies_in_the_volume(photograph, cameras):
    torch.manual_seed(0)
    model = UCLIDNet(replace(COMPACT, framing=replace(COMPACT.framing, size=64), **SIZES)).eval()
    code = model.encode([photograph(cameras[0])])
    mesh = patch_mesh(model, code, lattice=4)
    owner = mesh.patch[mesh.faces]
    assert (owner == owner[:, :1]).all()
    for index in range(3):
        assert len(mesh.colors[mesh.patch == index].unique(dim=0)) == 1
    assert len(mesh.colors.unique(dim=0)) > 1
    assert mesh.vertices.abs().max() <= 0.9 * 1.0001 + 1e-6
    assert len(mesh.vertices) == 16 * len(model.patches(code).voxels)
