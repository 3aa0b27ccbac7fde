"""Comparing with a reference: the message, the stored metrics, and refusals."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.data import compare  # noqa: E402
from levelform.backend.contract.errors import RequestError, WorkError  # noqa: E402
from levelform.backend.contract.protocol import Evaluation  # noqa: E402

pytestmark = pytest.mark.bpy

NUMBERS = {"iou": 0.75, "chamfer_l1": 5.0}


@pytest.fixture
def pair(puppet):
    """Two cubes of 2 and 3 metres around (1000, 0, 0); the larger one is active."""
    bpy.ops.mesh.primitive_cube_add(size=2.0, location=(1000, 0, 0))
    reference = bpy.context.object
    bpy.ops.mesh.primitive_cube_add(size=3.0, location=(1000, 0, 0))
    return bpy.context.object, reference


def answer(puppet, distances):
    """Have the worker answer with these distances and `NUMBERS`."""

    def evaluation():
        puppet.job.on_update(puppet.job, Evaluation(puppet.job.id, distances))

    def end():
        puppet.job.stats = {"protocol": "levelform", "metrics": NUMBERS}
        puppet.job.state = puppet.job.state.__class__.FINISHED

    puppet.waiting = [evaluation, end]


def volume(mesh):
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces].astype(float), 1, 0)
    return np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6


def test_displayed_meshes_are_sent_relative_to_the_references_centre(puppet, pair):
    target, reference = pair
    target.scale.x = -1.0  # mirrored: its faces would be inside out
    reference.modifiers.new("Smooth", "SUBSURF")
    bpy.context.view_layer.update()
    answer(puppet, np.zeros(8, np.float32))
    api.compare(target, reference, protocol="disn", seed=3)
    request = puppet.job.request
    assert (request.protocol, request.seed) == ("disn", 3)
    np.testing.assert_allclose(np.abs(request.prediction.vertices), 1.5, atol=1e-5)
    assert volume(request.prediction) == pytest.approx(27, rel=1e-5)
    assert len(request.reference.vertices) > 8
    assert 0 < volume(request.reference) < 8
    assert request.reference.vertices.dtype == np.float32
    assert request.reference.faces.dtype == np.int32


def test_the_object_keeps_the_numbers_and_its_vertices_the_distances(puppet, pair):
    target, reference = pair
    distances = np.linspace(-1, 1, 8, dtype=np.float32)
    answer(puppet, distances)
    result = api.compare(target, reference)
    assert result["metrics"] == NUMBERS
    assert result["reference"] == reference.name
    assert compare.comparison_of(target).to_dict() == result
    stored = np.zeros(8, np.float32)
    target.data.attributes[compare.DISTANCE].data.foreach_get("value", stored)
    np.testing.assert_array_equal(stored, distances)
    assert target.data.color_attributes.active_color.name == compare.HEAT


def test_a_second_comparison_replaces_the_first(puppet, pair):
    target, reference = pair
    for value in (0.25, 0.5):
        answer(puppet, np.full(8, value, np.float32))
        api.compare(target, reference)
    assert [a.name for a in target.data.color_attributes] == [compare.HEAT]
    assert target.data.attributes[compare.DISTANCE].data[0].value == 0.5


def test_colours_are_made_only_if_requested(puppet, pair):
    target, reference = pair
    answer(puppet, np.zeros(8, np.float32))
    api.compare(target, reference, heat=False)
    assert compare.DISTANCE in target.data.attributes
    assert not target.data.color_attributes


def test_distances_of_other_vertices_than_the_meshs_own_are_left_out(puppet, pair):
    target, reference = pair
    target.modifiers.new("Smooth", "SUBSURF")
    answer(puppet, np.zeros(26, np.float32))
    assert api.compare(target, reference)["metrics"] == NUMBERS
    assert compare.DISTANCE not in target.data.attributes


def test_heat_is_white_on_the_surface_red_outside_and_blue_inside():
    colors = compare.heat(np.array([0.0, 1.0, 5.0, -1.0, np.nan]), 1.0)
    np.testing.assert_array_equal(colors[0], 1.0)
    np.testing.assert_array_equal(colors[1], colors[2])
    assert colors[1, 0] > 0.5 > colors[1, 2]
    assert colors[3, 2] > 0.5 > colors[3, 0]
    assert np.isfinite(colors).all()


def test_selection_is_left_as_it_was(puppet, pair):
    target, reference = pair
    reference.select_set(True)
    answer(puppet, np.zeros(8, np.float32))
    api.compare(target, reference)
    assert set(bpy.context.selected_objects) == {target, reference}


def test_a_failed_comparison_changes_nothing(puppet, pair):
    target, reference = pair
    puppet.waiting = [lambda: puppet.fail("The moon is full.")]
    with pytest.raises(WorkError, match="moon"):
        api.compare(target, reference)
    assert compare.comparison_of(target) is None
    assert not target.data.color_attributes


def test_what_cannot_be_compared_says_why(extension, pair):
    target, reference = pair
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "SUN"))
    bare = bpy.data.objects.new("Bare", bpy.data.meshes.new("Bare"))
    bpy.context.scene.collection.objects.link(bare)
    for first, second, words in (
        (target, None, "Pick the mesh"),
        (target, target, "Pick another"),
        (lamp, reference, "Select a mesh"),
        (None, reference, "Select a mesh"),
    ):
        assert words in compare.compare_problem(first, second)
    with pytest.raises(RequestError, match="Bare has no faces"):
        api.compare(target, bare)
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Edit Mode" in compare.compare_problem(target, reference)


def test_the_button_compares_the_active_object(puppet, pair):
    target, reference = pair
    scene = bpy.context.scene
    with pytest.raises(RuntimeError, match="Pick the mesh to compare with"):
        bpy.ops.levelform.compare()
    scene.levelform.reference, scene.levelform.heat = reference, False
    answer(puppet, np.zeros(8, np.float32))
    assert bpy.ops.levelform.compare("INVOKE_DEFAULT") == {"FINISHED"}
    assert compare.comparison_of(target)["metrics"]["iou"] == 0.75
    assert not target.data.color_attributes
