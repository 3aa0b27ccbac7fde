"""Exposure differences between photos, estimated from points that they share.

After Brown and Lowe, "Automatic Panoramic Image Stitching using Invariant Features", IJCV 2007,
section 6, for each colour channel in linear light. Departure: the logarithms x_i of the gains
minimise

    sum_ij N_ij (x_i - x_j + m_ij)^2 + PRIOR sum_ij N_ij x_i^2

where N_ij points are seen by photos i and j, and m_ij is the median over them of the logarithm of
photo i's value over photo j's. Highlights move with the camera and shift a mean, not a median.
"""

import torch
from torch import Tensor

PRIOR = 0.01  # weight of a gain of 1, relative to the photos' comparisons
BRIGHTEST = 0.95  # linear values above are clipped, and say nothing about exposure
DARKEST = 0.002  # linear values below are noise
LIMITS = (0.25, 4.0)
FEWEST = 16  # minimum number of common points of two photos


def solve_gains(colors: Tensor, seen: Tensor) -> Tensor:
    """Return (P, 3) factors of each photo's linear colours; their geometric mean is 1.

    Parameters
    ----------
    colors : (P, N, 3) linear RGB of N points in P photos
    seen : (P, N) bool, whether the photo sees the point well
    """
    seen = seen & (colors.amax(2) < BRIGHTEST) & (colors.amin(2) > DARKEST)
    logs = colors.double().clamp_min(DARKEST).log()
    gains = [_channel(logs[..., channel], seen) for channel in range(colors.shape[2])]
    return torch.stack(gains, 1).to(colors.dtype)


def _channel(logs: Tensor, seen: Tensor) -> Tensor:
    """Return (P,) the gains of one channel from the logarithms of its values, (P, N)."""
    count = len(logs)
    matrix, right = torch.eye(count).double() * 1e-9, torch.zeros(count).double()
    for i in range(count):
        for j in range(i):
            both = seen[i] & seen[j]
            common = int(both.sum())
            if common < FEWEST:
                continue
            ratio = (logs[i, both] - logs[j, both]).median()
            matrix[i, i] += common * (1 + PRIOR)
            matrix[j, j] += common * (1 + PRIOR)
            matrix[i, j] -= common
            matrix[j, i] -= common
            right[i] -= common * ratio
            right[j] += common * ratio
    solved = torch.linalg.solve(matrix, right)
    return (solved - solved.mean()).exp().clamp(*LIMITS)
