"""Which of the scene's cameras become views, their poses, and remarks on the others."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.jobs import stage  # noqa: E402
from levelform.addon.scene.scene_source import frame_numbers, scene_views  # noqa: E402
from levelform.addon.scene.views import given_source  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

STATS = {"views": 4, "vertices": 6, "evaluations": 9, "seconds": 0.5, "watertight": True}
pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def names(views):
    return [view.name for view in views]


def add_camera(name, scene=None):
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    (scene or bpy.context.scene).collection.objects.link(camera)
    return camera


def to_collection(objects, name):
    """Move objects to a collection of their own; return its layer collection."""
    group = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(group)
    for moved in objects:
        for old in list(moved.users_collection):
            old.objects.unlink(moved)
        group.objects.link(moved)
    return bpy.context.view_layer.layer_collection.children[name]


def test_cameras_come_in_natural_order(ball_stage):
    scene = ball_stage(12)
    assert names(scene_views(scene)[0])[1:4] == ["View 1", "View 2", "View 3"]


def test_a_camera_without_an_image_is_left_out_with_a_remark(ball_stage):
    scene = ball_stage(2)
    add_camera("Shot")
    views, remarks = scene_views(scene)
    assert names(views) == ["View 0", "View 1"]
    assert remarks == ("Shot has no image and was left out.",)
    for number in range(8):
        add_camera(f"Shot {number}")
    _, remarks = scene_views(scene)
    assert remarks == (
        "9 cameras have no image and were left out: "
        "Shot, Shot 0, Shot 1, Shot 2, Shot 3, Shot 4, 3 more.",
    )


def test_it_is_an_error_only_if_no_camera_is_left(ball_stage):
    scene = ball_stage(0)
    add_camera("Shot")
    with pytest.raises(RequestError, match="Shot has no image"):
        scene_views(scene)
    add_camera("Other")
    with pytest.raises(RequestError, match="No ticked camera has an image: Other, Shot"):
        scene_views(scene)
    scene.objects["Shot"].levelform_camera.use = False
    scene.objects["Other"].levelform_camera.use = False
    with pytest.raises(RequestError, match="No camera is ticked"):
        scene_views(scene)


def test_a_chosen_camera_without_an_image_is_an_error(ball_stage):
    scene = ball_stage(1)
    with pytest.raises(RequestError, match="Shot has no image"):
        given_source(None, [scene.objects["View 0"], add_camera("Shot")], scene)


def test_cameras_that_are_excluded_are_left_out_with_a_remark(ball_stage):
    scene = ball_stage(3)
    layer = to_collection([scene.objects["View 1"]], "Others")
    layer.exclude = True
    views, remarks = scene_views(scene)
    assert names(views) == ["View 0", "View 2"]
    assert remarks == ("View 1 is excluded from ViewLayer and was left out.",)


@pytest.mark.parametrize("how", ["excluded", "monitor", "collection monitor", "eye"])
def test_cameras_that_are_not_shown_have_the_pose_that_they_have_now(ball_stage, how):
    """A hidden camera's matrix is stale; its rig has moved since it was last evaluated."""
    scene = ball_stage(2)
    mine = [scene.objects["View 0"], scene.objects["View 1"]]
    before = [np.array(camera.matrix_world) for camera in mine]
    rig = bpy.data.objects.new("Rig", None)
    scene.collection.objects.link(rig)
    layer = to_collection(mine, "Cameras")
    for camera in mine:
        camera.parent = rig
        camera.hide_viewport = how == "monitor"
    layer.collection.hide_viewport = how == "collection monitor"
    layer.exclude = how == "excluded"
    bpy.context.view_layer.update()
    if how == "eye":
        for camera in mine:
            camera.hide_set(True)
    rig.location.x = 5.0
    objects = len(bpy.data.objects)
    views, remarks = scene_views(scene)
    assert len(bpy.data.objects) == objects
    for view, old in zip(views, before, strict=True):
        moved = old.copy()
        moved[0, 3] += 5.0
        assert view.camera.transform_matrix == pytest.approx(moved, abs=1e-5)
    assert bool(remarks) == (how == "excluded")


def test_instances_of_cameras_are_left_out_with_a_remark(ball_stage):
    scene = ball_stage(1)
    source = bpy.data.collections.new("Source")
    source.objects.link(bpy.data.objects.new("Inner", bpy.data.cameras.new("Inner")))
    empty = bpy.data.objects.new("Copies", None)
    empty.instance_type, empty.instance_collection = "COLLECTION", source
    scene.collection.objects.link(empty)
    views, remarks = scene_views(scene)
    assert names(views) == ["View 0"]
    assert remarks[0].startswith("1 camera instanced by Copies was left out;")


def test_cameras_that_share_their_settings_are_told(ball_stage):
    scene = ball_stage(2)
    scene.objects["View 1"].data = scene.objects["View 0"].data
    _, remarks = scene_views(scene)
    assert remarks[0].startswith("View 0, View 1 share the camera data View 0,")


def test_images_that_are_named_after_each_others_camera_are_told(ball_stage):
    scene = ball_stage(3)
    first, second = bpy.data.images["image 0"], bpy.data.images["image 1"]
    first.name, second.name, bpy.data.images["image 2"].name = "View 1", "View 0", "View 2"
    _, remarks = scene_views(scene)
    assert remarks[0].startswith("View 0 has the image View 1, which is named after View 1")


def test_another_render_size_changes_no_view_and_is_told(ball_stage):
    scene = ball_stage(3, size=64)
    before, remarks = scene_views(scene)
    assert not remarks
    scene.render.resolution_x = 128
    for _ in range(2):
        after, remarks = scene_views(scene)
        for old, new in zip(before, after, strict=True):
            assert new.camera.fl_x == pytest.approx(old.camera.fl_x)
        assert remarks == (
            "The background images of View 0 and 2 more are read in the frame of matching, "
            "1 : 1, though the render has other proportions now.",
        )


# ---------------------------------------------------------------- images for cameras


@pytest.fixture
def files(tmp_path, ball_stage):
    """Return a maker of image files by their names, each its own shade."""

    def make(stems):
        paths = []
        for index, stem in enumerate(stems):
            image = bpy.data.images.new(stem, 8, 8)
            image.pixels.foreach_set(np.full(8 * 8 * 4, index / len(stems), np.float32))
            image.filepath_raw, image.file_format = str(tmp_path / f"{stem}.png"), "PNG"
            image.save()
            bpy.data.images.remove(image)
            paths.append(str(tmp_path / f"{stem}.png"))
        return paths

    return make


def test_images_go_to_cameras_in_natural_order_and_that_is_told(files, ball_stage):
    scene = ball_stage(0)
    stems = ["1", "2", "10", "11", "20"]
    for stem in stems:
        add_camera(stem)
    said = stage.use_images(files(stems[::-1]))
    assert said == "1 < 1.png, 2 < 2.png, 10 < 10.png, 11 < 11.png, 20 < 20.png."
    for stem in stems:
        assert scene.objects[stem].data.background_images[0].image.name == f"{stem}.png"


def test_images_that_went_to_another_camera_than_they_are_named_after_are_told(files, ball_stage):
    ball_stage(0)
    add_camera("view2"), add_camera("view10")
    said = stage.use_images(files(["view10", "view11"]))
    assert "view2 has the image view10.png, which is named after view10." in said


def test_many_pairs_are_told_by_the_first_and_the_last(files, ball_stage):
    ball_stage(30)
    said = stage.use_images(files([str(number) for number in range(30)]))
    assert said.startswith("View 0 < 0.png, View 1 < 1.png,")
    assert said.endswith("..., View 29 < 29.png.")


def test_cameras_that_share_their_settings_get_an_image_each(files, ball_stage):
    scene = ball_stage(0)
    first = add_camera("a")
    second = bpy.data.objects.new("b", first.data)
    scene.collection.objects.link(second)
    first.data.lens = 30.0
    stage.use_images(files(["a", "b"]))
    shown = [camera.data.background_images[0].image.name for camera in (first, second)]
    assert shown == ["a.png", "b.png"]
    assert first.data.lens == second.data.lens == 30.0


# ---------------------------------------------------------------- frames


@pytest.fixture
def turntable(tmp_path, ball_stage):
    """A camera that moves by 1 per frame, with a sequence that encodes the frame as shade."""
    scene = ball_stage(1)
    scene.frame_start, scene.frame_end = 1, 8
    for frame in range(1, 9):
        image = bpy.data.images.new("s", 16, 16)
        image.pixels.foreach_set(np.full(16 * 16 * 4, frame / 10, np.float32))
        image.filepath_raw, image.file_format = str(tmp_path / f"s_{frame:03}.png"), "PNG"
        image.save()
    camera = scene.objects["View 0"]
    for frame in (1, 8):
        camera.location = (frame, 0, 0)
        camera.keyframe_insert("location", frame=frame)
    for curve in _curves(camera):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    background = camera.data.background_images[0]
    background.image = bpy.data.images.load(str(tmp_path / "s_001.png"))
    background.image.source = "SEQUENCE"
    background.image_user.frame_duration = 8
    background.image_user.frame_start = 1
    scene.frame_set(3)
    return scene


def _curves(target):
    action = target.animation_data.action
    if hasattr(action, "fcurves"):
        return action.fcurves
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def _shade(view):
    if view.file is not None:
        return int(view.file.path.rpartition("_")[2][:3])
    return round(float(view.image[..., 0].mean()) / 25.5)


@pytest.mark.parametrize(
    ("at", "frames"),
    [
        (None, [3]),
        (4, [1, 3, 5, 7]),
        ([2, 7], [2, 7]),
        ("2-8:3", [2, 5, 8]),
        ("1,4", [1, 4]),
        ("8", list(range(1, 9))),
    ],
)
def test_a_moving_camera_gives_a_view_for_each_frame(turntable, at, frames):
    views, remarks = scene_views(turntable, at=at)
    assert [round(view.camera.transform_matrix[0, 3], 4) for view in views] == frames
    assert [_shade(view) for view in views] == frames
    assert turntable.frame_current == 3
    assert not remarks
    if at is not None:
        assert names(views) == [f"View 0 frame {frame}" for frame in frames]


def test_a_camera_with_a_still_image_gives_one_view(turntable):
    add_camera("Still").data.background_images.new().image = bpy.data.images.new("Still", 8, 8)
    views, _ = scene_views(turntable, at=[1, 2])
    assert names(views) == ["Still", "View 0 frame 1", "View 0 frame 2"]


@pytest.mark.parametrize("at", ["many", "1-x", 0, [], "5000", list(range(2000))])
def test_words_that_name_no_frames_are_refused(turntable, at):
    if at == "5000":
        assert len(frame_numbers(turntable, at)) == 8  # no more than there are
        return
    with pytest.raises(RequestError, match="frames"):
        frame_numbers(turntable, at)


def test_frames_of_given_images_are_refused(turntable):
    with pytest.raises(RequestError, match="images are given"):
        given_source([np.zeros((8, 8, 4), np.uint8)], None, turntable, frames=[1])


def test_frames_by_word_and_by_the_panel(turntable, puppet):
    for words, count in ((["--frames", "4"], 4), ([], 1)):
        puppet.waiting = [puppet.send, lambda: puppet.finish(**STATS)]
        assert cli.main(["reconstruct", *words]) == 0
        assert len(puppet.job.request.views) == count
    turntable.levelform.frames = 3
    puppet.waiting = [puppet.send, lambda: puppet.finish(**STATS)]
    bpy.ops.levelform.reconstruct()
    assert len(puppet.job.request.views) == 3


def test_the_worker_is_told_the_remarks(ball_stage, puppet):
    ball_stage(2)
    add_camera("Shot")
    puppet.waiting = [puppet.send, puppet.finish]
    bpy.ops.levelform.reconstruct()
    assert puppet.job.request.remarks == ("Shot has no image and was left out.",)
