"""The level, the user's threshold: its unit, range and default by the kind of field.

A method that predicts distances takes an offset from the surface, one that predicts occupancy the
probability above which a point is inside. `MethodSpec.level_unit` says which.
"""

from dataclasses import dataclass

from .errors import RequestError
from .options import show


@dataclass(frozen=True)
class LevelUnit:
    """The unit of a level.

    Attributes
    ----------
    name : "distance" or "probability"
    words : description of the number, as part of a sentence
    minimum, maximum : allowed range; `exclusive`: without the limits themselves
    default : initial value of a control; without a given level, the weights' own counts
    """

    name: str
    words: str
    minimum: float
    maximum: float
    default: float
    exclusive: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        between = "between" if self.exclusive else "from"
        joint = "and" if self.exclusive else "to"
        return f"{self.words}, {between} {show(self.minimum)} {joint} {show(self.maximum)}"

    def check(self, level: float, owner: str = "") -> float:
        """Return the level; `owner` is the method, for the sentence.

        Raises
        ------
        RequestError
            If it is outside the range, or not finite.
        """
        if self.exclusive:
            inside = self.minimum < level < self.maximum
        else:
            inside = self.minimum <= level <= self.maximum
        if inside:
            return level
        of = f" of {owner}" if owner else ""
        raise RequestError(
            f"The level{of} is {self.allowed}, not {show(level)}.",
            f"{'Higher' if self.exclusive else 'Lower'} values make the object thinner; leave the "
            "level out for the method's own.",
        )


DISTANCE = LevelUnit(
    "distance",
    "a distance from the surface in volume units (half the side of the volume), outside positive",
    -1.0,
    1.0,
    0.0,
)
PROBABILITY = LevelUnit(
    "probability", "the probability to be inside that the surface has", 0.0, 1.0, 0.5, True
)
LEVEL_UNITS = {unit.name: unit for unit in (DISTANCE, PROBABILITY)}
LEVEL_HELP = (
    "where the surface is: for methods that predict distances the offset from it in volume units "
    "(-1 to 1, outside positive), for those that predict occupancy a probability (0 to 1); "
    "`methods` says which"
)
