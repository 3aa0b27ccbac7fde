"""The base class of reconstructors: inference, training, the method's frame, weights.

A method is one file. It registers a subclass of `Reconstructor` under a `MethodSpec`, declares
`configurations` and `recipes`, builds its network from a configuration, and converts to its paper's
frame in `to_method` and `prepare` and nowhere else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..fields import Field
from ..fusion import Fusion
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..images.framing import FramedViews, Framing, frame_views
from ..training.batch import Batch as Batch
from ..training.batch import Example
from ..training.recipes import Recipe
from .building import build, check_facts
from .code import Code as Code
from .configuration import Configuration as Configuration
from .method_frame import MethodFrame
from .published import PublishedNetwork
from .registry import register as register
from .spec import SYMMETRY as SYMMETRY
from .spec import MethodSpec as MethodSpec
from .storage import Precision, pack, read_tensors, unpack, write_tensors
from .weights import WeightsInfo as WeightsInfo
from .weights import check_fit

CALIBRATED = (1, 2, 4, 8)  # numbers of views for which weights may tell the surface's level
LEVEL_OF = "level of {} views"  # its name among their results
CALIBRATION_BLOCK = 16384  # points that are evaluated at once


class Reconstructor(MethodFrame, ABC):
    """Encodes views to a code and decodes a code to a field. One paper, one subclass, one file.

    `encode` and `decode` are inference: without gradients, the module in evaluation mode. Each
    names its options as keywords; `MethodSpec.own_options` declares those that a person may give.
    `loss` is training.

    Attributes
    ----------
    configurations : sizes of the network by name, "paper" and "compact"
    recipes : schedules by name, those or others for the compact sizes, and by part: "main" and the
        auxiliary networks
    auxiliary : networks trained on their own ("camera", "depth"): for each, the configuration entry
        that sizes it and the entry's value without it
    calibrated_on : name under which the score of `calibration_sample` is stored
    configuration : the configuration of this network; None for methods without weights
    weights : origin of the weights
    published : imports the authors' checkpoints, see `import_checkpoint`; None if there are none
    imported_as : precision in which `levelform import` stores them unless told otherwise
    half_precision : dotted names of submodule methods that may run under bfloat16 autocast; they
        take and return tensors and see no coordinates
    image_encoder : dotted name of the image encoder if it may start from another method's weights
        (papers start theirs from ImageNet's), see `take_encoder`; else empty
    """

    spec: MethodSpec
    half_precision: ClassVar[tuple[str, ...]] = ()
    image_encoder: ClassVar[str] = ""
    configurations: ClassVar[Mapping[str, Configuration]] = {}
    configuration_class: ClassVar[type[Configuration]] = Configuration
    recipes: ClassVar[Mapping[str, Mapping[str, Recipe]]] = {}
    auxiliary: ClassVar[Mapping[str, tuple[str, Any]]] = {}
    calibrated_on: ClassVar[str] = "main"
    published: ClassVar[Callable[[Sequence[Mapping[str, Any]]], PublishedNetwork] | None] = None
    imported_as: ClassVar[Precision] = "float32"

    def __init__(self, configuration: Any = None) -> None:
        super().__init__()
        self.configuration = configuration
        self.weights = WeightsInfo()

    # ---------------------------------------------------------------- inference

    @abstractmethod
    def encode(self, views: Sequence[View]) -> Code:
        """Return one code for the views of one object; cameras are posed in the volume's frame."""

    def codes(self, views: Sequence[View], **options: Any) -> Generator[Code, None, Code]:
        """Encode views as `encode` does; yield codes to show on the way, and return the last.

        A method that `improves` yields what it has every second or two; the others yield nothing.
        """
        yield from ()
        return self.encode(views, **options)

    @abstractmethod
    def decode(self, code: Code) -> Field:
        """Return the field of one object, with all work done that does not depend on the point."""

    def blend(self, codes: Sequence[Code], weights: Sequence[float]) -> Code:
        """Return the code between several, as `Code.blend` does; the weights' sum is 1."""
        for code in codes:
            self.check_code(code)
        return Code.blend(codes, weights)

    def estimate_cameras(self, views: Sequence[View]) -> list[Camera]:
        """Estimate the camera of each image from the image alone, posed in the volume's frame.

        For methods whose spec says `estimates_camera`.
        """
        raise RequestError(
            f"{self.spec.title} can't estimate cameras.",
            "Attach the images to cameras, or choose a method that estimates them.",
        )

    @property
    def knows_time(self) -> bool:
        """Whether `decode` takes the `time` of a moving shape with these weights."""
        return False

    @property
    def level_unit(self) -> str:
        """Unit of a user's level with these weights."""
        return self.spec.level_unit

    @property
    def level_shift(self) -> float:
        """Level added by calibration after training."""
        return float(self.weights.results.get("level", 0.0))

    @property
    def view_levels(self) -> dict[int, float]:
        """The calibrated levels by number of posed views, in the field's values.

        Key 0 is for unposed images, if the weights treat them differently.
        """
        results = self.weights.results
        known = {count: results.get(LEVEL_OF.format(count)) for count in (0, *CALIBRATED)}
        return {n: float(v) for n, v in known.items() if isinstance(v, int | float)}

    # ---------------------------------------------------------------- training

    def state_for(self, configuration: Any) -> dict[str, Tensor]:
        """Return the initial weights for a network of another configuration."""
        return self.state_dict()

    def start_of(self, part: str) -> dict[str, Tensor]:
        """Return initial weights of an auxiliary network; missing entries stay random.

        By default all do.
        """
        return {}

    def suited(self, recipe: Recipe) -> Recipe:
        """Return a recipe with what this configuration needs, such as points in time."""
        return recipe

    def shift_level(self, level: float) -> None:
        """Subtract `level` from every field: the surface moves to where the field was `level`.

        Raises
        ------
        RequestError
            If the method cannot.
        """
        raise RequestError(
            f"The level of {self.spec.title} can't be moved.", "Set the level of each job instead."
        )

    def calibration_sample(self, example: Example) -> tuple[Tensor, Tensor]:
        """Return what calibration thresholds, and the ground truth: bool, of the same shape.

        By default the field at the example's points, and which points are inside.
        """
        field = self.decode(self.encode(example.views))
        points = example.points.to(self.device).split(CALIBRATION_BLOCK)
        return torch.cat([field(part) for part in points]), example.inside

    def solid_at(self, values: Tensor, level: float) -> Tensor:
        """Return which values of a `calibration_sample` count as inside at a level."""
        return values < level

    def candidate_levels(self, values: Tensor, ground_truth: Tensor) -> list[float]:
        """Return levels to try, given the values and ground truth of all samples together.

        By default those that put 0.5 to 2 times as many values inside as the ground truth.
        """
        fractions = float(ground_truth.float().mean()) * np.geomspace(0.5, 2.0, 41)
        levels = np.quantile(values.numpy(), np.clip(fractions, 0, 1), method="lower")
        return np.unique(levels[np.isfinite(levels)]).tolist()

    def apply_calibration(self, level: float) -> dict[str, float]:
        """Move the surface to a calibrated level; return what the weights' results should say."""
        self.shift_level(level)
        return {"level": self.level_shift + level}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the paper's loss as "loss", and by name its terms and numbers to log."""
        raise RequestError(
            f"{self.spec.title} has nothing to train.", "Choose a method with a network."
        )

    # ---------------------------------------------------------------- the border of the method

    @property
    def framing(self) -> Framing:
        """Framing of the network's training images."""
        return self.configuration.framing

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next((t.device for t in (*self.parameters(), *self.buffers())), torch.device("cpu"))

    def prepare(self, views: Sequence[View]) -> FramedViews:
        """Check the views and frame them as in training.

        Returns
        -------
        FramedViews
            On the network's device; cameras in the method's own frame.

        Raises
        ------
        RequestError
            If there are too few or too many views, or a camera is missing.
        """
        self.check_views(views)
        framed = frame_views(views, self.framing)
        volume_from_method = np.linalg.inv(self.method_from_volume)
        cameras = [c and c.in_frame(volume_from_method) for c in framed.cameras]
        return FramedViews(framed.images.to(self.device), tuple(cameras))

    def check_views(self, views: Sequence[View]) -> None:
        """Refuse a wrong number of views or a missing camera."""
        spec = self.spec
        most = len(views) if spec.max_views is None else spec.max_views
        if not spec.min_views <= len(views) <= most:
            wanted = (
                f"at least {spec.min_views}" if len(views) < spec.min_views else f"at most {most}"
            )
            noun = "view" if wanted.endswith(" 1") else "views"
            raise RequestError(
                f"{spec.title} takes {wanted} {noun}, not {len(views)}.",
                "Give as many, or choose another method.",
            )
        unposed = [view.name for view in views if view.camera is None]
        if spec.needs_camera and not spec.estimates_camera and unposed:
            raise RequestError(
                f"{spec.title} needs a camera for every image; {unposed[0]} has none.",
                "Attach the image to a camera, or choose a method that works without.",
            )

    def check_fusion(self, fusion: str | None) -> Fusion:
        """Return the rule that fuses views; None is the method's default."""
        if fusion is None:
            return self.spec.fusions[0]
        for rule in self.spec.fusions:
            if rule == fusion:
                return rule
        raise RequestError(
            f"{self.spec.title} can't fuse views by {fusion!r}.",
            f"Choose one of {', '.join(self.spec.fusions)}.",
        )

    def check_code(self, code: Code) -> None:
        """Refuse another method's code."""
        if code.method != self.spec.name:
            raise RequestError(
                f"A {code.method} code can't be decoded by {self.spec.title}.",
                "Use weights of the method that made it.",
            )

    # ---------------------------------------------------------------- weights

    def save(
        self,
        path: str | Path,
        *,
        training: Mapping[str, Any] | None = None,
        results: Mapping[str, Any] | None = None,
        precision: Precision = "float32",
    ) -> str:
        """Write the weights and everything needed to use them; return the file's hash.

        Parameters
        ----------
        path
            The file, .safetensors.
        training
            Training data and settings; None keeps those of the loaded weights.
        results
            Scores by name; None keeps those of the loaded weights.
        precision
            Storage of matrices and kernels; vectors are always float32.
        """
        header = {
            "kind": "weights",
            "method": self.spec.name,
            "configuration": self.configuration.to_json(),
            "frame": self.method_from_volume.tolist(),
            "training": dict(self.weights.training if training is None else training),
            "results": dict(self.weights.results if results is None else results),
        }
        return write_tensors(path, self.packed(precision), header)

    def packed(self, precision: Precision) -> dict[str, Tensor]:
        """Return the weights as `save` stores them; `assembled` takes them back."""
        return pack(self.state_dict(), precision)

    @classmethod
    def load(cls, path: str | Path, *, name: str = "") -> Self:
        """Return the network that `save` wrote, on the CPU.

        Parameters
        ----------
        path
            The file.
        name
            Name of the weights; empty: the file's name.

        Raises
        ------
        RequestError
            If the file is damaged, belongs to another method, does not fit its configuration, or
            holds numbers that are not finite.
        """
        tensors, header, digest = read_tensors(path)
        if header.get("kind") != "weights" or header.get("method") != cls.spec.name:
            owner = f"{header.get('kind', 'data')} of {header.get('method', 'something else')}"
            raise RequestError(
                f"{path} holds {owner}, not weights of {cls.spec.name}.",
                "Choose weights of this method.",
            )
        configuration = cls.configuration_class.from_json(header.get("configuration"))
        model = cls.assembled(configuration, tensors, source=str(path))
        model.set_frame(_matrix(header.get("frame")))
        training, results = check_facts(header, {"main", *cls.auxiliary})
        model.weights = WeightsInfo(name or Path(path).name, digest, training, results)
        return model

    @classmethod
    def assembled(cls, configuration: Any, tensors: Mapping[str, Tensor], *, source: str) -> Self:
        """Return a network of a configuration, filled with stored tensors; see `packed`."""
        stored = unpack(tensors)
        model = build(cls, configuration, stored, source=source)
        model.fill(stored, source=source)
        return model

    @classmethod
    def import_checkpoint(cls, checkpoints: Sequence[Mapping[str, Any]]) -> Self:
        """Return the network that the authors' checkpoints hold; see `levelform import`.

        Parameters
        ----------
        checkpoints
            The content of each file: (nested) mappings from names to tensors and plain values.
        """
        if cls.published is None:
            raise RequestError(
                f"No checkpoint of {cls.spec.title} can be imported.",
                f"Train the method with `levelform train {cls.spec.name}`.",
            )
        network = cls.published(checkpoints)
        configuration = replace(cls.configurations[network.configuration], **network.changes)
        model = cls(configuration)
        model.fill(network.state, source="The checkpoint")
        if network.frame is not None:
            model.set_frame(network.frame)
        return model

    def fill(self, tensors: Mapping[str, Tensor], *, source: str) -> None:
        """Copy a state dict into the network, refusing one that does not fit or is not finite."""
        check_fit(self.state_dict(), tensors, title=self.spec.title, source=source)
        self.load_state_dict(tensors)


def _matrix(rows: Any) -> np.ndarray:
    """Return a header's entry as a matrix; a 0-d array, which is not a frame, if it is not one."""
    try:
        return np.array(rows, np.float64)
    except (ValueError, TypeError, OverflowError):
        return np.zeros(())
