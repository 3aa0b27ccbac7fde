"""Keyframes and drivers on Levelform's properties: plain values, or not animatable at all."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene.sequences import make_sequence  # noqa: E402

pytestmark = pytest.mark.bpy
GROUPS = ("levelform", "levelform_dataset", "levelform_training", "levelform_show",
          "levelform_matte", "levelform_batch", "levelform_drawings")  # fmt: skip
KINDS = {"INT", "FLOAT", "BOOLEAN", "ENUM"}


@pytest.fixture(autouse=True)
def camera(extension):
    made = bpy.data.objects.new("Driven", bpy.data.cameras.new("Driven"))
    bpy.context.scene.collection.objects.link(made)
    return made


def owners():
    """Return what has Levelform's properties: the scene's groups, a camera's, an object's."""
    scene, camera = bpy.context.scene, bpy.data.objects["Driven"]
    found = [(getattr(scene, name), None) for name in GROUPS]
    return [
        *found,
        (camera.levelform_camera, None),
        *((o, "levelform_") for o in (camera, camera.data)),
    ]


def properties():
    for owner, prefix in owners():
        for prop in owner.bl_rna.properties:
            own = prop.identifier.startswith(prefix) if prefix else prop.is_runtime
            if own and prop.type in KINDS and not getattr(prop, "is_array", False):
                yield owner, prop


def test_only_plain_values_can_be_animated(extension):
    for owner, prop in properties():
        if prop.is_animatable:
            owner.keyframe_insert(prop.identifier, frame=1)
        else:
            with pytest.raises(TypeError):
                owner.keyframe_insert(prop.identifier, frame=1)
    animatable = {
        (type(owner).__name__, prop.identifier)
        for owner, prop in properties()
        if prop.is_animatable
    }
    # What follows a change of these: a job, another method, a selection, a forgotten check.
    names = ("source", "method_choice", "variant", "camera_index", "result_index")
    active = {("LevelformSettings", name) for name in names}
    assert not animatable & (active | {("LevelformCamera", "use"), ("Object", "levelform_factor")})
    assert ("LevelformSettings", "tolerance") in animatable
    assert ("Object", "levelform_step") in animatable


def test_drivers_on_every_property_start_nothing(extension, puppet):
    driven = [(owner, prop) for owner, prop in properties() if prop.is_animatable]
    for owner, prop in driven:
        # Blender evaluates drivers in threads, and stores a value that was never set without a
        # lock: two at once in one group can end it, so every value is stored first.
        setattr(owner, prop.identifier, getattr(owner, prop.identifier))
        owner.driver_add(prop.identifier).driver.expression = "frame"
    for frame in (1, 2, 3, 2):
        bpy.context.scene.frame_set(frame)
        bpy.context.view_layer.update()
    assert bpy.context.scene.levelform.seed == 2
    assert not puppet.submitted
    assert extension.running is None
    assert extension.failure is None
    for owner, prop in driven:
        owner.driver_remove(prop.identifier)


@pytest.fixture
def played(extension):
    meshes = [bpy.data.meshes.new(f"step {index}") for index in range(4)]
    target = bpy.data.objects.new("Steps", meshes[0])
    bpy.context.scene.collection.objects.link(target)
    make_sequence(target, meshes, [mesh.name for mesh in meshes])
    return target


def test_keyframes_on_the_step_show_its_meshes(played):
    for frame, step in ((1, 0), (10, 3)):
        played.levelform_step = step
        played.keyframe_insert("levelform_step", frame=frame)
    seen = []
    for frame in (1, 10, 1):
        bpy.context.scene.frame_set(frame)
        seen.append(played.data.name)
        evaluated = played.evaluated_get(bpy.context.evaluated_depsgraph_get())
        assert evaluated.data.name == played.data.name  # what a render of this frame shows
    assert seen == ["step 0", "step 3", "step 0"]


def test_a_driver_on_the_step_follows_another_object(played):
    lead = bpy.data.objects.new("Lead", None)
    bpy.context.scene.collection.objects.link(lead)
    driver = played.driver_add("levelform_step").driver
    variable = driver.variables.new()
    variable.name = "x"
    variable.targets[0].id, variable.targets[0].data_path = lead, "location.x"
    driver.expression = "x"
    for step in (2, 1, 9):
        lead.location.x = step
        bpy.context.view_layer.update()
        assert played.data.name == f"step {min(step, 3)}"


def test_a_slider_moved_by_a_driver_stops_what_plays(played):
    meshes = [bpy.data.meshes[f"step {index}"] for index in range(4)]
    make_sequence(played, meshes, [mesh.name for mesh in meshes], start=1)
    bpy.context.scene.frame_set(2)
    assert played.data.name == "step 1"
    played.driver_add("levelform_step").driver.expression = "4 - frame"
    for frame in (3, 4):
        bpy.context.scene.frame_set(frame)
        assert played.data.name == f"step {4 - frame}"
