"""Means by number of views, the page, and volumes at a known distance."""

import numpy as np
import pytest
import torch
from levelform.backend.experiments.view_counts import ROWS, ViewCounts, as_far_away, write_page
from levelform.backend.geometry.cameras import Camera


def results():
    numbers = {key: 0.5 for key, _ in ROWS if key != "estimated"}
    rows = [("a", "one", v, {**numbers, "estimated": 0.25}) for v in (1, 2, 4, 8)]
    rows += [("b", "two", v, {**numbers, "hull": 0.1 * v}) for v in (1, 2, 4, 8)]
    return ViewCounts(rows)


def test_means_are_over_the_shapes_that_were_measured():
    actual = results()
    assert actual.count() == 2
    assert actual.mean(4, "hull") == pytest.approx((0.5 + 0.4) / 2)
    assert actual.of_group("b").mean(2, "hull") == pytest.approx(0.2)
    assert actual.placed().count() == 1
    assert actual.placed().mean(1, "estimated") == 0.25
    assert actual.of_group("b").mean(1, "estimated") is None
    assert actual.mean(1, "estimated") is None


def test_the_page_has_a_table_of_all_of_each_group_and_of_placed_ones(tmp_path):
    path = tmp_path / "views.md"
    write_page(path, results(), command="levelform experiments views", title="Levelform")
    text = path.read_text()
    assert text.count("| IoU | 1 view | 2 views | 4 views | 8 views |") == 4
    assert "b: 1 shapes" in text
    placed = text.split("The volume estimated")[1]
    assert "| 0.250 | 0.250 | 0.250 | 0.250 |" in placed
    assert "0.250" not in text.split("## a: 1")[0]  # not all shapes were placed


def test_a_volume_at_another_distance_looks_the_same():
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    pose[:3, 3] = [0.4, -5, 1]
    camera = Camera(pose, 90, 90, 32, 32, 64, 64)
    volume = np.diag([0.5, 0.5, 0.5, 1.0])
    volume[:3, 3] = [0.2, -2, 0.8]
    center = np.array([0.3, 1.0, 0.9])
    moved = as_far_away(volume, center, camera)
    depth = (moved[:3, 3] - camera.center) @ camera.forward
    assert depth == pytest.approx((center - camera.center) @ camera.forward)
    points = torch.rand(20, 3, dtype=torch.float64) - 0.5
    images = [
        camera.project(points @ torch.from_numpy(m[:3, :3].T) + torch.from_numpy(m[:3, 3]))[0]
        for m in (volume, moved)
    ]
    torch.testing.assert_close(*images)
