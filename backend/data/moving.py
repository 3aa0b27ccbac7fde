"""Records of animated shapes: points with their moments, images of one camera over time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.camera_ranges import seed_of
from .format import Record
from .records import Contents, shape_points, view_arrays

MOMENTS = 9  # at which points are drawn, evenly over the motion
PER_MOMENT = ("points", "distance")  # arrays of a set of points


def record_of_motion(name: str, seed: int, contents: Contents) -> Record:
    """Return the record of one animated shape.

    Sets of points have `*.time` in [-1, 1], evenly spread over `MOMENTS`. The images show the whole
    motion from its beginning, through one camera and in one light; `views.time` says when.
    Surface points and voxels are those of the beginning.
    """
    from .shapes import ShapeBatch
    from .shapes.animated import sample_animated

    moving = sample_animated(name, seed)
    label = f"{name}/{seed:06d}"
    own = seed_of(label, contents.seed)
    arrays: dict[str, Any] = {}
    for index, time in enumerate(np.linspace(-1, 1, MOMENTS)):
        batch = ShapeBatch([moving.at((time + 1) / 2)])
        part = replace(contents, points={n: _share(c, index) for n, c in contents.points.items()})
        drawn = shape_points(batch, part, own + index)
        for point_set in contents.points:
            _append(arrays, point_set, drawn, float(time))
        if index == 0:
            arrays |= {n: drawn[n] for n in ("surface.points", "surface.normals", "voxels")}
            if contents.mesh:
                mesh = batch.meshes(96)[0]
                arrays["mesh.vertices"] = mesh.vertices.astype("<f4")
                arrays["mesh.faces"] = mesh.faces.astype("<i4")
    if contents.views:
        arrays |= _images(moving, contents, own)
    info = {"program": name, "seed": seed, "moments": MOMENTS}
    return Record(label, name, arrays, "", info)


def _share(count: int, index: int) -> int:
    """Return how many of `count` points a moment gets."""
    return count // MOMENTS + (index < count % MOMENTS)


def _append(arrays: dict[str, Any], name: str, drawn: dict[str, Any], time: float) -> None:
    """Append a moment's points to the arrays of their set."""
    count = len(drawn[f"{name}.points"])
    parts = {f"{name}.{kind}": drawn[f"{name}.{kind}"] for kind in PER_MOMENT}
    parts[f"{name}.time"] = np.full(count, time, np.float32)
    for key, part in parts.items():
        arrays[key] = np.concatenate([arrays[key], part]) if key in arrays else part


def _images(moving: Any, contents: Contents, seed: int) -> dict[str, Any]:
    """Return the `views.*` of one camera at moments spread evenly over the motion."""
    from .render import render_shapes, sample_cameras, sample_lights
    from .shapes import ShapeBatch

    count = contents.views
    extents = np.asarray(moving.at(0.0).extents)
    cameras = sample_cameras(contents.cameras, 1, seed, size=contents.size, extents=extents)
    lights = sample_lights(1, seed=seed)
    times = np.linspace(-1, 1, count) if count > 1 else np.array([-1.0])
    parts: list[dict[str, Any]] = []
    for time in times:
        batch = ShapeBatch([moving.at((float(time) + 1) / 2)])
        rendered = render_shapes(batch, cameras, lights, of=[0])
        parts.append(view_arrays(cameras, rendered, passes=contents.passes))
    arrays = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return {**arrays, "views.time": times.astype(np.float32)}


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.asarray(part) for part in parts])
