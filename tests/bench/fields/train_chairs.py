"""Train the two frozen fields of the benches: `python tests/bench/fields/train_chairs.py`.

Two networks of 3-32-32-32-32-1 with ELU, as large as the per-image function of Deep Meta
Functionals, learn a chair with thin legs: one its signed distance, one its occupancy. They fit it
badly, as networks of this size do, and that is their use: what they learned is itself what an
extraction has to find.
"""

import sys
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from subjects import FOLDER, chair

STEPS = 2500
POINTS = 4096
NEAR = 1024
"""Of these, points near the surface: enough to learn a chair, too few to learn it well."""
WIDTHS = (3, 32, 32, 32, 32, 1)


def network() -> nn.Sequential:
    """Return the untrained network."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(WIDTHS):
        layers += [nn.Linear(width_in, width_out), nn.ELU()]
    return nn.Sequential(*layers[:-1])


def loss(kind: str, predicted: Tensor, distance: Tensor) -> Tensor:
    """Return the L1 error of distances, or the cross-entropy of minus the logit."""
    if kind == "distance":
        return (predicted - distance).abs().mean()
    inside = (distance <= 0).float()
    return nn.functional.binary_cross_entropy_with_logits(-predicted, inside)


def train(kind: str) -> nn.Sequential:
    """Return the network that learned the chair."""
    torch.manual_seed(0)
    solid, net = chair(), network()
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    pool = torch.rand((400_000, 3)) * 2 - 1
    near = pool[solid(pool).abs() < 0.05]
    for _ in range(STEPS):
        points = torch.rand((POINTS, 3)) * 2 - 1
        points[:NEAR] = near[torch.randint(len(near), (NEAR,))]
        error = loss(kind, net(points)[:, 0], solid(points))
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        schedule.step()
    return net


def main() -> None:
    """Train both and store them in half precision."""
    for kind in ("distance", "occupancy"):
        linear = [layer for layer in train(kind) if isinstance(layer, nn.Linear)]
        tensors = {f"{k}.weight": layer.weight.detach().half() for k, layer in enumerate(linear)}
        tensors |= {f"{k}.bias": layer.bias.detach().half() for k, layer in enumerate(linear)}
        save_file(tensors, FOLDER / f"chair_{kind}.safetensors")


if __name__ == "__main__":
    main()
