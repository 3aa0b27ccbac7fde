"""Every show of every method yields what its name says, of the bundled networks."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import methods
from levelform.backend.shows import offered, shown
from PIL import Image

OWN = {
    "deep-meta-functionals": ["jacobian", "silhouettes"],
    "disn": ["streams"],
    "sdf-srn": ["rendering"],
    "tdgn": ["cells", "deletion", "embedding", "training-set"],
    "uclid-net": ["depth-grid", "depth-maps", "patches", "points", "voxels"],
}


def pixels(exhibit):
    return np.asarray(Image.open(BytesIO(exhibit.image.tobytes())))


def test_each_method_offers_its_figures_and_what_all_have():
    for name, cls in methods().items():
        names = [spec.name for spec in offered(cls)]
        own = OWN.get(name, [])
        assert sorted(names[: len(own)]) == own
        assert names[len(own) :] == (["levels"] if cls.spec.learned else [])


def test_a_wrong_name_and_a_wrong_option_are_refused(subject):
    with pytest.raises(RequestError, match="can't show 'patches'"):
        list(shown(subject("tdgn"), "patches", {}))
    with pytest.raises(RequestError, match="from 1 to 200"):
        list(shown(subject("tdgn"), "deletion", {"steps": 0}))
    with pytest.raises(RequestError, match="list levels"):
        list(shown(subject("tdgn"), "levels", {"levels": "a,b"}))


def test_higher_levels_of_a_probability_are_smaller_and_stand_in_a_row(subject):
    made = list(shown(subject("tdgn"), "levels", {"levels": "0.3, 0.5,0.7"}))
    assert [exhibit.name for exhibit in made] == ["P = 0.3", "P = 0.5", "P = 0.7"]
    assert [exhibit.place for exhibit in made] == [1, 2, 3]
    sizes = [np.ptp(exhibit.vertices, axis=0).prod() for exhibit in made]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2]


def test_the_default_levels_of_a_distance_are_offsets(subject):
    made = list(shown(subject("disn"), "levels", {}))
    assert "offset 0" in [exhibit.name for exhibit in made]


def test_the_jacobian_is_the_length_of_the_gradient(subject):
    it = subject("deep-meta-functionals")
    (made,) = shown(it, "jacobian", {})
    assert made.value_names == ("jacobian_norm",)
    some = torch.from_numpy(made.vertices[:5])
    step = 1e-3 * torch.eye(3)
    slopes = [(it.shape(some + s) - it.shape(some - s)) / 2e-3 for s in step]
    expected = torch.stack(slopes, 1).norm(dim=1)
    np.testing.assert_allclose(made.values[:5, 0], expected, rtol=0.05)
    flat, curved = made.values[:, 0].argmin(), made.values[:, 0].argmax()
    assert made.colors[flat].tolist() == [1, 1, 0, 1]
    assert made.colors[curved].tolist() == [0, 0, 1, 1]


def test_silhouettes_show_the_same_extents_as_the_mesh(subject):
    it = subject("deep-meta-functionals")
    made = list(shown(it, "silhouettes", {"size": 48}))
    assert [exhibit.name[-1] for exhibit in made] == ["x", "y", "z"]
    front = pixels(made[1])[..., 0] > 128  # along y: x to the right, z upwards
    rows, columns = np.nonzero(front)
    low, high = it.mesh().vertices.min(0), it.mesh().vertices.max(0)
    centers = (np.arange(48) + 0.5) / 24 - 1
    assert abs(centers[columns.min()] - low[0]) < 0.12
    assert abs(-centers[rows.min()] - high[2]) < 0.12


def test_patches_points_voxels_and_the_depth_grid_lie_together(subject):
    it = subject("uclid-net")
    (patches,) = shown(it, "patches", {"lattice": 3})
    (points,) = shown(it, "points", {"samples": 7})
    (voxels,) = shown(it, "voxels", {})
    (grid,) = shown(it, "depth-grid", {})
    count = len(voxels.vertices) // 8
    assert len(patches.vertices) == 9 * count
    assert len(points.vertices) == 7 * count
    assert points.faces is None
    assert len(set(map(tuple, patches.colors[:9].tolist()))) == 1  # one colour a patch
    side = 2 / 28 * 0.9  # of a voxel, volume units
    center = voxels.vertices.reshape(-1, 8, 3).mean(1)
    for vertices, each in ((patches.vertices, 9), (points.vertices, 7)):
        off = np.abs(vertices.reshape(-1, each, 3) - center[:, None])
        assert off.max() < side / 2 + 1e-5
    assert ((voxels.values > 0) & (voxels.values <= 1)).all()
    assert set(grid.values[:, 0].tolist()) == {1.0}  # one view


def test_cubes_face_outwards(subject):
    (voxels,) = shown(subject("uclid-net"), "voxels", {})
    first = voxels.vertices[:8] - voxels.vertices[:8].mean(0)
    for a, b, c in first[voxels.faces[:12]]:
        assert np.cross(b - a, c - a) @ (a + b + c) > 0


def test_a_depth_map_is_an_image_of_each_view(subject):
    made = list(shown(subject("uclid-net", count=2), "depth-maps", {}))
    assert [exhibit.name for exhibit in made] == ["Depth 0", "Depth 1"]
    image = pixels(made[0])
    assert image.ndim == 3
    assert 0.02 < (image[..., 3] > 0).mean() < 0.9
    with pytest.raises(RequestError, match="not known"):
        list(shown(replace(subject("uclid-net"), views=()), "depth-maps", {}))


def test_training_points_have_labels_weights_and_two_colours(subject):
    points, surface = shown(subject("tdgn"), "training-set", {})
    assert points.value_names == ("label", "weight")
    label, weight = points.values.T
    assert set(label.tolist()) == {-1.0, 1.0}
    assert ((weight >= 0) & (weight <= 1)).all()
    assert (points.colors[label > 0, 0] > points.colors[label > 0, 2]).all()
    assert (points.colors[label < 0, 2] > points.colors[label < 0, 0]).all()
    assert len(surface.faces) > 100


def test_the_embedded_surface_has_the_same_faces(subject):
    surface, points = shown(subject("tdgn"), "embedding", {})
    own = subject("tdgn").mesh()
    assert np.array_equal(surface.faces, own.faces)
    assert np.abs(surface.vertices - own.vertices).max() > 0.02
    assert len(points.vertices) == 32


def test_deletion_is_a_sequence_that_loses_little_at_first(subject):
    made = list(shown(subject("tdgn"), "deletion", {"steps": 3}))
    assert [exhibit.step for exhibit in made] == [0, 1, 2, 3]
    ious = [float(exhibit.name.rpartition(" ")[2]) for exhibit in made[1:]]
    assert all(0 < iou <= 1 for iou in ious)
    assert ious[0] > 0.9


def test_each_vertex_of_the_cells_lies_between_labels(subject):
    (made,) = shown(subject("tdgn"), "cells", {})
    assert len(np.unique(made.values)) > 2
    assert len(set(map(tuple, made.colors.tolist()))) == len(np.unique(made.values))


def test_streams_stand_side_by_side(subject):
    made = list(shown(subject("disn"), "streams", {}))
    assert made[0].name == "Both streams"
    assert [exhibit.place for exhibit in made] == list(range(1, len(made) + 1))


def test_a_rendering_shows_the_object_where_rays_meet_it(subject, views):
    it = subject("sdf-srn", "chair")
    made = {exhibit.name: pixels(exhibit) for exhibit in shown(it, "rendering", {"size": 64})}
    assert made.keys() == {"Color", "Depth", "Normals", "Silhouette"}
    silhouette = made["Silhouette"][..., 0] > 128
    least, _ = it.model.least_along_rays(views[0])
    solid = (least < 0).reshape(64, 64).numpy()  # rays that meet the surface
    assert (silhouette & solid).sum() / silhouette.sum() > 0.9
    assert silhouette.sum() > 0.4 * solid.sum()  # the march misses some thin parts
    unposed = replace(it, views=(replace(views[0], camera=None),))
    assert len(list(shown(unposed, "rendering", {"size": 32, "azimuth": 90}))) == 4
