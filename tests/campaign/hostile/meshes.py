"""Malformed meshes: from files that are read, and from a worker that sends them to Blender."""

import random
import runpy
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from levelform.backend.data.meshes import read_asset

from .counts import Counts

CONFTEST = Path(__file__).parents[2] / "addon" / "conftest.py"
SUFFIXES = ("obj", "ply", "stl", "glb", "gltf", "off")
WORDS = (
    b"nan", b"inf", b"-1", b"99999999999999999999", b"1e400", b"x", b"", b"\0\0\0\0", b"\xff" * 8,
    b"f 1 2 99", b"f 0 0 0", b"v 1 2", b"element vertex 999999999", b"property list uchar int x",
)  # fmt: skip


def whole(folder: Path) -> dict[str, bytes]:
    """Return good files of a small mesh in each format; a .gltf's buffer stays in the folder."""
    import trimesh

    ball = trimesh.creation.icosphere(1)
    files = {}
    for suffix in SUFFIXES:
        made = ball.export(file_type=suffix)
        if isinstance(made, dict):
            for name, content in made.items():
                (folder / name).write_bytes(content)
            made = next(content for name, content in made.items() if name.endswith(".gltf"))
        files[suffix] = made.encode() if isinstance(made, str) else bytes(made)
    return files


def garbled(content: bytes, draw: random.Random) -> bytes:
    """Return a file's bytes with something wrong."""
    data = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 20])):
        place = draw.randrange(max(len(data), 1))
        kind = draw.choice(["flip", "flip", "cut", "word", "double", "drop"])
        if kind == "flip" and data:
            data[place] = draw.randrange(256)
        elif kind == "cut":
            del data[place:]
        elif kind == "word":
            data[place:place] = b"\n" + draw.choice(WORDS) + b"\n"
        elif kind == "double":
            data[place:place] = data[place : place + 200]
        else:
            del data[place : place + draw.randrange(1, 100)]
        if not data:
            break
    return bytes(data)


def files(folder: Path, *, cases: int, seed: int = 0) -> Counts:
    """Read garbled mesh files."""
    counts = Counts("mesh files", limit=10.0)
    draw = random.Random(seed)
    good = whole(folder)
    for index in range(cases):
        suffix = SUFFIXES[index % len(SUFFIXES)]
        path = folder / f"hostile.{suffix}"
        path.write_bytes(garbled(good[suffix], draw))
        counts.attempt(suffix, lambda p=path: read_asset(p))
    return counts


# ---------------------------------------------------------------- meshes that a worker sends


def updates(draw: random.Random, job: str) -> Iterator[tuple[str, Any]]:
    """Yield names and mesh updates that no honest worker sends, without end."""
    from levelform.backend.contract.protocol import MeshUpdate

    odd = [
        np.zeros((0, 3), np.float32), np.zeros(3, np.float32), np.zeros((4, 2), np.float32),
        np.full((8, 3), np.nan, np.float32), np.full((8, 3), 3e38, np.float32),
        np.zeros((8, 3), np.int32), np.zeros((8, 3), np.float64), np.zeros((2, 3, 3), np.float32),
    ]  # fmt: skip
    faces = [
        np.zeros((0, 3), np.int32), np.full((4, 3), 99, np.int32), np.full((4, 3), -1, np.int32),
        np.zeros((4, 3), np.int32), np.zeros((4, 4), np.int32), np.zeros(3, np.int32),
        np.full((4, 3), 2**31 - 1, np.int32), np.zeros((4, 3), np.float32),
    ]  # fmt: skip
    good = np.random.default_rng(0).random((8, 3)).astype(np.float32)
    tetra = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32)
    matrices = [
        np.eye(4), np.full((4, 4), np.nan), np.zeros((4, 4)), np.eye(3), np.full((4, 4), 1e300),
    ]  # fmt: skip
    while True:
        kind = draw.choice(["vertices", "faces", "normals", "colors", "matrix", "scale", "edges"])
        values: dict[str, Any] = {
            "vertices": good, "faces": tetra, "normals": None, "colors": None,
            "world_from_mesh": np.eye(4), "scale": 1.0, "resolution": 32, "final": True,
        }  # fmt: skip
        if kind == "vertices":
            values["vertices"] = draw.choice(odd)
        elif kind == "faces":
            values["faces"] = draw.choice(faces)
        elif kind in ("normals", "colors"):
            values[kind] = draw.choice(odd)
        elif kind == "matrix":
            values["world_from_mesh"] = draw.choice(matrices)
        elif kind == "scale":
            values["scale"] = draw.choice([0.0, -1.0, float("nan"), 1e300, float("inf")])
        else:
            values["edges"] = draw.choice(faces)
            values["corner_edges"] = draw.choice([np.zeros(3, np.int32), np.full(12, 99, np.int32)])
        yield kind, MeshUpdate(job, **values)


def _shown(live: Any, puppet: Any) -> None:
    """Have the extension take a mesh, and the end of its job."""
    live.step()
    if live.running is not None:
        puppet.finish()
        live.step()
    elif live.failure is not None:
        raise live.failure


def shown(*, cases: int, seed: int = 0) -> Counts:
    """Have Blender show malformed meshes; after each the scene is as it was and a job may begin."""
    import bpy
    from levelform import addon
    from levelform.addon.jobs import requests, session

    counts = Counts("meshes shown in Blender", limit=10.0)
    draw = random.Random(seed)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    addon.register()
    live = session.live
    shared = runpy.run_path(str(CONFTEST))  # the suite's worker on strings, and its scene
    live._jobs = puppet = shared["Puppet"]()
    try:
        shared["ball_stage"]._get_wrapped_function()()(2)
        before = {thing.name for thing in bpy.data.objects}
        following = updates(draw, "job")
        for _ in range(cases):
            kind, update = next(following)
            running = requests.begin_scene(bpy.context)
            update = replace(update, job=puppet.job.id)
            puppet.job.on_update(puppet.job, update)
            counts.attempt(kind, partial(_shown, live, puppet))
            if live.running is not None:
                counts.fault("deaf", f"{kind}: the job does not end")
                live.cancel()
                live.step()
            outcome = running.outcome
            if outcome is not None:
                bpy.data.objects.remove(outcome)
            left = {thing.name for thing in bpy.data.objects} - before
            if left:
                counts.fault("lost", f"{kind}: left in the scene: {sorted(left)}")
                for name in left:
                    bpy.data.objects.remove(bpy.data.objects[name])
    finally:
        addon.unregister()
        session.live.__init__()
    return counts
