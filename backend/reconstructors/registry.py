"""Which methods there are: a file of this folder each, and a file of the user's own folder each.

The environment variable `LEVELFORM_METHODS` names the user's folder, by an absolute path. Its files
are loaded as if they stood beside this one, so they import in the same words (`from .base import
Reconstructor`), and one of them can be moved into this folder as it is. A file that cannot be
loaded takes nothing else with it: `problems` says why.
"""

import logging
import os
import pkgutil
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..contract.errors import RequestError
from ..contract.variables import METHODS_FOLDER
from .spec import MethodSpec

if TYPE_CHECKING:
    from .base import Reconstructor

Method = TypeVar("Method", bound="Reconstructor")

HERE = Path(__file__).parent

logger = logging.getLogger(__name__)

_REGISTRY: dict[str, type["Reconstructor"]] = {}
_loaded: dict[Path, str] = {}  # the user's files, each with what is wrong with it


def register(spec: MethodSpec) -> Callable[[type[Method]], type[Method]]:
    """Register the decorated class under `spec.name`."""

    def add(cls: type[Method]) -> type[Method]:
        if spec.name in _REGISTRY:
            raise ValueError(f"the method {spec.name!r} is registered twice")
        cls.spec = spec
        _REGISTRY[spec.name] = cls
        return cls

    return add


def methods() -> dict[str, type["Reconstructor"]]:
    """Return every registered method by name, in order of its name."""
    _import_own()
    for path in user_files():
        if path not in _loaded:
            _loaded[path] = _load(path)
    return dict(sorted(_REGISTRY.items()))


@cache
def _import_own() -> None:
    """Import the files of this folder, once: a job asks for the methods a dozen times."""
    for module in pkgutil.iter_modules([str(HERE)]):
        import_module(f"{__package__}.{module.name}")


def find_method(method: str) -> type["Reconstructor"]:
    """Return the class of a method by its name.

    Raises
    ------
    RequestError
        If there is none, with the reason where a file of the user's could not be loaded.
    """
    known = methods()
    if method not in known:
        hint = " ".join([f"Choose one of {', '.join(known)}.", *problems()])
        raise RequestError(f"{method!r} is not a method.", hint)
    return known[method]


def user_folder() -> Path | None:
    """Return the folder of the user's methods; None if none is named, or not by a whole path.

    A relative path would be taken from the current folder, where downloaded files lie.
    """
    named = os.environ.get(METHODS_FOLDER, "")
    folder = Path(named).expanduser()
    return folder if named and folder.is_absolute() else None


def user_files() -> list[Path]:
    """Return the user's method files in order of their names; none that begin with "_"."""
    folder = user_folder()
    paths = sorted(folder.glob("*.py")) if folder is not None else []
    return [path for path in paths if not path.name.startswith("_")]


def problems() -> list[str]:
    """Return a sentence about each thing that keeps a method of the user's from being offered."""
    named, folder = os.environ.get(METHODS_FOLDER, ""), user_folder()
    if named and folder is None:
        return [f"{METHODS_FOLDER} is {named!r}, which is not an absolute path."]
    if folder is not None and not folder.is_dir():
        return [f"{METHODS_FOLDER} is {named!r}, which is not a folder."]
    methods()
    return [_loaded[path] for path in user_files() if _loaded[path]]


def weights_beside(method: str) -> Path | None:
    """Return the weights that lie beside the file of a user's method; None if there are none."""
    cls = methods().get(method)
    if cls is None:
        return None
    file = Path(getfile(cls))
    beside = file.with_name(f"{method}.safetensors")
    return beside if file in _loaded and beside.is_file() else None


def _load(path: Path) -> str:
    """Load a file as a module of this package; return what is wrong with it, or nothing."""
    name = f"{__package__}.{path.stem}"
    if name in sys.modules or not path.stem.isidentifier():
        return f"{path} needs another file name: {path.stem!r} is taken or is not an identifier."
    before = set(_REGISTRY)
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        for added in _REGISTRY.keys() - before:
            del _REGISTRY[added]
        logger.warning("%s could not be loaded", path, exc_info=True)
        words = str(error).split("\n")[0].rstrip(".")
        return f"{path} can't be loaded ({type(error).__name__}: {words})."
    if not _REGISTRY.keys() - before:
        return f"{path} registers no method; decorate its class with `register(MethodSpec(...))`."
    return ""
