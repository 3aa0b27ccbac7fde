"""A small TDGN, its embedding bent."""

from dataclasses import replace

import torch
from levelform.backend.reconstructors.tdgn import COMPACT, TDGN

TINY = replace(
    COMPACT,
    framing=replace(COMPACT.framing, size=32),
    width=4,
    features=8,
    points=8,
    generator_width=16,
    embedding_width=16,
)


def make(**changes):
    torch.manual_seed(0)
    return TDGN(replace(TINY, **changes)).eval()


def bend(model, *, amount=0.05):
    """Make the embedding a warp that depends on the image, and the points differ by image."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        if model.embed is not None:
            noise = torch.randn(model.embed.out.weight.shape, generator=generator)
            model.embed.out.weight += amount * noise
        model.points[-1].weight *= 3
    return model
