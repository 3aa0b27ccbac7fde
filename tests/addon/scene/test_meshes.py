"""Meshes against `from_pydata`, and an artist's edits while they are refilled."""

from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.addon.scene import meshes  # noqa: E402
from levelform.backend.contract.errors import WorkError  # noqa: E402
from levelform.backend.contract.protocol import MeshUpdate  # noqa: E402
from levelform.backend.geometry.meshes import mesh_edges  # noqa: E402
from mathutils import Matrix  # noqa: E402

pytestmark = pytest.mark.bpy


def ball(rings=12, *, radius=1.0, **changes):
    """A closed ball as an update: 2 poles, `rings` rings of 2 * `rings` vertices, outward faces."""
    around = 2 * rings
    polar = np.pi * (np.arange(rings) + 1) / (rings + 1)
    angle = 2 * np.pi * np.arange(around) / around
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(angle)),
            np.outer(np.sin(polar), np.sin(angle)),
            np.outer(np.cos(polar), np.ones(around)),
        ],
        -1,
    ).reshape(-1, 3)
    vertices = np.concatenate([[[0, 0, 1]], ring, [[0, 0, -1]]])
    index = 1 + np.arange(rings * around).reshape(rings, around)
    after = np.roll(index, -1, 1)
    a, b, c, d = index[:-1], index[1:], after[1:], after[:-1]
    last = len(vertices) - 1
    faces = np.concatenate(
        [
            np.stack([a, b, c], -1).reshape(-1, 3),
            np.stack([a, c, d], -1).reshape(-1, 3),
            np.stack([np.zeros(around, int), index[0], after[0]], -1),
            np.stack([np.full(around, last), after[-1], index[-1]], -1),
        ]
    )
    update = MeshUpdate(
        job="job",
        vertices=(vertices * radius).astype(np.float32),
        faces=faces.astype(np.int32),
        normals=vertices.astype(np.float32),
        colors=np.c_[vertices * 0.5 + 0.5, np.ones(len(vertices))].astype(np.float32),
        world_from_mesh=np.eye(4),
        scale=1.0,
        resolution=32,
        final=False,
    )
    return replace(update, **changes)


def read(collection, name, width, dtype=np.float32):
    values = np.zeros(len(collection) * width, dtype)
    collection.foreach_get(name, values)
    return values.reshape(-1, width)


def geometry(mesh):
    """All that makes up a mesh: positions, corners, offsets, edges, and the edges of corners."""
    return (
        read(mesh.vertices, "co", 3),
        read(mesh.loops, "vertex_index", 1, np.int32),
        read(mesh.polygons, "loop_start", 1, np.int32),
        np.sort(read(mesh.edges, "vertices", 2, np.int32), 1),
        read(mesh.loops, "edge_index", 1, np.int32),
    )


def bounds(mesh_object):
    corners = np.array(mesh_object.bound_box)
    return corners.min(0), corners.max(0)


def test_same_mesh_as_from_pydata():
    update = ball()
    made = meshes.new_object("Ball", update).data
    slow = bpy.data.meshes.new("Slow")
    slow.from_pydata(update.vertices.tolist(), [], update.faces.tolist())
    slow.update()
    for ours, theirs in zip(geometry(made), geometry(slow), strict=True):
        assert np.array_equal(ours, theirs)
    assert not made.validate(verbose=True)  # True would mean that it had to change something


def test_edges_that_come_along_are_the_ones_blender_finds():
    update = ball()
    edges, corner_edges = mesh_edges(update.faces)
    known = replace(update, edges=edges, corner_edges=corner_edges)
    ours = meshes.new_object("Known", known).data
    theirs = meshes.new_object("Found", update).data
    ends = [read(mesh.edges, "vertices", 2, np.int32) for mesh in (ours, theirs)]
    assert np.array_equal(*(np.unique(np.sort(pairs, 1), axis=0) for pairs in ends))
    around = [
        np.sort(pairs[read(mesh.loops, "edge_index", 1, np.int32)[:, 0]], 1)
        for pairs, mesh in zip(ends, (ours, theirs), strict=True)
    ]
    assert np.array_equal(*around)
    assert not ours.validate(verbose=True)


@pytest.mark.parametrize("broken", ["edges", "corner_edges", "short"])
def test_edges_that_do_not_belong_are_refused(broken):
    update = ball()
    edges, corner_edges = (array.copy() for array in mesh_edges(update.faces))
    if broken == "short":
        corner_edges = corner_edges[:-1]
    else:
        (edges if broken == "edges" else corner_edges).flat[0] = 10**6
    with pytest.raises(WorkError, match="edges"):
        meshes.new_object("Broken", replace(update, edges=edges, corner_edges=corner_edges))


def test_smooth_with_colors_and_normals():
    update = ball()
    mesh = meshes.new_object("Ball", update).data
    assert not any(polygon.use_smooth is False for polygon in mesh.polygons)
    color = mesh.color_attributes[meshes.COLOR_ATTRIBUTE]
    assert (color.data_type, color.domain) == ("FLOAT_COLOR", "POINT")
    assert read(color.data, "color", 4) == pytest.approx(update.colors)
    assert mesh.color_attributes.active_color == color
    normal = mesh.attributes[meshes.NORMAL_ATTRIBUTE]
    assert read(normal.data, "vector", 3) == pytest.approx(update.normals)
    # Counter-clockwise from outside: Blender's own normals point away from the middle.
    outward = read(mesh.vertices, "normal", 3) * read(mesh.vertices, "co", 3)
    assert (outward.sum(1) > 0.9).all()


def test_material_shows_the_colors_and_is_shared():
    first = meshes.new_object("A", ball()).data.materials[0]
    second = meshes.new_object("B", ball()).data.materials[0]
    assert first == second
    shader = next(n for n in first.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    (link,) = shader.inputs["Base Color"].links
    assert link.from_node.layer_name == meshes.COLOR_ATTRIBUTE


def test_without_colors_there_is_no_material():
    mesh = meshes.new_object("Ball", ball(colors=None, normals=None)).data
    assert not mesh.materials
    assert not mesh.color_attributes
    assert meshes.NORMAL_ATTRIBUTE not in mesh.attributes


def test_scale_goes_into_the_vertices_and_the_pose_on_the_object():
    pose = np.array(Matrix.LocRotScale((1, 2, 3), Matrix.Rotation(0.7, 3, "Y"), (1, 1, 1)))
    made = meshes.new_object("Ball", ball(world_from_mesh=pose, scale=2.5))
    bpy.context.view_layer.update()
    assert np.array(made.matrix_world) == pytest.approx(pose, abs=1e-6)
    assert np.array(made.scale) == pytest.approx((1, 1, 1))
    assert np.linalg.norm(read(made.data.vertices, "co", 3), axis=1) == pytest.approx(2.5)


@pytest.mark.parametrize("rings", [6, 24])
def test_refill_is_the_new_mesh_on_the_old_object(rings):
    made = meshes.new_object("Ball", ball())
    mesh = made.data
    own = bpy.data.materials.new("Own")
    mesh.materials[0] = own
    mesh["note"] = 7
    made.modifiers.new("Smooth", "SMOOTH")
    made.location = (4, 5, 6)
    made.name = "Renamed"
    update = ball(rings, radius=3.0)
    assert meshes.refill(made, update)
    fresh = meshes.new_object("Fresh", update).data
    for ours, theirs in zip(geometry(made.data), geometry(fresh), strict=True):
        assert np.array_equal(ours, theirs)
    assert not made.data.validate(verbose=True)
    assert made.data == mesh
    assert mesh["note"] == 7
    assert list(mesh.materials) == [own]
    assert [m.type for m in made.modifiers] == ["SMOOTH"]
    assert tuple(made.location) == (4, 5, 6)
    assert len(mesh.color_attributes) == 1
    assert read(mesh.color_attributes[0].data, "color", 4) == pytest.approx(update.colors)


@pytest.mark.parametrize("radius", [0.25, 4.0])
def test_refill_with_as_many_vertices_moves_the_bounds(radius):
    made = meshes.new_object("Ball", ball())
    bpy.context.view_layer.update()
    assert bounds(made)[1][2] == pytest.approx(1)
    assert meshes.refill(made, ball(radius=radius))
    bpy.context.view_layer.update()
    lower, upper = bounds(made)
    assert (lower[2], upper[2]) == pytest.approx((-radius, radius))
    evaluated = made.evaluated_get(bpy.context.evaluated_depsgraph_get())
    assert bounds(evaluated)[1][2] == pytest.approx(radius)


def test_refill_waits_for_edit_mode_to_end():
    made = meshes.new_object("Ball", ball())
    bpy.context.view_layer.objects.active = made
    bpy.ops.object.mode_set(mode="EDIT")
    assert not meshes.refill(made, ball(24))
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(made.data.vertices) == len(ball().vertices)
    assert meshes.refill(made, ball(24))
    assert len(made.data.vertices) == len(ball(24).vertices)


def test_refill_waits_while_another_object_edits_the_same_mesh():
    made = meshes.new_object("Ball", ball())
    twin = bpy.data.objects.new("Twin", made.data)
    bpy.context.scene.collection.objects.link(twin)
    bpy.context.view_layer.objects.active = twin
    bpy.ops.object.mode_set(mode="EDIT")
    assert not meshes.refill(made, ball(24))
    bpy.ops.object.mode_set(mode="OBJECT")
    assert meshes.refill(made, ball(24))
    assert len(twin.data.vertices) == len(ball(24).vertices)


@pytest.mark.parametrize("mode", ["SCULPT", "VERTEX_PAINT", "WEIGHT_PAINT"])
def test_refill_waits_for_brushes(mode):
    made = meshes.new_object("Ball", ball())
    bpy.context.view_layer.objects.active = made
    bpy.ops.object.mode_set(mode=mode)
    assert not meshes.refill(made, ball(24))
    bpy.ops.object.mode_set(mode="OBJECT")
    assert meshes.refill(made, ball(24))


def test_refill_keeps_shape_keys():
    made = meshes.new_object("Ball", ball())
    made.shape_key_add(name="Basis")
    assert not meshes.refill(made, ball(24))
    assert len(made.data.shape_keys.key_blocks[0].data) == len(made.data.vertices)


def test_a_hundred_refills_leave_no_data_behind():
    made = meshes.new_object("Ball", ball())
    before = len(bpy.data.meshes), len(bpy.data.materials)
    for index in range(100):
        assert meshes.refill(made, ball(6 + index % 5))
    assert (len(bpy.data.meshes), len(bpy.data.materials)) == before
    assert len(made.data.attributes) == len(meshes.new_object("B", ball()).data.attributes)


def test_an_empty_mesh_is_a_mesh():
    nothing = ball(
        vertices=np.zeros((0, 3), np.float32),
        faces=np.zeros((0, 3), np.int32),
        normals=np.zeros((0, 3), np.float32),
        colors=np.zeros((0, 4), np.float32),
    )
    made = meshes.new_object("Nothing", nothing)
    assert not made.data.validate(verbose=True)
    assert meshes.refill(made, ball())
    assert meshes.refill(made, nothing)
    assert len(made.data.vertices) == 0


def test_other_types_and_orders_of_arrays_are_taken():
    update = ball()
    wide = ball(
        vertices=np.asfortranarray(update.vertices.astype(np.float64)),
        faces=update.faces.astype(np.int64)[::1],
        colors=np.asfortranarray(update.colors),
    )
    ours = geometry(meshes.new_object("Wide", wide).data)
    theirs = geometry(meshes.new_object("Plain", update).data)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    "broken",
    [
        {"vertices": np.full((26, 3), np.nan, np.float32)},
        {"faces": np.array([[0, 1, 99_999]], np.int32)},
        {"faces": np.array([[0, 1, -1]], np.int32)},
        {"world_from_mesh": np.full((4, 4), np.inf)},
    ],
)
def test_a_broken_mesh_is_refused_and_nothing_changes(broken):
    made = meshes.new_object("Ball", ball())
    before = len(bpy.data.meshes), len(bpy.data.objects)
    with pytest.raises(WorkError):
        meshes.new_object("Broken", ball(**broken))
    with pytest.raises(WorkError):
        meshes.refill(made, ball(**broken))
    assert (len(bpy.data.meshes), len(bpy.data.objects)) == before
    assert len(made.data.vertices) == len(ball().vertices)


def test_the_documented_way_makes_the_same_mesh(monkeypatch):
    """Should Blender drop the attribute `.corner_vert`, the fallback is used."""
    update = ball()
    fast = geometry(meshes.new_object("Fast", update).data)
    monkeypatch.setattr(meshes, "CORNER_ATTRIBUTE", "no such attribute")
    slow = geometry(meshes.new_object("Slow", update).data)
    assert all(np.array_equal(a, b) for a, b in zip(fast, slow, strict=True))
