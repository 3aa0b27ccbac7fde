"""Protocols: every factor, square and radius on shapes whose numbers are known."""

from dataclasses import dataclass

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.meshes import Solid
from levelform.backend.geometry.frames import apply, similarity
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.metrics import PROTOCOLS, ProtocolScores, average, evaluate
from levelform.backend.metrics.papers import DISN_THRESHOLDS
from scipy.spatial.distance import cdist


@dataclass
class Cloud:
    """A stand-in for a shape: the same points whatever number is asked for, inside a half-space."""

    cloud: np.ndarray
    level: float = 0.0

    @property
    def vertices(self):
        return self.cloud

    @property
    def faces(self):
        return np.arange(len(self.cloud) // 3 * 3).reshape(-1, 3)

    @property
    def points(self):
        return self.cloud

    @property
    def normals(self):
        return np.tile([0.0, 0.0, 1.0], (len(self.cloud), 1))

    def surface(self, count, rng):
        return self

    def inside(self, points):
        return points[:, 2] < self.level

    def occupancy_grid(self, resolution, half):
        ticks = (np.arange(resolution) + 0.5) / resolution * 2 * half - half
        return np.broadcast_to(ticks < self.level, (resolution,) * 3).copy()

    def in_frame(self, matrix):
        return Cloud(apply(matrix, self.cloud), self.level * matrix[0, 0] + matrix[2, 3])


def lattice(side=1.0, count=12):
    """Return the points of a cube's grid; 1,728 of them, a multiple of three."""
    ticks = np.linspace(-side / 2, side / 2, count)
    return np.stack(np.meshgrid(ticks, ticks, ticks), -1).reshape(-1, 3)


def box(side=1.0, center=(0.0, 0.0, 0.0)):
    import trimesh

    cube = trimesh.creation.box((side,) * 3)
    cube.apply_translation(center)
    return Solid(Mesh(cube.vertices.astype(np.float32), cube.faces.astype(np.int32)))


SHIFT = np.array([0.015, 0.0, 0.0])


def test_tdgn_f_score_tells_one_percent_from_two():
    """All points are 1.5 % of the side away: nothing at radius 0.01, everything at 0.02."""
    values = evaluate(Cloud(lattice() + SHIFT), Cloud(lattice()), "tdgn").values
    assert values["f_score_1%"] == 0.0
    assert values["f_score_2%"] == 100.0
    assert values["chamfer_l1"] == pytest.approx(10 * 0.015, abs=1e-9)


def test_occupancy_network_reports_tenths_and_plain_means():
    values = evaluate(Cloud(lattice() + SHIFT), Cloud(lattice()), "occupancy-network").values
    assert values["accuracy"] == pytest.approx(0.015, abs=1e-9)
    assert values["completeness"] == pytest.approx(0.015, abs=1e-9)
    assert values["chamfer_l1"] == pytest.approx(0.15, abs=1e-9)
    assert values["chamfer_l2"] == pytest.approx(0.015**2, abs=1e-9)
    assert values["normal_consistency"] == pytest.approx(1.0)


def test_point_iou_of_half_spaces_is_the_ratio_of_their_depths():
    """Of the padded box, side 1.1: below 0.0 against below 0.11 is 0.55 / 0.66."""
    first, second = Cloud(lattice(), 0.0), Cloud(lattice(), 0.11)
    expected = 0.55 / 0.66
    error = 3 * np.sqrt(expected * (1 - expected) / (0.6 * 100_000))
    for protocol in ("tdgn", "occupancy-network", "levelform"):
        value = evaluate(first, second, protocol).values["iou"]
        assert value == pytest.approx(expected, abs=error)


def test_disn_scales_and_thresholds():
    """In the unit sphere a move by d: CD = 2000 d^2, EMD <= 20.48 d, F by percents of 2.5."""
    points = lattice()[: 3 * 570]
    radius = np.linalg.norm(points - points.mean(0), axis=1).max()
    move = 0.03
    values = evaluate(Cloud(points + np.array([move * radius, 0, 0])), Cloud(points), "disn").values
    # 2,048 draws of 1,710 vertices with replacement: neighbours drawn are at least the move away.
    table = cdist(points / radius + [move, 0, 0], points / radius)
    assert values["chamfer_l2"] >= 1000 * 2 * (table.min(1) ** 2).mean() - 1e-9
    assert values["emd"] == pytest.approx(20.48 * values["emd_mean"], rel=1e-9)
    for percent in DISN_THRESHOLDS:
        if percent / 100 * 2.5 < move:
            assert values[f"f_score_{percent:g}%"] == 0.0
    assert values["f_score_20%"] == 1.0


def test_disn_iou_is_that_of_110_cubed_cells():
    first, second = Cloud(lattice(), 0.0), Cloud(lattice(), 0.2)
    radius = np.linalg.norm(lattice(), axis=1).max()
    ticks = (np.arange(110) + 0.5) / 110 * 2 - 1
    expected = (ticks < 0).sum() / (ticks < 0.2 / radius).sum()
    assert evaluate(first, second, "disn").values["iou"] == pytest.approx(100 * expected)


@pytest.mark.parametrize(("move", "expected"), [(0.099, 100.0), (0.101, 0.0)])
def test_uclid_nets_five_percent_are_a_tenth_of_the_unit_sphere(move, expected):
    """Corners of a cube are 1.15 apart there, so that the nearest point is the moved one."""
    corners = np.repeat(lattice(count=2), 3, axis=0)
    radius = np.linalg.norm(corners, axis=1).max()
    shape = Cloud(corners + np.array([move * radius, 0, 0]))
    values = evaluate(shape, Cloud(corners), "uclid-net").values
    assert values["f_score_5%"] == expected
    assert values["chamfer_l2"] == pytest.approx(2000 * move**2, rel=1e-6)
    assert values["emd"] == pytest.approx(20.48 * values["emd_mean"], rel=1e-9)


def test_deep_meta_measures_in_the_unit_ball_of_the_truth():
    points = lattice()
    values = evaluate(Cloud(points + SHIFT), Cloud(points), "deep-meta-functionals").values
    radius = np.linalg.norm(points, axis=1).max()
    assert values["chamfer_l2"] == pytest.approx(1000 * 2 * (0.015 / radius) ** 2, rel=1e-6)


def test_deep_meta_grids_cover_the_objects_own_cube():
    """Below 0 against below a quarter of the side: 16 of 24 layers of 32."""
    values = evaluate(Cloud(lattice(), 0.0), Cloud(lattice(), 0.25), "deep-meta-functionals").values
    assert values["iou_32"] == pytest.approx(100 * 16 / 24)
    assert values["iou_256_pooled"] == pytest.approx(100 * 16 / 24)


def test_sdf_srn_reports_tenths_before_and_after_alignment():
    first, second = Cloud(lattice() + SHIFT), Cloud(lattice())
    values = evaluate(first, second, "sdf-srn").values
    assert values == pytest.approx({"accuracy": 0.15, "coverage": 0.15}, abs=1e-9)
    aligned = evaluate(first, second, "sdf-srn-pascal3d").values
    assert aligned == pytest.approx({"accuracy": 0.0, "coverage": 0.0}, abs=1e-9)


def test_pix3d_boxes_each_cloud_by_itself():
    points = lattice(count=9)
    values = evaluate(Cloud(3 * points + 1.0), Cloud(points), "pix3d").values
    assert values == pytest.approx({"chamfer_l1": 0.0, "emd": 0.0}, abs=1e-9)


def test_nested_boxes_have_the_numbers_of_a_textbook():
    """A box of side 0.8 in a box of side 1: IoU 0.512, and 0.1 between their faces."""
    values = evaluate(box(0.8), box(1.0), "occupancy-network").values
    assert values["iou"] == pytest.approx(0.512, abs=3 * np.sqrt(0.512 * 0.488 / 75_000))
    # Sampled neighbours lie a little beside the foot of the perpendicular; density bounds how far.
    assert 0.1 <= values["accuracy"] < 0.1005


def test_box_voxels_are_counted_exactly():
    values = evaluate(box(0.5), box(1.0), "deep-meta-functionals").values
    assert values["iou_32"] == pytest.approx(100 * 0.125)
    assert values["iou_256_pooled"] == pytest.approx(100 * 0.125)


def test_our_iou_counts_what_stands_out_of_the_box():
    from trimesh.creation import box

    cube = box((1.0, 1.0, 1.0))
    moved = cube.vertices + np.array([0.25, 0.0, 0.0])
    ground_truth, shifted = (
        Solid(Mesh(v.astype(np.float32), cube.faces.astype(np.int32)))
        for v in (cube.vertices, moved)
    )
    assert evaluate(shifted, ground_truth).values["iou"] == pytest.approx(0.75 / 1.25, abs=0.01)


QUICK = ("levelform", "pix3d")


@pytest.mark.parametrize(
    "protocol",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in PROTOCOLS],
)
def test_numbers_depend_on_neither_place_nor_size_but_on_the_seed_alone(protocol):
    first, second = box(0.9, (0.03, 0.0, 0.02)), box(1.0)
    moved = similarity(scale=7.0, offset=np.array([3.0, -2.0, 1.0]))
    plain = evaluate(first, second, protocol, seed=4).values
    assert plain == evaluate(first, second, protocol, seed=4).values
    far = evaluate(first.in_frame(moved), second.in_frame(moved), protocol, seed=4).values
    assert far == pytest.approx(plain, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_empty_prediction_has_numbers_and_they_are_bad(protocol):
    empty, good = evaluate(None, box(), protocol), evaluate(box(), box(), protocol)
    assert empty.empty
    assert empty.values.keys() == good.values.keys()
    for name, value in empty.values.items():
        assert np.isfinite(value)
        higher = name.startswith(("iou", "f_score", "normal", "precision", "recall", "shell"))
        assert value <= good.values[name] if higher else value > good.values[name]


def test_occupancy_networks_value_of_an_empty_mesh_is_the_diagonal():
    values = evaluate(None, box(), "occupancy-network").values
    assert values["chamfer_l1"] == pytest.approx(10 * np.sqrt(3))
    assert values["iou"] == 0.0


def test_a_headline_is_the_mean_over_classes_or_over_objects_as_the_paper_has_it():
    rows = [("chair", ProtocolScores({"iou": 1.0}))] * 3 + [("lamp", ProtocolScores({"iou": 0.0}))]
    assert average(rows, "tdgn")[0] == {"iou": 0.5}
    assert average(rows, "uclid-net")[0] == {"iou": 0.75}
    assert average(rows, "tdgn")[1] == {"chair": {"iou": 1.0}, "lamp": {"iou": 0.0}}


def test_disn_takes_f_from_the_means_of_precision_and_recall():
    rows = [
        ("a", ProtocolScores({"precision_1%": 1.0, "recall_1%": 0.0, "f_score_1%": 0.0})),
        ("a", ProtocolScores({"precision_1%": 0.0, "recall_1%": 1.0, "f_score_1%": 0.0})),
    ]
    assert average(rows, "disn")[0]["f_score_1%"] == 0.5


def test_an_unknown_protocol_is_refused_with_those_known():
    with pytest.raises(RequestError, match="occupancy-network"):
        evaluate(box(), box(), "shapenet")
