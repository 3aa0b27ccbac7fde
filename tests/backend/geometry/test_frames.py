"""Frames: hand-computed points, and each paper's normalisation."""

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry import frames


@pytest.mark.parametrize(
    ("matrix", "pairs"),
    [
        # glTF: +Y up, +Z towards the viewer.
        (
            frames.Z_UP_FROM_Y_UP,
            {(0, 1, 0): (0, 0, 1), (0, 0, 1): (0, -1, 0), (1, 0, 0): (1, 0, 0)},
        ),
        # ShapeNet: +Y up, the front towards +X.
        (
            frames.Z_UP_FROM_SHAPENET,
            {(0, 1, 0): (0, 0, 1), (1, 0, 0): (0, -1, 0), (0, 0, 1): (-1, 0, 0)},
        ),
        # Pix3D: +x to the viewer's left, +y up, +z away from the viewer.
        (
            frames.Z_UP_FROM_PIX3D,
            {(0, 1, 0): (0, 0, 1), (0, 0, 1): (0, 1, 0), (1, 0, 0): (-1, 0, 0)},
        ),
    ],
)
def test_axes_go_where_they_should_and_nothing_is_mirrored(matrix, pairs):
    for point, expected in pairs.items():
        moved = frames.apply(matrix, np.array([point], float))
        np.testing.assert_allclose(moved[0], expected, atol=1e-15)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "side"), [("object", 1.8), ("unit-cube", 1), ("unit-box", 2), ("padded-grid", 64 / 35)]
)
def test_boxes_are_centred_with_their_longest_side(name, side):
    points = np.array([[1.0, 2, 3], [5, 4, 4]])
    moved = frames.apply(frames.FRAMES[name](points), points)
    np.testing.assert_allclose(moved.min(0), -moved.max(0), atol=1e-12)
    assert np.ptp(moved, axis=0).max() == pytest.approx(side)


def test_the_unit_sphere_is_around_the_centroid():
    points = np.random.default_rng(0).normal(size=(100, 3)) * [1, 2, 3] + 7
    moved = frames.apply(frames.from_sphere(points), points)
    np.testing.assert_allclose(moved.mean(0), 0, atol=1e-12)
    assert np.linalg.norm(moved, axis=1).max() == pytest.approx(1.0)


def test_there_and_back_is_nowhere():
    points = np.random.default_rng(1).normal(size=(50, 3))
    matrix = frames.FRAMES["unit-box"](points)
    back = frames.apply(np.linalg.inv(matrix), frames.apply(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-12)
    assert frames.scale_of(matrix) == pytest.approx(2 / np.ptp(points, axis=0).max())


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.ones((4, 3)), np.full((2, 3), np.nan)])
def test_what_has_no_size_is_refused(points):
    for normalize in (frames.FRAMES["object"], frames.from_sphere):
        with pytest.raises(RequestError, match="normalize"):
            normalize(points)
