"""Many shapes at once against the readable way: part by part, one shape after the other."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.shapes import ShapeBatch, categories, sample_shape
from levelform.backend.data.shapes import batch as batch_module
from levelform.backend.data.shapes.build import Build
from levelform.backend.data.shapes.parts import Material
from levelform.backend.data.shapes.primitives import distance, smooth_minimum
from levelform.backend.data.shapes.shape import Shape, normalized

RED, BLUE = Material((1.0, 0.0, 0.0), 0.1), Material((0.0, 0.0, 1.0), 0.9)


def part_values(shape: Shape, points: torch.Tensor) -> list[torch.Tensor]:
    """Return the distances of each part, (P,), the slow way."""
    values = []
    for part in shape.parts:
        local = (points.double().numpy() - part.frame[:, 3]) @ np.linalg.inv(part.frame[:, :3]).T
        local = torch.from_numpy(local.T[None].astype(np.float32))
        numbers = torch.from_numpy(part.numbers[None].astype(np.float32))
        values.append(distance(part.kind, local, numbers)[0] * part.scale)
    return values


def slow_distance(shape: Shape, points: torch.Tensor) -> torch.Tensor:
    """Return the values of a shape by the definition in `Shape` and `Body`."""
    values = part_values(shape, points)
    bodies = []
    for index, body in enumerate(shape.bodies):
        adds = [
            v for v, p in zip(values, shape.parts, strict=True) if p.body == index and not p.cut
        ]
        cuts = [v for v, p in zip(values, shape.parts, strict=True) if p.body == index and p.cut]
        if not adds:
            continue
        two = torch.stack([*adds, torch.full_like(adds[0], 1e3)]).sort(dim=0).values
        value = smooth_minimum(two[0], two[1], torch.tensor(body.blend))
        if cuts:
            hole = torch.stack(cuts).amin(0)
            value = -smooth_minimum(-value, hole, torch.tensor(body.cut_blend))
        bodies.append(value)
    return torch.stack(bodies).amin(0)


def mixed() -> list[Shape]:
    return [sample_shape(name, 3) for name in categories()]


def points_of(count: int, shapes: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shapes, count, 3, generator=generator) * 2 - 1


def test_a_mixed_batch_agrees_with_each_shape_by_definition():
    shapes = mixed()
    points = points_of(400, len(shapes))
    together = ShapeBatch(shapes).distance(points)
    for shape, own, values in zip(shapes, points, together, strict=True):
        torch.testing.assert_close(values, slow_distance(shape, own), atol=4e-5, rtol=1e-5)
        torch.testing.assert_close(values, shape.distance(own), atol=4e-5, rtol=1e-5)


def test_pieces_do_not_change_values(monkeypatch):
    shapes = mixed()[:4]
    points = points_of(700, 4)
    whole = ShapeBatch(shapes).distance(points)
    monkeypatch.setattr(batch_module, "PAIRS_CPU", 1)
    torch.testing.assert_close(ShapeBatch(shapes).distance(points), whole, atol=1e-6, rtol=0)


def two_bodies() -> Shape:
    build = Build(np.random.default_rng(0))
    build.box((-0.5, 0, 0), (0.6, 0.6, 0.6), RED)
    with build.body():
        build.ball((0.5, 0, 0), 0.4, RED)
        build.ball((0.5, 0, 0.4), 0.25, BLUE, cut=True)
    return normalized("pair", build.parts, build.bodies)


def test_colour_is_that_of_the_part_that_makes_the_surface():
    shape = two_bodies()
    ball, cut = shape.parts[1], shape.parts[2]
    wall = cut.frame[:, 3] - [0, 0, np.linalg.norm(cut.frame[:, 2]) * cut.numbers[0]]
    top = shape.parts[0].frame[:, 3] + [0, 0, 0.3]
    side = ball.frame[:, 3] + [np.linalg.norm(ball.frame[:, 0]) * ball.numbers[0], 0, 0]
    colors = shape.color(torch.tensor(np.stack([wall, top, side])))
    assert colors.tolist() == [[0, 0, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1]]


def test_a_cut_reaches_only_its_own_body():
    build = Build(np.random.default_rng(0))
    with build.body():
        build.ball((0, 0, 0), 0.5, RED)
        build.box((0.5, 0, 0), (1, 2, 2), RED, cut=True)
    build.ball((0.3, 0, 0), 0.1, BLUE)
    shape = normalized("half", build.parts, build.bodies)
    inside = shape.parts[2].frame[:, 3]
    assert float(shape.distance(torch.tensor(inside[None]))) < 0


@pytest.mark.parametrize("name", categories())
def test_values_never_exceed_the_distance_to_the_surface(name):
    from levelform.backend.data.shapes import surface_points
    from scipy.spatial import cKDTree

    shape = sample_shape(name, 11)
    generator = torch.Generator().manual_seed(1)
    surface, _ = surface_points(shape.batch, 40_000, generator=generator)
    points = points_of(4000, 1)[0]
    nearest = cKDTree(surface[0].numpy()).query(points.numpy())[0]
    values = shape.distance(points).numpy()
    assert np.all(np.abs(values) <= nearest + 6e-4)


def test_normals_point_outside_and_are_those_of_a_ball():
    build = Build(np.random.default_rng(0))
    build.ball((0, 0, 0), 1.0, RED)
    batch = ShapeBatch([normalized("ball", build.parts, build.bodies)])
    points = points_of(200, 1)
    wanted = torch.nn.functional.normalize(points, dim=-1)
    assert float((batch.normal(points) - wanted).norm(dim=-1).max()) < 5e-3


def test_wrong_points_are_refused():
    with pytest.raises(RequestError, match=r"\(1, P, 3\)"):
        ShapeBatch([two_bodies()]).distance(torch.zeros(2, 5, 3))
    with pytest.raises(RequestError, match="at least one"):
        ShapeBatch([])
