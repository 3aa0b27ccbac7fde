"""The level as Blender properties: one for each unit, with its range, default and tooltip."""

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import FloatProperty

from ...backend.contract.levels import DISTANCE, PROBABILITY

LEVEL_PROPERTIES = {DISTANCE.name: "level", PROBABILITY.name: "probability"}
_STEPS = {"step": 1, "precision": 3}


def offset(*, remembered: bool = False) -> Any:
    """Return a property for a level that is a distance; see `_remember` for `remembered`."""
    return FloatProperty(
        name="Level",
        description="Position of the surface: its offset in volume units (half the side of the "
        "volume) from the method's own surface; positive is outside",
        default=DISTANCE.default,
        min=DISTANCE.minimum,
        max=DISTANCE.maximum,
        update=_remember(DISTANCE.name) if remembered else None,
        **_STEPS,
    )


def probability(*, remembered: bool = False) -> Any:
    """Return a property for a level that is a probability; see `_remember` for `remembered`."""
    return FloatProperty(
        name="Probability",
        description="Position of the surface: the probability of being inside, from 0 to 1; higher "
        "values make the object thinner",
        default=PROBABILITY.default,
        min=0.001,
        max=0.999,
        update=_remember(PROBABILITY.name) if remembered else None,
        **_STEPS,
    )


def _remember(unit: str) -> Callable[[Any, bpy.types.Context], None]:
    """Return an update function that stores the unit of the level that was set last.

    A file opened before the method's unit is known shows the level in that unit.
    """

    def remember(settings: Any, _context: bpy.types.Context) -> None:
        settings.level_kind = unit

    return remember
