"""The mean of four networks' predictions of one image without a camera.

An ensemble errs less than its members where their errors differ (Lakshminarayanan et al., "Simple
and Scalable Predictive Uncertainty Estimation using Deep Ensembles", NeurIPS 2017). Three members
predict a smooth object without a camera. The fourth, `levelform`, samples the image by an estimated
camera, so its detail is wrong where the camera is. The mean of the probabilities has a higher IoU
than each member on validation shapes; docs/unposed.md has the unseen ones.

A member that estimates the camera sees the image's reflection as well, whose camera has another
error.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..fields import Field
from ..fields.field import log_odds
from ..fields.fused import FusedFields
from ..fields.levelled import LevelledField
from ..fields.mirrored import ReflectedField
from ..geometry.views import View
from . import load_reconstructor
from .base import Code, MethodSpec, Reconstructor, WeightsInfo, register
from .finishing import surface_level
from .unposed import reflected

SPEC = MethodSpec(
    name="ensemble",
    title="Ensemble",
    paper="",
    summary="The mean of four networks: the most accurate from one image without a camera.",
    max_views=1,
    needs_weights=False,
    level_unit="probability",
    members=("occupancy-network", "tdgn", "deep-meta-functionals", "levelform"),
)
SURFACE = 0.45  # mean probability at the surface, best on validation shapes of three data sets
REFLECTED = " reflected"  # follows a member's name in a code


@register(SPEC)
class Ensemble(Reconstructor):
    """The members, each with its bundled weights."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleDict({m: load_reconstructor(m, None, "cpu") for m in SPEC.members})
        hashes = "".join(self._member(name).weights.hash for name in SPEC.members)
        self.weights = WeightsInfo("bundled", hashlib.sha256(hashes.encode()).hexdigest())

    @property
    def view_levels(self) -> dict[int, float]:
        """The level of unposed images, and the same of a posed one."""
        return dict.fromkeys((0, 1), -log_odds(SURFACE))

    @torch.no_grad()
    def encode(self, views: Sequence[View]) -> Code:
        """Return the codes of all members as one.

        Parameters
        ----------
        views
            One, whose camera is used by the members that know what to do with it.
        """
        self.check_views(views)
        codes: dict[str, Code] = {}
        levels: dict[str, float] = {}
        for name in SPEC.members:
            model = self._member(name)
            codes[name] = model.encode(views)
            levels[name] = surface_level(model, views, within=False)
            if model.spec.estimates_camera and views[0].camera is None:
                codes[name + REFLECTED] = model.encode(reflected(views))
        return _joined(codes, levels)

    @torch.no_grad()
    def decode(self, code: Code) -> Field:
        """Return the field of the members' mean probability."""
        self.check_code(code)
        codes = _parted(code)
        fields = []
        for name in SPEC.members:
            each = [self._field(codes[name], code)]
            if name + REFLECTED in codes:
                each.append(ReflectedField(self._field(codes[name + REFLECTED], code)))
            fields.append(each[0] if len(each) == 1 else FusedFields(each, "probability"))
        return FusedFields(fields, "probability")

    def _field(self, part: Code, code: Code) -> Field:
        """Return a member's field with its surface at 0."""
        field = self._member(part.method).decode(part)
        return LevelledField(field, float(code.meta["levels"][part.method]))

    def _member(self, name: str) -> Reconstructor:
        model = self.members[name]
        assert isinstance(model, Reconstructor)
        return model


def _joined(codes: dict[str, Code], levels: dict[str, float]) -> Code:
    """Return codes as one, whose tensors' names begin with the codes' names."""
    tensors = {
        f"{name}/{key}": t for name, code in codes.items() for key, t in code.tensors.items()
    }
    fixed = frozenset(f"{name}/{key}" for name, code in codes.items() for key in code.fixed)
    parts = {name: {"method": code.method, "meta": dict(code.meta)} for name, code in codes.items()}
    return Code(SPEC.name, tensors, {"parts": parts, "levels": levels}, fixed)


def _parted(code: Code) -> dict[str, Code]:
    """Return the codes that `_joined` joined."""

    def of(name: str, part: dict[str, Any]) -> Code:
        begin = f"{name}/"
        tensors = {k.removeprefix(begin): t for k, t in code.tensors.items() if k.startswith(begin)}
        fixed = frozenset(k.removeprefix(begin) for k in code.fixed if k.startswith(begin))
        return Code(part["method"], tensors, part["meta"], fixed)

    return {name: of(name, part) for name, part in code.meta["parts"].items()}
