"""The networks in memory."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from ..contract import protocol
from ..contract.errors import RequestError
from ..contract.weights import installed_weights
from ..fields.hull import HullField
from ..geometry.views import View
from ..reconstructors import (
    Reconstructor,
    bundled_variants,
    bundled_weights,
    load_reconstructor,
    methods,
    problems,
)
from ..reconstructors.finishing import several_posed
from ..reconstructors.levelform import Levelform
from ..shows import offered

log = logging.getLogger(__name__)

LOADED_MODELS = 4  # most networks kept; the least recently used is dropped


class Networks:
    """Loads networks and keeps the last few used."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, str | None, str], Reconstructor] = OrderedDict()

    def clear(self) -> None:
        """Drop all networks."""
        self._models.clear()

    def names(self) -> tuple[str, ...]:
        """Return the methods that have a network in memory, sorted."""
        return tuple(sorted({method for method, _, _ in self._models}))

    def load(self, method: str, weights: str | None, device: str) -> Reconstructor:
        """Return a network; loads it if it is not in memory or its file has changed."""
        stamp = weights
        if weights is not None and Path(weights).is_file():
            stamp = f"{weights} {Path(weights).stat().st_mtime_ns}"
        key = (method, stamp, device)
        if key not in self._models:
            self._models[key] = load_reconstructor(method, weights, device)
        self._models.move_to_end(key)
        while len(self._models) > LOADED_MODELS:
            self._models.popitem(last=False)
        return self._models[key]

    def camera_finder(self, device: str) -> Levelform | None:
        """Return the network that votes on the front; None without its weights."""
        if bundled_weights("levelform") is None:
            return None
        model = self.load("levelform", None, device)
        assert isinstance(model, Levelform)
        return model if model.camera is not None else None

    def hull_wanted(
        self, request: protocol.Reconstruct, model: Reconstructor, views: Sequence[View]
    ) -> HullField | None:
        """Return the hull that limits the result; None for no limit.

        By default, a network's result is limited if several views have cameras and their
        silhouettes have a hull.
        """
        wanted = request.options.get("hull")
        if wanted:
            return self.hull(views, request.device)
        estimated = request.options.get("camera") == "estimated"
        if wanted is False or not model.spec.needs_weights or estimated:
            return None
        if not several_posed(views):
            return None
        try:
            return self.hull(views, request.device)
        except RequestError as error:
            log.info("not kept inside the silhouettes: %s", error.message)
            return None

    def hull(self, views: Sequence[View], device: str) -> HullField:
        """Return the visual hull of posed views."""
        model = self.load("visual-hull", None, device)
        hull = model.decode(model.encode(views))
        assert isinstance(hull, HullField)
        return hull


def methods_here() -> protocol.Methods:
    """Return the methods that can run, with their weights."""
    infos = tuple(method_info(cls) for cls in methods().values())
    return protocol.Methods(infos, tuple(problems()))


def method_info(cls: type[Reconstructor]) -> protocol.MethodInfo:
    """Return the description of a method for the panel."""
    spec = cls.spec
    return protocol.MethodInfo(
        name=spec.name,
        title=spec.title,
        paper=spec.paper,
        summary=spec.summary,
        needs_camera=spec.needs_camera,
        estimates_camera=spec.estimates_camera,
        min_views=spec.min_views,
        max_views=spec.max_views,
        needs_weights=spec.needs_weights,
        weights=_weights_of(spec.name),
        fusions=spec.fusions,
        options=spec.options,
        level_unit=spec.level_unit,
        improves=spec.improves,
        shows=offered(cls),
    )


def _weights_of(method: str) -> tuple[str, ...]:
    """Return words for a method's installed weights, bundled or fetched."""
    if bundled_weights(method):
        return ("bundled",)
    return tuple(bundled_variants(method)) or (("installed",) if installed_weights(method) else ())
