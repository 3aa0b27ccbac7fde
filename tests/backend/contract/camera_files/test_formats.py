"""One scene in each format that is read gives the same cameras and the same images."""

import json
import struct

import numpy as np
import pytest
from levelform.backend.contract.camera_files import find_camera_file, read_posed_images
from levelform.backend.contract.cameras import CameraData, Distortion
from levelform.backend.contract.errors import RequestError
from scipy.spatial.transform import Rotation

from .conftest import HEIGHT, WIDTH, opencv_pose, write_colmap


def same(posed, cameras, folder, *, names=None):
    """The frames are the cameras, in order, with images a0.png and on."""
    names = names or [f"a{number}.png" for number in range(len(cameras))]
    assert [frame.name for frame in posed.frames] == names
    for frame, data, name in zip(posed.frames, cameras, names, strict=True):
        assert frame.path == folder / "images" / name
        made = frame.camera
        np.testing.assert_allclose(made.transform_matrix, data.transform_matrix, atol=1e-9)
        intrinsics = [(c.fl_x, c.fl_y, c.cx, c.cy, c.w, c.h) for c in (made, data)]
        np.testing.assert_allclose(intrinsics[0], intrinsics[1], atol=1e-9)


def test_transforms_json(write, cameras, folder):
    same(read_posed_images(write()), cameras, folder)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("place", ["sparse/0", "sparse", "."])
def test_colmap(folder, cameras, binary, place):
    where = folder / place
    if place == ".":
        where = folder / "model"
    write_colmap(where, cameras, binary=binary)
    source = folder if place != "." else where
    posed = read_posed_images(source)
    same(posed, cameras, folder)
    assert posed.frames[0].camera.distortion is None
    assert "The scale and up axis of COLMAP's world are unknown" in posed.remarks[0]
    suffix = "bin" if binary else "txt"
    same(read_posed_images(where / f"images.{suffix}"), cameras, folder)


def test_the_nearest_images_are_colmaps(folder, cameras):
    inner = folder / "project"
    write_colmap(inner / "sparse" / "0", cameras, binary=True)
    same(read_posed_images(inner), cameras, folder)  # those of the folder above
    (inner / "images").mkdir()
    for file in (folder / "images").iterdir():
        (inner / "images" / file.name).write_bytes(file.read_bytes())
    same(read_posed_images(inner), cameras, inner)


def test_colmap_distortion(folder, cameras):
    values = [60.0, 61.0, 23.0, 19.0, 0.1, -0.2, 0.01, 0.02]
    write_colmap(folder / "sparse", cameras, binary=True, model=4, parameters=values)
    bent = read_posed_images(folder).frames[0].camera.distortion
    assert bent == Distortion("OPENCV", (0.1, -0.2, 0, 0, 0, 0), (0.01, 0.02))


def test_a_colmap_model_that_is_cut_short(folder, cameras):
    write_colmap(folder / "sparse", cameras, binary=True)
    file = folder / "sparse" / "images.bin"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(RequestError, match="truncated or corrupt"):
        read_posed_images(folder)
    file.write_bytes(struct.pack("<Q", 0))
    with pytest.raises(RequestError, match="lists no images with a pose"):
        read_posed_images(folder)


def centered(cameras):
    return [
        CameraData(c.transform_matrix, c.fl_x, c.fl_y, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
        for c in cameras
    ]


@pytest.mark.parametrize("suffix", ["", ".png"])
def test_gaussian_splatting(folder, cameras, suffix):
    listed = []
    for number, data in enumerate(cameras):
        pose = opencv_pose(data)
        listed.append(
            {
                "id": number,
                "img_name": f"a{number}{suffix}",
                "width": WIDTH,
                "height": HEIGHT,
                "position": pose[:3, 3].tolist(),
                "rotation": pose[:3, :3].tolist(),
                "fy": data.fl_y,
                "fx": data.fl_x,
            }
        )
    (folder / "cameras.json").write_text(json.dumps(listed))
    same(read_posed_images(folder), centered(cameras), folder)
    model = folder / "output"
    model.mkdir()
    (folder / "cameras.json").rename(model / "cameras.json")
    (model / "cfg_args").write_text(f"Namespace(sh_degree=3, source_path='{folder}')")
    same(read_posed_images(model / "cameras.json"), centered(cameras), folder)


def test_sdfstudio(folder, cameras):
    frames = []
    for number, data in enumerate(cameras):
        intrinsics = np.eye(4)
        intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2] = (
            data.fl_x,
            data.fl_y,
            data.cx,
            data.cy,
        )
        frames.append(
            {
                "rgb_path": f"images/a{number}.png",
                "camtoworld": opencv_pose(data).tolist(),
                "intrinsics": intrinsics.tolist(),
                "foreground_mask": f"images/a{number}.png",
            }
        )
    content = {
        "camera_model": "OPENCV",
        "height": HEIGHT,
        "width": WIDTH,
        "scene_box": {"aabb": [[-1, -1, -1], [1, 1, 1]]},
        "worldtogt": np.diag([2, 2, 2, 1]).tolist(),
        "frames": frames,
    }
    (folder / "meta_data.json").write_text(json.dumps(content))
    posed = read_posed_images(folder)
    same(posed, cameras, folder)
    assert posed.world_from_volume is None
    assert posed.frames[1].mask == str(folder / "images" / "a1.png")


METASHAPE = """<?xml version="1.0" encoding="UTF-8"?>
<document version="2.0.0"><chunk label="Chunk 1" enabled="true">
<sensors next_id="1"><sensor id="0" label="unknown" type="{kind}">
<resolution width="48" height="36"/>
<calibration type="{kind}" class="initial"><resolution width="48" height="36"/><f>1</f>
</calibration>
<calibration type="{kind}" class="adjusted"><resolution width="48" height="36"/>
{intrinsics}</calibration></sensor></sensors>
<cameras next_id="5" next_group_id="0"><group id="0">{cameras}</group>
<camera id="4" sensor_id="0" label="lost"/></cameras>
<transform><rotation>{rotation}</rotation><translation>1 -2 3</translation><scale>2.5</scale>
</transform></chunk></document>"""


def metashape(
    folder, cameras, kind="frame", intrinsics="<f>61</f><cx>-1</cx><cy>1</cy><b1>-1</b1>"
):
    chunk = np.eye(4)
    chunk[:3, :3] = Rotation.from_euler("xyz", [20, 30, 40], degrees=True).as_matrix()
    rotation = " ".join(map(repr, chunk[:3, :3].ravel().tolist()))
    chunk[:3, :3] *= 2.5
    chunk[:3, 3] = 1, -2, 3
    words = ""
    for number, data in enumerate(cameras):
        pose = opencv_pose(data)
        local = np.linalg.inv(chunk) @ pose
        local[:3, :3] *= 2.5
        numbers = " ".join(map(repr, local.ravel().tolist()))
        words += f'<camera id="{number}" sensor_id="0" label="a{number}"><transform>{numbers}'
        words += "</transform></camera>"
    (folder / "cams.xml").write_text(
        METASHAPE.format(kind=kind, intrinsics=intrinsics, cameras=words, rotation=rotation)
    )


def test_metashape(folder, cameras):
    metashape(folder, cameras)
    posed = read_posed_images(folder)
    same(posed, cameras, folder)
    assert posed.remarks == ("Cameras without a pose were left out (1): lost.",)


def test_a_component_of_metashape_has_a_place_of_its_own(folder, cameras):
    metashape(folder, cameras)
    file = folder / "cams.xml"
    text = file.read_text()
    place = text[text.index("<transform><rotation>") :].removesuffix("</chunk></document>")
    wrong = place.replace("1 -2 3", "7e6 0 0")
    part = f'<components><component id="0">{place}</component></components>'
    text = text.replace(place, wrong + part).replace('label="a', 'component_id="0" label="a')
    file.write_text(text)
    posed = read_posed_images(folder)
    same(posed, cameras, folder)
    assert "geocentric coordinates" in posed.remarks[1]


def test_metashapes_tangential_coefficients_are_opencvs_the_other_way_round(folder, cameras):
    intrinsics = "<f>61</f><k1>.1</k1><k2>.2</k2><k4>.4</k4><p1>.01</p1><p2>.02</p2><b2>3</b2>"
    metashape(folder, cameras, intrinsics=intrinsics)
    camera = read_posed_images(folder / "cams.xml").frames[0].camera
    assert camera.distortion == Distortion("BROWN", (0.1, 0.2, 0, 0.4), (0.02, 0.01), 3.0)
    assert (camera.cx, camera.cy) == (24, 18)


def test_a_fisheye_of_metashape(folder, cameras):
    metashape(folder, cameras, kind="fisheye", intrinsics="<f>61</f><k1>.1</k1>")
    camera = read_posed_images(folder).frames[0].camera
    assert camera.distortion == Distortion("OPENCV_FISHEYE", (0.1, 0, 0, 0))


def test_what_metashape_can_and_levelform_cannot(folder, cameras):
    metashape(folder, cameras, kind="spherical")
    with pytest.raises(RequestError, match="a0 has a spherical sensor"):
        read_posed_images(folder)
    metashape(folder, cameras, intrinsics="<f>61</f><p3>1</p3>")
    with pytest.raises(RequestError, match="p3 and p4, which are not supported"):
        read_posed_images(folder)
    metashape(folder, [])
    with pytest.raises(RequestError, match="no aligned cameras"):
        read_posed_images(folder)


HEADER = "#name,x,y,alt,heading,pitch,roll,f,px,py,k1,k2,k3,k4,t1,t2"
NEW_HEADER = "#name,x,y,z,yaw,pitch,roll,f_35mm,px_norm,py_norm,k1,k2,k3,k4,t1,t2"


@pytest.mark.parametrize("header", [HEADER, NEW_HEADER])
def test_realityscan(folder, cameras, header):
    square = [
        CameraData(c.transform_matrix, 60.0, 60.0, c.cx, c.cy, WIDTH, HEIGHT) for c in cameras
    ]
    rows = [header]
    for number, data in enumerate(square):
        angles = Rotation.from_matrix(data.transform_matrix[:3, :3]).as_euler("ZXY", degrees=True)
        numbers = [
            *data.transform_matrix[:3, 3],
            -angles[0],
            angles[1],
            angles[2],
            60 * 36 / WIDTH,
            (data.cx - WIDTH / 2) / WIDTH,
            (data.cy - HEIGHT / 2) / WIDTH,
            *[0] * 6,
        ]
        rows.append(f"a{number}.png," + ",".join(f"{float(value):.16g}" for value in numbers))
    (folder / "registration.csv").write_text("\ufeff" + "\r\n".join(rows) + "\r\n")
    same(read_posed_images(folder), square, folder)


def test_realityscan_heading_is_clockwise_from_north(folder):
    """By hand: at heading 90, pitch 90 a camera looks east, with its x axis to the south."""
    row = "a0.png,1,2,3,90,90,0,36,0,0,.1,.2,.3,.4,.01,.02"
    (folder / "r.csv").write_text(f"{HEADER}\n{row}\n")
    camera = read_posed_images(folder / "r.csv").frames[0].camera
    np.testing.assert_allclose(-camera.transform_matrix[:3, 2], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(camera.transform_matrix[:3, 0], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(camera.transform_matrix[:3, 1], [0, 0, 1], atol=1e-12)
    assert (camera.fl_x, camera.fl_y) == (48, 48)
    assert camera.distortion == Distortion("BROWN", (0.1, 0.2, 0.3, 0.4), (0.01, 0.02))


def test_a_row_of_realityscan_without_a_number(folder):
    (folder / "r.csv").write_text(f"{HEADER}\na0.png,1,2,3,north,90,0,36,0,0\n")
    with pytest.raises(RequestError, match=r"heading of a0\.png is not a number: 'north'"):
        read_posed_images(folder / "r.csv")


def test_what_a_folder_is_searched_for(folder, write):
    assert find_camera_file(folder) is None
    (folder / "cameras.json").write_text('{"something": "else"}')
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    (folder / "other.xml").write_text("<a/>")
    assert find_camera_file(folder) is None
    write("transforms_val.json")
    assert find_camera_file(folder) is None  # only by its name
    assert len(read_posed_images(folder / "transforms_val.json").frames) == 4
    write("transforms_train.json")
    assert find_camera_file(folder) == folder / "transforms_train.json"
    write()
    assert find_camera_file(folder) == folder / "transforms.json"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("transforms.json", "{", "not readable as JSON"),
        ("transforms.json", "[1]", "contains no cameras in a known format"),
        ("transforms.json", '{"a": 1}', "contains no cameras in a known format"),
        ("transforms.json", '{"frames": []}', "lists no frames"),
        ("transforms.json", '{"frames": [7]}', r"Frame 0 of .* names no image \(int\)"),
        ("transforms.json", '{"frames": [{"file_path": 3}]}', "names no image .file_path 3"),
        ("cameras.json", '[{"rotation": 1, "position": 2}]', "Camera 0 of .* has no img_name"),
        ("meta_data.json", '{"frames": [{"camtoworld": 1}]}', "Frame 0 of .* has no rgb_path"),
        ("x.xml", "<chunk><chunk", "not readable as XML"),
        ("y.xml", '<?xml version="1.0" encoding="UTF-0"?><chunk/>', "not readable as XML"),
    ],
)
def test_garbled_files_are_told(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(RequestError, match=words):
        read_posed_images(tmp_path / name)


def test_a_place_without_cameras(tmp_path):
    with pytest.raises(RequestError, match="does not exist"):
        read_posed_images(tmp_path / "gone")
    with pytest.raises(RequestError, match="contains no camera file"):
        read_posed_images(tmp_path)
