"""What every reconstructor is: `encode` and `decode`, a sheet of needs, configurations, weights.

A method lives in one file. It registers a subclass of `Reconstructor` under a `MethodSpec`, names
its `configurations` ("paper", "compact"), builds its network from one of them, and converts to its
paper's own frame at its border with `to_method` and `prepare`, and nowhere else.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..fields import Field
from ..fusion import Fusion
from ..geometry.cameras import Camera
from ..geometry.frames import scale_of
from ..geometry.views import View
from ..images.framing import FramedViews, Framing, frame_views
from ..training.batch import Batch as Batch
from ..training.batch import Example
from ..training.recipes import Recipe
from .building import build, check_facts
from .code import Code as Code
from .configuration import Configuration as Configuration
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
FRAME_LIMIT = 1e6  # greatest number in a method's frame, and one over its least scale


class Reconstructor(nn.Module):
    """Images to a code, a code to a field. One paper, one subclass, one file.

    `encode` and `decode` are inference: no gradients, the module in evaluation mode. Training adds
    `loss(batch)`.

    Attributes
    ----------
    configurations : the method's configurations by name: "paper" and "compact"
    recipes : how each part is trained, by the recipe's name ("paper" and "compact", like the
        configurations) and the part's ("main", and the auxiliary networks)
    auxiliary : networks that are trained alone ("camera", "depth"), each with the entry of the
        configuration that sizes it and the entry's value without it
    calibrated_on : name of what `calibration_sample` compares, as results are stored under it
    configuration : the one this network was built from; None for methods without weights
    method_from_volume : (4, 4) float64, a similarity: the frame the weights were trained in. The
        identity unless the weights say otherwise; change it with `set_frame`
    weights : where the weights come from
    published : imports the authors' checkpoints, see `import_checkpoint`; None: there are none
    half_precision : paths of the calls, of sub-networks, that training may do in bfloat16: they see
        images or features and no coordinates; tensors in, tensors out
    image_encoder : path of the sub-network that sees the images, where it may start from that
        of another method, as the paper's does from ImageNet's, see `take_encoder`; empty: it may
        not, as where silhouettes are all that is learned from
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

    def __init__(self, configuration: Any = None) -> None:
        super().__init__()
        self.configuration = configuration
        self.method_from_volume = np.eye(4)
        self.weights = WeightsInfo()

    # ---------------------------------------------------------------- inference

    @abstractmethod
    def encode(self, views: Sequence[View], **options: Any) -> Code:
        """Encode the views of one object, cameras in the volume's frame, fused into one code."""

    @abstractmethod
    def decode(self, code: Code, **options: Any) -> Field:
        """Bake one object's field: all work that does not depend on the point is done here."""

    def estimate_cameras(self, views: Sequence[View]) -> list[Camera]:
        """Return the camera of each image as it is, posed in the volume's frame.

        For methods whose sheet says `estimates_camera`; what cameras the views have is not looked
        at.
        """
        raise NotImplementedError(f"{self.spec.title} estimates no cameras")

    @property
    def level_unit(self) -> str:
        """What a user's level is a number of, with these weights."""
        return self.spec.level_unit

    @property
    def level_shift(self) -> float:
        """By how much `shift_level` moved the surface of these weights after they were trained."""
        return float(self.weights.results.get("level", 0.0))

    @property
    def view_levels(self) -> dict[int, float]:
        """The calibrated levels of fields of so many posed views, in the field's values."""
        results = self.weights.results
        known = {count: results.get(LEVEL_OF.format(count)) for count in CALIBRATED}
        return {n: float(v) for n, v in known.items() if isinstance(v, int | float)}

    # ---------------------------------------------------------------- training

    def state_for(self, configuration: Any) -> dict[str, Tensor]:
        """Return the weights as a network of another configuration starts from them."""
        return self.state_dict()

    def start_of(self, part: str) -> dict[str, Tensor]:
        """Return the weights that an auxiliary network starts from; what is missing is drawn.

        By default everything is.
        """
        return {}

    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`: every field loses so much.

        Raises
        ------
        RequestError
            If the method's surface is no level that can be moved.
        """
        raise RequestError(f"The surface of {self.spec.title} has no level to choose.")

    def calibration_sample(self, example: Example) -> tuple[Tensor, Tensor]:
        """Return values, and the ground truth of the places that have them, bool of their shape.

        By default the field at the example's points.
        """
        field = self.decode(self.encode(example.views))
        points = example.points.to(self.device).split(CALIBRATION_BLOCK)
        return torch.cat([field(part) for part in points]), example.inside

    def solid_at(self, values: Tensor, level: float) -> Tensor:
        """Return which places of a `calibration_sample` are solid at a level."""
        return values < level

    def candidate_levels(self, values: Tensor, ground_truth: Tensor) -> list[float]:
        """Return levels to try, of the values and truths of all samples together.

        By default those with 0.5 to 2 times as many places inside as the ground truth has.
        """
        fractions = float(ground_truth.float().mean()) * np.geomspace(0.5, 2.0, 41)
        levels = np.quantile(values.numpy(), np.clip(fractions, 0, 1), method="lower")
        return np.unique(levels[np.isfinite(levels)]).tolist()

    def apply_calibration(self, level: float) -> dict[str, float]:
        """Move the surface by a calibrated level; return what to store among the results."""
        self.shift_level(level)
        return {"level": self.level_shift + level}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the paper's loss under "loss", and its terms and figures to watch by name."""
        raise NotImplementedError(f"{self.spec.title} is not trained")

    # ---------------------------------------------------------------- the border of the method

    @property
    def framing(self) -> Framing:
        """How the network's training images were framed."""
        return self.configuration.framing

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next((t.device for t in (*self.parameters(), *self.buffers())), torch.device("cpu"))

    @property
    def scale(self) -> float:
        """Length in the method's frame of a length 1 in the volume."""
        return scale_of(self.method_from_volume)

    def set_frame(self, method_from_volume: np.ndarray) -> None:
        """Set the frame that the weights were trained in, (4, 4) a similarity."""
        matrix = np.asarray(method_from_volume, np.float64)
        if matrix.shape != (4, 4) or not (np.abs(matrix) <= FRAME_LIMIT).all():
            raise RequestError(
                f"A method's frame is a 4x4 matrix of numbers of at most {FRAME_LIMIT:g}."
            )
        square = matrix[:3, :3] @ matrix[:3, :3].T
        if np.linalg.det(matrix[:3, :3]) <= FRAME_LIMIT**-3 or not np.allclose(
            square, np.eye(3) * square[0, 0], atol=1e-6 * square[0, 0]
        ):
            raise RequestError("A method's frame is a rotation, one scale and a translation.")
        self.method_from_volume = matrix

    def to_method(self, points: Tensor) -> Tensor:
        """Return points, (..., 3) volume frame, in the method's own frame."""
        if np.array_equal(self.method_from_volume, np.eye(4)):
            return points
        matrix = torch.as_tensor(self.method_from_volume, dtype=points.dtype, device=points.device)
        return points @ matrix[:3, :3].T + matrix[:3, 3]

    def to_volume(self, points: Tensor) -> Tensor:
        """Return points, (..., 3) method frame, in the volume's: the inverse of `to_method`."""
        matrix = torch.as_tensor(self.method_from_volume, dtype=torch.float64).inverse().to(points)
        return points @ matrix[:3, :3].T + matrix[:3, 3]

    def cameras_to_method(
        self, camera_from_volume: Tensor, intrinsics: Tensor, *, orthographic: bool
    ) -> tuple[Tensor, Tensor]:
        """Return a batch's cameras for the method's frame.

        Parameters
        ----------
        camera_from_volume : (B, V, 4, 4)
        intrinsics : (B, V, 4)

        Returns
        -------
        extrinsics : (B V, 4, 4) camera_from_method, rigid
        intrinsics : (B V, 4); orthographic: pixels per method unit
        """
        volume_from_method = torch.tensor(self.method_from_volume).inverse().to(camera_from_volume)
        extrinsics = camera_from_volume.flatten(0, 1) @ volume_from_method
        extrinsics = torch.cat([extrinsics[:, :3] * self.scale, extrinsics[:, 3:]], 1)  # unit axes
        intrinsics = intrinsics.flatten(0, 1).clone()
        if orthographic:
            intrinsics[:, :2] /= self.scale
        return extrinsics, intrinsics

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
        """Refuse a number of views or a missing camera that the method can't work with."""
        spec = self.spec
        most = len(views) if spec.max_views is None else spec.max_views
        if not spec.min_views <= len(views) <= most:
            wanted = (
                f"at least {spec.min_views}" if len(views) < spec.min_views else f"at most {most}"
            )
            noun = "view" if wanted.endswith(" 1") else "views"
            raise RequestError(f"{spec.title} takes {wanted} {noun}, not {len(views)}.")
        unposed = [view.name for view in views if view.camera is None]
        if spec.needs_camera and not spec.estimates_camera and unposed:
            raise RequestError(
                f"{spec.title} needs a camera for every image; {unposed[0]} has none.",
                "Attach the image to a camera, or choose a method that works without.",
            )

    def check_fusion(self, fusion: str | None) -> Fusion:
        """Return the rule to fuse views by; None is the method's default."""
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
            raise RequestError(f"A {code.method} code can't be decoded by {self.spec.title}.")

    # ---------------------------------------------------------------- weights

    def save(
        self,
        path: str | Path,
        *,
        training: Mapping[str, Any] | None = None,
        results: Mapping[str, Any] | None = None,
        precision: Precision = "float32",
    ) -> str:
        """Write the weights with all that is needed to use them; return the file's hash.

        Parameters
        ----------
        path
            The file, .safetensors.
        training
            What the network was trained on and how; None keeps what the loaded weights said.
        results
            How well it does, by name of the measure; None as above.
        precision
            How matrices and kernels are stored; vectors are always float32.
        """
        header = {
            "kind": "weights",
            "method": self.spec.name,
            "configuration": self.configuration.to_json(),
            "frame": self.method_from_volume.tolist(),
            "training": dict(self.weights.training if training is None else training),
            "results": dict(self.weights.results if results is None else results),
        }
        return write_tensors(path, pack(self.state_dict(), precision), header)

    @classmethod
    def load(cls, path: str | Path, *, name: str = "") -> Self:
        """Return the network whose weights `save` wrote, on the CPU.

        Parameters
        ----------
        path
            The file.
        name
            What to call the weights; the file's name when empty.

        Raises
        ------
        RequestError
            If the file is damaged, of another method, does not fit its own configuration, or holds
            numbers that are not finite.
        """
        tensors, header, digest = read_tensors(path)
        if header.get("kind") != "weights" or header.get("method") != cls.spec.name:
            owner = f"{header.get('kind', 'data')} of {header.get('method', 'something else')}"
            raise RequestError(f"{path} holds {owner}, not weights of {cls.spec.name}.")
        stored = unpack(tensors)
        configuration = cls.configuration_class.from_json(header.get("configuration"))
        model = build(cls, configuration, stored, source=str(path))
        model.fill(stored, source=str(path))
        model.set_frame(_matrix(header.get("frame")))
        training, results = check_facts(header, {"main", *cls.auxiliary})
        model.weights = WeightsInfo(name or Path(path).name, digest, training, results)
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
    """Return what a header holds as a matrix; zeros, which is no frame, where it holds none."""
    try:
        return np.array(rows, np.float64)
    except (ValueError, TypeError, OverflowError):
        return np.zeros(())
