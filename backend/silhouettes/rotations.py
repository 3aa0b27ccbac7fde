"""Rotation vectors and rigid motions, batched in numpy float64."""

import numpy as np


def cross_matrix(vectors: np.ndarray) -> np.ndarray:
    """Return (..., 3, 3), the matrices of v x for vectors (..., 3)."""
    x, y, z = np.moveaxis(np.asarray(vectors, np.float64), -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def rotation(vectors: np.ndarray) -> np.ndarray:
    """Return (..., 3, 3), the rotations about vectors (..., 3) by their length in radians."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    cross = cross_matrix(vectors)
    safe = np.maximum(angle, 1e-12)
    sine = np.where(angle > 1e-6, np.sin(angle) / safe, 1.0)
    cosine = np.where(angle > 1e-6, (1 - np.cos(angle)) / safe**2, 0.5)
    return np.eye(3) + sine * cross + cosine * cross @ cross


def left_jacobian(vectors: np.ndarray) -> np.ndarray:
    """Return (..., 3, 3): exp(w + dw) = exp(J dw) exp(w) to first order."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    cross = cross_matrix(vectors)
    safe = np.maximum(angle, 1e-12)
    first = np.where(angle > 1e-4, (1 - np.cos(angle)) / safe**2, 0.5)
    second = np.where(angle > 1e-4, (angle - np.sin(angle)) / safe**3, 1 / 6)
    return np.eye(3) + first * cross + second * cross @ cross


def about_axis(axis: int, angles: np.ndarray) -> np.ndarray:
    """Return (..., 3, 3), the rotations about one coordinate axis by angles (...) in radians."""
    vectors = np.zeros((*np.shape(angles), 3))
    vectors[..., axis] = angles
    return rotation(vectors)


def vector_of(skew: np.ndarray) -> np.ndarray:
    """Return (..., 3), the vectors of nearly skew-symmetric matrices, see `cross_matrix`."""
    return (
        np.stack(
            [
                skew[..., 2, 1] - skew[..., 1, 2],
                skew[..., 0, 2] - skew[..., 2, 0],
                skew[..., 1, 0] - skew[..., 0, 1],
            ],
            -1,
        )
        / 2
    )
