"""The folding network of UCLID-Net (Eq. 4): a voxel's code and (u, v) to a point in the voxel."""

import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

WIDTH = 64


class PatchSampler(nn.Module):
    """Codes (P, C) and parameters (P, S, 2) to points in the unit voxel, (P, S, 3).

    Two groups of three layers that read the code; names of parameters are those of the
    authors' files.

    Parameters
    ----------
    code
        C, channels of a code.
    """

    def __init__(self, code: int) -> None:
        super().__init__()
        sizes = {"11": code + 2, "12": WIDTH, "13": WIDTH, "21": code + WIDTH}
        sizes |= {"22": WIDTH, "23": WIDTH}
        for name, inputs in sizes.items():
            self.add_module(f"conv{name}", nn.Conv2d(inputs, WIDTH, 1, bias=False))
            self.add_module(f"bn{name}", nn.BatchNorm2d(WIDTH))
        self.conv3 = nn.Conv2d(WIDTH, 3, 1, bias=False)

    def forward(self, codes: Tensor, uv: Tensor) -> Tensor:
        """Return (P, S, 3) in (0, 1).

        The code's part of a layer is the same for all points of a patch, so it is computed once.
        """
        x = uv.flatten(0, 1)  # (P S, 2)
        for index in ("11", "12", "13", "21", "22", "23"):
            conv, norm = (self.get_submodule(f"{kind}{index}") for kind in ("conv", "bn"))
            assert isinstance(conv, nn.Conv2d)
            weight = conv.weight[:, :, 0, 0]
            own = x.shape[1]
            x = F.linear(x, weight[:, -own:], conv.bias)  # (P S, WIDTH)
            if weight.shape[1] > own:
                of_code = codes @ weight[:, :-own].T
                x = (x.unflatten(0, uv.shape[:2]) + of_code[:, None]).flatten(0, 1)
            x = norm(x[..., None, None]).flatten(1).relu()
        return F.linear(x, self.conv3.weight[:, :, 0, 0]).sigmoid().unflatten(0, uv.shape[:2])
