"""sRGB's curves against the numbers of the standard, and each other."""

import numpy as np
from levelform.backend.contract.srgb import linear_from_srgb, srgb_from_linear

SRGB = np.array([-0.1292, 0.0, 0.04045, 0.5, 1.0])
LINEAR = np.array([-0.01, 0.0, 0.0031308, 0.2140411, 1.0])


def test_values_of_the_standard():
    np.testing.assert_allclose(linear_from_srgb(SRGB), LINEAR, atol=1e-6)
    np.testing.assert_allclose(srgb_from_linear(LINEAR), SRGB, atol=1e-5)


def test_one_undoes_the_other_on_every_byte():
    values = np.arange(256) / 255
    np.testing.assert_allclose(srgb_from_linear(linear_from_srgb(values)), values, atol=1e-6)


def test_float32_stays_float32():
    assert linear_from_srgb(np.float32([0.5])).dtype == np.float32
    assert srgb_from_linear(np.float32([0.5])).dtype == np.float32
