"""The box that explains silhouettes, against its plain twin; boxes of cells in any axes."""

import numpy as np
from levelform.backend.placing.carving import FEW, HullCells
from levelform.backend.placing.extents import EXPLAINED, MOST_NEEDED, STEPS, _needed_fraction
from levelform.backend.placing.place import about_z


def plain_fraction(first, last, least, most):
    """Return `_needed_fraction`, one segment at a time."""
    low, high = 0.0, MOST_NEEDED
    for _ in range(STEPS):
        fraction = (low + high) / 2
        box = least + fraction * (most - least)
        met = np.mean([meets(a, b, box) for a, b in zip(first, last, strict=True)])
        low, high = (low, fraction) if met >= EXPLAINED else (fraction, high)
    return high


def meets(start, end, box):
    """Return whether a segment meets a box, clipped by one face after the other."""
    enter, leave = 0.0, 1.0
    for axis in range(3):
        run = end[axis] - start[axis] or 1e-12
        faces = sorted((box[side, axis] - start[axis]) / run for side in (0, 1))
        enter, leave = max(enter, faces[0]), min(leave, faces[1])
    return enter <= leave


def test_the_needed_fraction_equals_its_plain_twin():
    random = np.random.default_rng(0)
    least, most = np.array([[-0.2] * 3, [0.2] * 3]), np.array([[-1.0] * 3, [1.0] * 3])
    seen = set()
    for spread in (0.1, 0.17, 0.2, 0.24, 0.3, 0.7):
        first = random.normal(0, spread, (300, 3))
        last = first + random.normal(0, 0.3, (300, 3))
        last[:20, 1] = first[:20, 1]
        fraction = _needed_fraction(first, last, least, most)
        assert fraction == plain_fraction(first, last, least, most)
        seen.add(fraction)
    assert len(seen) > 3


def test_the_box_of_cells_is_that_of_all_their_centers():
    random = np.random.default_rng(0)
    for count in (FEW // 2, 20 * FEW):
        cells = HullCells(random.normal(0, 1, (count, 3)), 0.1)
        for degrees in (0.0, 20.0, 77.0):
            axes = about_z(degrees)
            local = cells.centers @ axes
            expected = np.stack([local.min(0) - 0.05, local.max(0) + 0.05])
            np.testing.assert_allclose(cells.box(axes), expected, atol=1e-12)
    flat = HullCells(np.concatenate([random.normal(0, 1, (200, 2)), np.zeros((200, 1))], 1), 0.1)
    np.testing.assert_allclose(flat.box(np.eye(3))[:, 2], [-0.05, 0.05])
