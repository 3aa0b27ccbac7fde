"""What the import of a checkpoint returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class PublishedNetwork:
    """A published network under our names.

    Attributes
    ----------
    state : the state dict of our network
    configuration : name of the configuration that it was published with
    changes : entries in which its own configuration differs from that one
    frame : (4, 4) method_from_volume; None is the frame that the configuration starts with
    """

    state: Mapping[str, Tensor]
    configuration: str = "paper"
    changes: Mapping[str, Any] = field(default_factory=dict)
    frame: np.ndarray | None = None
