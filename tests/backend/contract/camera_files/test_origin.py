"""Cameras in map coordinates are read about a local origin; all others as they stand."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.contract.camera_files import read_posed_images
from levelform.backend.contract.camera_files.origin import local_origin, moved

PLACES = [(5000.0, 5000.0, 0.0), (500_000.0, 4_600_000.0, 300.0)]


@pytest.mark.parametrize("place", PLACES)
def test_a_scene_in_map_coordinates_is_the_scene_about_its_local_origin(write, cameras, place):
    away = np.eye(4)
    away[:3, 3] = place
    frames = {
        number: {"transform_matrix": (away @ data.transform_matrix).tolist()}
        for number, data in enumerate(cameras)
    }
    posed = read_posed_images(write(frames=frames, world_from_volume=away.tolist()))
    assert posed.world_offset == place
    np.testing.assert_allclose(posed.world_from_volume, np.eye(4), atol=1e-9)
    for frame, data in zip(posed.frames, cameras, strict=True):
        np.testing.assert_allclose(
            frame.camera.transform_matrix, data.transform_matrix, atol=1e-9 * max(place)
        )


def test_scenes_near_the_origin_stay_where_they_are(write, cameras):
    assert read_posed_images(write()).world_offset == (0, 0, 0)


def test_large_scenes_and_single_cameras(cameras):
    def at(*places):
        return [
            replace(data, transform_matrix=moved(data.transform_matrix, tuple(-np.array(place))))
            for data, place in zip(cameras, places, strict=False)
        ]

    assert local_origin(at((2e5, 0, 0), (-2e5, 0, 0), (0, 2e5, 0))) == (0, 0, 0)
    assert local_origin(at((0, 0, 900))) == (0, 0, 0)
    assert local_origin(at((2e6, 0, 0))) == (2e6, 0, 0)
