"""Levelform's own: written networks that see, from the five papers' ideas that held up together.

What is taken from whom, and why
--------------------------------
- "Deep Meta Functionals" (Littwin and Wolf, ICCV 2019): an image encoder writes all weights of a
  small network g for each object. That conditions harder than a code which only shifts a layer, and
  g is so small that a mesh takes a second on two cores.
- "DISN" (Xu et al., NeurIPS 2019): g also reads features of the image where the point projects,
  so that it need not keep in its few weights what the image shows anyway. They are projected to a
  few channels before they are sampled: sampling is what costs.
- "SDF-SRN" (Lin et al., NeurIPS 2020) and its kin supervise in the camera's frame; here g reads the
  point in the camera's axes beside the object's, for "behind what is seen" is a statement about the
  camera, and symmetry one about the object. It reads the mask, which alone gives the silhouette.
- Most objects are symmetric, so a mirrored image is one more view ("Ladybird", Xu et al., ECCV
  2020, reads features at the mirrored point too). g is asked at the point and at its mirror image;
  how sure it is of each, its second output, weighs them, as it weighs views. An embedding that
  tells an object's asymmetry can take the trust in all mirror images away.
- "Occupancy Networks" (Mescheder et al., CVPR 2019): a logit, learned by cross entropy.
- Images without a camera: a network apart (as DISN's) finds it, and the image is then framed as
  one with a camera, so that the reconstruction sees nothing it was not trained on.

Symbols
-------
e        `EncodedImages.embedding`, one vector an object, the mean over its views
g        `Levelform.layers` writes its weights; `evaluate` runs it
inputs   of g: the point (3), the point in camera axes (3), alpha (1), `channels` of each map

What leaving one of these ideas out costs is measured in docs/ablations.md: local features and
written weights pay for certain; camera axes and the mask do not show yet in trainings that short.
Mirror images and confidence are newer and not among them.

g runs for each view; the logits are averaged over the views that see the point, by how sure g is
(`weighted_mean`). A logit is above 0 inside; the field is minus that. The method's frame is the
volume's, whose plane x = 0 is the one that objects are mirrored in.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..encoders.trunk import Trunk, doubled_stem
from ..encoders.upright import (
    UprightCameraNetwork,
    read,
    sighting_loss,
    true_sightings,
)
from ..fields.field import Field
from ..fields.hybrid import FirstLayer, HybridField, Views, weighted_mean, with_mirror_images
from ..fields.mean import MeanField
from ..fields.several_views import Round, SeveralViews, SeveralViewsField
from ..fusion import camera_tensors, inside_image, project_points, reduce_views, sample_maps
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..images.alpha import premultiply
from ..images.framing import FramedViews
from ..training.recipes import EVEN, Phase, Recipe, RoundDraw, Sampling, small, small_camera
from .base import SYMMETRY, Batch, Code, MethodSpec, Reconstructor, register
from .networks.levelform import (
    COMPACT,
    PAPER,
    EncodedImages,
    Layers,
    LevelformConfiguration,
    Writer,
    evaluate,
    with_second_output,
)
from .several import described_views, several_field, several_loss, soft_iou
from .upright_cameras import azimuth_votes, middle_distance, upright_cameras

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


@register(SPEC)
class Levelform(Reconstructor):
    """The hypernetwork, its camera network, and what they need of images."""

    configurations = {"paper": PAPER, "compact": COMPACT}
    configuration_class = LevelformConfiguration
    recipes = {
        "compact": {
            "main": small(Sampling(points=EVEN)),
            "camera": small_camera(crops=1.0, canonical=False),
            "several": Recipe(
                (Phase(loss="several_loss", learning_rate=2e-3, warm_up=200),),
                RoundDraw(),
                ("several",),
                precision="bfloat16",
            ),
        }
    }
    auxiliary = {"camera": ("camera", False), "several": ("several", 0)}
    configuration: LevelformConfiguration
    half_precision = ("trunk.forward", "camera.trunk.forward", "several.combine")

    def __init__(self, configuration: LevelformConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        sizes = configuration
        self.trunk = Trunk(
            stem=sizes.stem,
            stride=sizes.stride,
            widths=sizes.widths,
            blocks=sizes.blocks,
            maps=sizes.local_features,
        )
        self.levels = nn.ModuleList()
        if sizes.local_features:
            self.levels.extend(nn.Conv2d(width, sizes.channels, 1) for width in sizes.widths)
        self.writer = Writer(self.trunk.features, sizes)
        self.trust = None
        if sizes.symmetry:
            self.trust = nn.Linear(self.trunk.features, 1)
            nn.init.zeros_(self.trust.weight)
            nn.init.zeros_(self.trust.bias)
        self.camera = None
        if sizes.camera:
            self.camera = UprightCameraNetwork(
                stem=sizes.camera_stem, stride=sizes.stride, widths=sizes.camera_widths
            )

        self.several = None
        if sizes.several:
            self.several = _several(sizes)

    def set_frame(self, method_from_volume: np.ndarray) -> None:
        """Refuse any frame but the volume's."""
        if not np.array_equal(np.asarray(method_from_volume), np.eye(4)):
            raise RequestError(f"{SPEC.title} works in the volume's frame and in no other.")

    def state_for(self, configuration: Any) -> dict[str, Tensor]:
        """Return the weights for another configuration.

        One of twice the stride sees the same in images of twice the size. Confidence that was
        not told before is the same everywhere at first, and mirror images count as much as points.
        """
        own, state = self.configuration, self.state_dict()
        if configuration.stride == 2 * own.stride:
            for name in [name for name in state if name.endswith("trunk.stem.weight")]:
                state[name] = doubled_stem(state[name])
        if configuration.confidence and not own.confidence:
            state["writer.start"] = with_second_output(state["writer.start"], own.hidden_width)
            if own.hyper:
                changes = with_second_output(state["writer.change.weight"], own.hidden_width)
                state["writer.change.weight"] = changes
        if configuration.context and not own.context and self.several is not None:
            state |= {f"several.context.{k}": v for k, v in _context(configuration).items()}
        if configuration.symmetry and not own.symmetry:
            state["trust.weight"] = torch.zeros(1, self.trunk.features)
            state["trust.bias"] = torch.zeros(1)
        return state

    # ---------------------------------------------------------------- network

    def look(self, images: Tensor) -> EncodedImages:
        """Return the embeddings and maps of images (N, 4, S, S), straight alpha.

        Maps of all levels are resized to the finest one's resolution, so that one look-up takes
        them all.
        """
        embedding, maps = self.trunk(premultiply(images, dim=-3))
        if not self.levels:
            return EncodedImages(embedding.float(), None)
        levels = [level(feature_map) for level, feature_map in zip(self.levels, maps, strict=True)]
        size = levels[0].shape[-2:]
        coarse = [
            F.interpolate(level.float(), size, mode="bilinear", align_corners=False)
            for level in levels[1:]
        ]
        return EncodedImages(embedding.float(), torch.cat([levels[0].float(), *coarse], 1))

    def layers(self, embedding: Tensor) -> Layers:
        """Return g of each embedding, (B, features)."""
        return self.writer(embedding)

    def logits(self, batch: Batch) -> Tensor:
        """Return (B, P): the fused logits at a batch's points."""
        objects, views = batch.images.shape[:2]
        look = self.look(batch.images.flatten(0, 1))
        # Coordinates in half precision would resolve 0.004 near 1: from here on all is float32.
        with torch.autocast(batch.images.device.type, enabled=False):
            embedding = look.embedding.unflatten(0, (objects, views)).mean(1)
            places = batch.points if self.trust is None else with_mirror_images(batch.points)
            inputs, seen = self._inputs(replace(batch, points=places), look)
            each = (-1, places.shape[1] // batch.points.shape[1], batch.points.shape[1])
            outputs = evaluate(self.layers(embedding), inputs.flatten(1, 2)).unflatten(1, each)
            trust = None if self.trust is None else self.trust(embedding)
            seen = seen.flatten(1).unflatten(1, each)
            return weighted_mean(outputs.movedim(0, 2), seen.movedim(0, 2), trust)

    def _inputs(self, batch: Batch, look: EncodedImages) -> tuple[Tensor, Tensor]:
        """Return what g reads, (B, V, P, inputs), and which views see a point, (B, V, P) bool.

        V is 1 where g reads nothing of the views.
        """
        if not self.configuration.reads_views:
            alone = batch.points[:, None]
            return alone, torch.ones_like(alone[..., 0], dtype=torch.bool)
        if batch.camera_from_volume is None or batch.intrinsics is None:
            raise RequestError(f"{SPEC.title} learns from posed images; this batch has none.")
        objects, views, _, size, _ = batch.images.shape
        poses, intrinsics = batch.camera_from_volume, batch.intrinsics
        pixels, depth = project_points(
            batch.points, poses, intrinsics, orthographic=batch.orthographic
        )  # (B, V, P, 2), (B, V, P)
        image_size, maps = (size, size), []
        inputs = [batch.points[:, None].expand(-1, views, -1, -1)]
        if self.configuration.camera_coordinates:
            inputs.append(torch.einsum("bvij,bpj->bvpi", poses[..., :3, :3], batch.points))
        if self.configuration.alpha:
            maps.append(batch.images[:, :, 3:].flatten(0, 1))
        if look.maps is not None:
            maps.append(look.maps)
        for feature_map in maps:
            taken = sample_maps(feature_map, pixels.flatten(0, 1), image_size=image_size)
            inputs.append(taken.unflatten(0, (objects, views)))
        return torch.cat(inputs, -1), inside_image(pixels, depth, image_size=image_size)

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
        if self.several is not None and posed and len(views) > 1:
            return self._encode_several(framed)
        look = self.look(framed.images)
        tensors = {"embedding": reduce_views(look.embedding)}
        if not self.configuration.reads_views:
            return Code(SPEC.name, tensors)
        if self.several is not None and len(views) == 1 and self.configuration.fewest == 1:
            tensors |= self._encode_several(framed).tensors
        cameras = [camera for camera in framed.cameras if camera is not None]
        poses, intrinsics = camera_tensors(cameras, self.device)
        orthographic = torch.tensor([camera.orthographic for camera in cameras], device=self.device)
        tensors |= {"alpha": framed.images[:, 3].contiguous()}
        tensors |= {"poses": poses, "lenses": intrinsics, "flat": orthographic}
        if look.maps is not None:
            tensors["maps"] = look.maps
        return Code(SPEC.name, tensors, fixed=frozenset({"poses", "lenses", "flat"}))

    def _encode_several(self, framed: FramedViews) -> Code:
        """Return what the network of several views reads of framed, posed images."""
        tensors = described_views(framed, *self.described(framed.images))
        return Code(SPEC.name, tensors, fixed=frozenset({"poses", "lenses", "flat"}))

    def _decode_several(self, code: Code) -> SeveralViewsField:
        """Return the field of what `_encode_several` made."""
        if self.several is None:
            raise RequestError("These weights have no network of several views for this code.")
        return several_field(self.several, code.to(self.device).tensors)

    @torch.no_grad()
    def decode(self, code: Code, *, symmetry: bool = True) -> Field:
        """Bake one object: first layers become tables of the images, and one matrix a view.

        Parameters
        ----------
        symmetry
            Use that most objects are symmetric; without, what the images show of one side says
            nothing of the other.
        """
        self.check_code(code)
        if "embedding" not in code.tensors:
            return self._decode_several(code)
        field = self._decode_own(code, symmetry=symmetry)
        if "distances" in code.tensors:
            return MeanField(field, self._decode_several(code))
        return field

    def _decode_own(self, code: Code, *, symmetry: bool) -> HybridField:
        """Return the field of g."""
        tensors = code.to(self.device).tensors
        layers = [(w[0], b[0, 0]) for w, b in self.layers(tensors["embedding"][None])]
        kinds = self.configuration.inputs
        parts = dict(zip(kinds, layers[0][0].split(list(kinds.values())), strict=True))
        others = [part if kinds[name] else None for name, part in parts.items() if name != "place"]
        first = FirstLayer(parts["place"], *others, bias=layers[0][1])
        views = None
        if self.configuration.reads_views:
            names = ("alpha", "poses", "lenses", "flat")
            views = Views(tensors.get("maps"), *(tensors[name] for name in names))
        trust = self.trust(tensors["embedding"]) if symmetry and self.trust is not None else None
        return HybridField(first, layers[1:], views, trust)

    def _images(self, views: Sequence[View], *, estimate: bool) -> FramedViews:
        """Return the views as the network sees them, framed by their given or estimated cameras."""
        self.check_views(views)
        if not self.configuration.reads_views:
            return self.prepare(views)
        unposed = [view for view in views if estimate or view.camera is None]
        estimated = iter(self.estimate_cameras(unposed) if unposed else ())
        return self.prepare(
            [
                replace(view, camera=next(estimated)) if estimate or view.camera is None else view
                for view in views
            ]
        )

    @torch.no_grad()
    def estimate_cameras(self, views: Sequence[View]) -> list[Camera]:
        """Return an upright camera for each image, posed in the volume's frame.

        The cameras are of the images as they are. They stand at the middle training distance,
        which no image tells apart from a lens, and look at the volume's centre.

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
        """Return what the camera network thinks of where each image was taken from.

        An image and its mirror image count the same: one is taken from the azimuth a where the
        other is taken from -a. Cameras that the views have are not looked at; +Z is up in them.

        Returns
        -------
        weights, azimuths : (V, 2 BINS) float64; the weights of a row sum to 1; radians from the
            front, -Y, counter-clockwise seen from above
        """
        if self.camera is None:
            raise RequestError(f"These weights of {SPEC.title} have no camera network.")
        return azimuth_votes(self.camera, views, self.framing)

    # ---------------------------------------------------------------- training

    @torch.no_grad()
    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the bias of g's logit."""
        inputs, outputs = self.configuration.layers[-1]
        self.writer.start[-(inputs * outputs + outputs)] += level

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean cross entropy, and `overlap` times one less the soft overlap.

        Points near the surface and all others count the same in the cross entropy. The overlap is
        that of the points that were drawn evenly, each inside as much as the network thinks so:
        what the result is measured by, so that each object finds the level that suits it.

        Beside it "sign", the share of points on the right side, and "iou" of the points that were
        drawn evenly.
        """
        logits = self.logits(batch)
        each = F.binary_cross_entropy_with_logits(logits, batch.inside, reduction="none")
        near = torch.zeros_like(batch.inside) if batch.near is None else batch.near.to(each)
        groups = [_mean(each, fraction) for fraction in (near, 1 - near) if bool(fraction.any())]
        entropy = torch.stack(groups).mean()
        predicted, true, even = logits > 0, batch.inside > 0.5, near == 0
        overlap, union = (predicted & true & even).sum(), ((predicted | true) & even).sum()
        missed = 1 - soft_iou(logits.sigmoid(), batch.inside, even)
        return {
            "loss": entropy + self.configuration.overlap * missed,
            "sign": (predicted == true).float().mean(),
            "iou": overlap / union.clamp(min=1),
        }

    @torch.no_grad()
    def described(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return what the image encoder, which is not learning, makes of images (N, 4, S, S)."""
        learning = self.trunk.training
        self.trunk.eval()
        vector, maps = self.trunk(premultiply(images, dim=-3))
        self.trunk.train(learning)
        return vector, tuple(maps)

    def several_loss(self, batch: Round) -> dict[str, Tensor]:
        """Return the loss of the network of several views, on the fused logits.

        Cross entropy, `SOFT` times one less the soft overlap of the points, and `DEPTH` times the
        Laplace loss of the visible surface's depth. Beside it the error of the predicted depth,
        that of the hull's front, and the overlap of the points.
        """
        if self.several is None:
            raise RequestError("There is no network of several views to train.")
        return several_loss(self.several, batch)

    def camera_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the camera network's loss on images that are cropped as unposed ones are.

        Alone in its own training run: the camera network shares nothing with the rest. Beside it
        "d3D", the mean distance between the batch's points along the found and the true camera's
        axes, both from the volume's centre.
        """
        if self.camera is None or batch.camera_from_volume is None or batch.intrinsics is None:
            raise RequestError("There is no camera network to train, or no cameras to learn from.")
        views = batch.images.shape[1]
        poses = batch.camera_from_volume.flatten(0, 1)
        true = true_sightings(
            poses,
            batch.intrinsics.flatten(0, 1),
            size=batch.images.shape[-1],
            unit=self.framing.focal / middle_distance(self.framing),
            orthographic=batch.orthographic,
        )
        raw = self.camera(batch.images.flatten(0, 1))
        with torch.no_grad():
            rotation = read(raw).axes - true.axes
            apart = batch.points.repeat_interleave(views, 0) @ rotation.mT
        return {"loss": sighting_loss(raw, true), "d3D": apart.norm(dim=-1).mean()}


def _several(sizes: LevelformConfiguration) -> SeveralViews:
    """Return an untrained network of several views."""
    features = sizes.widths[-1]
    return SeveralViews(sizes.widths, features, channels=sizes.several, context=sizes.context)


def _context(sizes: LevelformConfiguration) -> dict[str, Tensor]:
    """Return the weights of an untrained context network, which changes nothing yet."""
    context = _several(sizes).context
    assert context is not None
    return context.state_dict()


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum()
