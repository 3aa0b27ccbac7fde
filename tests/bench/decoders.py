"""The methods' decoders at the paper's sizes: baked, and as the papers write them down."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from levelform.backend.extraction.sampler import BLOCK
from levelform.backend.fields import Field
from levelform.backend.fields.pixel_aligned import Maps, Stream
from levelform.backend.fusion import project_points
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Code
from levelform.backend.reconstructors.deep_meta_functionals import PAPER as DEEP_META
from levelform.backend.reconstructors.deep_meta_functionals import DeepMetaFunctionals
from levelform.backend.reconstructors.disn import DISN, UNIT
from levelform.backend.reconstructors.disn import PAPER as DISN_PAPER
from levelform.backend.reconstructors.occupancy_network import PAPER as OCCUPANCY
from levelform.backend.reconstructors.occupancy_network import OccupancyNetwork
from levelform.backend.reconstructors.sdf_srn import SDFSRN
from levelform.backend.reconstructors.tdgn import PAPER as TDGN_PAPER
from levelform.backend.reconstructors.tdgn import TDGN
from torch import Tensor, nn

Decoder = Callable[[Tensor], Tensor]
"""Points (P, 3), volume frame, to values (P,)."""


@dataclass(frozen=True)
class Subject:
    """A method's decoder, twice.

    Attributes
    ----------
    name : the method's
    field : baked
    naive : as the paper's text or the authors' graph
    bar : of goal 7, baked over naive; None where there is none
    points : to time it on
    """

    name: str
    field: Field
    naive: Decoder
    bar: float | None
    points: int = 1 << 17


def chosen_block(field: Field) -> int:
    """Return how many points extraction hands a field at once."""
    return field.block or BLOCK[field.device.type]


def image(side: int = 128) -> View:
    """Return a posed image of noise on a disc, taken from the front."""
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(side, side, 4, generator=generator)
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    image[..., 3] = (x**2 + y**2 < 0.6).float()
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    pose[:3, 3] = [0, -3.2, 0]
    focal = 42 / 36 * side
    return View(image, Camera(pose, focal, focal, side / 2, side / 2, side, side), "front")


def deep_meta() -> Subject:
    """Return g as published, 3-32-32-32-32-1; the encoder, which is not measured, is narrow."""
    torch.manual_seed(0)
    model = DeepMetaFunctionals(replace(DEEP_META, width=4, start="network")).eval()
    embedding = torch.randn(1, model.encoder.features)
    with torch.no_grad():
        functional = model.functional(embedding)
    field = model.decode(Code(model.spec.name, {"embedding": embedding[0]}))
    return Subject(
        "Deep Meta", field, lambda points: -functional(model.to_method(points)[None])[0], 1.15
    )


def tdgn() -> Subject:
    """Return the SVM with its embedding, N = 32, layers 259-256-256-256-3."""
    torch.manual_seed(0)
    model = TDGN(replace(TDGN_PAPER, width=4)).eval()
    warp = model.embed
    assert warp is not None
    torch.nn.init.normal_(warp.out.weight, std=0.02)
    features = torch.randn(1, 256)
    taught = model.solve(Code("tdgn", {"features": features}), None)
    weights = -model.log_beta.exp() * taught.alphas * taught.labels
    first = torch.cat([warp.point.weight, warp.code.weight], 1)

    def naive(points: Tensor) -> Tensor:
        """Concatenate, run the network, and sum the kernel by broadcasting, as the paper's text."""
        x = model.to_method(points)
        hidden = torch.cat([x, features.expand(len(x), -1)], 1) @ first.T + warp.code.bias
        for layer in warp.hidden:
            hidden = layer(hidden.relu())
        z = x + warp.out(hidden.relu())
        distance = ((z[:, None] - taught.support) / taught.sigma).square().sum(2)
        return torch.exp(-distance) @ weights - model.log_beta.exp() * taught.bias

    return Subject("TDGN", model.decode(Code("tdgn", {"features": features})), naive, 1.4)


def occupancy() -> Subject:
    """Return the decoder of 5 blocks of 256."""
    torch.manual_seed(0)
    model = OccupancyNetwork(replace(OCCUPANCY, width=4)).eval()
    for parameter in model.decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    c = torch.randn(256)
    field = model.decode(Code(model.spec.name, {"c": c}))
    return Subject(
        "Occupancy network",
        field,
        lambda points: -model.decoder(model.to_method(points)[None], c[None])[0],
        None,
    )


def sdf_srn() -> Subject:
    """Return the implicit network of ShapeNet's size, 128 wide, with a head of random weights."""
    torch.manual_seed(0)
    paper = SDFSRN.configurations["paper"]
    model = SDFSRN(replace(paper, encoder_width=4)).eval()  # pyright: ignore
    latent = torch.randn(model.configuration.latent)
    with torch.no_grad():
        network = model.generator(latent[None])
    field = model.decode(Code(model.spec.name, {"latent": latent[None]}))

    def naive(points: Tensor) -> Tensor:
        """Concatenate features and encoding before every layer, as the authors' code."""
        return network(model.to_method(points)[None])[0] / model.scale

    return Subject("SDF-SRN", field, naive, 1.0)


# ---------------------------------------------------------------- DISN


@dataclass(frozen=True)
class DISNSubject:
    """DISN's two streams as published; VGG-16 has its maps, and a narrow head.

    Attributes
    ----------
    subject : baked, and as the authors' graph
    model, view : what it was made with
    inside : points of (P, 3) that project into the image, (P,) bool
    flops : of one point, baked: the multiplications and additions of its matrix products
    """

    subject: Subject
    model: DISN
    view: View
    inside: Decoder
    flops: int


def disn() -> DISNSubject:
    """Return DISN's decoders of one posed view."""
    torch.manual_seed(0)
    model = DISN(replace(DISN_PAPER, hidden=16, camera=False)).eval()
    view = image(DISN_PAPER.framing.size)
    code = model.encode([view])
    streams = (model.sdf.global_stream, model.sdf.local_stream)
    project = _projection(code)
    naive = _authors_graph(model, code, project)
    field = model.decode(code)
    size = DISN_PAPER.framing.size

    def inside(points: Tensor) -> Tensor:
        pixels = project(points)
        return ((pixels >= 0) & (pixels <= size)).all(1)

    subject = Subject("DISN", field, naive, None, points=1 << 15)
    flops = sum(_flops(stream) for stream in streams if stream is not None)
    return DISNSubject(subject, model, view, inside, flops)


def _projection(code: Code) -> Decoder:
    poses, intrinsics = code.tensors["poses"], code.tensors["lenses"]

    def project(points: Tensor) -> Tensor:
        return project_points(points[None], poses[None], intrinsics[None], orthographic=False)[0][
            0, 0
        ]

    return project


def _authors_graph(model: DISN, code: Code, project: Decoder) -> Decoder:
    """Return five look-ups, one after the other, concatenated, and two streams without folding."""
    size = model.framing.size
    vector = code.tensors["globals"]
    maps = [
        Maps.resize(code.tensors[f"map{index}"], size, legacy=False)
        for index in range(model.sdf.map_count)
    ]

    def stream(part: Stream | None, points: Tensor, features: Tensor) -> Tensor:
        assert part is not None
        return part.decoder(torch.cat([part.points(points), features], 1))

    def naive(points: Tensor) -> Tensor:
        grid = 2 * (project(points) - 0.5).clamp(0, size - 1) / (size - 1) - 1
        grid = grid[None, :, None]
        taken = [F.grid_sample(m, grid, align_corners=True)[0, :, :, 0] for m in maps]
        local, own = torch.cat(taken).T, model.to_method(points)
        raw = stream(model.sdf.global_stream, own, vector.expand(len(points), -1))
        raw = raw + stream(model.sdf.local_stream, own, local)
        return raw[:, 0] / (UNIT * model.scale)

    return naive


def _flops(stream: Stream) -> int:
    """Return what a point costs once the image's features are folded into the first layer."""
    layers = [m for m in (*stream.points, *stream.decoder) if isinstance(m, nn.Linear)]
    total = sum(layer.weight.numel() for layer in layers)
    width = stream.points[-2].out_features
    image_term = stream.first.weight.numel() - width * stream.first.out_features
    return 2 * (total - image_term)
