"""Half a million triangles into Blender, against `from_pydata` with the same arrays."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from levelform.backend.contract.protocol import MeshUpdate
from levelform.backend.geometry.meshes import mesh_edges
from rows import Row

SIDE = 501  # vertices along each side of a square: 500,000 triangles
ROUNDS = 5
BAR = 8.0


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Measure in turns and keep the best of each, so that a busy machine slows all alike."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    plain = wave(SIDE)
    if "count" in kinds:
        yield from _identity(plain)
    if "time" in kinds:
        yield from _times(plain)


def wave(side: int) -> MeshUpdate:
    """Return a wavy square of `side` x `side` vertices and twice as many triangles."""
    steps = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = np.meshgrid(steps, steps, indexing="ij")
    vertices = np.stack([x, y, 0.2 * np.sin(6 * x) * np.cos(5 * y)], -1).reshape(-1, 3)
    index = np.arange(side * side, dtype=np.int32).reshape(side, side)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)
    faces = np.ascontiguousarray(faces)
    edges, corner_edges = mesh_edges(faces)  # the worker's part
    return MeshUpdate(
        job="bench",
        vertices=vertices,
        faces=faces,
        normals=None,
        colors=None,
        world_from_mesh=np.eye(4),
        scale=1.0,
        resolution=512,
        final=True,
        edges=edges,
        corner_edges=corner_edges,
    )


def _identity(update: MeshUpdate) -> Iterator[Row]:
    """Compare everything that makes up the two meshes; edges may come in any order."""
    import bpy
    from levelform.addon.scene import meshes

    made = meshes.new_object("Ours", update)
    slow = _from_pydata(update)
    different = 0
    for ours, theirs in zip(_parts(made.data), _parts(slow.data), strict=True):
        same = ours.shape == theirs.shape
        different += int((ours != theirs).sum()) if same else max(ours.size, theirs.size)
    yield Row("entries that differ from from_pydata's", different, 0, 1.0, 1.0, different == 0)
    changed = int(made.data.validate())
    yield Row("validate() had to change the mesh", changed, 0, 1.0, 1.0, changed == 0)
    _remove(made, slow)
    bpy.ops.outliner.orphans_purge()


def _parts(mesh) -> list[np.ndarray]:
    """Return positions, corners, offsets, edges in ascending order, ends of each corner's edge."""

    def read(owner: str, name: str, width: int, dtype: type) -> np.ndarray:
        collection = getattr(mesh, owner)
        values = np.zeros(len(collection) * width, dtype)
        collection.foreach_get(name, values)
        return values.reshape(-1, width)

    ends = np.sort(read("edges", "vertices", 2, np.int32), axis=1)
    return [
        read("vertices", "co", 3, np.float32),
        read("loops", "vertex_index", 1, np.int32),
        read("polygons", "loop_start", 1, np.int32),
        np.unique(ends, axis=0),
        ends[read("loops", "edge_index", 1, np.int32)[:, 0]],
    ]


def _times(update: MeshUpdate) -> Iterator[Row]:
    from levelform.addon.scene import meshes

    rich = replace(
        update,
        normals=np.tile(np.float32([0, 0, 1]), (len(update.vertices), 1)),
        colors=np.ones((len(update.vertices), 4), np.float32),
    )
    kept = meshes.new_object("Kept", update)
    ways: dict[str, Callable[[], object]] = {
        "from_pydata": lambda: _from_pydata(update),
        "a new object": lambda: meshes.new_object("New", update),
        "refilled in place": lambda: meshes.refill(kept, update),
        "refilled, with colours and normals": lambda: meshes.refill(kept, rich),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            made = way()
            best[name] = min(best[name], time.perf_counter() - start)
            if not isinstance(made, bool):
                _remove(made)
    anchor = best.pop("from_pydata")
    for name, seconds in best.items():
        ratio = anchor / seconds
        yield Row(
            f"{len(update.faces)} triangles, {name}",
            1e3 * seconds,
            1e3 * anchor,
            ratio,
            BAR,
            ratio >= BAR,
            kind="time",
            unit="ms",
            note="anchor: from_pydata with lists, the same arrays",
        )


def _from_pydata(update: MeshUpdate):
    import bpy

    mesh = bpy.data.meshes.new("Slow")
    mesh.from_pydata(update.vertices.tolist(), [], update.faces.tolist())
    mesh.update()
    made = bpy.data.objects.new("Slow", mesh)
    bpy.context.collection.objects.link(made)
    return made


def _remove(*objects) -> None:
    import bpy

    for made in objects:
        bpy.data.meshes.remove(made.data)  # and its object with it
