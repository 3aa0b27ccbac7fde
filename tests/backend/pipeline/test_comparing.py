"""A mesh compared with a reference, against closed forms."""

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket


def ball_data(radius):
    """Return a ball as Blender sends it."""
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    return protocol.MeshData(ball.vertices.astype(np.float32), ball.faces.astype(np.int32))


def test_a_ball_against_another_has_the_numbers_of_the_closed_form():
    request = protocol.Evaluate("j", ball_data(1.1), ball_data(1.0))
    evaluation, last = Session().evaluate(request, Ticket())
    np.testing.assert_allclose(evaluation.distances, 0.1, atol=1e-3)
    metrics = last.stats["metrics"]
    assert metrics["iou"] == pytest.approx(1.1**-3, abs=0.01)
    assert metrics["chamfer_l1"] == pytest.approx(5.0, abs=0.05)
    assert metrics["f_score_1%"] == 0.0
    assert metrics["normal_consistency"] > 0.999


def test_a_ball_inside_out_and_open_is_still_compared():
    whole = ball_data(1.0)
    broken = protocol.MeshData(whole.vertices, np.ascontiguousarray(whole.faces[:-4, ::-1]))
    _, last = Session().evaluate(protocol.Evaluate("j", broken, whole), Ticket())
    assert last.stats["metrics"]["iou"] > 0.99


@pytest.mark.parametrize("which", ["prediction", "reference"])
def test_a_mesh_without_faces_is_refused_by_name(which):
    nothing = protocol.MeshData(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32))
    meshes = {"prediction": ball_data(1.0), "reference": ball_data(1.0), which: nothing}
    name = {"prediction": "The mesh to compare", "reference": "The reference"}[which]
    with pytest.raises(RequestError, match=f"{name} has no faces"):
        list(Session().evaluate(protocol.Evaluate("j", **meshes), Ticket()))


def test_an_unknown_protocol_is_refused():
    request = protocol.Evaluate("j", ball_data(1.0), ball_data(1.0), protocol="guess")
    with pytest.raises(RequestError, match="'guess' is not a protocol"):
        list(Session().evaluate(request, Ticket()))
