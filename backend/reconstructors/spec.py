"""What a method declares of itself: its name, its needs, and the options that a person may give."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..contract.options import Option
from ..fusion import Fusion


@dataclass(frozen=True)
class MethodSpec:
    """What a method is called and what it needs.

    Attributes
    ----------
    name : as users type it, e.g. "visual-hull"
    title : as the panel shows it
    paper : citation, empty for our own
    summary : one sentence for the artist
    needs_camera : every view must be posed
    estimates_camera : the method can place the camera of an unposed image
    min_views, max_views : how many views it takes; max_views None means any number
    needs_weights : a network; false for methods without weights of their own
    members : methods whose bundled networks it uses instead of its own
    fusions : names of the rules that combine several views, the default first
    own_options : keywords of `encode` and `decode` that a person may give, see `options`
    level_unit : what a user's level is a number of, "distance" or "probability"
    improves : its result gets better while it is shown; it can be stopped early, and continued
    quick : an image and a coarse mesh take so little of a job that both can be made twice
    """

    name: str
    title: str
    paper: str
    summary: str
    needs_camera: bool = False
    estimates_camera: bool = False
    min_views: int = 1
    max_views: int | None = None
    needs_weights: bool = True
    fusions: tuple[Fusion, ...] = ()
    own_options: tuple[Option, ...] = ()
    level_unit: str = "distance"
    improves: bool = False
    quick: bool = False
    members: tuple[str, ...] = ()

    @property
    def learned(self) -> bool:
        """Whether networks predict the object, which faces -Y then."""
        return self.needs_weights or bool(self.members)

    @property
    def options(self) -> tuple[Option, ...]:
        """Every option that may be given by name, in order of the names.

        Where there is a choice of fusions it is "fusion"; where cameras are estimated, "camera".
        """
        implied = []
        if len(self.fusions) > 1:
            help_ = "how several views become one object"
            implied.append(Option("fusion", "choice", self.fusions[0], help_, choices=self.fusions))
        if self.estimates_camera:
            help_ = "take each image's camera where it has one, or estimate all of them"
            words = ("given", "estimated")
            implied.append(Option("camera", "choice", "given", help_, choices=words))
        return tuple(sorted((*implied, *self.own_options), key=lambda option: option.name))


# Of methods whose objects are taken for symmetric, where their weights are so configured.
SYMMETRY = Option(
    "symmetry",
    "bool",
    True,
    "use that most objects are symmetric about the volume's plane x = 0",
)


def keyword_names(function: Callable[..., Any]) -> set[str]:
    """Return the names of a function's keyword-only arguments."""
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
