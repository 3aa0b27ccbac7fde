"""The transfer curves of sRGB (IEC 61966-2-1)."""

import numpy as np


def linear_from_srgb(srgb: np.ndarray) -> np.ndarray:
    """Return linear light of sRGB values in [0, 1]; below 0 the linear part continues."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0.0) + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: np.ndarray) -> np.ndarray:
    """Return sRGB values of linear light in [0, 1]; below 0 the linear part continues."""
    curve = 1.055 * np.maximum(linear, 0.0) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve)
