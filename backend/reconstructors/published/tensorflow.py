"""Layouts of TensorFlow's variables."""

from torch import Tensor


def kernel(tensor: Tensor) -> Tensor:
    """Return a convolution's kernel, (height, width, in, out), as (out, in, height, width)."""
    return tensor.permute(3, 2, 0, 1).contiguous()


def matrix(tensor: Tensor) -> Tensor:
    """Return a linear layer's weights, (in, out), as (out, in)."""
    return tensor.T.contiguous()
