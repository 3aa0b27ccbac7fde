"""`levelform reconstruct`: from files to a file."""

import json
from dataclasses import replace

import numpy as np
import pytest
from levelform.backend import cli, reconstructors
from levelform.backend.commands.reconstruct import mesh_in_world
from levelform.backend.contract.cameras import Distortion, from_frame, to_frame
from levelform.backend.contract.protocol import MeshUpdate
from levelform.backend.contract.weights import PUBLISHED
from levelform.backend.geometry.images import shrink
from levelform.backend.reconstructors import methods
from PIL import Image
from scipy.ndimage import map_coordinates
from setups.distortion import undistort_pixels
from setups.meshes import read_mesh

PLACE = (4.0, -2.0, 1.0)


@pytest.fixture
def folder(tmp_path, photograph, cameras):
    """Images of the test object in a volume at PLACE, with a transforms.json."""
    away = np.eye(4)
    away[:3, 3] = PLACE
    frames = []
    for index, camera in enumerate(cameras):
        view = shrink(photograph(camera), 96)
        pixels = (view.image.numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        placed = view.camera.in_frame(np.linalg.inv(away))
        frames.append({"file_path": f"{index}.png", **placed.to_transforms()})
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": frames}))
    return tmp_path


QUICK = ("--method", "visual-hull", "--resolution", "32")


def run(capsys, *words):
    """Run with --json, the visual hull where no method is said; return status and object."""
    hull = () if "--method" in words else ("--method", "visual-hull")
    status = cli.main(["reconstruct", *map(str, words), *hull, "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj", ".stl", ".npz"])
def test_a_folder_becomes_a_mesh_in_the_world(folder, capsys, suffix):
    out = folder / f"mesh{suffix}"
    status, result = run(capsys, folder, "-o", out, "--resolution", 32, "--device", "cpu")
    assert status == 0, result
    wanted = "method weights views resolution vertices faces evaluations seconds watertight out"
    assert result.keys() >= set(wanted.split())
    assert (result["views"], result["resolution"], result["watertight"]) == (5, 32, True)
    mesh = read_mesh(out)
    assert len(mesh.faces) == result["faces"]
    low, high = mesh.vertices.min(0) - PLACE, mesh.vertices.max(0) - PLACE
    np.testing.assert_allclose(low, (-0.75, -0.55, -0.6), atol=0.2)  # the object's box, +Z up
    np.testing.assert_allclose(high, (0.7, 0.55, 0.85), atol=0.2)


def test_views_volume_and_colour_are_chosen(folder, capsys):
    out = folder / "mesh.npz"
    x, y, z = PLACE
    words = ["--views", "0,2,3", f"--volume={x},{y},{z},2", "--no-color", "--resolution", 32]
    status, result = run(capsys, folder / "transforms.json", "-o", out, *words)
    assert (status, result["views"]) == (0, 3)
    assert np.array(result["world_from_volume"])[:3, 3].tolist() == list(PLACE)
    assert read_mesh(out).colors is None


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (["--out", "gone/mesh.ply"], 2, "does not exist"),
        (["--out", "mesh.fbx"], 2, "not a supported mesh format"),
        (["--views", "7"], 2, "7 views were asked for; there are 5"),
        (["--views", "a,b"], 2, "views must be numbers"),
        (["--volume", "1,2"], 2, "volume must be 4 or 16 numbers"),
        (["--volume", "90,90,90,1"], 2, "The silhouettes do not overlap|looks away|no faces"),
        (["--method", "magic"], 2, "'magic' is not a method"),
        (["--background", "pink"], 2, "'pink' is not a background"),
        (["--option", "speed=1"], 2, "no option 'speed'"),
        (["--option", "lattice=4"], 2, "no option 'lattice'; it is one of UCLID-Net's"),
        (["--option", "min_component=2"], 2, "min_component is a number from 0 to 1, not '2'"),
        (["--option", "dense=maybe"], 2, "dense is yes or no, not 'maybe'"),
        (["--method", "disn", "--option", "part=bogus"], 2, "part is both, global or local"),
        (["--method", "disn", "--option", "symetry=no"], 2, "DISN has no option 'symetry'"),
        (["--method", "tdgn", "--level", "3"], 2, "between 0 and 1, not 3"),
        (["--level", "3"], 2, "from -1 to 1, not 3"),
        (["--resolution", "4"], 2, "resolution is a whole number from 8 to 1024, not 4"),
        (["--tolerance", "2"], 2, "tolerance is a number from 0 to 1, not 2.0"),
        (["--seed", "-1"], 2, "seed is a whole number from 0"),
    ],
)
def test_wrong_wishes_leave_no_file(folder, capsys, monkeypatch, change, status, words):
    import re

    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    got, result = run(capsys, ".", "-o", "mesh.ply", *change)
    assert got == status
    assert re.search(words, result["error"]), result
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("method", [n for n, cls in methods().items() if cls.spec.needs_weights])
def test_without_weights_a_network_is_refused_and_nothing_made_up(
    folder, capsys, monkeypatch, method
):
    monkeypatch.setattr(reconstructors, "WEIGHTS_FOLDER", folder / "weights")
    out = folder / "mesh.glb"
    status, result = run(capsys, folder, "-o", out, "--method", method, "--device", "cpu")
    assert status == 2
    assert "has no trained weights here" in result["error"]
    way = "weights get" if method in PUBLISHED else "train"
    assert f"levelform {way} {method}" in result["hint"]
    assert not out.exists()


def test_loose_images_have_no_cameras(folder, capsys):
    status, result = run(capsys, folder / "0.png", folder / "1.png", "-o", folder / "mesh.ply")
    assert status == 2
    assert "needs a camera for every image; 0.png has none" in result["error"]


def test_sources_that_are_not_there(folder, capsys):
    (folder / "none").mkdir()
    for source, words in (("none", "holds no images"), ("gone.png", "does not exist")):
        status, result = run(capsys, folder / source, "-o", folder / "mesh.ply")
        assert (status, words in result["error"]) == (2, True)
    status, result = run(capsys, folder / "transforms.json", "x.png", "-o", folder / "mesh.ply")
    assert "comes with other sources" in result["error"]


def test_the_result_is_told_in_words(folder, capsys):
    assert cli.main(["reconstruct", str(folder), "-o", str(folder / "m.stl"), *QUICK]) == 0
    out, err = capsys.readouterr()
    assert "triangles, watertight" in out
    assert "5 views" in out
    assert err == ""


def test_a_mesh_is_put_in_its_place():
    place = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1.0]])
    vertices = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    update = MeshUpdate(
        "j", vertices, np.array([[0, 1, 2]], np.int32), vertices, None, place, 2.0, 32, True
    )
    mesh = mesh_in_world(update)
    np.testing.assert_allclose(mesh.vertices, [[5, 8, 7], [3, 6, 7], [5, 6, 9]])
    np.testing.assert_allclose(mesh.normals, [[0, 1, 0], [-1, 0, 0], [0, 0, 1]])


def changed(folder, change):
    """Rewrite the folder's transforms.json."""
    content = json.loads((folder / "transforms.json").read_text())
    change(content)
    (folder / "transforms.json").write_text(json.dumps(content))


def test_map_coordinates_keep_the_shape_and_are_told(folder, capsys):
    plain = run(capsys, folder, "-o", folder / "near.npz", "--resolution", "32")[1]
    offset = np.array([500_000.0, 4_600_000.0, 300.0])

    def move(content):
        for frame in content["frames"]:
            frame["transform_matrix"] = np.array(frame["transform_matrix"])
            frame["transform_matrix"][:3, 3] += offset
            frame["transform_matrix"] = frame["transform_matrix"].tolist()

    changed(folder, move)
    status, result = run(capsys, folder, "-o", folder / "far.npz", "--resolution", "32")
    assert (status, result["world_offset"]) == (0, offset.tolist())
    assert "made about the local origin (500000, 4600000, 300)" in result["remarks"][0]
    moved = np.array(result["world_from_volume"]) - plain["world_from_volume"]
    np.testing.assert_allclose(moved[:3, 3], offset, atol=1e-4)
    with np.load(folder / "near.npz") as near, np.load(folder / "far.npz") as far:
        np.testing.assert_array_equal(near["faces"], far["faces"])
        np.testing.assert_allclose(far["vertices"] - offset, near["vertices"], atol=1e-4)
    x, y, z = offset + PLACE
    words = ["--volume", f"{x},{y},{z},2", "--resolution", "32"]
    status, result = run(capsys, folder, "-o", folder / "far.ply", *words)
    assert (status, result["volume_from"]) == (0, "user")
    np.testing.assert_allclose(np.array(result["world_from_volume"])[:3, 3], [x, y, z])


@pytest.mark.parametrize(
    "bent",
    [
        Distortion("OPENCV", (-0.25, 0.08, 0, 0, 0, 0), (0.002, -0.001)),
        Distortion("OPENCV_FISHEYE", (0.05, -0.01, 0, 0)),
    ],
    ids=["radial", "fisheye"],
)
def test_distortion_is_undone(folder, capsys, bent):
    """Images as a bent lens shows them give the silhouettes, so the hull, of straight ones."""
    plain = run(capsys, folder, "-o", folder / "plain.npz", "--resolution", "32")[1]
    for frame in json.loads((folder / "transforms.json").read_text())["frames"]:
        straight = from_frame(frame)
        wide = replace(straight, distortion=bent)
        image = np.asarray(Image.open(folder / frame["file_path"]), np.float32) / 255
        pixels = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in (wide.w, wide.h))), -1)
        ideal = np.nan_to_num(undistort_pixels(wide, pixels), nan=-9)
        place = np.clip(ideal - 0.5, 0, [wide.w - 1, wide.h - 1])
        shown = np.stack(
            [
                map_coordinates(image[..., channel], [place[..., 1], place[..., 0]], order=1)
                for channel in range(4)
            ],
            -1,
        )
        Image.fromarray((shown * 255).round().astype(np.uint8)).save(folder / frame["file_path"])

    def bend(content):
        for frame in content["frames"]:
            frame.update(to_frame(replace(from_frame(frame), distortion=bent)))

    def keep(content):
        content["world_from_volume"] = plain["world_from_volume"]

    changed(folder, keep)
    ignored = bent.model == "OPENCV" and run(
        capsys, folder, "-o", folder / "wrong.npz", "--resolution", "32"
    )
    changed(folder, bend)
    status, _ = run(capsys, folder, "-o", folder / "bent.npz", "--resolution", "32")
    assert status == 0
    undone = iou(folder / "plain.npz", folder / "bent.npz")
    assert undone > 0.96
    if ignored and ignored[0] == 0:
        assert iou(folder / "plain.npz", folder / "wrong.npz") < undone - 0.05


def iou(*files):
    """IoU of two closed meshes by winding numbers at random points."""
    import igl

    inside = []
    points = PLACE + np.random.default_rng(0).uniform(-1.1, 1.1, (20_000, 3))
    for file in files:
        with np.load(file) as mesh:
            vertices, faces = mesh["vertices"].astype(np.float64), mesh["faces"].astype(np.int64)
        inside.append(igl.fast_winding_number(vertices, faces, points) > 0.5)
    return (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()


# ---------------------------------------------------------------- views that disagree


def test_a_check_prints_a_table_and_writes_nothing(folder, capsys):
    status, told = run(capsys, folder, "--check")
    assert (status, told["agree"], told["remarks"]) == (0, True, [])
    assert [view["name"] for view in told["views_checked"]] == [f"{i}.png" for i in range(5)]
    assert cli.main(["reconstruct", str(folder), "--check"]) == 0
    assert "The views agree." in capsys.readouterr().out


def test_a_camera_that_is_wrong_is_named_and_left_out_by_its_option(folder, capsys):
    path = folder / "transforms.json"
    content = json.loads(path.read_text())
    content["frames"][3]["transform_matrix"][0][3] += 0.4
    path.write_text(json.dumps(content))
    words = ["-o", folder / "mesh.npz", "--resolution", 32, "--device", "cpu"]
    status, result = run(capsys, folder, *words)
    assert status == 0
    assert result["remarks"][0].startswith("3.png disagrees with the other views")
    assert result["cures"][0]["option"] == "--leave-out 3"
    status, result = run(capsys, folder, *words, *result["cures"][0]["option"].split())
    assert (status, result["views"], result["remarks"]) == (0, 4, [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--leave-out", "9"], "View 9 does not exist"),
        (["--convention", "opengl"], "'opengl' is not a convention"),
        (["--cure", "heal"], "'heal' is not a cure"),
        ([], "The output file is missing"),
    ],
)
def test_wrong_words_about_views_are_refused(folder, capsys, words, said):
    out = ["-o", folder / "mesh.npz"] if words else []
    status, result = run(capsys, folder, *out, *words)
    assert status == 2
    assert said in result["error"]
