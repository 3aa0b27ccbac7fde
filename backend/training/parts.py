"""Networks whose parts are trained one after the other: what a part is missing, or gains.

A network that has not been trained must not be used unnoticed: weights hold only the parts that
learned something, and a part is added when its training starts.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch

from ..errors import RequestError
from ..reconstructors import Configuration, Reconstructor, WeightsInfo

# The entry of the configuration that holds an auxiliary network, and its value without one.
PARTS: dict[str, dict[str, tuple[str, Any]]] = {
    "levelform": {"camera": ("camera", False)},
    "disn": {"camera": ("camera", False)},
    "uclid-net": {"camera": ("camera_width", 0), "depth": ("depth_width", 0)},
}


def fresh(
    cls: type[Reconstructor], name: str, changes: Mapping[str, Any], *, seed: int
) -> Reconstructor:
    """Return a new network of a configuration without its auxiliary networks.

    Parameters
    ----------
    changes
        Other values of the configuration's entries.
    """
    if name not in cls.configurations:
        raise RequestError(
            f"{cls.spec.title} has no configuration {name!r}.",
            f"Choose one of {', '.join(cls.configurations)}.",
        )
    configuration = cls.configurations[name]
    known = {f.name for f in fields(configuration)}
    strays = [entry for entry in changes if entry not in known]
    if strays:
        raise RequestError(
            f"The configuration has no entry {strays[0]!r}.",
            f"It has {', '.join(sorted(known))}.",
        )
    absent = dict(PARTS.get(cls.spec.name, {}).values())
    return _built(cls, replace(configuration, **{**absent, **changes}), seed)


def with_part(model: Reconstructor, part: str, *, seed: int) -> Reconstructor:
    """Return the network with an auxiliary network; one that it lacks starts anew.

    Its size is that of the configuration of the same picture framing ("compact" or "paper").
    """
    if part == "main":
        return model
    parts = PARTS.get(model.spec.name, {})
    if part not in parts:
        raise RequestError(f"{model.spec.title} has no part {part!r}.")
    entry, absent = parts[part]
    if getattr(model.configuration, entry) != absent:
        return model
    value = getattr(_relative(model), entry)
    grown = _built(type(model), replace(model.configuration, **{entry: value}), seed)
    missing, strays = grown.load_state_dict(model.state_dict(), strict=False)
    if strays or not missing:
        raise RequestError(f"{model.spec.title} can't be given a {part} network.")
    grown.set_frame(model.method_from_volume)
    grown.weights = model.weights
    return grown


def _relative(model: Reconstructor) -> Configuration:
    """Return the named configuration that a network's own was made from."""
    for configuration in model.configurations.values():
        if configuration.framing == model.configuration.framing:
            return configuration
    raise RequestError(f"These weights of {model.spec.title} have sizes of their own.")


def _built(cls: type[Reconstructor], configuration: Configuration, seed: int) -> Reconstructor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = cls(configuration)
    model.weights = WeightsInfo("new")
    return model
