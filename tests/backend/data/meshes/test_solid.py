"""Solids: labels against analytic truth, whole and damaged; distances in closed form."""

import numpy as np
import pytest
import trimesh
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.meshes import NoSurface, Solid, mend, usable
from levelform.backend.geometry.frames import similarity
from levelform.backend.geometry.meshes import Mesh


def house(mesh: trimesh.Trimesh) -> Mesh:
    return Mesh(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))


def sphere(radius=0.7, subdivisions=4):
    return house(trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius))


def torus():
    return house(trimesh.creation.torus(0.6, 0.25, major_sections=96, minor_sections=48))


def in_torus(points):
    ring = np.hypot(points[:, 0], points[:, 1]) - 0.6
    return np.hypot(ring, points[:, 2]) < 0.25


def in_sphere(points):
    return np.linalg.norm(points, axis=1) < 0.7


def joined(*meshes):
    starts = np.cumsum([0, *[len(m.vertices) for m in meshes[:-1]]])
    faces = [m.faces + start for m, start in zip(meshes, starts, strict=True)]
    return Mesh(np.concatenate([m.vertices for m in meshes]), np.concatenate(faces))


def without_faces(mesh, rng):
    return Mesh(mesh.vertices, mesh.faces[rng.random(len(mesh.faces)) > 0.05])


def with_turned_faces(mesh, rng):
    turn = rng.random(len(mesh.faces)) < 0.1
    return Mesh(mesh.vertices, np.where(turn[:, None], mesh.faces[:, ::-1], mesh.faces))


def with_doubled_faces(mesh, rng):
    again = mesh.faces[rng.random(len(mesh.faces)) < 0.3]
    return Mesh(mesh.vertices, np.concatenate([mesh.faces, again[:, ::-1], again]))


def with_a_big_hole(mesh, rng):
    middle = mesh.vertices[mesh.faces].mean(1)
    return Mesh(mesh.vertices, mesh.faces[middle[:, 2] > middle[:, 2].min() + 0.02])


def inside_out(mesh, rng):
    return Mesh(mesh.vertices, mesh.faces[:, ::-1])


def as_soup(mesh, rng):
    """Every face with corners of its own, as exporters of flat shading write them."""
    faces = np.arange(mesh.faces.size).reshape(-1, 3)
    return Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), faces)


def all_at_once(mesh, rng):
    for damage in (with_turned_faces, with_doubled_faces, without_faces, as_soup):
        mesh = damage(mesh, rng)
    return mesh


DAMAGES = [
    without_faces,
    with_turned_faces,
    with_doubled_faces,
    with_a_big_hole,
    inside_out,
    as_soup,
    all_at_once,
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("make", "ground_truth"), [(torus, in_torus), (sphere, in_sphere)])
def test_labels_of_damaged_meshes_agree_with_the_truth(make, ground_truth, damage):
    rng = np.random.default_rng(7)
    solid = Solid(mend(damage(make(), rng))[0])
    points = rng.uniform(-1, 1, (20_000, 3))
    assert (solid.inside(points) == ground_truth(points)).mean() >= 0.995


def test_overlapping_parts_are_their_union():
    left, right = sphere(), sphere()
    left = Mesh(left.vertices - np.float32([0.3, 0, 0]), left.faces)
    right = Mesh(right.vertices + np.float32([0.3, 0, 0]), right.faces[:, ::-1])  # inverted too
    solid = Solid(mend(joined(left, right))[0])
    points = np.random.default_rng(0).uniform(-1, 1, (20_000, 3))
    ground_truth = in_sphere(points + np.array([0.3, 0, 0])) | in_sphere(
        points - np.array([0.3, 0, 0])
    )
    assert (solid.inside(points) == ground_truth).mean() >= 0.995


def test_a_cavity_stays_empty():
    outer, inner = sphere(0.8), inside_out(sphere(0.4), None)
    solid = Solid(mend(joined(outer, inner))[0])
    points = np.random.default_rng(0).uniform(-1, 1, (20_000, 3))
    radius = np.linalg.norm(points, axis=1)
    assert (solid.inside(points) == ((radius < 0.8) & (radius > 0.4))).mean() >= 0.995


def test_mending_reports_what_it_did():
    mesh = sphere(subdivisions=2)
    broken = Mesh(
        mesh.vertices, np.concatenate([mesh.faces[1:], mesh.faces[5:6], [[0, 0, 1]]]).astype(int)
    )
    _, report = mend(broken)
    assert (report.degenerate, report.duplicate, report.openings) == (1, 1, 1)
    assert 0 < report.closed_area < 0.01
    _, report = mend(inside_out(mesh, None))
    assert (report.turned_parts, report.openings) == (1, 0)


def test_distances_to_a_box_are_exact():
    solid = Solid(house(trimesh.creation.box((1.0, 1.0, 1.0))))
    points = np.random.default_rng(1).uniform(-1, 1, (2_000, 3))
    beyond = np.abs(points) - 0.5
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    expected = outside + np.minimum(beyond.max(1), 0)
    np.testing.assert_allclose(solid.signed_distance(points), expected, atol=1e-6)
    assert solid.volume() == pytest.approx(1.0, abs=1e-6)


def test_surface_samples_lie_on_the_surface_evenly_with_its_normals():
    solid = Solid(house(trimesh.creation.box((2.0, 1.0, 1.0))))
    samples = solid.surface(40_000, np.random.default_rng(2))
    np.testing.assert_allclose(solid.distance(samples.points), 0, atol=1e-6)
    ends = np.abs(samples.normals[:, 0]) > 0.9  # two of 1 x 1, of ten in all
    assert ends.mean() == pytest.approx(0.2, abs=3 * np.sqrt(0.2 * 0.8 / 40_000))
    assert (np.einsum("ij,ij->i", samples.points, samples.normals) > 0).all()


@pytest.mark.parametrize("resolution", [17, 32])
def test_grids_by_crossings_and_by_winding_numbers_are_equal(resolution):
    solid = Solid(mend(torus())[0])
    assert solid.closed
    by_crossings = solid.occupancy_grid(resolution, 0.9)
    solid.__dict__["closed"] = False
    np.testing.assert_array_equal(by_crossings, solid.occupancy_grid(resolution, 0.9))


def test_a_grid_that_meets_faces_and_edges_head_on_is_exact():
    """A box with sides between cells, and diagonals through their centres."""
    solid = Solid(house(trimesh.creation.box((1.0, 1.0, 1.0))))
    grid = solid.occupancy_grid(8, 1.0)
    expected = np.zeros((8, 8, 8), bool)
    expected[2:6, 2:6, 2:6] = True
    np.testing.assert_array_equal(grid, expected)


def test_moving_a_solid_scales_its_distances():
    solid, matrix = Solid(torus()), similarity(scale=2.5, offset=np.array([1.0, 2.0, 3.0]))
    points = np.random.default_rng(3).uniform(-1, 1, (500, 3))
    far = solid.in_frame(matrix).signed_distance(points * 2.5 + [1, 2, 3])
    np.testing.assert_allclose(far, 2.5 * solid.signed_distance(points), atol=1e-5)
    with pytest.raises(RequestError, match="mirrored"):
        solid.in_frame(np.diag([-1.0, 1, 1, 1]))


def test_a_million_triangles_are_labelled():
    solid = Solid(sphere(subdivisions=8))
    assert len(solid.faces) > 1_000_000
    points = np.random.default_rng(0).uniform(-1, 1, (2_000, 3))
    assert (solid.inside(points) == in_sphere(points)).mean() >= 0.995


@pytest.mark.parametrize(
    ("mesh", "error", "sentence"),
    [
        (Mesh(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32)), NoSurface, "no faces"),
        (
            Mesh(np.float32([[0, 0, 0], [1, 0, 0], [np.nan, 0, 0]]), np.int32([[0, 1, 2]])),
            RequestError,
            "1 of 3 vertices are not finite",
        ),
        (
            Mesh(np.float32([[0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.int32([[0, 1, 2]])),
            NoSurface,
            "no area",
        ),
        (Mesh(np.zeros((3, 3), np.float32), np.int32([[0, 1, 7]])), RequestError, "does not exist"),
    ],
)
def test_meshes_that_are_none_are_refused_in_words(mesh, error, sentence):
    with pytest.raises(error, match=sentence):
        Solid(mesh)


def sheet(bend=0.0):
    x, y = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9))
    vertices = np.stack([x, y, bend * x**2], -1).reshape(-1, 3).astype(np.float32)
    quads = np.array([[i * 9 + j + k for k in (0, 1, 10, 9)] for i in range(8) for j in range(8)])
    return Mesh(vertices, np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]]).astype(np.int32))


def test_what_has_no_inside_is_not_usable_and_says_why():
    for mesh, reason in ((sheet(), "sheet"), (sheet(0.4), "open")):
        mended, report = mend(mesh)
        assert reason in (usable(Solid(mended), report) or "")
    rod, report = mend(house(trimesh.creation.box((1.0, 0.01, 0.01))))
    assert "thin" in (usable(Solid(rod), report) or "")
    ball, report = mend(sphere())
    assert usable(Solid(ball), report) is None
