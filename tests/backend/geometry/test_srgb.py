"""The curves for tensors against those for arrays."""

import numpy as np
import torch
from levelform.backend.contract import srgb
from levelform.backend.geometry.srgb import linear_from_srgb, srgb_from_linear


def test_tensors_and_arrays_agree():
    values = np.linspace(-0.1, 1.1, 1001)
    for ours, theirs in (
        (linear_from_srgb, srgb.linear_from_srgb),
        (srgb_from_linear, srgb.srgb_from_linear),
    ):
        actual = ours(torch.from_numpy(values)).numpy()
        np.testing.assert_allclose(actual, theirs(values), rtol=0, atol=1e-12)


def test_gradients_are_finite_everywhere():
    for curve in (linear_from_srgb, srgb_from_linear):
        values = torch.linspace(-0.1, 1.1, 101, requires_grad=True)
        curve(values).sum().backward()
        assert torch.isfinite(values.grad).all()
        assert (values.grad > 0).all()
