"""The bench's rows that count rather than time hold, each of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
import bench_extraction as bench
import subjects
from octree import Mise


@pytest.fixture(autouse=True)
def one_thread():
    """Keep the rows from taking every core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def assert_hold(rows) -> None:
    missed = [row for row in rows if not row.holds]
    assert not missed, missed


@pytest.mark.parametrize(
    "name", ["sphere", "torus", pytest.param("gyroid", marks=pytest.mark.slow)]
)
def test_effort_on_smooth_shapes(name):
    field = subjects.smooth()[name]
    assert_hold(bench.effort_rows(name, field, 256, floor_bar=1.40, mise_bar=0.78))


@pytest.mark.parametrize(("name", "bar"), [("chair", 1.60), ("rods", 6.0)])
def test_effort_on_thin_shapes(name, bar):
    field = getattr(subjects, name)()
    assert_hold(bench.effort_rows(name, field, 256, floor_bar=bar, mise_bar=1.0))


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("kind", ["distance", "occupancy"])
def test_recall_on_learned_fields(kind, bounded):
    field = subjects.learned(kind)
    field = field if bounded else subjects.Unbounded(field)
    assert_hold(bench.recall_rows(kind, field, 256))


@pytest.mark.parametrize("squeeze", [subjects.Binary, subjects.Saturated])
def test_recall_on_degenerate_fields(squeeze):
    assert_hold(bench.recall_rows(squeeze.__name__, squeeze(subjects.chair()), 128))


@pytest.mark.parametrize("name", ["sphere", "torus", "chair"])
def test_meshes(name):
    field = subjects.smooth().get(name) or subjects.chair()
    assert_hold(bench.shape_rows(name, field, 128))


@pytest.mark.parametrize("name", ["sphere", "torus", "gyroid", "chair"])
def test_accuracy(name):
    field = subjects.smooth().get(name) or subjects.chair()
    assert bench.accuracy_row(name, field).holds


def test_repeats():
    assert bench.repeat_row(128).holds


def test_the_octree_finds_what_a_dense_grid_has():
    field = subjects.smooth()["sphere"]
    octree = Mise(field, 64)
    values, active = bench.dense(field, 64)
    assert octree.active.sum() == active
    assert 33**3 < octree.evaluations < 65**3
    assert (octree.inside == (values <= 0))[octree.known].all()


def test_the_frozen_fields_are_small_and_half_learned_a_chair():
    solid = subjects.chair()
    points = torch.rand((50_000, 3), generator=torch.Generator().manual_seed(0)) * 2 - 1
    for kind in ("distance", "occupancy"):
        assert (subjects.FOLDER / f"chair_{kind}.safetensors").stat().st_size < 10_000
        inside, meant = subjects.learned(kind)(points) <= 0, solid(points) <= 0
        iou = (inside & meant).sum() / (inside | meant).sum()
        assert 0.3 < iou < 0.95
        assert np.isfinite(float(iou))


@pytest.mark.slow
def test_every_row_that_counts():
    assert_hold(bench.count_rows())


def test_rows_of_their_own_processes_can_be_measured():
    script = str(Path(bench.__file__).with_name("block_sweep.py"))
    done = subprocess.run([sys.executable, script, "512"], capture_output=True, check=True)
    assert str(bench.BLOCK["cpu"]) in json.loads(done.stdout)
    assert 0 < bench.peak_apart("sphere", 64)[0] < 1e9
