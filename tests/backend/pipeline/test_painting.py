"""Colours and a texture for a mesh of a kept result."""

import io

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from PIL import Image
from setups.jobs import finish, request


def unit_uvs(count):
    """Return UVs of `count` triangles, each in a cell of its own."""
    side = int(np.ceil(np.sqrt(count)))
    cell = np.stack([np.arange(count) % side, np.arange(count) // side], 1)[:, None] / side
    return (cell + np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]) / side).astype(np.float32)


def test_a_mesh_of_a_kept_result_is_painted(views):
    """Blender sends the mesh in its object's frame, which is scaled: the colours are the job's."""
    session = Session()
    meshes, _ = finish(session.reconstruct(request(views, keep="k", color=True), Ticket()))
    last = meshes[-1]
    sent = protocol.MeshData(last.vertices * np.float32(last.scale), last.faces)
    wish = protocol.Paint("p", "k", sent, unit_uvs(len(last.faces)), 512)
    painted, done = session.paint(wish, Ticket())
    assert isinstance(painted, protocol.Painted)
    assert isinstance(done, protocol.Finished)
    assert float(np.abs(painted.colors - last.colors).mean()) < 0.03  # normals of the faces
    assert painted.seen.shape == (len(last.vertices),)
    with Image.open(io.BytesIO(painted.texture.tobytes())) as image:
        assert image.size == (512, 512)
    assert done.stats["texture"] == 512


def test_painting_what_is_not_kept_is_refused(views):
    mesh = protocol.MeshData(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    with pytest.raises(RequestError, match="'gone' is no longer in memory"):
        list(Session().paint(protocol.Paint("p", "gone", mesh), Ticket()))
