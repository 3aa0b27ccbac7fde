"""Requests of jobs on the test object, and what comes of them."""

import numpy as np
from levelform.backend.contract import protocol
from levelform.backend.geometry.images import shrink

WORLD = np.array(
    [[0, -2, 0, 5], [2, 0, 0, -1], [0, 0, 2, 3], [0, 0, 0, 1.0]]
)  # rotated, scaled by 2
STATS = {
    "method", "weights", "views", "resolution", "vertices", "faces", "evaluations",
    "seconds", "watertight", "level", "search_complete", "rule",
}  # fmt: skip


def posed_views(photograph, cameras):
    """Return views of the test object in a volume that stands at `WORLD`."""
    result = []
    for index, camera in enumerate(cameras):
        view = shrink(photograph(camera), 96)
        placed = view.camera.in_frame(np.linalg.inv(WORLD))
        result.append(protocol.ViewData(view.image.numpy(), placed.to_data(), f"cam {index}"))
    return tuple(result)


def request(views, **changes):
    """Return a request for the visual hull of the views."""
    values = {
        "job": "j", "method": "visual-hull", "views": views, "world_from_volume": WORLD,
        "resolution": 32, "device": "cpu", "color": False,
    }  # fmt: skip
    return protocol.Reconstruct(**{**values, **changes})


def finish(events):
    """Return the meshes and the stats of a job, checking that it ends in exactly one Finished."""
    before = protocol.ViewMasks | protocol.Placed | protocol.ViewsChecked
    *meshes, last = [e for e in events if not isinstance(e, before)]
    assert isinstance(last, protocol.Finished)
    assert all(isinstance(mesh, protocol.MeshUpdate) for mesh in meshes)
    return meshes, last.stats


def closed(mesh):
    """Return whether each edge of a mesh has its opposite."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    forth = {tuple(edge) for edge in edges.tolist()}
    return len(forth) == len(edges) and all((b, a) in forth for a, b in forth)
