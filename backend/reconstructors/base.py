"""What every reconstructor is: two steps, `encode` and `decode`, and a sheet that says what it needs."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import RequestError
from ..fields import Field
from ..geometry.views import View


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
    estimates_camera : the method can place the camera of an unposed picture
    min_views, max_views : how many views it takes; max_views None means any number
    image_size : side of the square picture the network sees; None means pictures are used as they are
    needs_weights : a network; false for methods without learned parameters
    fusions : names of the rules by which several views are combined, the default first
    """

    name: str
    title: str
    paper: str
    summary: str
    needs_camera: bool = False
    estimates_camera: bool = False
    min_views: int = 1
    max_views: int | None = None
    image_size: int | None = None
    needs_weights: bool = True
    fusions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """What `encode` made of the views of one object: enough to decode it again without them.

    Attributes
    ----------
    method : name of the method that made it
    tensors : the numbers, by name; floating-point tensors can be averaged and blended
    meta : JSON-able facts that the method needs to decode (sizes, cameras, names)
    """

    method: str
    tensors: Mapping[str, Tensor]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def to(self, device: torch.device | str) -> "Code":
        """Return the code on another device."""
        return replace(self, tensors={name: t.to(device) for name, t in self.tensors.items()})

    def lerp(self, other: "Code", weight: float) -> "Code":
        """Return `(1 - weight) * self + weight * other`.

        Raises
        ------
        RequestError
            If the codes are of different methods or shapes.
        """
        shapes = {name: t.shape for name, t in self.tensors.items()}
        if self.method != other.method or shapes != {n: t.shape for n, t in other.tensors.items()}:
            raise RequestError(
                f"A {self.method} code and a {other.method} code of other shape can't be blended.",
                "Encode both objects with the same method and weights.",
            )
        mixed = {
            name: torch.lerp(t, other.tensors[name].to(t), weight) if t.is_floating_point() else t
            for name, t in self.tensors.items()
        }
        return replace(self, tensors=mixed)


class Reconstructor(nn.Module):
    """Pictures to a code, a code to a field. One paper, one subclass, one file.

    `encode` and `decode` are inference: no gradients, the module in evaluation mode. Training adds
    `loss(batch)`.
    """

    spec: MethodSpec

    @abstractmethod
    def encode(self, views: Sequence[View], **options: Any) -> Code:
        """Encode the views of one object, cameras posed in the volume's frame, fused into one code."""

    @abstractmethod
    def decode(self, code: Code, **options: Any) -> Field:
        """Bake one object's field: all work that does not depend on the point is done here."""


_REGISTRY: dict[str, type[Reconstructor]] = {}


def register(spec: MethodSpec) -> Callable[[type[Reconstructor]], type[Reconstructor]]:
    """Register the decorated class under `spec.name`."""

    def add(cls: type[Reconstructor]) -> type[Reconstructor]:
        if spec.name in _REGISTRY:
            raise ValueError(f"the method {spec.name!r} is registered twice")
        cls.spec = spec
        _REGISTRY[spec.name] = cls
        return cls

    return add
