"""A small Deep Meta Functionals."""

from dataclasses import replace

import torch
from levelform.backend.reconstructors.deep_meta_functionals import (
    COMPACT,
    DeepMetaFunctionals,
)

TINY = replace(
    COMPACT, framing=replace(COMPACT.framing, size=24), width=4, blocks=2, hidden_width=8
)


def make(**changes):
    torch.manual_seed(0)
    return DeepMetaFunctionals(replace(TINY, **changes)).eval()
