"""The guided filter, against its definition window by window."""

import numpy as np
import torch
from levelform.backend.images.edges import guided


def slow(guide: np.ndarray, mask: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """He, Sun and Tang's equations 5, 14 and 15, one window at a time."""
    height, width = mask.shape
    slopes, offsets = np.zeros((height, width, 3)), np.zeros((height, width))

    def window(y, x):
        return (
            slice(max(y - radius, 0), y + radius + 1),
            slice(max(x - radius, 0), x + radius + 1),
        )

    for y in range(height):
        for x in range(width):
            colors = guide[window(y, x)].reshape(-1, 3)
            values = mask[window(y, x)].ravel()
            mean = colors.mean(0)
            variance = (colors.T @ colors) / len(colors) - np.outer(mean, mean)
            covariance = (colors * values[:, None]).mean(0) - mean * values.mean()
            slopes[y, x] = np.linalg.solve(variance + epsilon * np.eye(3), covariance)
            offsets[y, x] = values.mean() - slopes[y, x] @ mean
    result = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            slope = slopes[window(y, x)].reshape(-1, 3).mean(0)
            result[y, x] = slope @ guide[y, x] + offsets[window(y, x)].mean()
    return result.clip(0, 1)


def test_it_is_the_papers_filter():
    rng = np.random.default_rng(0)
    guide, mask = rng.uniform(size=(9, 12, 3)), rng.uniform(size=(9, 12))
    for radius in (1, 3):
        fast = guided(
            torch.from_numpy(guide), torch.from_numpy(mask), size=99, radius=radius, epsilon=1e-3
        )
        np.testing.assert_allclose(fast, slow(guide, mask, radius, 1e-3), atol=1e-6)


def test_a_coarse_mask_gets_the_images_edge_at_full_size():
    rows, columns = torch.meshgrid(torch.arange(400), torch.arange(300), indexing="ij")
    true = (rows - 200.0) ** 2 + (columns - 150.0) ** 2 < 100.0**2
    red, blue = torch.tensor([0.8, 0.3, 0.2]), torch.tensor([0.2, 0.4, 0.5])
    guide = torch.where(true[..., None], red, blue)
    off = torch.nn.functional.avg_pool2d(true.float().roll(5, 1)[None, None], 17, 1, 8)[0, 0]
    refined = guided(guide, off, size=200)
    before, after = (((mask > 0.5) != true).float().mean() for mask in (off, refined))
    assert after < before / 5
