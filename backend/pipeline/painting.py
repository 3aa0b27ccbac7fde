"""Colours and textures of a kept result, on a mesh of the caller's."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..appearance.coloring import rgba
from ..appearance.texturing import paint, png
from ..appearance.unwrapping import unwrap
from ..contract import protocol
from ..extraction import Cleanup, clean
from ..geometry.meshes import Mesh
from ..ticket import Ticket
from .kept import Kept, KeptResults

TEXTURED_FACES = 40_000  # limit of a mesh that is unwrapped
UNWRAP, BAKE, COLOR_ALONE = "Unwrap", "Bake texture", "Color"


def paint_job(
    results: KeptResults, request: protocol.Paint, ticket: Ticket
) -> Iterator[protocol.Painted | protocol.Finished]:
    """Colour a mesh of a kept result, and bake a texture for its UVs; see `Session.paint`."""
    started = time.perf_counter()
    kept = results[request.keep]
    given = request.mesh
    mesh = Mesh((given.vertices / kept.volume.scale).astype(np.float32), given.faces)
    stage = COLOR_ALONE if request.uvs is None else BAKE
    ticket.plan({stage: 1.0})
    with ticket.stage(stage):
        painted = paint(
            kept.painter, mesh, kept.field, uvs=request.uvs, size=request.size, ticket=ticket
        )
    colors, texture = painted.colors, painted.texture
    image = None if texture is None else np.frombuffer(png(texture), np.uint8)
    yield protocol.Painted(request.job, rgba(colors), colors.seen.numpy(), image)
    stats: dict[str, Any] = {"seconds": round(time.perf_counter() - started, 3)}
    if texture is not None:
        stats |= {"texture": request.size, "texture_seen": round(texture.seen, 3)}
    yield protocol.Finished(request.job, stats)


def textured(kept: Kept, mesh: Mesh, size: int, ticket: Ticket) -> tuple[Mesh, np.ndarray, bytes]:
    """Return a mesh of a kept result with UVs and a texture; see `Session.textured`."""
    ticket.plan({UNWRAP: 1.0, BAKE: 1.0})
    with ticket.stage(UNWRAP):
        mesh, _ = clean(mesh, Cleanup(max_faces=TEXTURED_FACES))
        uvs = unwrap(mesh, size, ticket)
    with ticket.stage(BAKE):
        painted = paint(kept.painter, mesh, kept.field, uvs=uvs, size=size, ticket=ticket)
    assert painted.texture is not None  # it was asked for
    return replace(mesh, colors=None, seen=None), uvs, png(painted.texture)
