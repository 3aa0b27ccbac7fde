"""A result without cameras stands on the ground at the 3D cursor, beside other objects."""

import numpy as np
import pytest
from levelform.addon.scene import gallery
from levelform.addon.scene.gallery import world_box
from levelform.addon.scene.ground import free_distance, move_aside, stand
from levelform.addon.scene.provenance import PROVENANCE
from levelform.addon.scene.volume import add_volume

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy


def cube(size=2.0, at=(0.0, 0.0, 0.0)):
    bpy.ops.mesh.primitive_cube_add(size=size, location=at)
    return bpy.context.object


def test_it_stands_at_the_cursor_with_its_camera():
    thing = cube(1.0, (0.1, 0.2, 0.3))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    bpy.context.scene.collection.objects.link(camera)
    camera.location = (0, -3, 1)
    thing[PROVENANCE] = {"world_from_volume": np.eye(4).tolist()}
    bpy.context.scene.cursor.location = (5, 6, 7)
    bpy.context.view_layer.update()
    stand(thing, [camera])
    bpy.context.view_layer.update()
    low, high = world_box(thing)
    np.testing.assert_allclose(low, (4.5, 5.5, 7.0), atol=1e-6)
    np.testing.assert_allclose(high, (5.5, 6.5, 8.0), atol=1e-6)
    np.testing.assert_allclose(camera.location, (4.9, 2.8, 8.2), atol=1e-6)
    moved = np.array([list(row) for row in thing[PROVENANCE]["world_from_volume"]])
    np.testing.assert_allclose(moved[:3, 3], (4.9, 5.8, 7.2), atol=1e-6)


def test_it_is_not_inside_the_default_cube():
    default, thing = cube(), cube(1.8)
    bpy.context.view_layer.update()
    stand(thing)
    bpy.context.view_layer.update()
    mine, others = world_box(thing), world_box(default)
    assert mine[0, 0] > others[1, 0]
    assert mine[0, 2] == pytest.approx(0.0)
    default.hide_set(True)  # what is hidden is in nobody's way
    again = cube(1.0)
    thing.hide_set(True)
    bpy.context.view_layer.update()
    stand(again)
    assert again.location.x == pytest.approx(0.0)


def test_another_result_takes_the_place_of_the_one_before():
    default, first, second = cube(), cube(1.8), cube(1.6)
    for thing in (first, second):
        thing[PROVENANCE] = {"method": "tdgn"}
        gallery.make_collection(bpy.context.scene).objects.link(thing)
        bpy.context.scene.collection.objects.unlink(thing)
        bpy.context.view_layer.update()
        stand(thing)
        bpy.context.view_layer.update()
    assert world_box(second)[0, 0] > world_box(default)[1, 0]
    assert gallery.box_iou(world_box(first), world_box(second)) > gallery.SAME_PLACE
    assert not gallery.is_shown(first)
    assert gallery.is_shown(second)


def test_a_result_of_the_same_image_takes_the_place_though_it_looks_different():
    made = []
    for size in (1.8, 0.6):
        thing = cube(size)
        made.append(thing)
        thing[PROVENANCE] = {"method": "tdgn", "view_names": ["vase.png"]}
        gallery.make_collection(bpy.context.scene).objects.link(thing)
        bpy.context.scene.collection.objects.unlink(thing)
        bpy.context.view_layer.update()
        stand(thing)
        bpy.context.view_layer.update()
    first, second = made
    assert gallery.box_iou(world_box(first), world_box(second)) < gallery.SAME_PLACE
    assert second.location.x == pytest.approx(0.0)
    assert not gallery.is_shown(first)


def test_a_new_volume_stands_beside_the_default_cube_with_its_cameras():
    scene = bpy.context.scene
    cube()
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.location = (0, -5, 0)
    empty = add_volume(np.eye(4), scene)
    bpy.context.view_layer.update()
    move_aside(empty, [camera], scene)
    left = empty.location.x - 0.9  # of the object
    assert 1.0 < left < 1.5
    np.testing.assert_allclose(camera.location, (empty.location.x, -5, 0), atol=1e-6)
    bpy.context.view_layer.update()
    move_aside(empty, [camera], scene)
    assert empty.location.x - 0.9 == pytest.approx(left)


def test_a_floor_is_not_in_the_way():
    bpy.ops.mesh.primitive_plane_add(size=40.0)
    thing = cube(1.0)
    bpy.context.view_layer.update()
    stand(thing)
    assert thing.location.x == pytest.approx(0.0)
    assert thing.location.z == pytest.approx(0.5)


def test_rows_of_things_are_passed():
    box = np.array([[0.0, 0, 0], [1, 1, 1]])
    row = [box + np.array([offset, 0.2, 0]) for offset in (-0.5, 0.4, 1.2, 2.4)]
    assert free_distance(box, []) == 0
    assert free_distance(box, row) == pytest.approx(3.5)
    assert free_distance(box, [box + np.array([0, 0, 2])]) == 0
