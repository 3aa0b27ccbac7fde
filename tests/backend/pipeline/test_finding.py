"""From image files to cameras around an upright object of the requested size, in the terminal."""

import json
import math

import numpy as np
import pytest
from levelform.backend import cli
from levelform.backend.cameras import turntable
from levelform.backend.contract import protocol
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.image_files import image_file
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.pipeline import finding
from levelform.backend.pipeline.finding import around_event
from levelform.backend.pipeline.refining import refined_event
from levelform.backend.silhouettes import Residual, Rig, trace_all
from levelform.backend.ticket import Ticket
from PIL import Image

COUNT, SIZE = 6, (160, 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six images of a turntable, numbered from 8: sorted as words they are out of order."""
    from levelform.backend.silhouettes.drawing import silhouette

    place = tmp_path_factory.mktemp("turntable")
    vertices, faces = boxes()
    for number, camera in enumerate(true_cameras()):
        alpha = silhouette(vertices, faces, enlarged(camera, 4)).numpy().astype(np.uint8) * 255
        small = Image.fromarray(alpha).resize(SIZE, Image.Resampling.BOX)
        image = Image.merge("RGBA", [Image.new("L", SIZE, 128)] * 3 + [small])
        image.save(place / f"shot_{8 + number}.png")
    return place


def boxes():
    import torch

    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    parts = (((-0.7, -0.4, -0.5), (0.6, 0.4, 0.0)), ((0.1, -0.2, 0.0), (0.35, 0.1, 0.6)))
    vertices = [np.add(low, corners * np.subtract(high, low)) for low, high in parts]
    faces = [triangles + 8 * number for number in range(len(parts))]
    return torch.from_numpy(np.concatenate(vertices)), torch.from_numpy(np.concatenate(faces))


def true_cameras():
    """Return cameras that look 20 degrees down at the origin, counter-clockwise from -Y."""
    result = []
    for k in range(COUNT):
        a, e = 2 * math.pi * k / COUNT, math.radians(20)
        out = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
        right = np.array([math.cos(a), math.sin(a), 0.0])
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(-out, right), -out], 1)
        pose[:3, 3] = 3.9 * out
        result.append(Camera(pose, 224.0, 224.0, 80.0, 60.0, *SIZE))
    return result


def enlarged(camera, factor):
    numbers = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    return Camera(camera.world_from_camera, *(factor * number for number in numbers))


@pytest.fixture(scope="module")
def found(folder):
    """The transforms.json of the terminal, and its JSON."""
    import contextlib
    import io

    out, printed = folder / "transforms.json", io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = cli.main(
            ["cameras", "turntable", str(folder), "-o", str(out), "--side", "3", "--json"]
        )
    assert status == 0
    return out, json.loads(printed.getvalue())


def test_the_terminal_says_what_it_found(found):
    _, told = found
    assert told["confidence"] == "right"
    assert told["direction"] == "clockwise"
    assert told["step"] == pytest.approx(60.0)
    assert told["focal"] == pytest.approx(1.4, rel=0.06)
    assert told["elevation"] == pytest.approx(20.0, abs=1.0)
    assert [view["name"] for view in told["views"]] == [f"shot_{8 + k}.png" for k in range(6)]
    assert max(view["residual"] for view in told["views"]) < 0.1


def test_the_file_can_be_reconstructed_from(found):
    out, _ = found
    posed = read_posed_images(out)
    assert [frame.path.name for frame in posed.frames] == [f"shot_{8 + k}.png" for k in range(6)]
    cameras = [Camera.from_data(view.camera) for view in views_of(posed)]
    views = [
        View(_alpha(frame.path), camera)
        for frame, camera in zip(posed.frames, cameras, strict=True)
    ]
    assert float(Residual(trace_all(views))(Rig.of(cameras)).mean()) < 0.05


def test_the_object_stands_on_the_ground_with_the_requested_size(found):
    out, _ = found
    posed = read_posed_images(out)
    volume = posed.world_from_volume
    assert volume is not None
    assert volume[0, 0] == pytest.approx(3 / 1.8)
    first = Camera.from_data(posed.frames[0].camera)
    assert abs(first.center[0]) < 0.2  # the first image shows the front, from -Y
    assert first.center[1] < -3.0
    assert first.world_from_camera[2, 1] < 0  # upright
    # the object is 1.3 wide and 1.1 high: it touches the ground and is 3 wide
    pixels = Camera.from_data(posed.frames[0].camera)
    height = 3 / 1.3 * 1.1
    assert volume[2, 3] == pytest.approx(height / 2, rel=0.1)
    assert pixels.width == SIZE[0]


def test_a_given_centre_is_where_the_object_is(folder, monkeypatch):
    monkeypatch.setattr(finding, "OUTLINE_SIDE", 120)  # the images are read smaller
    views = tuple(
        protocol.ViewData(None, None, p.name, image_file(p))
        for p in sorted(folder.glob("*.png"), key=lambda p: int(p.stem[5:]))
    )
    request = protocol.FindCameras(
        "job", "turntable", views, focal=1.4, side=1.8, center=(5.0, 6.0, 7.0)
    )
    event = around_event(request, Ticket())
    assert event.world_from_volume is not None
    np.testing.assert_allclose(event.world_from_volume[:3, 3], (5, 6, 7))
    assert event.facts["focal_from"] == "given"
    assert event.facts["focal"] == pytest.approx(1.4)
    assert all((c.w, c.h) == SIZE for c in event.cameras if c is not None)
    centers = [c.transform_matrix[:3, 3] for c in event.cameras if c is not None]
    assert np.linalg.norm(np.mean(centers, axis=0)[:2] - (5, 6)) < 0.3


def test_names_without_numbers_are_refused(folder, tmp_path, capsys):
    for name in ("front", "left", "back", "right"):
        (tmp_path / f"{name}.png").write_bytes((folder / "shot_8.png").read_bytes())
    out = str(tmp_path / "transforms.json")
    assert cli.main(["cameras", "turntable", str(tmp_path), "-o", out]) == 2
    assert "do not say their order" in capsys.readouterr().err


def test_refused_images_come_with_their_names(folder):
    views = tuple(
        protocol.ViewData(None, None, p.name, image_file(p)) for p in [folder / "shot_8.png"] * 5
    )
    with pytest.raises(RequestError, match="All images are the same"):
        around_event(protocol.FindCameras("job", "walk", views), Ticket())


def test_a_turntable_hardly_tells_the_direction_of_what_it_cannot_tell(monkeypatch, folder):
    original = turntable.fit_ring

    def undecided(*args, **kwargs):
        turned = original(*args, **kwargs)
        return turntable.replace(turned, other=turned.loss * 1.5)

    monkeypatch.setattr(turntable, "fit_ring", undecided)
    views = tuple(
        protocol.ViewData(None, None, p.name, image_file(p))
        for p in sorted(folder.glob("*.png"), key=lambda p: int(p.stem[5:]))
    )
    event = around_event(protocol.FindCameras("job", "turntable", views, focal=1.4), Ticket())
    assert any("which way the object turned" in remark for remark in event.facts["remarks"])


def test_refinement_keeps_the_image_sizes_and_what_has_no_camera(found):
    out, _ = found
    posed = views_of(read_posed_images(out))
    moved = [_nudged(view, k) for k, view in enumerate(posed)]
    alone = protocol.ViewData(None, None, "no camera", posed[0].file)
    event = refined_event(protocol.RefineCameras("job", (*moved, alone)), Ticket())
    assert event.cameras[-1] is None
    assert event.facts["better"]
    assert event.facts["before"] > 0.5
    assert event.facts["after"] < 0.2 * event.facts["before"]
    assert event.facts["views"][-1]["residual"] is None
    for view, camera in zip(moved, event.cameras, strict=False):
        assert (camera.w, camera.h) == (view.camera.w, view.camera.h)
        assert camera.fl_x / view.camera.fl_x == pytest.approx(
            event.facts["focal_factor"], rel=1e-5
        )


def test_exchanged_images_are_told_and_not_refined(found):
    from dataclasses import replace

    posed = views_of(read_posed_images(found[0]))
    swapped = list(posed)
    swapped[1] = replace(posed[1], camera=posed[4].camera)
    swapped[4] = replace(posed[4], camera=posed[1].camera)
    with pytest.raises(RequestError) as caught:
        refined_event(protocol.RefineCameras("job", tuple(swapped)), Ticket())
    assert "swapped" in caught.value.message


def _nudged(view, k):
    from dataclasses import replace

    pose = view.camera.transform_matrix.copy()
    pose[:3, 3] += np.random.default_rng(k).normal(size=3) * 0.05
    return replace(view, camera=replace(view.camera, transform_matrix=pose))


def _alpha(path):
    import torch

    return torch.from_numpy(np.asarray(Image.open(path), np.float32) / 255)
