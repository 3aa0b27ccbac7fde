"""Codes in the plane: clusters stay together, and the picture has their colours."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOOL = Path(__file__).parents[2] / "tools" / "draw_codes.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("draw_codes", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def codes():
    """Three clusters of twelve codes of 20 numbers."""
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 3, (3, 20))
    return np.repeat(centers, 12, 0) + rng.normal(0, 0.3, (36, 20))


def test_neighbours_are_symmetric_and_have_the_perplexity(tool, codes):
    joint = tool.neighbours(codes, 5.0)
    assert joint.sum() == pytest.approx(1)
    np.testing.assert_allclose(joint, joint.T)
    label = np.repeat(range(3), 12)
    assert joint[label[:, None] == label].sum() > 0.99


def test_clusters_stay_together_in_the_plane(tool, codes):
    points = tool.embedded(codes)
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(distances, np.inf)
    label = np.repeat(range(3), 12)
    assert (label[distances.argmin(1)] == label).all()
    np.testing.assert_array_equal(points, tool.embedded(codes))


def test_a_file_of_codes_becomes_a_picture(tool, codes, tmp_path, monkeypatch):
    names = np.repeat(["chair", "car", "sofa"], 12)
    np.savez(tmp_path / "codes.npz", codes=codes, ids=names, categories=names)
    out = tmp_path / "codes.png"
    monkeypatch.setattr(sys, "argv", ["draw_codes", str(tmp_path / "codes.npz"), "-o", str(out)])
    tool.main()
    with Image.open(out) as image:
        colors = {color for _, color in image.convert("RGB").getcolors(1 << 20)}
    assert {(0x44, 0x77, 0xAA), (0xEE, 0x66, 0x77), (0x22, 0x88, 0x33)} <= colors
