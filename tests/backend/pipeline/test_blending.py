"""Codes of kept results are blended, shown and saved; what can't be is refused."""

import numpy as np
import pytest
import torch
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.image_files import image_file
from levelform.backend.reconstructors import WEIGHTS_FOLDER, Code, load_reconstructor
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from levelform.backend.training.parts import changed

IMAGES = sorted((WEIGHTS_FOLDER.parent / "sample" / "chair" / "images").glob("*.png"))
METHOD = "tdgn"
MOVES = "deep-meta-functionals"


@pytest.fixture(scope="module")
def session():
    """Two results of one image each."""
    made = Session()
    for name, index in (("a", 0), ("b", 4)):
        views = (protocol.ViewData(None, None, name, image_file(IMAGES[index])),)
        request = protocol.Reconstruct("job", METHOD, views, resolution=32, keep=name)
        list(made.reconstruct(request, Ticket()))
    return made


def mesh(session, sources, weights, **options):
    request = protocol.Blend("job", sources, weights, resolution=64, **options)
    *_, last, end = session.blend(request, Ticket())
    assert isinstance(end, protocol.Finished)
    return last


def extents(update):
    return np.ptp(update.vertices, axis=0)


def test_a_blend_runs_from_one_result_to_the_other_and_beyond(session):
    first, second = (mesh(session, (name,), (1.0,)) for name in "ab")
    ends = [mesh(session, ("a", "b"), (1.0 - w, w)) for w in (0.0, 1.0)]
    for end, own in zip(ends, (first, second), strict=True):
        np.testing.assert_allclose(extents(end), extents(own), atol=0.02)
    middle = mesh(session, ("a", "b"), (0.5, 0.5))
    assert not np.array_equal(middle.vertices, ends[0].vertices)
    beyond = mesh(session, ("a", "b"), (1.2, -0.2))
    assert len(beyond.faces) > 100
    assert middle.colors is None  # nobody knows the colours between two objects


def test_a_blend_says_nothing_of_the_images_of_its_ends(session):
    """Such as the camera of one image, which would be added to the scene once more."""
    views = (protocol.ViewData(None, None, "c", image_file(IMAGES[0])),)
    request = protocol.Reconstruct("job", METHOD, views, resolution=32, keep="c")
    *_, own = session.reconstruct(request, Ticket())
    assert own.stats["cameras"]
    for sources in (("c",), ("c", "b")):
        weights = (1.0 / len(sources),) * len(sources)
        *_, end = session.blend(protocol.Blend("job", sources, weights, resolution=64), Ticket())
        assert "cameras" not in end.stats
        assert "silhouette_iou" not in end.stats


def test_a_blend_is_kept_and_blended_again(session):
    mesh(session, ("a", "b"), (0.5, 0.5), keep="middle")
    again = mesh(session, ("middle",), (1.0,))
    between = mesh(session, ("a", "middle"), (0.0, 1.0))
    np.testing.assert_allclose(extents(again), extents(between), atol=1e-5)


def test_codes_are_saved_and_blended_from_files(session, tmp_path):
    paths = []
    for name in "ab":
        path = str(tmp_path / f"{name}.safetensors")
        (end,) = session.save_code(protocol.SaveCode("job", name, path), Ticket())
        assert end.stats["path"] == path
        assert Code.load(path).method == METHOD
        paths.append(path)
    kept = mesh(session, ("a", "b"), (0.5, 0.5))
    stored = mesh(session, tuple(paths), (0.5, 0.5))
    np.testing.assert_allclose(stored.vertices, kept.vertices, atol=1e-5)


def test_what_a_method_shows_stands_in_the_world(session):
    request = protocol.Show("job", "a", "training-set", resolution=32)
    *exhibits, end = session.show(request, Ticket())
    assert [exhibit.job for exhibit in exhibits] == ["job", "job"]
    assert exhibits[0].world_from_mesh.shape == (4, 4)
    assert end.stats["show"] == "training-set"


@pytest.mark.parametrize(
    ("sources", "weights", "sentence"),
    [
        (("a", "b"), (1.0,), "2 results and 1 weights"),
        ((), (), "0 results"),
        (("a", "b"), (0.5, 0.2), "sum is 0.7"),
        (("a", "gone"), (0.5, 0.5), "no longer in memory"),
    ],
)
def test_what_cannot_be_blended_is_said(session, sources, weights, sentence):
    with pytest.raises(RequestError, match=sentence):
        list(session.blend(protocol.Blend("job", sources, weights), Ticket()))


def test_a_result_of_still_weights_moves_by_weights_that_know_time(session, tmp_path):
    model = changed(load_reconstructor(MOVES, None, "cpu"), {"coordinates": 4})
    with torch.no_grad():  # the first layer's row of t, which ignored time
        model.heads[0].weight.bias.unflatten(0, (4, -1))[3] += 0.1
    model.save(tmp_path / "moving.safetensors")
    views = (protocol.ViewData(None, None, "c", image_file(IMAGES[0])),)
    request = protocol.Reconstruct("job", MOVES, views, resolution=32, keep="still")
    list(session.reconstruct(request, Ticket()))
    file, seen = str(tmp_path / "moving.safetensors"), []
    for time in (-1.0, 1.0):
        asked = {"resolution": 64, "options": {"time": time}}
        *_, last, end = session.blend(
            protocol.Blend("job", ("still",), (1.0,), **asked, weights_file=file), Ticket()
        )
        assert end.stats["weights"].startswith("moving")
        seen.append(last.vertices)
    assert len(seen[0]) != len(seen[1]) or not np.allclose(*seen)
    with pytest.raises(RequestError, match="still shapes only"):
        list(session.blend(protocol.Blend("job", ("still",), (1.0,), **asked), Ticket()))
