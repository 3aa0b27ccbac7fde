"""Masks, and where the object stands, with the solver's answer given: needs no library."""

import numpy as np
import pytest
import room
from levelform.backend.contract.cameras import FLIP_YZ
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.photographs import find_cameras, finding
from levelform.backend.photographs.solving import PlacedCamera, SfmSolution
from PIL import Image

COUNT = 8
SOLVER_SCALE = 0.37  # the solver's world has a scale of its own


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of images that differ, with masks of the cube."""
    place = tmp_path_factory.mktemp("masked") / "images"
    place.mkdir()
    (place.parent / "masks").mkdir()
    rng = np.random.default_rng(0)
    for index, camera in enumerate(room.cameras(COUNT)):
        pixels = rng.integers(0, 255, (room.HEIGHT, room.WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{index}.png")
        mask = room.photograph(camera)[1]
        Image.fromarray(mask.astype(np.uint8) * 255).save(place.parent / "masks" / f"{index}.png")
    return place


def solution(order=range(COUNT)) -> SfmSolution:
    """Return the true cameras, in a tilted world of another scale, and points of the floor."""
    tilt = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    tilt *= np.sign(np.linalg.det(tilt))
    cameras = {}
    true = room.cameras(COUNT)
    for index, other in enumerate(order):
        pose = true[other].transform_matrix * FLIP_YZ
        rotation = (tilt @ pose[:3, :3]).T
        center = SOLVER_SCALE * tilt @ pose[:3, 3]
        matrix = np.c_[rotation, -rotation @ center]
        middle = (room.WIDTH / 2, room.HEIGHT / 2)
        size = (room.WIDTH, room.HEIGHT)
        cameras[index] = PlacedCamera(matrix, room.FOCAL, middle, 0.0, size, 500)
    floor = np.c_[np.random.default_rng(4).uniform(-1, 1, (900, 2)), np.zeros(900)]
    points = SOLVER_SCALE * floor @ tilt.T
    return SfmSolution(cameras, (COUNT,), 0.2, 0.99, points)


@pytest.fixture
def solver(monkeypatch):
    """Let a test give the solver's answers, without masks and with them; note what was asked."""
    asked = []

    def set_answers(without, with_masks):
        def solve(_photographs, _folder, _ticket, *, masks, distortion, seed):
            asked.append(masks)
            return with_masks if masks else without

        monkeypatch.setattr(finding, "check_solver", lambda: None)
        monkeypatch.setattr(finding, "solve", solve)
        return asked

    return set_answers


def test_masks_place_the_object_exactly(folder, tmp_path, solver):
    asked = solver(solution(), None)
    told = find_cameras([folder], tmp_path / "t.json", size=1.0)
    assert asked == [False]
    assert told["box_from"] == "silhouettes"
    assert told["up_from"] == "ground"
    assert told["residual"] < 0.5
    sides = np.sort(np.ptp(np.array(told["box"]), axis=0))
    np.testing.assert_allclose(sides, np.sort(np.ptp(room.CUBE, 0)), rtol=0.05)


def test_masks_are_used_where_the_cameras_are_not_found_without(folder, tmp_path, solver):
    asked = solver(SfmSolution(), solution())
    told = find_cameras([folder], tmp_path / "t.json")
    assert asked == [False, True]
    assert told["masks"]
    assert "without them" in " ".join(told["remarks"])


@pytest.mark.parametrize(("masks", "wanted"), [("use", [True]), ("ignore", [False])])
def test_a_person_decides_on_masks(folder, tmp_path, solver, masks, wanted):
    asked = solver(solution(), solution())
    find_cameras([folder], tmp_path / "t.json", masks=masks)
    assert asked == wanted


def test_cameras_that_the_silhouettes_contradict_are_refused(folder, tmp_path, solver):
    wrong = solution(order=[0, 4, 2, 6, 1, 5, 3, 7])
    solver(wrong, wrong)
    with pytest.raises(WorkError, match="silhouettes contradict"):
        find_cameras([folder], tmp_path / "t.json")
    assert not (tmp_path / "t.json").exists()


def test_masks_that_are_missing_are_told(tmp_path, solver):
    solver(solution(), solution())
    place = tmp_path / "images"
    place.mkdir()
    rng = np.random.default_rng(0)
    for index in range(COUNT):
        pixels = rng.integers(0, 255, (room.HEIGHT, room.WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{index}.png")
    with pytest.raises(RequestError, match="Not every image has a mask"):
        find_cameras([place], tmp_path / "t.json", masks="use")


def test_an_empty_mask_is_named(folder, tmp_path, solver):
    solver(solution(), solution())
    place = tmp_path / "images"
    place.mkdir()
    (tmp_path / "masks").mkdir()
    for path in sorted(folder.iterdir()):
        (place / path.name).write_bytes(path.read_bytes())
    Image.new("L", (room.WIDTH, room.HEIGHT)).save(tmp_path / "masks" / "3.png")
    with pytest.raises(RequestError, match=r"3\.png is black"):
        find_cameras([place], tmp_path / "t.json")
