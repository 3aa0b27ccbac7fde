"""What is true of every category: the box, the bytes, one piece, the sign of its own mesh."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.shapes import Shape, ShapeBatch, categories, sample_shape
from levelform.backend.data.shapes.primitives import distance
from levelform.backend.data.shapes.registry import build_of
from levelform.backend.data.shapes.tessellate import tessellate

TOUCH = 2e-3  # object units: parts closer than this are one piece


def test_there_are_the_thirteen_categories_of_the_papers():
    assert categories() == (
        "airplane", "bench", "cabinet", "car", "chair", "display", "lamp", "loudspeaker", "rifle",
        "sofa", "table", "telephone", "vessel",
    )  # fmt: skip


def test_an_unknown_category_is_refused_by_name():
    with pytest.raises(RequestError, match="'teapot'"):
        sample_shape("teapot", 0)


@pytest.mark.parametrize("name", categories())
def test_the_same_seed_gives_the_same_bytes(name):
    assert sample_shape(name, 5).tobytes() == sample_shape(name, 5).tobytes()
    assert len({sample_shape(name, seed).tobytes() for seed in range(8)}) == 8


@pytest.mark.parametrize("name", categories())
def test_every_variant_builds_and_structure_varies_not_only_numbers(name):
    """The list of (kind, role) of all parts differs between most seeds."""
    builds = [build_of(name, seed) for seed in range(150)]
    for build in builds:
        frames = np.stack([part.frame for part in build.parts])
        assert np.isfinite(frames).all()
        assert np.linalg.det(frames[:, :, :3]) == pytest.approx(1)  # rigid: distances stay exact
        assert all(np.isfinite(part.numbers).all() for part in build.parts)
    assert len({tuple((p.kind, p.cut) for p in build.parts) for build in builds}) >= 30


def reach_of(shape: Shape) -> np.ndarray:
    """Return how far the shape goes along +-x, +-y, +-z, (6,), from its surface's triangles."""
    surface = shape.surface
    points = surface.vertices[surface.faces.ravel()]
    values = shape.batch.distance(torch.from_numpy(points)[None])[0].numpy()
    points = points[np.abs(values) < 4e-3]
    return np.concatenate([points.max(0), -points.min(0)])


@pytest.mark.parametrize("name", categories())
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_bounding_box_is_centred_and_its_longest_side_is_1_8(name, seed):
    shape = sample_shape(name, seed)
    assert shape.extents.max() == pytest.approx(1.8, abs=1e-9)
    reach, half = reach_of(shape), np.tile(shape.extents / 2, 2)
    # Facets of round parts end up to a chord inside; nothing ends outside.
    assert np.all(reach <= half + 1e-3)
    assert np.all(reach >= half - 4e-3)
    # Nothing is inside just outside of the box, and something is within 1e-3 of each face.
    rng = np.random.default_rng(seed)
    for axis in range(3):
        for sign in (-1, 1):
            plane = rng.uniform(-1, 1, (20_000, 3)) * shape.extents / 2
            plane[:, axis] = sign * (shape.extents[axis] / 2 + 1e-3)
            assert float(shape.distance(torch.from_numpy(plane)).min()) > 0


def touching(shape: Shape) -> int:
    """Return how many separate pieces the parts of a shape make."""
    adds = [part for part in shape.parts if not part.cut]
    clouds, owners = [], []
    rng = np.random.default_rng(0)
    for index, part in enumerate(adds):
        patch = tessellate(part)
        corners = patch.vertices[patch.faces]
        area = np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )
        face = rng.choice(len(corners), 250, p=area / area.sum())
        weights = rng.dirichlet(np.ones(3), 250)
        drawn = np.einsum("pk,pkc->pc", weights, corners[face])
        middle = part.frame[:, 3] if part.kind != 4 else drawn[0]
        clouds.append(np.concatenate([drawn, patch.vertices[:250], middle[None]]))
        owners += [index] * len(clouds[-1])
    points = torch.from_numpy(np.concatenate(clouds).astype(np.float32))
    solid = shape.distance(points).numpy() <= TOUCH  # a cut may have taken the place away
    owners = np.array(owners)
    group = np.arange(len(adds))
    for index, part in enumerate(adds):
        local = (points.double().numpy() - part.frame[:, 3]) @ np.linalg.inv(part.frame[:, :3]).T
        local = torch.from_numpy(local.T[None].astype(np.float32))
        numbers = torch.from_numpy(part.numbers[None].astype(np.float32))
        value = distance(part.kind, local, numbers)[0].numpy() * part.scale
        for other in set(owners[solid & (value <= TOUCH)]):
            group[group == group[other]] = group[index]
    return len(set(group))


@pytest.mark.parametrize("name", categories())
def test_shapes_are_one_piece(name):
    pieces = {seed: touching(sample_shape(name, seed)) for seed in range(10)}
    assert {seed: count for seed, count in pieces.items() if count != 1} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", categories())
def test_fifty_shapes_are_one_piece_and_not_empty(name):
    shapes = [sample_shape(name, seed) for seed in range(50)]
    pieces = {seed: touching(shape) for seed, shape in enumerate(shapes)}
    assert {seed: count for seed, count in pieces.items() if count != 1} == {}
    for start in range(0, 50, 10):
        points = (
            torch.rand(10, 40_000, 3, generator=torch.Generator().manual_seed(start)) * 1.8 - 0.9
        )
        inside = (ShapeBatch(shapes[start : start + 10]).distance(points) < 0).float().mean(1)
        assert float(inside.min()) > 2e-4


@pytest.mark.parametrize("name", categories())
def test_the_sign_is_that_of_the_shapes_own_mesh(name):
    import igl

    shape = sample_shape(name, 7)
    mesh = shape.mesh(128)
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(8000, 3, generator=generator) * 2 - 1
    values = shape.distance(points).numpy()
    winding = igl.fast_winding_number(
        mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64), points.double().numpy()
    )
    assert np.mean((values < 0) == (winding > 0.5)) >= 0.995
