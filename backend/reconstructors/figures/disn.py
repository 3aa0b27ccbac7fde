"""DISN: shape interpolation (figure 10) and the two streams apart (figure 6)."""

from ...fields import Field
from ..base import Code
from ..disn import DISN

STREAMS = ("both", "global", "local")


def interpolate(model: DISN, first: Code, second: Code, weight: float) -> Code:
    """Blend two objects, from weight 0, the first one, to 1, the second; see `DISN.blend`."""
    return model.blend((first, second), (1.0 - weight, weight))


def streams(model: DISN, code: Code, *, symmetry: bool = True) -> dict[str, Field]:
    """Return the fields of the sum, of the global and of the local stream (figure 6).

    Raises
    ------
    RequestError
        If the weights have one stream.
    """
    return {
        part: model.decode(code, symmetry=symmetry, part=part)  # pyright: ignore[reportArgumentType]
        for part in STREAMS
    }
