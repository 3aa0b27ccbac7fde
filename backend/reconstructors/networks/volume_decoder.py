"""The 3D CNN that DISN compares itself with (section 4.1, "3DCNN"): a feature becomes a grid."""

from collections.abc import Sequence

from torch import Tensor, nn

VERTICES = 65  # along a side: six transposed convolutions make 2, 4, 8, 16, 32 and 65


class VolumeDecoder(nn.Module):
    """Six transposed convolutions with stride 2, each followed by a ReLU, and one of size 1.

    Parameters
    ----------
    features
        Length of the global feature.
    widths
        Channels after each transposed convolution, six.
    outputs
        Values at a vertex.
    """

    def __init__(self, features: int, widths: Sequence[int], outputs: int) -> None:
        super().__init__()
        first, *middle, last = widths
        layers: list[nn.Module] = [nn.ConvTranspose3d(features, first, 2, stride=2), nn.ReLU()]
        before = first
        for width in middle:  # as TensorFlow's "SAME": twice as many vertices
            layers += [
                nn.ConvTranspose3d(before, width, 3, stride=2, padding=1, output_padding=1),
                nn.ReLU(),
            ]
            before = width
        layers += [nn.ConvTranspose3d(before, last, 3, stride=2), nn.ReLU()]  # "VALID": 2 n + 1
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv3d(last, outputs, 1)
        for layer in (*self.layers, self.last):
            if isinstance(layer, nn.ConvTranspose3d | nn.Conv3d):
                nn.init.xavier_uniform_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, outputs, 65, 65, 65), axes x, y, z over [-1, 1]^3, of features (N, F)."""
        return self.last(self.layers(features[:, :, None, None, None]))
