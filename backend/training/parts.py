"""Create networks and add separately trained auxiliary networks.

Untrained networks must not be used by mistake: weights contain only trained parts, and a part is
added when its training starts.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch

from ..contract.errors import RequestError
from ..images.framing import Framing
from ..reconstructors import Configuration, Reconstructor, WeightsInfo, find_method
from ..reconstructors.configuration import key_of
from .recipes import Recipe


def find_recipe(method: str, part: str = "main", preset: str = "compact") -> Recipe:
    """Return the recipe of a part of a method.

    Raises
    ------
    RequestError
        If the method does not declare this recipe.
    """
    recipes = find_method(method).recipes
    if preset not in recipes:
        known = ", ".join(recipes)
        raise RequestError(
            f"{method!r} has no {preset} recipe.",
            f"Choose one of {known}." if known else "Choose a trainable method.",
        )
    if part not in recipes[preset]:
        raise RequestError(
            f"{method} has no part {part!r} with a {preset} recipe.",
            f"It has {', '.join(recipes[preset])}.",
        )
    return recipes[preset][part]


def fresh(
    cls: type[Reconstructor], name: str, changes: Mapping[str, Any], *, seed: int
) -> Reconstructor:
    """Return a new network of a named configuration, without auxiliary networks.

    Parameters
    ----------
    changes
        Changed entries of the configuration; "framing.size" is an entry of its framing.
    """
    if name not in cls.configurations:
        raise RequestError(
            f"{cls.spec.title} has no configuration {name!r}.",
            f"Choose one of {', '.join(cls.configurations)}.",
        )
    absent = dict(cls.auxiliary.values())
    return _built(cls, _changed(cls.configurations[name], {**absent, **changes}), seed)


def changed(model: Reconstructor, changes: Mapping[str, Any]) -> Reconstructor:
    """Return the network with changed entries of its configuration, and its weights converted.

    Raises
    ------
    RequestError
        If the weights do not fit the changed network.
    """
    if not changes:
        return model
    other = type(model)(_changed(model.configuration, changes))
    other.fill(model.state_for(other.configuration), source=model.weights.name)
    other.set_frame(model.method_from_volume)
    other.weights = model.weights
    return other


def _changed(configuration: Any, wanted: Mapping[str, Any]) -> Any:
    """Return a configuration with changed entries, see `fresh`."""
    changes = dict(wanted)
    inner = {n: changes.pop(n) for n in list(changes) if n.startswith("framing.")}
    if inner:
        parts = {n.removeprefix("framing."): value for n, value in inner.items()}
        configuration = replace(configuration, framing=_framing(configuration, parts))
    known = {f.name for f in fields(configuration)}
    strays = [entry for entry in changes if entry not in known]
    if strays:
        raise RequestError(
            f"The configuration has no entry {strays[0]!r}.",
            f"It has {', '.join(sorted(known))}.",
        )
    result = replace(configuration, **changes)
    result.check()
    return result


def _framing(configuration: Configuration, changes: Mapping[str, Any]) -> Framing:
    known = {key_of(f): f.name for f in fields(Framing)}
    strays = [key for key in changes if key not in known]
    if strays:
        raise RequestError(
            f"The images' framing has no entry {strays[0]!r}.",
            f"It has {', '.join(known)}.",
        )
    return replace(configuration.framing, **{known[key]: value for key, value in changes.items()})


def with_part(model: Reconstructor, part: str, *, seed: int) -> Reconstructor:
    """Return the network with an auxiliary network; `start_of` initialises a missing one.

    A missing one gets the size in the named configuration with the same image framing.
    """
    if part == "main":
        return model
    parts = model.auxiliary
    if part not in parts:
        raise RequestError(
            f"{model.spec.title} has no part {part!r}.", f"It has {', '.join(['main', *parts])}."
        )
    entry, absent = parts[part]
    if getattr(model.configuration, entry) != absent:
        return model
    value = getattr(_relative(model), entry)
    grown = _built(type(model), replace(model.configuration, **{entry: value}), seed)
    missing, strays = grown.load_state_dict(model.state_dict(), strict=False)
    if strays or not missing:
        raise RequestError(
            f"{model.spec.title} can't be given a {part} network.",
            "Start from weights of an unchanged configuration.",
        )
    grown.fill(grown.state_dict() | grown.start_of(part), source=model.weights.name)
    grown.set_frame(model.method_from_volume)
    grown.weights = model.weights
    return grown


def lacks(model: Reconstructor, part: str) -> bool:
    """Return whether the method declares an auxiliary network missing from these weights."""
    parts = model.auxiliary
    if part not in parts:
        return False
    entry, absent = parts[part]
    return getattr(model.configuration, entry) == absent


def take_part(model: Reconstructor, part: str, other: Reconstructor) -> Reconstructor:
    """Return the network with an auxiliary network from other weights.

    Auxiliary networks share no weights with the main network, so both can be trained in parallel.

    Raises
    ------
    RequestError
        If `other` lacks the part, or frames its images differently.
    """
    if lacks(other, part) or other.framing != model.framing:
        raise RequestError(
            f"The {part} network is missing, or was trained on images of another framing.",
            "Train it with --part, on weights of the same framing.",
        )
    grown = with_part(model, part, seed=0)
    own = {n: t for n, t in other.state_dict().items() if n.startswith(f"{part}.")}
    grown.fill(grown.state_dict() | own, source=other.weights.name)
    trained = {**model.weights.training.get("parts", {})}
    trained[part] = other.weights.training["parts"][part]
    results = {k: v for k, v in other.weights.results.items() if f" {part} " in k}
    grown.weights = replace(
        model.weights,
        training={**model.weights.training, "parts": trained},
        results={**model.weights.results, **results},
    )
    return grown


def take_encoder(model: Reconstructor, other: Reconstructor) -> Reconstructor:
    """Return the network with the weights of another method's image encoder.

    The papers start from ImageNet weights instead. Layers in only one of the encoders, such as a
    last linear layer, keep their weights.

    Raises
    ------
    RequestError
        If one has no image encoder, or their architectures or sizes differ.
    """
    if not model.image_encoder or not other.image_encoder:
        lacking = model if not model.image_encoder else other
        raise RequestError(
            f"{lacking.spec.title} has no image encoder to share.",
            "Choose methods with an image encoder.",
        )
    own = model.get_submodule(model.image_encoder)
    lent = other.get_submodule(other.image_encoder)
    weights, wanted = lent.state_dict(), own.state_dict()
    shared = [name for name in wanted if name in weights]
    if type(own) is not type(lent) or any(weights[n].shape != wanted[n].shape for n in shared):
        raise RequestError(
            f"The encoders of {model.spec.title} and of {other.spec.title} differ.",
            "Start from weights of the same encoder and width.",
        )
    taken = {f"{model.image_encoder}.{name}": weights[name] for name in shared}
    model.fill(model.state_dict() | taken, source=other.weights.name)
    return model


def _relative(model: Reconstructor) -> Configuration:
    """Return the named configuration with the image framing of a network."""
    for configuration in model.configurations.values():
        if replace(configuration.framing, size=model.framing.size) == model.framing:
            return configuration
    raise RequestError(
        f"These weights of {model.spec.title} frame images unlike every named configuration.",
        "Start from weights of a named configuration.",
    )


def _built(cls: type[Reconstructor], configuration: Configuration, seed: int) -> Reconstructor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = cls(configuration)
    model.weights = WeightsInfo("new")
    return model
