"""Lights and shading: Lambert, hemispherical ambient light, and a highlight."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

HIGHLIGHT = 32.0  # exponent of the Blinn-Phong highlight of the glossiest material


@dataclass(frozen=True)
class Lights:
    """Directional and ambient lights, in the object frame.

    Attributes
    ----------
    directions : (L, 3) float64, unit, from the object towards each light
    colors : (L, 3) linear RGB radiance of a white surface facing the light
    sky, ground : (3,) linear RGB, the same for surfaces that face up and down
    """

    directions: np.ndarray
    colors: np.ndarray
    sky: np.ndarray
    ground: np.ndarray

    @classmethod
    def studio(cls) -> "Lights":
        """Return the lights of contact sheets: a key, a fill and a rim."""
        directions = np.array([[-0.5, -0.7, 0.9], [0.9, -0.4, 0.3], [0.2, 0.9, 0.6]])
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        colors = np.array([0.75, 0.25, 0.25])[:, None] * np.ones(3)
        return cls(directions, colors, np.full(3, 0.32), np.full(3, 0.16))


def sample_lights(count: int, seed: int) -> list[Lights]:
    """Sample lights: one to three, mostly from above, warm or cool, and a sky."""
    rng = np.random.default_rng([seed, 0x11687])
    return [_sample(rng) for _ in range(count)]


def _sample(rng: np.random.Generator) -> Lights:
    number = 3  # the same number for all, so that views stack; unused ones are dark
    used = int(rng.integers(1, 4))
    directions = rng.normal(size=(number, 3))
    directions[:, 2] = np.abs(directions[:, 2]) + 0.1
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    strength = np.array([rng.uniform(0.4, 1.0), rng.uniform(0, 0.5), rng.uniform(0, 0.4)])
    strength[used:] = 0
    warmth = rng.uniform(-0.12, 0.12, (number, 1)) * [1.0, 0.1, -1.0]
    sky = rng.uniform(0.12, 0.5) * (1 + rng.uniform(-0.08, 0.08, 3))
    ground = sky * rng.uniform(0.3, 0.9)
    return Lights(directions, strength[:, None] * (1 + warmth), sky, ground)


def shade(
    material: Tensor, normal: Tensor, towards: Tensor, lights: list[Lights], view: Tensor
) -> Tensor:
    """Return the radiance of points towards the camera, (S, 3) linear RGB, not clipped.

    Parameters
    ----------
    material : (S, 4) linear RGB and gloss
    normal : (S, 3) unit
    towards : (S, 3) unit, from the point to the camera
    lights : one for each view, all with the same number of lights
    view : (S,) index into `lights` for each point
    """
    device = material.device
    table = [np.stack([getattr(one, name) for one in lights]) for name in ("directions", "colors")]
    directions, colors = (torch.as_tensor(t, dtype=torch.float32, device=device) for t in table)
    around = np.stack([np.stack([one.sky, one.ground]) for one in lights])
    sky, ground = torch.as_tensor(around, dtype=torch.float32, device=device)[view].unbind(1)
    up = (normal[:, 2:] + 1) / 2
    diffuse = torch.lerp(ground, sky, up)
    gloss = material[:, 3:]
    highlight = torch.zeros_like(diffuse)
    for i in range(directions.shape[1]):
        direction, color = directions[view, i], colors[view, i]
        cosine = (normal * direction).sum(1, keepdim=True).clamp_min(0)
        half = torch.nn.functional.normalize(direction + towards, dim=1)
        shine = (normal * half).sum(1, keepdim=True).clamp_min(1e-4) ** (4 + HIGHLIGHT * gloss)
        diffuse = torch.addcmul(diffuse, cosine, color)
        highlight += (cosine > 0) * shine * color
    return material[:, :3] * diffuse + 0.45 * gloss * gloss * highlight
