"""Measurements of fields and meshes against known values."""

import numpy as np
import pytest
import torch
from levelform.backend import metrics
from levelform.backend.data.format import Dataset
from levelform.backend.experiments import measuring
from levelform.backend.experiments.entrants import VoxelField
from levelform.backend.experiments.measuring import GroundTruth, between, surface_of
from levelform.backend.extraction import extract
from setups.analytic import Sphere


class Ball:
    """A shape of a data set: a ball of the longest side 1.8."""

    id, category = "ball/0", "ball"

    def __init__(self):
        rng = np.random.default_rng(0)
        points = rng.uniform(-1, 1, (4000, 3)).astype(np.float32)
        mesh = extract(Sphere(0.9), 64, color=False)
        self.arrays = {"uniform.points": points, "mesh.vertices": mesh.vertices,
                       "mesh.faces": mesh.faces}  # fmt: skip
        self.labels = np.linalg.norm(points, axis=1) < 0.9

    def __contains__(self, name):
        return name in self.arrays

    def __getitem__(self, name):
        return self.arrays[name]

    def inside(self, points):
        return self.labels


def test_the_truth_is_perfect_and_a_smaller_ball_is_as_far_as_its_radius_says(monkeypatch):
    monkeypatch.setattr(measuring, "MEAN_POINTS", 2000)  # equal distances everywhere are slow
    ground_truth = GroundTruth(Ball())
    assert ground_truth.iou(Sphere(0.9)) == 1.0
    same = ground_truth.surface_numbers(surface_of(Sphere(0.9), 64))
    assert same["f_score"] > 0.98
    assert same["chamfer_l1"] < 0.02
    less = ground_truth.surface_numbers(surface_of(Sphere(0.72), 64))
    # In the unit cube the radii are 0.5 and 0.4.
    for key in ("accuracy", "coverage", "chamfer_l1"):
        assert less[key] == pytest.approx(0.1, abs=3e-3)
    assert less["chamfer_l2"] == pytest.approx(0.02, abs=1.5e-3)
    assert less["f_score"] == 0.0
    assert less["emd"] >= 0.098
    assert ground_truth.iou(Sphere(0.72)) == pytest.approx(0.8**3, abs=0.03)


def test_numbers_are_those_of_the_metrics_one_by_one():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 1500, 3)) * 0.02
    actual = between(first, second)
    assert (actual["accuracy"], actual["coverage"]) == metrics.accuracy_and_coverage(first, second)
    assert actual["chamfer_l1"] == pytest.approx(metrics.chamfer_l1(first, second))
    assert actual["chamfer_l2"] == pytest.approx(metrics.chamfer_l2(first, second))
    scores = metrics.precision_recall(first, second, 0.01)
    assert actual["f_score"] == metrics.f_score(*scores)
    assert actual["emd"] == metrics.earth_mover(first[:1024], second[:1024])


def test_the_same_seed_gives_the_same_numbers(monkeypatch):
    monkeypatch.setattr(measuring, "MEAN_POINTS", 1000)
    mesh = surface_of(Sphere(0.85), 32)
    first, second = (GroundTruth(Ball()).surface_numbers(mesh, seed=s) for s in (1, 1))
    assert first == second
    assert first != GroundTruth(Ball()).surface_numbers(mesh, seed=2)


def test_nothing_is_far_from_everything():
    assert surface_of(Sphere(-1.0), 32) is None
    worst = GroundTruth(Ball()).surface_numbers(None)
    assert worst["f_score"] == 0.0
    assert worst["emd"] == worst["chamfer_l1"] == pytest.approx(3**0.5)
    assert worst["chamfer_l2"] == pytest.approx(6.0)


def test_stored_voxels_are_asked_where_they_lie(data):
    from levelform.backend.data.format import unpack_voxels

    shape = Dataset(data)[0]
    grid = unpack_voxels(shape["voxels"])
    ticks = (torch.arange(32) + 0.5) / 32 * 1.8 - 0.9
    middles = torch.cartesian_prod(ticks, ticks, ticks)
    field = VoxelField(grid)
    assert np.array_equal((field(middles) < 0).numpy().reshape(32, 32, 32), grid)
    assert (field(torch.full((1, 3), 0.99)) > 0).all()
    assert GroundTruth(shape).iou(field) > 0.5  # legs are as thin as a cell
