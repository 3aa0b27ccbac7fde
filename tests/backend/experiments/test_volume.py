"""What an estimated volume costs, for a ball and a network that makes one of anything."""

import numpy as np
import pytest
import torch
from levelform.backend.experiments import volume
from levelform.backend.experiments.entrants import EVERY
from levelform.backend.experiments.store import Store
from levelform.backend.experiments.volume import Case, VolumeResults, measure_volumes, write_page
from levelform.backend.placing.place import facing_of
from setups.analytic import Sphere

from ..placing.conftest import camera_around, capsule_view

RADIUS = 0.9
PLACES = ((0, 10), (70, -20), (140, 35), (210, 5), (290, 50), (30, 0), (100, 20), (250, -10))


class Ball:
    """Is finder and model: makes a ball of the volume's size, sees the azimuths that are true."""

    def __init__(self):
        self.asked = 0

    def azimuths(self, views):
        angles = [place[0] for place in PLACES[: len(views)]]
        return np.ones((len(views), 1)), np.radians(angles)[:, None]

    def encode(self, views, **options):
        self.asked += 1
        return list(views)

    def decode(self, code, **options):
        return Sphere(RADIUS)


class Balls:
    """A network of the experiments with a `Ball` as its only model."""

    name, title = "ball", "Ball"

    def __init__(self):
        self.models = {EVERY: Ball()}

    def knows(self, category):
        return category != "table"

    def version(self, category):
        return "1"


@pytest.fixture
def ball():
    body = [((0, 0, 0), (0, 0, 0), RADIUS)]
    views = tuple(
        capsule_view(camera_around(a, e, reach=1.2), body, f"view {i}")
        for i, (a, e) in enumerate(PLACES)
    )
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.uniform(-1, 1, (3000, 3)).astype(np.float32))
    return Case("ball", "chair", views, points, (points.norm(dim=1) < RADIUS).numpy())


def test_a_ball_is_found_and_its_front_too(ball, tmp_path):
    networks, finder = [Balls()], Ball()
    results = measure_volumes([ball], networks, finder, Store(tmp_path / "a.jsonl"), seed=3)
    assert [(method, count) for _, method, count, _ in results.rows] == [
        ("ball", 2),
        ("ball", 4),
        ("ball", 8),
    ]
    for _, _, count, numbers in results.rows:
        assert numbers["true"] == 1.0
        if count > 2:  # two views leave the box open
            assert min(numbers["box"], numbers["front"]) > 0.85
    for _, _, numbers in results.fronts:
        assert numbers["decided"] == 1.0
        assert numbers["front_error"] < 4
    assert results.kept("ball", 8, "front") == results.mean("ball", 8, "front")


def test_what_is_known_is_not_measured_again(ball, tmp_path, monkeypatch):
    monkeypatch.setattr(volume, "VIEWS", (4,))
    path = tmp_path / "a.jsonl"
    first = measure_volumes([ball], [Balls()], Ball(), Store(path))
    again, finder = Balls(), Ball()
    second = measure_volumes([ball], [again], finder, Store(path))
    assert [row[3] for row in second.rows] == [row[3] for row in first.rows]
    assert (again.models[EVERY].asked, finder.asked) == (0, 0)


def test_without_networks_the_fronts_alone_are_measured_with_four_views(ball, tmp_path):
    results = measure_volumes([ball], [], Ball(), Store(tmp_path / "a.jsonl"))
    assert not results.rows
    assert [count for _, count, _ in results.fronts] == [4]


def test_networks_are_asked_for_categories_that_they_know(ball, tmp_path, monkeypatch):
    monkeypatch.setattr(volume, "VIEWS", (4,))
    table = Case("table", "table", ball.views, ball.points, ball.inside)
    results = measure_volumes([table], [Balls()], Ball(), Store(tmp_path / "a.jsonl"))
    assert not results.rows
    assert len(results.fronts) == 1


def test_scenes_are_the_same_for_a_seed_and_stand_elsewhere_for_another(ball):
    np.testing.assert_array_equal(ball.scene(1), ball.scene(1))
    assert abs(facing_of(ball.scene(1)) - facing_of(ball.scene(2))) > 1
    rotation = ball.scene(1)[:3, :3] / np.cbrt(np.linalg.det(ball.scene(1)[:3, :3]))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)


def test_the_page_tells_what_is_kept(ball, tmp_path):
    rows = [(ball, "ball", 4, {"true": 0.8, "box": 0.72, "front": 0.4})]
    fronts = [(ball, 4, {"front_error": 3.0, "decided": 1.0})]
    page = tmp_path / "volume.md"
    results = VolumeResults(rows, fronts)
    write_page(page, results, None, titles={"ball": "Ball"}, command="the command", counts="One.")
    text = page.read_text()
    assert "| Ball | 0.800 | 0.720 | 0.900 | 0.400 | 0.500 |" in text
    assert "| chair | 1 | 1.00 | 1.00 | 1.00 |" in text
    assert "## 2 views" not in text
