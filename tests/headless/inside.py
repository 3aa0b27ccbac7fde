"""Steps of `run.py` that need Blender's Python: `blender -b [FILE] --python inside.py -- STEP`."""

import json
import sys
from pathlib import Path

import bpy
from mathutils import Matrix

STEP, FOLDER, *WORDS = sys.argv[sys.argv.index("--") + 1 :]
MODULE = "bl_ext.user_default.levelform"


def say(*words: object) -> None:
    print("inside:", *words, flush=True)


def saved() -> None:
    """The object is in the opened file, with what made it."""
    made = bpy.data.objects["Reconstruction"]
    assert len(made.data.polygons) > 1000
    say(len(made.data.polygons), "faces by", made["levelform"]["method"])


def api_in_a_script() -> None:
    """The README's import, a job, exports, and the same after the extension was off and on."""
    import addon_utils
    from bl_ext.user_default.levelform import api

    made = api.reconstruct(method="visual-hull", resolution=64)
    for suffix in ("glb", "ply", "obj", "stl", "npz"):
        api.export_mesh(made, Path(FOLDER) / f"api.{suffix}")
    made.scale.x = -1
    bpy.context.view_layer.update()
    for suffix in ("glb", "ply", "obj", "stl", "npz"):
        api.export_mesh(made, Path(FOLDER) / f"mirrored.{suffix}")
    addon_utils.disable(MODULE)
    refused(api)
    addon_utils.enable(MODULE)
    from bl_ext.user_default.levelform import api as again

    say("api", len(again.reconstruct(resolution=32).data.polygons), "faces after enabling it again")


def disabled() -> None:
    """The import works before the extension is enabled; a job is refused in words."""
    from bl_ext.user_default.levelform import api

    refused(api)


def refused(api) -> None:
    said = ""
    try:
        api.reconstruct(method="visual-hull", resolution=32)
    except Exception as error:
        said = str(error)
    assert "not enabled" in said, said
    say("refused:", said)


def add_shot(collection: bpy.types.Collection) -> None:
    shot = bpy.data.objects.new("Shot", bpy.data.cameras.new("Shot"))
    collection.objects.link(shot)
    bpy.context.scene.camera = shot


def bare() -> None:
    """A render camera without an image."""
    add_shot(bpy.context.scene.collection)


def excluded() -> None:
    """A camera without an image in an excluded collection."""
    group = bpy.data.collections.new("Shots")
    bpy.context.scene.collection.children.link(group)
    add_shot(group)
    bpy.context.view_layer.layer_collection.children["Shots"].exclude = True


def resized() -> None:
    """Another render size after the images were matched."""
    bpy.context.scene.render.resolution_x = 1920
    bpy.context.scene.render.resolution_y = 1080


def hidden() -> None:
    """Cameras with the monitor icon off, on a rig that was moved there and back while they were."""
    rig = bpy.data.objects.new("Rig", None)
    bpy.context.scene.collection.objects.link(rig)
    rig.location.x = 5.0
    bpy.context.view_layer.update()
    for camera in bpy.context.scene.objects:
        if camera.type == "CAMERA":
            camera.parent = rig
            camera.hide_viewport = True
    bpy.context.view_layer.update()
    rig.location.x = 0.0


def moving(kind: str) -> None:
    """One camera that goes from pose to pose of the sample, with its images as frames."""
    bpy.ops.wm.read_homefile(use_empty=True)
    folder, scene = Path(FOLDER) / "sample", bpy.context.scene
    content = json.loads((folder / "transforms.json").read_text())
    width, height = content["w"], content["h"]
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.frame_start, scene.frame_end = 1, len(content["frames"])
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.rotation_mode = "QUATERNION"
    for number, frame in enumerate(content["frames"], 1):
        intrinsics = {**content, **frame}
        camera.matrix_world = Matrix(frame["transform_matrix"])
        camera.data.sensor_width, camera.data.lens = 36.0, intrinsics["fl_x"] * 36.0 / width
        camera.data.shift_x = 0.5 - intrinsics["cx"] / width
        camera.data.shift_y = (intrinsics["cy"] - height / 2) / width
        for name in ("location", "rotation_quaternion", "scale"):
            camera.keyframe_insert(name, frame=number)
        for name in ("lens", "shift_x", "shift_y"):
            camera.data.keyframe_insert(name, frame=number)
    background = camera.data.background_images.new()
    if kind == "movie":
        background.image = bpy.data.images.load(str(make_movie(folder, width, height)))
    else:
        background.image = bpy.data.images.load(str(folder / "images" / "0.png"))
        background.image.source = "SEQUENCE"
        background.image_user.frame_offset = -1
    background.image_user.frame_start = 1
    background.image_user.frame_duration = len(content["frames"])
    camera.data.show_background_images = True


def make_movie(folder: Path, width: int, height: int) -> Path:
    """Write the sample's images, on black, as a movie."""
    scene = bpy.context.scene
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for index in range(8):
        path = str(folder / "images" / f"{index}.png")
        strip = strips.new_image(str(index), path, channel=index + 1, frame_start=index + 1)
        strip.frame_final_duration, strip.blend_type = 50, "REPLACE"
    render, output = scene.render, scene.render.image_settings
    if hasattr(output, "media_type"):
        output.media_type = "VIDEO"
    output.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "PERC_LOSSLESS"
    scene.view_settings.view_transform = "Standard"
    render.filepath, render.use_file_extension = str(folder / "movie.mp4"), False
    bpy.ops.render.render(animation=True)
    for strip in list(strips):
        strips.remove(strip)
    return folder / "movie.mp4"


def depth() -> None:
    """Renders with a Z pass from two cameras go to UCLID-Net, with their depth and without."""
    from bl_ext.user_default.levelform import api

    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 64
    bpy.ops.mesh.primitive_monkey_add(size=1.2)
    monkey = bpy.context.object
    for number, place in enumerate(((0.6, -3.4, 0.8), (2.6, -2.2, 1.0))):
        camera = bpy.data.objects.new(f"View {number}", bpy.data.cameras.new(f"View {number}"))
        scene.collection.objects.link(camera)
        camera.location = place
        camera.rotation_euler = (-camera.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.view_layer.update()
    cameras = api.render_pictures(depth=True, folder=FOLDER)
    with_depth = distance_to(monkey, api.reconstruct(method="uclid-net", resolution=32))
    for camera in cameras:
        camera.levelform_camera.image = None
    api.render_pictures()
    without = distance_to(monkey, api.reconstruct(method="uclid-net", resolution=32))
    assert with_depth != without
    say(f"distance to the rendered surface {with_depth:.4f} with depth, {without:.4f} without")


def distance_to(target: bpy.types.Object, made: bpy.types.Object) -> float:
    """Return the mean distance of an object's vertices to a mesh, world units."""
    back = target.matrix_world.inverted() @ made.matrix_world
    far = [
        (target.closest_point_on_mesh(p := back @ v.co)[1] - p).length for v in made.data.vertices
    ]
    return sum(far) / len(far)


STEPS = {
    "depth": depth,
    "saved": saved,
    "api": api_in_a_script,
    "disabled": disabled,
    "bare": bare,
    "excluded": excluded,
    "resized": resized,
    "hidden": hidden,
    "sequence": lambda: moving("sequence"),
    "movie": lambda: moving("movie"),
}
STEPS[STEP]()
if WORDS:
    bpy.ops.wm.save_as_mainfile(filepath=WORDS[0])
