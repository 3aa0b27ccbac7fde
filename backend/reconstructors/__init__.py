"""The reconstructors: one paper, one file. A new file in this folder is found by itself."""

import pkgutil
from importlib import import_module

import torch

from ..errors import RequestError
from . import base
from .base import Code as Code
from .base import MethodSpec as MethodSpec
from .base import Reconstructor as Reconstructor
from .base import register as register


def methods() -> dict[str, type[Reconstructor]]:
    """Return every registered method by name, in order of its name."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(base._REGISTRY.items()))


def load_reconstructor(
    method: str, weights: str | None = None, device: str = "auto"
) -> Reconstructor:
    """Make a method ready to encode and decode.

    Parameters
    ----------
    method
        Its name, see `methods`.
    weights
        None: the bundled ones; a path to a file; or "random" (tests and benches).
    device
        "auto": CUDA, else Metal, else CPU; or a name that torch knows.

    Raises
    ------
    RequestError
        If the method or the device is unknown, or the weights are missing.
    """
    known = methods()
    if method not in known:
        raise RequestError(f"There is no method {method!r}.", f"Choose one of {', '.join(known)}.")
    cls = known[method]
    if cls.spec.needs_weights or weights is not None:
        raise RequestError(f"{cls.spec.title} has no weights to load.")
    return cls().to(pick_device(device)).eval()


def pick_device(name: str) -> torch.device:
    """Return the device that a user's word means; "auto" is CUDA, else Metal, else CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise RequestError(f"The device {name!r} can't be used here.", "Try cpu.") from error
    return device
