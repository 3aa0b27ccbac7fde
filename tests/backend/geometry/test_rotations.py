"""Rotations from six numbers are rotations, and reach every one of them."""

import torch
from levelform.backend.geometry.rotations import rotation_from_6d


def test_orthonormal_with_determinant_one():
    numbers = torch.randn(100, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rotations = rotation_from_6d(numbers)
    eye = torch.eye(3, dtype=torch.float64).expand(100, 3, 3)
    torch.testing.assert_close(rotations @ rotations.mT, eye)
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(100, dtype=torch.float64))


def test_two_rows_of_a_rotation_give_it_back():
    rotations = rotation_from_6d(torch.randn(50, 6, generator=torch.Generator().manual_seed(1)))
    x, y = rotations[:, 0], rotations[:, 1]
    torch.testing.assert_close(rotation_from_6d(torch.cat([2 * x, x + 3 * y], 1)), rotations)


def test_numbers_without_a_direction_stay_finite():
    assert rotation_from_6d(torch.zeros(1, 6)).isfinite().all()
