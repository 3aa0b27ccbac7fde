"""Published layouts: small archives written here in the same form come back as they should."""

import json

import numpy as np
import pytest
import torch
import trimesh
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.format import unpack_voxels
from levelform.backend.data.readers import READERS, read_binvox
from levelform.backend.data.readers.occupancy import cut_from_white
from levelform.backend.data.readers.photos import CROP, pascal3d_camera, pix3d_camera
from levelform.backend.data.readers.shapenet import read_metadata, shapenet_camera
from levelform.backend.geometry.cameras import Camera
from levelform.backend.images.framing import training_camera
from levelform.backend.reconstructors.networks import sdf_srn as published
from PIL import Image
from scipy.io import savemat

WEDGE = (0.2, 0.5, 0.8)  # a box in ShapeNet's axes: x, y up, z


def wedge():
    return trimesh.creation.box(WEDGE)


def write_binvox(path, grid, corner=(-0.5, -0.5, -0.5), side=1.0):
    """Write [x, y, z] bool: x slowest, then z, then y; runs of at most 255."""
    flat = grid.transpose(0, 2, 1).reshape(-1).astype(np.uint8)
    runs, start = [], 0
    while start < len(flat):
        stop = start
        while stop < len(flat) and flat[stop] == flat[start] and stop - start < 255:
            stop += 1
        runs += [flat[start], stop - start]
        start = stop
    x, y, z = grid.shape
    head = f"#binvox 1\ndim {x} {z} {y}\ntranslate {corner[0]} {corner[1]} {corner[2]}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{head}scale {side}\ndata\n".encode() + bytes(runs))


def wedge_grid():
    """The wedge in the unit cube, its longest side along z = 0.8 of it."""
    ticks = (np.arange(32) + 0.5) / 32 - 0.5
    inside = [np.abs(ticks) < side / 2 for side in WEDGE]
    return inside[0][:, None, None] & inside[1][:, None] & inside[2]


def silhouette(camera: Camera, box=(1.0, 1.0, 1.0)):
    """Return RGBA of a box around the origin of the camera's frame, exactly projected."""
    grid = np.stack(np.meshgrid(*[np.linspace(-s / 2, s / 2, 80) for s in box]), -1)
    pixels = camera.project(torch.from_numpy(grid.reshape(-1, 3)))[0].floor().long().numpy()
    image = np.zeros((camera.height, camera.width, 4), np.uint8)
    x, y = pixels.clip(0, [camera.width - 1, camera.height - 1]).T
    image[y, x] = (200, 100, 50, 255)
    return image


def agrees(arrays, index=0, box=(0.8, 0.2, 0.5), longest=0.8):
    """Return the IoU of a stored alpha with the box of the object frame under its stored camera."""
    image = arrays["views.images"][index]
    fx, fy, cx, cy = arrays["views.intrinsics"][index]
    size = image.shape[0]
    camera = Camera(arrays["views.poses"][index], fx, fy, cx, cy, size, size)
    expected = silhouette(camera, np.array(box) / longest * 1.8)[..., 3] > 0
    seen = image[..., 3] > 127
    return (seen & expected).sum() / (seen | expected).sum()


VIEWS = [(326.42, 29.03, 0.79), (40.0, 25.0, 0.9), (100.0, 30.0, 0.7)]


def test_the_published_camera_of_disns_demo_is_reproduced():
    camera = shapenet_camera(326.421594487, 29.0316186116, 0.790311739218, 137)
    norm = np.diag([0.51556159] * 3 + [1.0])
    norm[:3, 3] = (-0.03717143, -0.04260272, -0.00047394)
    intrinsics = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    trans_mat = (intrinsics @ camera.camera_from_world[:3] @ norm).T
    expected = [
        [-68.453156, 5.5086656, -0.37556022],
        [-17.138561, -84.685486, -0.250198],
        [-47.284092, -3.6569588, 0.2493176],
        [101.133705, 101.34268, 1.4305686],
    ]
    np.testing.assert_allclose(trans_mat, expected, atol=2e-5)


def test_binvox_keeps_its_axes(tmp_path):
    grid = np.zeros((4, 4, 4), bool)
    grid[0, 1, 2] = grid[3, 2, 2] = True
    write_binvox(tmp_path / "a.binvox", grid, (1, 2, 3), 4.0)
    voxels = read_binvox(tmp_path / "a.binvox")
    np.testing.assert_array_equal(voxels.grid, grid)
    assert (voxels.corner.tolist(), voxels.side) == ([1, 2, 3], 4.0)
    content = (tmp_path / "a.binvox").read_bytes()
    (tmp_path / "b.binvox").write_bytes(content[:-4])
    with pytest.raises(RequestError, match="instead of 64"):
        read_binvox(tmp_path / "b.binvox")
    (tmp_path / "c.binvox").write_bytes(b"PNG")
    with pytest.raises(RequestError, match="not a binvox"):
        read_binvox(tmp_path / "c.binvox")


def test_r2n2(tmp_path):
    name = "03001627/abc"
    write_binvox(tmp_path / "ShapeNetVox32" / name / "model.binvox", wedge_grid())
    folder = tmp_path / "ShapeNetRendering" / name / "rendering"
    folder.mkdir(parents=True)
    for index, (azimuth, elevation, ratio) in enumerate(VIEWS):
        camera = shapenet_camera(azimuth, elevation, ratio, 137)
        Image.fromarray(silhouette(camera, WEDGE)).save(folder / f"{index:02d}.png")
    lines = "".join(f"{a} {e} 0 {r} 25\n" for a, e, r in VIEWS)
    (folder / "rendering_metadata.txt").write_text(lines)
    reader = READERS["r2n2"](tmp_path, size=137)
    assert reader.names() == [name]
    record = reader.read(name)
    assert record.category == "03001627"
    grid = unpack_voxels(record.arrays["voxels"])
    extent = [np.ptp(np.flatnonzero(grid.any(axes))) + 1 for axes in ((1, 2), (0, 2), (0, 1))]
    assert extent == [26, 6, 16]  # left to right is z, front to back x, up y
    inside = record.arrays["grid.inside"].astype(bool)
    reach = np.abs(record.arrays["grid.points"][inside]).max(0)
    np.testing.assert_allclose(reach, np.array([12.5, 2.5, 7.5]) / 16 * 0.9, atol=1e-6)
    assert all(agrees(record.arrays, i, longest=1.0) > 0.97 for i in range(3))


def test_shapenet_render_more_variation(tmp_path):
    name = "02691156/x"
    folder = tmp_path / "image" / name / "easy"
    folder.mkdir(parents=True)
    for index, (azimuth, elevation, ratio) in enumerate(VIEWS):
        camera = shapenet_camera(azimuth, elevation, ratio, 224)
        Image.fromarray(silhouette(camera, WEDGE)).save(folder / f"{index:02d}.png")
    lines = "".join(f"[{a}, {e}, 0, {r}, 35, 32, 1.75, 0.0, 0.0, 0.0], \n" for a, e, r in VIEWS)
    (folder / "rendering_metadata.txt").write_text(lines)
    assert read_metadata(folder / "rendering_metadata.txt").shape == (3, 10)
    reader = READERS["more-variation"](tmp_path, size=112)
    assert "surface samples" in reader.read(name)

    radius = np.linalg.norm(WEDGE) / 2
    samples = tmp_path / "SurfaceSamples" / f"{name}.ply"
    samples.parent.mkdir(parents=True)
    trimesh.PointCloud(wedge().vertices / radius).export(samples)
    assert "normalization_parameters.json" in reader.read(name)
    norms = {name: [0.0, 0.0, 0.0, radius]}
    (tmp_path / "normalization_parameters.json").write_text(json.dumps(norms))
    record = READERS["more-variation"](tmp_path, size=112).read(name)
    assert all(agrees(record.arrays, i) > 0.95 for i in range(3))

    mesh = tmp_path / "meshes" / name / "model.obj"
    mesh.parent.mkdir(parents=True)
    wedge().export(mesh)
    record = reader.read(name)
    assert all(agrees(record.arrays, i) > 0.95 for i in range(3))
    inside = record.arrays["uniform.distance"] < 0
    reach = np.abs(record.arrays["uniform.points"][inside]).max(0)
    np.testing.assert_allclose(reach, np.array([0.8, 0.2, 0.5]) / 0.8 * 0.9, atol=0.03)


def test_occupancy_network_archives(tmp_path):
    name = "03001627/abc"
    folder = tmp_path / name
    (folder / "img_choy2016").mkdir(parents=True)
    rng = np.random.default_rng(0)
    loc, scale = np.array([0.1, -0.2, 0.3]), 1.6
    unit = np.array(WEDGE) / 0.8  # longest side 1
    points = rng.uniform(-0.55, 0.55, (1001, 3)).astype(np.float16)
    inside = (np.abs(points) < unit / 2).all(1)
    np.savez(
        folder / "points.npz",
        points=points,
        occupancies=np.packbits(inside),
        loc=loc,
        scale=scale,
    )
    normals = np.tile([0.0, 1.0, 0.0], (10, 1)).astype(np.float16)
    np.savez(folder / "pointcloud.npz", points=points[:10], normals=normals, loc=loc, scale=scale)
    write_binvox(folder / "model.binvox", wedge_grid())
    mats = {}
    placed = np.eye(4)
    placed[:3, :3] *= scale
    placed[:3, 3] = loc
    for index, view in enumerate(VIEWS):
        camera = shapenet_camera(*view, 137)
        image = silhouette(camera.in_frame(placed), unit)
        flat = np.where(image[..., 3:] > 0, image[..., :3], 255).astype(np.uint8)
        Image.fromarray(flat).save(folder / "img_choy2016" / f"{index:03d}.jpg", quality=98)
        mats[f"world_mat_{index}"] = camera.camera_from_world[:3]
        mats[f"camera_mat_{index}"] = [[camera.fx, 0, 68.5], [0, camera.fy, 68.5], [0, 0, 1]]
    np.savez(folder / "img_choy2016" / "cameras.npz", **mats)
    (tmp_path / "03001627" / "test.lst").write_text("abc\n")
    reader = READERS["occupancy-network"](tmp_path, size=137)
    record = reader.read(reader.names()[0])
    assert record.split == "test"
    np.testing.assert_array_equal(record.arrays["uniform.inside"], inside)
    reach = np.abs(record.arrays["uniform.points"][inside]).max(0)
    np.testing.assert_allclose(reach, np.array([0.8, 0.2, 0.5]) / 0.8 * 0.9, atol=0.15)
    np.testing.assert_allclose(record.arrays["surface.normals"][0], [0, 0, 1], atol=1e-3)
    assert all(agrees(record.arrays, i) > 0.93 for i in range(3))
    back = record.arrays["source_from_object"][0] @ [0, 0, 0, 1]
    np.testing.assert_allclose(back[:3], loc, atol=1e-6)


def test_white_inside_the_object_stays():
    image = np.full((20, 20, 3), 255, np.uint8)
    image[4:16, 4:16] = 30
    image[8:12, 8:12] = 255  # a highlight
    alpha = cut_from_white(image)[..., 3] > 0
    assert alpha.sum() == 144


def test_nmr(tmp_path):
    name = "02958343/car"
    folder = tmp_path / name
    (folder / "image").mkdir(parents=True)
    (folder / "mask").mkdir()
    mats = {}
    for index, (azimuth, elevation, _) in enumerate(VIEWS):
        pose = shapenet_camera(azimuth, elevation, 2.732 / 1.75, 64).camera_from_world
        focal = 1.8660254037844388 * 64
        camera = Camera(np.linalg.inv(pose), focal, focal, 32, 32, 64, 64)
        image = silhouette(camera, np.array(WEDGE) / 0.8)
        Image.fromarray(image[..., :3]).save(folder / "image" / f"{index:04d}.png")
        Image.fromarray(image[..., 3]).save(folder / "mask" / f"{index:04d}.png")
        mats[f"world_mat_{index}"] = pose
    np.savez(folder / "cameras.npz", **mats)
    reader = READERS["nmr"](tmp_path, size=64)
    assert reader.read(name) == "its point cloud is missing"
    points = wedge().vertices / 0.8
    np.savez(folder / "pointcloud3.npz", points=points, normals=points)
    record = reader.read(name)
    np.testing.assert_allclose(np.abs(record.arrays["surface.points"]).max(), 0.9, atol=1e-6)
    assert all(agrees(record.arrays, i) > 0.9 for i in range(3))


def test_pix3d(tmp_path):
    """The box stands in front of a viewer at -z of the model: +x is to his left, +y up."""
    wedge_model = trimesh.creation.box((0.8, 0.5, 0.2))
    (tmp_path / "model" / "chair" / "a").mkdir(parents=True)
    wedge_model.export(tmp_path / "model" / "chair" / "a" / "model.obj")
    turn = trimesh.transformations.rotation_matrix(0.4, [0, 1, 0])[:3, :3]
    entry = {
        "img": "img/chair/0001.png",
        "mask": "mask/chair/0001.png",
        "model": "model/chair/a/model.obj",
        "category": "chair",
        "img_size": [200, 150],
        "focal_length": 40.0,
        "rot_mat": turn.tolist(),
        "trans_mat": [0.1, 0.05, 2.0],
        "truncated": False,
        "occluded": False,
    }
    camera = pix3d_camera(entry)
    assert (camera.fx, camera.cx, camera.cy) == (250.0, 100.0, 75.0)
    # By hand: the model's origin is at (0.1, 0.05, 2): left of and above the middle.
    pixel = camera.project(torch.zeros(1, 3, dtype=torch.float64))[0][0]
    np.testing.assert_allclose(pixel, [100 - 250 * 0.05, 75 - 250 * 0.025])
    image = silhouette(camera, (0.8, 0.5, 0.2))
    rows, columns = np.nonzero(image[..., 3])
    entry["bbox"] = [
        int(columns.min()),
        int(rows.min()),
        int(columns.max()) + 1,
        int(rows.max()) + 1,
    ]
    for kind in ("img", "mask"):
        (tmp_path / kind / "chair").mkdir(parents=True)
        data = image[..., :3] if kind == "img" else image[..., 3]
        Image.fromarray(data).save(tmp_path / kind / "chair" / "0001.png")
    hidden = entry | {"img": "img/chair/0002.png", "occluded": True}
    (tmp_path / "pix3d.json").write_text(json.dumps([entry, hidden]))
    reader = READERS["pix3d"](tmp_path, size=96)
    assert reader.names() == ["chair/0001", "chair/0002"]
    assert reader.read("chair/0002") == "truncated or occluded"
    record = reader.read("chair/0001")
    assert record.arrays["views.images"].shape == (1, 96, 96, 4)
    assert agrees(record.arrays, box=(0.8, 0.2, 0.5)) > 0.93


PASCAL_VIEW = {
    "azimuth": 30.0,
    "elevation": 20.0,
    "theta": 5.0,
    "distance": 4.0,
    "focal": 1.0,
    "viewport": 300.0,
    "px": 110.0,
    "py": 90.0,
}


def write_pascal3d(folder, image, view):
    """Write one photograph of a car, a box of (0.8, 0.2, 0.5), in the archive's layout."""
    rows, columns = np.nonzero(image[..., 3])
    box = [columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1]
    for part in ("Annotations/car_imagenet", "Images/car_imagenet", "masks", "CAD/car"):
        (folder / part).mkdir(parents=True)
    entry = {"class": "car", "bbox": box, "cad_index": 1, "viewpoint": view}
    record = {"record": {"objects": entry, "filename": "n1.JPEG"}}
    savemat(folder / "Annotations" / "car_imagenet" / "n1.mat", record)
    Image.fromarray(image[..., :3]).save(folder / "Images" / "car_imagenet" / "n1.JPEG")
    Image.fromarray(image[..., 3]).save(folder / "masks" / "n1_0.png")
    trimesh.creation.box((0.8, 0.2, 0.5)).export(folder / "CAD" / "car" / "01.off")
    return box


def test_pascal3d(tmp_path):
    """A CAD model has +Z up and its front towards -Y, as ours."""
    view = PASCAL_VIEW
    camera = pascal3d_camera(view, 220, 180)
    np.testing.assert_allclose(
        camera.center,
        4
        * np.array(
            [
                np.cos(np.radians(20)) * 0.5,
                -np.cos(np.radians(20)) * np.sqrt(3) / 2,
                np.sin(np.radians(20)),
            ]
        ),
        atol=1e-12,
    )
    pixel, depth = camera.project(torch.zeros(1, 3, dtype=torch.float64))
    np.testing.assert_allclose(pixel[0], [110, 90], atol=1e-9)
    assert float(depth) == pytest.approx(4.0)
    up = camera.project(torch.tensor([[0.0, 0.0, 0.1]], dtype=torch.float64))[0][0]
    assert up[1] < 90  # up in the world is up in the image
    assert up[0] > 110 if pascal3d_turns_clockwise(view) else up[0] < 110

    image = silhouette(camera, (0.8, 0.2, 0.5))
    write_pascal3d(tmp_path, image, view)
    reader = READERS["pascal3d"](tmp_path, size=96)
    assert reader.names() == ["car/n1"]
    made = reader.read("car/n1")
    assert made.category == "car"
    assert agrees(made.arrays, box=(0.8, 0.2, 0.5)) > 0.93


def orthographic_camera(arrays):
    """Return the camera of a record's only image."""
    fx, fy, cx, cy = arrays["views.intrinsics"][0]
    size = arrays["views.images"].shape[1]
    return Camera(arrays["views.poses"][0], fx, fy, cx, cy, size, size, orthographic=True)


def test_pascal3d_as_sdf_srn_crops_it(tmp_path):
    """A distant camera is nearly orthographic, so its image tells the scale of the crop."""
    view = PASCAL_VIEW | {"distance": 400.0, "focal": 100.0, "theta": 0.0}
    image = silhouette(pascal3d_camera(view, 220, 180), (0.8, 0.2, 0.5))
    _, top, _, bottom = write_pascal3d(tmp_path, image, view)
    (tmp_path / "Image_sets").mkdir()
    (tmp_path / "Image_sets" / "car_imagenet_val.txt").write_text("n1 0\n")
    record = READERS["pascal3d-crops"](tmp_path, size=96, mesh=True).read("car/n1")
    assert record.split == "val"
    assert "voxels" not in record.arrays
    assert record.arrays["views.orthographic"].tolist() == [1]
    side = round(3 * (bottom - top + 1))
    longest = 0.8 * 75 * CROP / side  # 75 pixels a unit of the CAD model
    vertices = record.arrays["mesh.vertices"]
    assert np.ptp(vertices, axis=0).max() == pytest.approx(longest, rel=1e-4)
    camera = orthographic_camera(record.arrays)
    expected = silhouette(camera, tuple(np.ptp(vertices, axis=0)))[..., 3] > 0
    seen = record.arrays["views.images"][0, ..., 3] > 127
    assert (seen & expected).sum() / (seen | expected).sum() > 0.93
    assert CROP == published.CROP


def test_sdf_srns_crops_need_no_reprojection_but_for_their_roll(tmp_path):
    view = PASCAL_VIEW | {"theta": 0.0}
    image = silhouette(pascal3d_camera(view, 220, 180), (0.8, 0.2, 0.5))
    write_pascal3d(tmp_path, image, view)
    arrays = READERS["pascal3d-crops"](tmp_path, size=64).read("car/n1").arrays
    camera = orthographic_camera(arrays)
    target = training_camera(camera, published.PASCAL_FRAMING)
    np.testing.assert_allclose(target.world_from_camera, camera.world_from_camera, atol=1e-9)
    np.testing.assert_allclose([target.fx, target.cx], [camera.fx, camera.cx])


def pascal3d_turns_clockwise(view):
    """The toolbox turns points by +theta with y up, then flips y: clockwise for theta < 0."""
    return view["theta"] < 0


@pytest.mark.parametrize("name", READERS)
def test_a_folder_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(RequestError, match="does not exist"):
        READERS[name](tmp_path / "lost")
