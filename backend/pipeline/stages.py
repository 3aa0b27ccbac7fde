"""The stages of a job, each with its expected fraction of the time."""

from ..contract import protocol
from ..fit.settings import SECONDS as TIMES
from ..reconstructors import find_method
from .refining import STAGE as REFINE

PREPARE, MAKE, MESH, COLOR, CHECK = (
    "Prepare images", "Reconstruct", "Mesh", "Color", "Compare with images",
)  # fmt: skip
# Seconds of a network's job at 128 cells with eight images, on one core.
SECONDS = {PREPARE: 5.0, MAKE: 3.0, MESH: 8.0, COLOR: 12.0, CHECK: 4.0}
COMPARE = "Compare methods"
# The same of one image without a camera, whose method is chosen by comparing.
SINGLE = {PREPARE: 1.0, COMPARE: 9.0, MAKE: 3.0, MESH: 4.0, COLOR: 1.0, CHECK: 1.0}
REFINING = 10.0
IMPROVING = 60.0  # seconds of a method that improves its result, unless its time is given
CARVING = {MAKE: 1.0, MESH: 3.0}  # of a method without a network


def stages_of(request: protocol.Reconstruct, *, choosing: bool = False) -> dict[str, float]:
    """Return the stages of a reconstruction, with their weights.

    choosing : whether its method is chosen by its image
    """
    spec = find_method(request.method).spec
    weights = dict(SECONDS) if spec.learned else SECONDS | CARVING
    if choosing:
        weights |= SINGLE
    if spec.improves:
        weights[MAKE] = TIMES.get(request.options.get("time", ""), IMPROVING)
    if not request.color:
        del weights[COLOR]
    more = {REFINE: REFINING} if request.options.get("refine") else {}
    more |= {COMPARE: weights.pop(COMPARE)} if choosing else {}
    return {PREPARE: weights.pop(PREPARE), **more, **weights}


def stages_again(request: protocol.Remesh) -> dict[str, float]:
    """Return the stages of meshing a kept result again."""
    before = {MAKE: IMPROVING} if request.improve else {}
    return {**before, MESH: SECONDS[MESH], **({COLOR: SECONDS[COLOR]} if request.color else {})}
