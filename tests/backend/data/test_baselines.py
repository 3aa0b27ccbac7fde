"""Baselines on a data set small enough to know the answers."""

import numpy as np
import pytest
from levelform.backend.data.baselines import (
    Neighbours,
    evaluate_baselines,
    image_feature,
    mean_shapes,
)
from levelform.backend.data.format import Dataset, DatasetWriter, Record, pack_voxels


def ball(radius):
    ticks = np.arange(32) - 15.5
    x, y, z = np.meshgrid(ticks, ticks, ticks, indexing="ij")
    return x**2 + y**2 + z**2 < radius**2


def image(radius, size=40, center=(20, 20)):
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    mask = (x - center[0]) ** 2 + ((y - center[1]) * 15 / radius) ** 2 < 15**2
    image = np.zeros((size, size, 4), np.uint8)
    image[mask] = (200, 60, 60, 255)
    return image


@pytest.fixture
def root(tmp_path):
    """Balls: the image's height tells the radius; the test's radius 9 is nearest to 8."""
    with DatasetWriter(tmp_path, provenance={}) as writer:
        for radius, split in ((5, "train"), (8, "train"), (14, "train"), (9, "test")):
            arrays = {
                "voxels": pack_voxels(ball(radius)),
                "views.images": image(radius)[None],
            }
            writer.add(Record(f"ball/{radius}", "ball", arrays, split))
    return tmp_path


def test_the_oracle_is_the_best_of_all(root):
    neighbours = Neighbours(Dataset(root, "train").shapes)
    ground_truth = ball(9)
    scores = [(g & ground_truth).sum() / (g | ground_truth).sum() for g in map(ball, (5, 8, 14))]
    index, score = neighbours.oracle(pack_voxels(ground_truth)[0])
    assert index == int(np.argmax(scores))
    assert score == pytest.approx(max(scores))
    np.testing.assert_array_equal(neighbours.voxels(index), ball(8))


def test_retrieval_finds_the_nearest_outline(root):
    neighbours = Neighbours(Dataset(root, "train").shapes)
    assert neighbours.shapes[neighbours.retrieve(image(9))].id == "ball/8"
    assert neighbours.shapes[neighbours.retrieve(image(13))].id == "ball/14"


def test_a_feature_does_not_depend_on_where_the_object_is(root):
    here, there = image_feature(image(9)), image_feature(image(9, center=(23, 17)))
    np.testing.assert_allclose(here, there, atol=1e-6)
    assert image_feature(np.zeros((9, 9, 4), np.uint8)).max() == 0


def test_the_mean_shape_is_cut_where_it_fits_best(root):
    mean = mean_shapes(Dataset(root, "train").shapes)["ball"]
    shapes = [ball(r) for r in (5, 8, 14)]

    def fit(guess):
        return np.mean([(g & guess).sum() / (g | guess).sum() for g in shapes])

    assert fit(mean) == pytest.approx(max(fit(g) for g in shapes))


def test_all_baselines_are_measured_and_the_oracle_leads(root):
    result = evaluate_baselines(
        Dataset(root, "train"), Dataset(root, "test"), hull=lambda shape: ball(10)
    )
    assert set(result) == {"oracle", "mean-shape", "retrieval", "visual-hull"}
    assert result["retrieval"]["iou"] == result["oracle"]["iou"]
    expected = ball(9).sum() / ball(10).sum()
    assert result["visual-hull"]["by_class"] == {"ball": pytest.approx(expected)}
