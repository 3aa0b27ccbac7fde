"""Levelform's image encoder, hypernetwork and g: of posed images, and a copy for unposed ones.

See `reconstructors/levelform.py` for the ideas and the symbols. The copy was trained with cameras
that the camera network estimated: where those are wrong, features are sampled beside the object.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ...contract.errors import RequestError
from ...encoders.trunk import Trunk
from ...fields.hybrid import FirstLayer, HybridField, Views, weighted_mean, with_mirror_images
from ...fusion import camera_tensors, inside_image, project_points, reduce_views, sample_maps
from ...images.alpha import premultiply
from ...images.framing import FramedViews
from ...training.batch import Batch
from .levelform import EncodedImages, Layers, LevelformConfiguration, Writer, evaluate, zero_linear

CAMERAS = frozenset({"poses", "lenses", "flat"})  # tensors of a code that are never blended


class ImageHypernetwork:
    """The networks from images to g, as a base class of a module.

    Attributes
    ----------
    trunk, levels : the image encoder, and the projections of its maps
    writer : the hypernetwork
    trust : the gate of reflections; None without `symmetry`
    """

    configuration: LevelformConfiguration
    trunk: Trunk
    levels: nn.ModuleList
    writer: Writer
    trust: nn.Linear | None

    def build_networks(self, sizes: LevelformConfiguration) -> None:
        """Add the untrained networks to this module."""
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
        self.trust = zero_linear(self.trunk.features) if sizes.symmetry else None

    # ---------------------------------------------------------------- network

    def encode_images(self, images: Tensor) -> EncodedImages:
        """Return the embeddings and maps of images (N, 4, S, S), straight alpha.

        Maps of all resolutions are resized to the finest one's, so that all are sampled at once.
        """
        embedding, maps = self.trunk(premultiply(images, dim=-3))
        if not self.levels:
            return EncodedImages(embedding.float(), None)
        finest, *coarse = [
            project(feature_map).float()
            for project, feature_map in zip(self.levels, maps, strict=True)
        ]  # (N, channels, T, T), (N, channels, T / 2, T / 2), ...
        resized = [
            F.interpolate(each, finest.shape[-2:], mode="bilinear", align_corners=False)
            for each in coarse
        ]
        return EncodedImages(embedding.float(), torch.cat([finest, *resized], 1))

    def layers(self, embedding: Tensor) -> Layers:
        """Return g of each embedding, (B, features)."""
        return self.writer(embedding)

    def logits(self, batch: Batch) -> Tensor:
        """Return (B, P): the fused logits at a batch's points."""
        objects, views = batch.images.shape[:2]
        encoded = self.encode_images(batch.images.flatten(0, 1))
        # Coordinates in half precision would resolve 0.004 near 1: from here on all is float32.
        with torch.autocast(batch.images.device.type, enabled=False):
            embedding = encoded.embedding.unflatten(0, (objects, views)).mean(1)  # (B, features)
            gate = None if self.trust is None else self.trust(embedding)  # (B, 1)
            points = batch.points if gate is None else with_mirror_images(batch.points)
            inputs, seen = self._inputs(replace(batch, points=points), encoded)
            # A point's reflection counts as one more view of it: M = V or 2 V.
            each = (-1, points.shape[1] // batch.points.shape[1], batch.points.shape[1])
            outputs = evaluate(self.layers(embedding), inputs.flatten(1, 2)).unflatten(1, each)
            seen = seen.flatten(1).unflatten(1, each)
            return weighted_mean(outputs.movedim(0, 2), seen.movedim(0, 2), gate)

    def _inputs(self, batch: Batch, encoded: EncodedImages) -> tuple[Tensor, Tensor]:
        """Return what g reads, (B, V, P, inputs), and which views see a point, (B, V, P) bool.

        V is 1 where g reads nothing of the views.
        """
        if not self.configuration.reads_views:
            alone = batch.points[:, None]
            return alone, torch.ones_like(alone[..., 0], dtype=torch.bool)
        if batch.camera_from_volume is None or batch.intrinsics is None:
            raise RequestError(
                "Levelform learns from posed images; this batch has no cameras.",
                "Train it on a data set with cameras.",
            )
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
        if encoded.maps is not None:
            maps.append(encoded.maps)
        for feature_map in maps:
            taken = sample_maps(feature_map, pixels.flatten(0, 1), image_size=image_size)
            inputs.append(taken.unflatten(0, (objects, views)))
        return torch.cat(inputs, -1), inside_image(pixels, depth, image_size=image_size)

    # ---------------------------------------------------------------- one object

    def described_object(self, framed: FramedViews) -> dict[str, Tensor]:
        """Return the tensors of a code: embedding, maps, masks and cameras of framed views."""
        encoded = self.encode_images(framed.images)
        tensors = {"embedding": reduce_views(encoded.embedding)}
        if not self.configuration.reads_views:
            return tensors
        cameras = [camera for camera in framed.cameras if camera is not None]
        device = framed.images.device
        poses, intrinsics = camera_tensors(cameras, device)
        orthographic = torch.tensor([camera.orthographic for camera in cameras], device=device)
        tensors |= {"alpha": framed.images[:, 3].contiguous()}
        tensors |= {"poses": poses, "lenses": intrinsics, "flat": orthographic}
        return tensors if encoded.maps is None else {**tensors, "maps": encoded.maps}

    def field_of(self, tensors: dict[str, Tensor], *, symmetry: bool) -> HybridField:
        """Return the field of g of what `described_object` made."""
        layers = [(w[0], b[0, 0]) for w, b in self.layers(tensors["embedding"][None])]
        kinds = self.configuration.inputs
        parts = dict(zip(kinds, layers[0][0].split(list(kinds.values())), strict=True))
        others = [part if kinds[name] else None for name, part in parts.items() if name != "place"]
        first = FirstLayer(parts["place"], *others, bias=layers[0][1])
        views = None
        if self.configuration.reads_views:
            names = ("alpha", "poses", "lenses", "flat")
            views = Views(tensors.get("maps"), *(tensors[name] for name in names))
        gate = self.trust(tensors["embedding"]) if symmetry and self.trust is not None else None
        return HybridField(first, layers[1:], views, gate)


class UnposedNetwork(ImageHypernetwork, nn.Module):
    """The copy for unposed images."""

    def __init__(self, sizes: LevelformConfiguration) -> None:
        super().__init__()
        self.configuration = sizes
        self.build_networks(sizes)
