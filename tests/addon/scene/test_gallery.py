"""Results in the scene: their collection and names, and which are shown."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import gallery, sight  # noqa: E402
from levelform.addon.scene.provenance import PROVENANCE  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def result(name="Result", *, at=(0.0, 0.0, 0.0), made="2026"):
    bpy.ops.mesh.primitive_cube_add(location=at)
    thing = bpy.context.object
    thing.name = name
    thing[PROVENANCE] = {"method": "fit", "made": made}
    return thing


def test_the_collection_is_made_once_and_removed_when_it_is_empty():
    scene = bpy.context.scene
    made = gallery.make_collection(scene)
    assert gallery.make_collection(scene) == made
    thing = result()
    made.objects.link(thing)
    gallery.remove_empty_collection(scene)
    assert gallery.collection_of(scene) == made
    bpy.data.objects.remove(thing)
    gallery.remove_empty_collection(scene)
    assert gallery.collection_of(scene) is None


def test_a_result_is_named_after_source_method_and_resolution():
    assert gallery.result_name("chair", "fit", 128) == "chair fit 128"
    assert gallery.result_name("", "disn", 64) == "disn 64"


def test_an_earlier_result_at_the_same_place_is_hidden_and_others_are_not():
    early, far = result("early"), result("far", at=(5, 0, 0))
    bpy.ops.mesh.primitive_cube_add()
    bystander, new = bpy.context.object, result("new")
    assert gallery.hide_earlier(new, bpy.context.scene) == [early]
    assert not gallery.is_shown(early)
    assert early.hide_render
    assert gallery.is_shown(far)
    assert gallery.is_shown(bystander)
    assert gallery.newest_hidden(bpy.context.scene, gallery.world_box(new)) == early
    gallery.show(early, True)
    assert gallery.is_shown(early)
    assert not early.hide_render


def test_the_previous_result_is_the_one_made_before():
    first, second = result("a", made="1"), result("b", made="2")
    third = result("c", made="3")
    scene = bpy.context.scene
    assert gallery.previous(third, scene) == second
    assert gallery.previous(second, scene) == first
    assert gallery.previous(first, scene) == third  # there is none before


def test_boxes():
    unit = np.array([[0, 0, 0], [1, 1, 1]], float)
    assert gallery.box_iou(unit, unit) == 1.0
    assert gallery.box_iou(unit, unit + np.array([0.5, 0, 0])) == pytest.approx(1 / 3)
    assert gallery.box_iou(unit, unit + 2) == 0.0
    assert gallery.box_iou(unit * 0, unit * 0) == 0.0
    thing = result(at=(1, 2, 3))
    np.testing.assert_allclose(gallery.world_box(thing), [[0, 1, 2], [2, 3, 4]], atol=1e-6)


@pytest.mark.parametrize(
    ("at", "size", "seen"),
    [
        ((0, 0, -10), 1.0, True),
        ((30, 0, -10), 1.0, False),  # beside
        ((0, 0, 10), 1.0, False),  # behind
        ((0, 0, -10), 0.01, False),  # tiny
        ((0, 0, -10), 9.0, False),  # all around
    ],
)
def test_what_a_viewport_sees(at, size, seen):
    perspective = np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, -1, -0.2], [0, 0, -1, 0]], float)
    box = np.array(at, float) + np.array([[-1, -1, -1], [1, 1, 1]]) * size
    assert sight.is_seen(box, perspective) == seen
