"""Records of animated shapes: every point knows its moment, and the images show the motion."""

import numpy as np
import pytest
import torch
from levelform.backend.data.format import DatasetWriter
from levelform.backend.data.format.dataset import Dataset
from levelform.backend.data.moving import MOMENTS, record_of_motion
from levelform.backend.data.records import Contents
from levelform.backend.data.shapes.animated import sample_animated

CONTENTS = Contents(points={"uniform": 200, "near": 91}, surface=50, views=3, size=32)


@pytest.fixture(scope="module")
def record():
    return record_of_motion("lid", 3, CONTENTS)


def test_labels_are_those_of_the_moment(record):
    arrays, moving = record.arrays, sample_animated("lid", 3)
    for name, count in CONTENTS.points.items():
        times = arrays[f"{name}.time"]
        assert len(times) == len(arrays[f"{name}.points"]) == count
        assert len(np.unique(times)) == MOMENTS
        for time in np.unique(times):
            chosen = times == time
            points = torch.from_numpy(arrays[f"{name}.points"][chosen])[None]
            shape = moving.at((float(time) + 1) / 2)
            distance = shape.distance(points[0])
            np.testing.assert_allclose(arrays[f"{name}.distance"][chosen], distance, atol=1e-4)


def test_one_camera_sees_the_motion_from_its_beginning(record):
    arrays = record.arrays
    assert arrays["views.time"].tolist() == [-1, 0, 1]
    assert np.array_equal(arrays["views.poses"][0], arrays["views.poses"][2])
    first, last = arrays["views.images"][0], arrays["views.images"][2]
    assert (first[..., 3] != last[..., 3]).mean() > 0.02


def test_a_data_set_keeps_the_moments(record, tmp_path):
    with DatasetWriter(tmp_path / "moving", provenance={}) as writer:
        writer.add(record)
    (shape,) = Dataset(tmp_path / "moving")
    np.testing.assert_array_equal(shape["uniform.time"], record.arrays["uniform.time"])
