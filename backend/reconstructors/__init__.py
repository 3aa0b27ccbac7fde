"""The reconstructors: one paper, one file. A new file, here or in the user's folder, is a method.

See `registry` for where methods come from.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..contract.errors import RequestError
from ..contract.weights import PUBLISHED, installed_weights, megabytes
from .base import Batch as Batch
from .base import Code as Code
from .base import Configuration as Configuration
from .base import MethodSpec as MethodSpec
from .base import Reconstructor as Reconstructor
from .base import WeightsInfo as WeightsInfo
from .building import within
from .published.files import read_checkpoint, tensors_in
from .registry import find_method as find_method
from .registry import methods as methods
from .registry import problems as problems
from .registry import register as register
from .registry import weights_beside
from .spec import keyword_names as keyword_names

WEIGHTS_FOLDER = Path(__file__).parents[2] / "assets" / "weights"


def bundled_weights(method: str) -> Path | None:
    """Return the file of the weights that come with a method; None if there is none.

    Those of a user's own method lie beside its file.
    """
    path = WEIGHTS_FOLDER / f"{method}.safetensors"
    return path if path.is_file() else weights_beside(method)


def bundled_variants(method: str) -> dict[str, Path]:
    """Return the weights that come with Levelform for one category each, by the category."""
    paths = sorted(WEIGHTS_FOLDER.glob(f"{method}-*.safetensors"))
    return {path.stem.removeprefix(f"{method}-"): path for path in paths}


def parameters_by_part(method: str, configuration: str = "compact") -> dict[str, int]:
    """Return how many learned parameters each network of a configuration has, without building it.

    Parameters that belong to no network are counted under an empty name.
    """
    cls = find_method(method)
    if not cls.spec.needs_weights:
        return {}
    with torch.device("meta"), _NothingDrawn():
        model = cls(_configuration(cls, configuration))
    own = sum(parameter.numel() for parameter in model.parameters(recurse=False))
    parts = {
        name: sum(parameter.numel() for parameter in network.parameters())
        for name, network in model.named_children()
    }
    return {name: count for name, count in {**parts, "": own}.items() if count}


class _NothingDrawn(TorchFunctionMode):
    """Leaves parameters undrawn, and what is computed with is small and lies on the CPU.

    On the meta device drawing and arithmetic would load a compiler for nothing.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in ("normal_", "uniform_"):
            return args[0] if args else kwargs["tensor"]
        if func in (torch.rand, torch.randn, torch.zeros, torch.ones, torch.full):
            return func(*args, **{"device": "cpu", **kwargs})
        return func(*args, **kwargs)


def load_reconstructor(
    method: str,
    weights: str | None = None,
    device: str = "auto",
    *,
    configuration: str = "compact",
    seed: int = 0,
) -> Reconstructor:
    """Make a method ready to encode and decode.

    Parameters
    ----------
    method
        Its name, see `methods`.
    weights
        None: the bundled or the fetched ones; the category of bundled ones that are for one each; a
        path to a file; or "random" (tests and benches).
    device
        "auto": CUDA, else Metal, else CPU; or a name that torch knows.
    configuration
        "paper" or "compact", for "random" alone; a file says its own.
    seed
        Of the random weights.

    Raises
    ------
    RequestError
        If the method or the device is unknown, or the weights are missing, damaged, another's, or
        hold nothing but an auxiliary network.
    """
    cls = find_method(method)
    target = pick_device(device)
    if not cls.spec.needs_weights:
        if weights is not None:
            raise RequestError(
                f"{cls.spec.title} has no weights to load.", "Leave the weights out."
            )
        model = cls()
    elif weights == "random":
        model = random_reconstructor(cls, configuration, seed=seed)
    elif weights is None:
        path, name = _own(cls)
        model = cls.load(path, name=name)
    elif weights in bundled_variants(method) and not Path(weights).exists():
        model = cls.load(bundled_variants(method)[weights], name=f"bundled {weights}")
    else:
        model = cls.load(weights)
    parts = model.weights.training.get("parts")
    if parts and "main" not in parts:
        raise RequestError(
            f"{model.weights.name} holds no reconstruction network, only {', '.join(parts)}.",
            "Train the main network from these weights, or join the two files.",
        )
    return model.to(target).eval()


def random_reconstructor(
    cls: type[Reconstructor], configuration: str = "compact", *, seed: int = 0
) -> Reconstructor:
    """Return a network as training starts with it, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = cls(_configuration(cls, configuration))
    model.weights = WeightsInfo("random")
    return model


def _configuration(cls: type[Reconstructor], name: str) -> Configuration:
    if name not in cls.configurations:
        raise RequestError(
            f"{cls.spec.title} has no configuration {name!r}.",
            f"Choose one of {', '.join(cls.configurations)}.",
        )
    return cls.configurations[name]


def _own(cls: type[Reconstructor]) -> tuple[Path, str]:
    """Return the weights that a method takes when none are named, and what to call them."""
    name = cls.spec.name
    path, fetched = bundled_weights(name), installed_weights(name)
    if path is not None:
        return path, "bundled"
    if fetched is not None:
        return fetched, "installed"
    variants = ", ".join(bundled_variants(name))
    if variants:
        raise RequestError(
            f"{cls.spec.title} comes with weights for one category each: {variants}.",
            "Name the category as the weights.",
        )
    lacking = "they are fetched on request"
    if name not in PUBLISHED:
        lacking = f"assets/weights/{name}.safetensors is missing"
    raise RequestError(
        f"{cls.spec.title} has no trained weights here: {lacking}.", _ways_to_weights(cls)
    )


def _ways_to_weights(cls: type[Reconstructor]) -> str:
    """Return a sentence about where weights of a method come from."""
    name, published = cls.spec.name, PUBLISHED.get(cls.spec.name)
    if published is not None:
        return (
            f"Fetch the authors' ({megabytes(published.size)}) with `levelform weights get {name}`,"
            f" or turn a copy of {published.file} into them with "
            f"`levelform weights get {name} --file {published.file}`."
        )
    ways = f"Train them with `levelform train {name} --data DIR --out DIR`"
    if can_import(cls):
        ways += (
            ", or turn the authors' checkpoint into them with "
            f"`levelform import {name} CHECKPOINT -o FILE.safetensors`"
        )
    return f"{ways}; then name the file as the weights."


def import_checkpoint(cls: type[Reconstructor], paths: Sequence[str | Path]) -> Reconstructor:
    """Return the network that the authors' files hold.

    Raises
    ------
    RequestError
        If a file can't be read, or they hold no network of this method.
    """
    checkpoints = [read_checkpoint(path) for path in paths]
    held = sum(tensor.numel() for content in checkpoints for tensor in tensors_in(content))
    with within(held, source=" and ".join(Path(path).name for path in paths)):
        return cls.import_checkpoint(checkpoints)


def can_import(cls: type[Reconstructor]) -> bool:
    """Whether a checkpoint of the method's authors can be turned into its weights."""
    return cls.published is not None


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
