"""A tiny untrained network of Levelform's own method."""

from dataclasses import replace

import torch
from levelform.backend.reconstructors.levelform import COMPACT, Levelform

SIZE = 32  # pixels of its images
TINY = replace(
    COMPACT,
    framing=replace(COMPACT.framing, size=SIZE),
    stem=4,
    widths=(4, 6, 8, 10),
    blocks=1,
    channels=3,
    hidden_layers=2,
    hidden_width=8,
    camera_stem=4,
    camera_widths=(4, 6),
    several=0,
)


def tiny(**changes) -> Levelform:
    """Return the network of seed 0, with changes of its configuration."""
    torch.manual_seed(0)
    return Levelform(replace(TINY, **changes)).eval()
