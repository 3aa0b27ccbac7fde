"""The volume's Empty: what it shows, and what an artist may do to it."""

import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.addon.scene import volume  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import Placement  # noqa: E402
from mathutils import Euler, Matrix  # noqa: E402

pytestmark = pytest.mark.bpy

MATRIX = np.array(Matrix.LocRotScale((1, 2, 3), Euler((0.3, 0.2, 0.1)), (2, 2, 2)))


def test_the_empty_shows_the_volume():
    empty = volume.add_volume(MATRIX, bpy.context.scene)
    assert (empty.empty_display_type, empty.empty_display_size) == ("CUBE", 1.0)
    assert empty.name in bpy.context.scene.collection.objects
    assert volume.matrix_of(empty) == pytest.approx(MATRIX, abs=1e-5)


def test_scale_may_differ_by_axis():
    empty = volume.add_volume(MATRIX, bpy.context.scene)
    empty.scale = (1.0, 2.0, 0.5)
    lengths = np.linalg.norm(volume.matrix_of(empty)[:3, :3], axis=0)
    assert lengths == pytest.approx((1.0, 2.0, 0.5), rel=1e-5)


def test_parents_constraints_and_display_size_count():
    empty = volume.add_volume(np.eye(4), bpy.context.scene)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.scale = (3, 3, 3)
    empty.parent = parent
    empty.empty_display_size = 0.5
    empty.constraints.new("LIMIT_LOCATION").min_z = 7
    empty.constraints[0].use_min_z = True
    expected = np.diag([1.5, 1.5, 1.5, 1.0])
    expected[2, 3] = 7
    assert volume.matrix_of(empty) == pytest.approx(expected, abs=1e-5)


def test_a_mirrored_empty_is_the_same_cube():
    empty = volume.add_volume(MATRIX, bpy.context.scene)
    empty.scale = (2, -2, 2)
    result = volume.matrix_of(empty)
    assert np.linalg.det(result[:3, :3]) == pytest.approx(8, rel=1e-4)
    signs = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(-1, 3)
    corners = {tuple(c) for c in (signs @ result[:3, :3].T + result[:3, 3]).round(3)}
    assert corners == {tuple(c) for c in (signs @ MATRIX[:3, :3].T + MATRIX[:3, 3]).round(3)}


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (Matrix.Diagonal((1, 0, 1, 1)), "flat"),
        (Matrix.Translation((0, math.inf, 0)), "finite"),
        (Matrix.Shear("XZ", 4, (0.4, 0.0)), "sheared"),
    ],
)
def test_matrices_that_are_not_volumes(matrix, word):
    empty = volume.add_volume(np.eye(4), bpy.context.scene)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    empty.parent = parent
    empty.matrix_parent_inverse = matrix
    with pytest.raises(RequestError, match=word):
        volume.matrix_of(empty)


# ---------------------------------------------------------------- the object's box and the front

BOX = np.array([[-0.9, -0.4, -0.6], [0.9, 0.4, 0.6]])


def child(empty, role):
    return next((c for c in empty.children if c.get(volume.ROLE) == role), None)


def test_the_arrow_points_along_minus_y_and_the_box_is_the_objects():
    empty = volume.add_volume(MATRIX, bpy.context.scene, box=BOX)
    bpy.context.view_layer.update()
    arrow, box = child(empty, "front"), child(empty, "box")
    pointing = np.array(arrow.matrix_world)[:3, 2]
    front = -MATRIX[:3, 1]
    assert pointing / np.linalg.norm(pointing) == pytest.approx(front / 2, abs=1e-5)
    assert np.array(arrow.matrix_world)[:3, 3] == pytest.approx(MATRIX[:3, 3] + front, abs=1e-5)
    corners = np.array(box.matrix_world) @ [[-1, 1], [-1, 1], [-1, 1], [1, 1]]
    expected = MATRIX @ np.vstack([BOX.T, [1, 1]])
    assert corners == pytest.approx(expected, abs=1e-4)
    assert arrow.hide_render
    assert box.hide_render
    assert not arrow.hide_select


@pytest.mark.parametrize("degrees", [30.0, 90.0, -135.0])
def test_rotating_the_arrow_rotates_the_front(degrees):
    empty = volume.add_volume(MATRIX, bpy.context.scene, box=BOX)
    arrow = child(empty, "front")
    rotation = Matrix.Rotation(math.radians(degrees), 4, "Z")
    arrow.matrix_basis = rotation @ arrow.matrix_basis
    actual = volume.matrix_of(empty)
    assert actual == pytest.approx(MATRIX @ np.array(rotation), abs=1e-4)


def test_an_arrow_that_is_tipped_up_still_says_where_the_front_is():
    empty = volume.add_volume(MATRIX, bpy.context.scene)
    arrow = child(empty, "front")
    arrow.matrix_basis = Matrix.Rotation(math.radians(25), 4, "X") @ arrow.matrix_basis
    assert volume.matrix_of(empty) == pytest.approx(MATRIX, abs=1e-4)
    arrow.matrix_basis = Matrix()  # straight up: says nothing
    assert volume.matrix_of(empty) == pytest.approx(MATRIX, abs=1e-4)


def test_a_volume_of_different_sides_is_rotated_without_shear():
    empty = volume.add_volume(np.diag([1.0, 2.0, 3.0, 1.0]), bpy.context.scene)
    arrow = child(empty, "front")
    plain = arrow.matrix_basis.copy()
    for degrees, sides in ((90, (2, 1, 3)), (180, (1, 2, 3)), (45, (2, 2, 3))):
        arrow.rotation_euler = (0, 0, 0)
        arrow.matrix_basis = plain
        graph = bpy.context.evaluated_depsgraph_get()
        graph.update()
        direction = np.array([math.sin(math.radians(degrees)), -math.cos(math.radians(degrees)), 0])
        actual = volume.facing(volume.matrix_of(empty), direction)
        assert np.linalg.norm(actual[:3, :3], axis=0) == pytest.approx(sides, rel=1e-4)
        assert -actual[:3, 1] / sides[1] == pytest.approx(direction, abs=1e-3)


def test_without_its_arrow_the_empty_is_the_volume():
    empty = volume.add_volume(MATRIX, bpy.context.scene, box=BOX)
    for part in list(empty.children):
        bpy.data.objects.remove(part)
    assert volume.matrix_of(empty) == pytest.approx(MATRIX, abs=1e-5)


def test_a_placement_moves_the_scenes_volume_and_resets_the_arrow(extension):
    scene = bpy.context.scene
    first = volume.show_placement(Placement(np.eye(4), "estimate", BOX), scene)
    arrow = child(first, "front")
    arrow.matrix_basis = Matrix.Rotation(1.0, 4, "Z") @ arrow.matrix_basis
    first.empty_display_size = 2.0
    assert volume.show_placement(Placement(MATRIX, "estimate", BOX / 2), scene) == first
    assert scene.levelform.volume == first
    assert volume.matrix_of(first) == pytest.approx(MATRIX, abs=1e-4)
    assert len(first.children) == 2
    volume.show_placement(Placement(MATRIX, "estimate"), scene)
    assert child(first, "box") is None


def test_file_and_undo_keep_the_arrow(extension, tmp_path):
    empty = volume.add_volume(MATRIX, bpy.context.scene, box=BOX)
    arrow = child(empty, "front")
    arrow.matrix_basis = Matrix.Rotation(math.radians(90), 4, "Z") @ arrow.matrix_basis
    bpy.context.scene.levelform.volume = empty
    expected = volume.matrix_of(empty)
    path = str(tmp_path / "kept.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    again = bpy.context.scene.levelform.volume
    assert volume.matrix_of(again) == pytest.approx(expected, abs=1e-5)
