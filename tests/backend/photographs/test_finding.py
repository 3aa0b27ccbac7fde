"""From a folder of photographs to cameras, with the real solver where it is installed."""

import importlib.util
import json

import numpy as np
import pytest
import room
from levelform.backend import cli
from levelform.backend.contract.camera_files import read_posed_images
from levelform.backend.contract.errors import JobCancelled, RequestError, WorkError
from levelform.backend.photographs import find_cameras
from levelform.backend.photographs import library as photo_library
from levelform.backend.ticket import Ticket
from PIL import Image

needs_solver = pytest.mark.skipif(
    importlib.util.find_spec("pycolmap") is None, reason="pycolmap is not installed"
)
COUNT = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of photographs, and their cameras."""
    place = tmp_path_factory.mktemp("room") / "photos"
    place.mkdir()
    cameras = room.cameras(COUNT)
    for index, camera in enumerate(cameras):
        Image.fromarray(room.photograph(camera)[0]).save(place / f"{index:02d}.png")
    return place, cameras


@pytest.fixture(scope="module")
def found(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("found") / "transforms.json"
    stages = []

    def report(step):
        if step.stage not in stages:
            stages.append(step.stage)

    return find_cameras([folder[0]], out, size=1.0, ticket=Ticket(report)), out, stages


def alignment(mine, true):
    """Return the rotation, scale and translation that align my positions with the true ones."""
    a, b = mine - mine.mean(0), true - true.mean(0)
    left, values, right = np.linalg.svd(b.T @ a)
    sign = np.diag([1, 1, np.linalg.det(left @ right)])
    rotation = left @ sign @ right
    scale = float((values * np.diag(sign)).sum() / (a**2).sum())
    return rotation, scale, true.mean(0) - scale * rotation @ mine.mean(0)


@needs_solver
def test_every_camera_is_found(found, folder):
    facts, out, stages = found
    assert facts["placed"] == facts["images"] == COUNT
    assert facts["missing"] == []
    posed = read_posed_images(out)
    mine = np.array([frame.camera.transform_matrix for frame in posed.frames])
    true = np.array([camera.transform_matrix for camera in folder[1]])
    rotation, _, _ = alignment(mine[:, :3, 3], true[:, :3, 3])
    for one, other in zip(mine, true, strict=True):
        turn = rotation @ one[:3, :3] @ other[:3, :3].T
        assert np.degrees(np.arccos(min((np.trace(turn) - 1) / 2, 1))) < 0.6
    assert posed.frames[0].camera.fl_x == pytest.approx(room.FOCAL, rel=0.01)
    assert stages == ["Images", "Features", "Matches", "Cameras", "Checks"]


@needs_solver
def test_the_world_is_upright_on_the_ground_and_at_the_chosen_size(found, folder):
    facts, out, _ = found
    posed = read_posed_images(out)
    mine = np.array([frame.camera.transform_matrix for frame in posed.frames])
    true = np.array([camera.transform_matrix for camera in folder[1]])
    rotation, scale, shift = alignment(mine[:, :3, 3], true[:, :3, 3])
    assert facts["up_from"] == "ground"
    assert facts["box_from"] == "points"
    assert rotation[2, 2] > np.cos(np.radians(0.5))
    assert shift[2] == pytest.approx(0.0, abs=0.02)  # the object stands on z = 0
    box = np.array(facts["box"])
    assert np.ptp(box, 0).max() == pytest.approx(1.0, abs=1e-3)
    assert np.ptp(box, 0)[2] * scale == pytest.approx(np.ptp(room.CUBE, 0)[2], rel=0.08)
    assert (mine[0, :3, 3] @ [0, -1, 0]) > 0.8 * np.linalg.norm(mine[0, :2, 3])  # the front


@needs_solver
def test_photographs_that_do_not_overlap_are_refused(tmp_path):
    place = tmp_path / "photos"
    place.mkdir()
    for index, camera in enumerate(room.cameras(3)):
        Image.fromarray(room.photograph(camera)[0]).save(place / f"{index}.png")
    with pytest.raises(WorkError, match=r"3 images|probably wrong|of 3"):
        find_cameras([place], tmp_path / "t.json")
    assert not (tmp_path / "t.json").exists()


@needs_solver
def test_a_cancel_ends_the_solver(folder, tmp_path):
    seen = []

    def report(step):
        seen.append(step.stage)

    ticket = Ticket(report, lambda: "Features" in seen)
    with pytest.raises(JobCancelled):
        find_cameras([folder[0]], tmp_path / "t.json", ticket=ticket)
    assert "Matches" not in seen
    assert not (tmp_path / "t.json").exists()


@needs_solver
@pytest.mark.parametrize(
    ("make", "seen"),
    [
        (lambda place: None, "holds no images"),
        (lambda place: (place / "IMG_1.HEIC").write_bytes(b"x"), "heic files, which are not read"),
        (lambda place: Image.new("RGB", (64, 48)).save(place / "a.png"), "1 image,"),
        (
            lambda place: [Image.new("RGB", (64, 48)).save(place / f"{i}.png") for i in range(5)],
            "the same",
        ),
        (lambda place: [(place / f"{i}.png").write_bytes(b"x") for i in range(5)], "0.png"),
    ],
)
def test_folders_without_photographs_are_refused(tmp_path, make, seen):
    place = tmp_path / "photos"
    place.mkdir()
    make(place)
    with pytest.raises(RequestError, match=seen):
        find_cameras([place], tmp_path / "t.json")


def test_without_the_library_a_person_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_library.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match="pycolmap, which is not installed") as caught:
        find_cameras([tmp_path], tmp_path / "t.json")
    assert "levelform[photos]" in caught.value.hint


@pytest.mark.parametrize("wrong", [{"masks": "maybe"}, {"size": 0.0}, {"frames": 1}])
def test_options_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(RequestError):
        find_cameras([tmp_path], tmp_path / "t.json", **wrong)


@needs_solver
def test_the_terminal_writes_the_file(folder, tmp_path, capsys):
    some = [str(folder[0] / f"{index:02d}.png") for index in range(2)]
    words = ["cameras", "photos", *some, "-o", str(tmp_path / "t.json"), "--json"]
    assert cli.main(words) == 2
    assert "2 images" in json.loads(capsys.readouterr().out)["error"]
