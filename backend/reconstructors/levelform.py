"""An image-conditioned hypernetwork combining the ideas of five papers that proved complementary.

What is taken from whom, and why
--------------------------------
- "Deep Meta Functionals" (Littwin and Wolf, ICCV 2019): an image encoder generates all weights of a
  small network g for each object. This conditions more strongly than a code that only shifts a
  layer, and g is so small that a mesh takes a second on two cores.
- "DISN" (Xu et al., NeurIPS 2019): g also reads image features at the point's projection, so its
  few weights need not store what the image shows. The maps are projected to a few channels before
  they are sampled, because sampling dominates the cost.
- "SDF-SRN" (Lin et al., NeurIPS 2020) and others supervise in the camera's frame. Here g reads the
  point in the camera's axes as well as in the object's: occlusion is a property of the camera,
  symmetry one of the object. It also reads the mask, the only source of the silhouette.
- Most objects are symmetric, so a mirrored image is one more view ("Ladybird", Xu et al., ECCV
  2020, also samples features at the mirrored point). g is evaluated at the point and at its
  reflection. Its second output, a confidence, weights the point against its reflection, and views
  against each other; a gate predicted from the embedding can switch reflections off for asymmetric
  objects.
- "Occupancy Networks" (Mescheder et al., CVPR 2019): a logit, trained with cross entropy.
- Images without a camera: a separate network (as DISN's) estimates it, and the image is then framed
  as one with a camera. A copy of the networks, trained on such estimates, expects their errors. The
  image's reflection is one more estimate of the object, and both fields are averaged.

Symbols
-------
e        `EncodedImages.embedding`, one vector an object, the mean over its views
g        `Levelform.layers` generates its weights; `evaluate` runs it
inputs   of g: the point (3), the point in camera axes (3), alpha (1), `channels` of each map

docs/ablations.md measures what each of these ideas contributes: local features and generated
weights clearly help; for camera axes and the mask, runs this short show no significant effect.
Reflections and confidence are newer and not included.

g runs once for each view; `weighted_mean` averages the logits over the views that see the point,
weighted by confidence. A logit is positive inside; the field is its negative. The method's frame is
the volume's; its symmetry plane is x = 0.

`trust` and `levels` are the names that the gate and the projections of maps have in files of
weights; so are "lenses" and "flat" in codes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..encoders.upright import UprightCameraNetwork
from ..fields.field import Field
from ..fields.joined import JoinedField
from ..fields.several_views import Round, SeveralViewsField
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..images.alpha import premultiply
from ..images.framing import FramedViews
from .base import SYMMETRY, Batch, Code, MethodSpec, Reconstructor, register
from .networks.image_hypernetwork import CAMERAS, ImageHypernetwork, UnposedNetwork
from .networks.levelform import (
    COMPACT,
    COMPACT_RECIPES,
    PAPER,
    LevelformConfiguration,
    converted_state,
    points_loss,
    several_network,
)
from .several import described_views, own_weight, several_field, several_loss
from .unposed import (
    cameras_among,
    described_unposed,
    reflected,
    unposed_field,
    with_estimated_cameras,
)
from .upright_cameras import azimuth_votes, upright_camera_loss, upright_cameras

SPEC = MethodSpec(
    name="levelform",
    title="Levelform",
    paper="",
    summary="From one image or several, with cameras or without: the one to try first.",
    estimates_camera=True,
    fusions=("mean",),
    own_options=(SYMMETRY,),
    level_unit="probability",
)
UNPOSED = "unposed"  # the entry of a code's facts that says which network made it


@register(SPEC)
class Levelform(ImageHypernetwork, Reconstructor):
    """The hypernetwork, its copy for unposed images, its camera network, that of several views."""

    configurations = {"paper": PAPER, "compact": COMPACT}
    configuration_class = LevelformConfiguration
    recipes = {"compact": COMPACT_RECIPES}
    auxiliary = {
        "camera": ("camera", False),
        "several": ("several", 0),
        "unposed": ("unposed", False),
    }
    configuration: LevelformConfiguration
    half_precision = (
        "trunk.forward",
        "camera.trunk.forward",
        "several.combine",
        "unposed.trunk.forward",
    )

    def __init__(self, configuration: LevelformConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        sizes = configuration
        self.build_networks(sizes)
        self.camera = None
        if sizes.camera:
            self.camera = UprightCameraNetwork(
                stem=sizes.camera_stem, stride=sizes.stride, widths=sizes.camera_widths
            )
        self.several = several_network(sizes) if sizes.several else None
        self.unposed = UnposedNetwork(sizes) if sizes.unposed else None

    def set_frame(self, method_from_volume: np.ndarray) -> None:
        """Refuse any frame but the volume's."""
        if not np.array_equal(np.asarray(method_from_volume), np.eye(4)):
            raise RequestError(
                f"{SPEC.title} works in the volume's frame, not in another one.",
                "Import the weights without a frame.",
            )

    def start_of(self, part: str) -> dict[str, Tensor]:
        """Return initial weights: the copy for unposed images starts as one of posed images."""
        if part != "unposed":
            return {}
        names = ("trunk.", "levels.", "writer.", "trust.")
        own = self.state_dict()
        return {f"{part}.{name}": own[name].clone() for name in own if name.startswith(names)}

    def state_for(self, configuration: Any) -> dict[str, Tensor]:
        """Return the weights for a network of another configuration, see `converted_state`."""
        return converted_state(self.state_dict(), self.configuration, configuration)

    # ---------------------------------------------------------------- inference

    @torch.no_grad()
    def encode(
        self,
        views: Sequence[View],
        *,
        fusion: str | None = None,
        camera: Literal["given", "estimated"] = "given",
    ) -> Code:
        """Encode views to one embedding, their maps, masks and cameras.

        Parameters
        ----------
        views
            One or more. Where a view has no camera, or `camera` is "estimated", the camera network
            gives one.
        fusion
            "mean".
        camera
            "given" or "estimated".
        """
        self.check_fusion(fusion)
        posed = camera == "given" and all(view.camera is not None for view in views)
        framed = self._images(views, estimate=camera == "estimated")
        if self.unposed is not None and not posed:
            guessed = camera == "estimated" or all(view.camera is None for view in views)
            flipped = self._images(reflected(views), estimate=True) if guessed else None
            tensors = described_unposed(self.unposed, framed, flipped)
            return Code(SPEC.name, tensors, {UNPOSED: True}, cameras_among(tensors))
        several, count, fewest = Code(SPEC.name, {}), len(views), self.configuration.fewest
        if self.several is not None and count >= fewest and (posed or count == 1):
            described = described_views(framed, *self.described(framed.images))
            several = Code(SPEC.name, described, fixed=CAMERAS)
            if own_weight(count, fewest) == 0:
                return several
        tensors = self.described_object(framed)
        if not self.configuration.reads_views:
            return Code(SPEC.name, tensors)
        return Code(SPEC.name, {**several.tensors, **tensors}, fixed=CAMERAS)

    def _decode_several(self, code: Code) -> SeveralViewsField:
        """Return the field of a code by `_encode_several`."""
        if self.several is None:
            raise RequestError(
                "The code is of several views, for which these weights have no network.",
                "Decode it with the weights that encoded it.",
            )
        return several_field(self.several, code.to(self.device).tensors)

    @torch.no_grad()
    def decode(self, code: Code, *, symmetry: bool = True) -> Field:
        """Bake one object: the first layer becomes one table an image and one matrix a view.

        Parameters
        ----------
        symmetry
            Evaluate reflections too, so that images of one side constrain the other.
        """
        self.check_code(code)
        if "embedding" not in code.tensors:
            return self._decode_several(code)
        tensors = dict(code.to(self.device).tensors)
        if code.meta.get(UNPOSED):
            return self._decode_unposed(tensors, symmetry=symmetry)
        own = self.field_of(tensors, symmetry=symmetry)
        if "distances" not in code.tensors:
            return own
        weight = own_weight(len(code.tensors["poses"]), self.configuration.fewest)
        return JoinedField(self._decode_several(code), own, weight)

    def _decode_unposed(self, tensors: dict[str, Tensor], *, symmetry: bool) -> Field:
        """Return the field of a code of unposed images."""
        if self.unposed is None:
            raise RequestError(
                "The code is of unposed images, for which these weights have no network.",
                "Decode it with the weights that encoded it.",
            )
        return unposed_field(self.unposed, tensors, symmetry=symmetry)

    def _images(self, views: Sequence[View], *, estimate: bool) -> FramedViews:
        """Return the views as the network sees them, framed by their given or estimated cameras."""
        self.check_views(views)
        if not self.configuration.reads_views:
            return self.prepare(views)
        given = [None if estimate else view.camera for view in views]
        unposed = [view for view, camera in zip(views, given, strict=True) if camera is None]
        estimated = iter(self.estimate_cameras(unposed) if unposed else ())
        cameras = [camera or next(estimated) for camera in given]
        return self.prepare(
            [replace(view, camera=c) for view, c in zip(views, cameras, strict=True)]
        )

    @torch.no_grad()
    def estimate_cameras(self, views: Sequence[View]) -> list[Camera]:
        """Return an upright camera for each image, posed in the volume's frame.

        The cameras belong to the whole images. They stand at the middle of the training distances,
        since no image tells distance from focal length, and look at the volume's centre.

        Raises
        ------
        RequestError
            If the weights have no camera network, or an image shows no object.
        """
        if self.camera is None:
            raise RequestError(
                f"These weights of {SPEC.title} have no camera network, so every image needs its "
                "camera.",
                "Attach the images to cameras, or use weights that can estimate them.",
            )
        return upright_cameras(self.camera, views, self.framing)

    @torch.no_grad()
    def azimuths(self, views: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
        """Return the camera network's votes on the azimuth that each image was taken from.

        An image and its mirror image have equal weights: an azimuth a of one is -a of the other.
        Cameras of the views are ignored; +Z is up.

        Returns
        -------
        weights, azimuths : (V, 2 BINS) float64; the weights of a row sum to 1; radians from the
            front, -Y, counter-clockwise seen from above
        """
        if self.camera is None:
            raise RequestError(
                f"These weights of {SPEC.title} have no camera network, so they know no front.",
                "Use weights with one.",
            )
        return azimuth_votes(self.camera, views, self.framing)

    # ---------------------------------------------------------------- training

    @torch.no_grad()
    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the biases of the logits."""
        inputs, outputs = self.configuration.layers[-1]
        self.writer.start[-(inputs * outputs + outputs)] += level
        if self.several is not None and self.configuration.fewest == 1:
            self.several.shift_level(level)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean cross entropy plus `overlap` times (1 - soft IoU).

        Points near the surface and all other points have equal total weight in the cross entropy.
        The soft IoU of the evenly sampled points is the evaluation's own measure; it moves each
        object's level to where that object's IoU is highest.

        Logged beside it: "sign", the fraction of points on the correct side, and "iou" of the
        evenly sampled points.
        """
        return points_loss(self.logits(batch), batch, overlap=self.configuration.overlap)

    def unposed_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return `loss` of the copy for unposed images, with estimated cameras.

        The images are framed by their masks. In training the cameras get further errors.
        """
        if self.unposed is None or self.camera is None:
            raise RequestError(
                "These weights lack a network of unposed images, or one of their cameras.",
                "Train the camera network first: `--part camera`.",
            )
        estimated = with_estimated_cameras(
            self.camera, batch, self.framing, disturbed=self.training
        )
        logits = self.unposed.logits(estimated)
        return points_loss(logits, batch, overlap=self.configuration.overlap)

    @torch.no_grad()
    def described(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return embeddings and maps of images (N, 4, S, S), the image encoder frozen."""
        in_training = self.trunk.training
        self.trunk.eval()
        vector, maps = self.trunk(premultiply(images, dim=-3))
        self.trunk.train(in_training)
        return vector, tuple(maps)

    def several_loss(self, batch: Round) -> dict[str, Tensor]:
        """Return the loss of the network of several views, on the fused logits.

        Cross entropy, `SOFT` times (1 - soft IoU) of the points, and `DEPTH` times the Laplace loss
        of the visible surface's depth. Logged beside it: the errors of the predicted depth and of
        the hull's front, and the IoU of the points.
        """
        if self.several is None:
            raise RequestError(
                "These weights have no network of several views to train.",
                "Start from weights with one: `--set several=24`.",
            )
        return several_loss(self.several, batch)

    def camera_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the camera network's loss, see `upright_camera_loss`; it shares no weights."""
        if self.camera is None or batch.camera_from_volume is None or batch.intrinsics is None:
            raise RequestError(
                "These weights have no camera network to train, or the data set has no cameras.",
                "Start from weights with a camera network, and train on posed images.",
            )
        return upright_camera_loss(self.camera, batch, self.framing)
