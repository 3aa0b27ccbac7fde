"""A U-Net over the maps of one view: what lies around a pixel, in the image and in the hull."""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

LEVELS = 3
GROWTH = 1.5  # channels of a level over those of the next finer one


class Context(nn.Module):
    """Add to the maps of a view what a neighbourhood of 40 of their cells tells.

    The image encoder of `SeveralViews` has not seen the hull, and only convolutions of 5 x 5 cells
    read both. Zero at first, so a trained network may be given one.

    Parameters
    ----------
    channels
        Of the maps that it reads.
    out
        Of the maps that it returns.
    width
        Channels of its finest level.
    """

    def __init__(self, channels: int, out: int, *, width: int) -> None:
        super().__init__()
        widths = [int(width * GROWTH**level) // 8 * 8 or width for level in range(LEVELS)]
        self.down = nn.ModuleList()
        for level, wide in enumerate(widths):
            self.down.append(_block(widths[level - 1] if level else channels, wide))
        self.up = nn.ModuleList(
            _block(coarse + fine, fine)
            for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.last = nn.Conv2d(widths[0], out, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, maps: Tensor) -> Tensor:
        """Return (N, out, T, T) of maps (N, channels, T, T)."""
        levels = [self.down[0](maps)]
        for block in list(self.down)[1:]:
            levels.append(block(F.avg_pool2d(levels[-1], 2, ceil_mode=True)))
        x = levels.pop()
        for block in self.up:
            fine = levels.pop()
            coarse = F.interpolate(x, fine.shape[-2:], mode="bilinear", align_corners=False)
            x = block(torch.cat([coarse, fine], 1))
        return self.last(x)


def _block(channels: int, out: int) -> nn.Sequential:
    """Return two convolutions; group norm keeps them apart from the batch and the views."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1),
        nn.GroupNorm(out // 8 or 1, out),
        nn.SiLU(),
        nn.Conv2d(out, out, 3, padding=1),
        nn.SiLU(),
    )
