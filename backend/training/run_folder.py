"""The files and settings of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BEST, LAST, CURVE, RUN = "best.safetensors", "last.safetensors", "curve.csv", "run.json"


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run in addition to its recipe.

    Attributes
    ----------
    out : the run's folder
    seed : of the initial weights and of all sampling
    accumulate : parts that a batch is split into to fit the memory
    log_every : steps between rows of the curve
    save_every : seconds between states
    validate_every : steps between validations
    baseline : validate the initial weights too, so that the best are never worse than they
    patience : validations without improvement before the run ends; None: no limit
    provenance : description of the data for the weights' header
    """

    out: Path
    seed: int = 0
    accumulate: int = 1
    log_every: int = 50
    save_every: float = 120.0
    validate_every: int = 2000
    baseline: bool = False
    patience: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
