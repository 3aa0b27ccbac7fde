"""Fit one object to its own posed views: a signed-distance grid and its appearance, optimised.

Nothing is learned from other objects. `FitOptimiser` holds the state and takes steps;
`reconstructors.fit` offers it as a method.
"""

from . import starting
from .optimiser import FitOptimiser
from .settings import FitSettings
from .state import FitState

__all__ = ["FitOptimiser", "FitSettings", "FitState", "starting"]
