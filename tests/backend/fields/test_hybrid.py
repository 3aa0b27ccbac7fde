"""The baked field of points and views against the same sums done the slow way, point by point."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.fields.hybrid import FirstLayer, HybridField, Views
from levelform.backend.fusion import sample_maps
from levelform.backend.geometry.cameras import Camera

HIDDEN = 6
SIZE, TABLE, CHANNELS = 20, 10, 5


@pytest.fixture
def points():
    """(500, 3) points all over the volume."""
    return torch.rand(500, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.fixture
def views(aim):
    """Three pictures of noise: a wide one, one that sees a part, an orthographic one."""
    cameras = [
        Camera(aim((0.3, -3, 0.8), (0, 0, 0)), 20, 20, 10, 10, SIZE, SIZE),
        Camera(aim((2.4, -1.2, 1.0), (0.8, 0.4, -0.2), roll=0.7), 40, 38, 9, 11, SIZE, SIZE),
        Camera(aim((-3.0, 1.0, -0.9), (0, 0, 0)), 8, 8, 10, 10, SIZE, SIZE, orthographic=True),
    ]
    generator = torch.Generator().manual_seed(0)
    return cameras, Views(
        maps=torch.randn(3, CHANNELS, TABLE, TABLE, generator=generator),
        alpha=torch.rand(3, SIZE, SIZE, generator=generator),
        poses=torch.stack([torch.from_numpy(c.camera_from_world).float() for c in cameras]),
        lenses=torch.tensor([[c.fx, c.fy, c.cx, c.cy] for c in cameras]),
        flat=torch.tensor([c.orthographic for c in cameras]),
    )


def network(*, camera=True, alpha=True, features=True):
    generator = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    first = FirstLayer(
        draw(3, HIDDEN),
        draw(3, HIDDEN) if camera else None,
        draw(1, HIDDEN) if alpha else None,
        draw(CHANNELS, HIDDEN) if features else None,
        draw(HIDDEN),
    )
    return first, [(draw(HIDDEN, HIDDEN), draw(HIDDEN)), (draw(HIDDEN, 1), draw(1))]


def slowly(first, layers, cameras, views, points):
    """Return (N,): one view after the other, features sampled before the layer, as trained."""
    total, count, plain = 0, 0, 0
    for index, camera in enumerate(cameras):
        pixels, depth = camera.project(points)
        x = first.bias + points @ first.place
        if first.camera is not None:
            x = x + points @ views.poses[index, :3, :3].T @ first.camera
        for maps, weight in (
            (views.alpha[index][None, None], first.alpha),
            (views.maps[index][None], first.features),
        ):
            if weight is not None:
                x = x + sample_maps(maps, pixels[None], picture=(SIZE, SIZE))[0] @ weight
        for weight, bias in layers:
            x = F.elu(x) @ weight + bias
        seen = ((pixels >= 0) & (pixels <= SIZE)).all(-1) & (depth > 0)
        total, count, plain = total + x[:, 0] * seen, count + seen.float(), plain + x[:, 0]
    return -torch.where(count > 0, total / count.clamp(min=1), plain / len(cameras))


@pytest.mark.parametrize(
    "parts",
    [{}, {"camera": False}, {"alpha": False}, {"features": False}],
    ids=["all", "no camera", "no alpha", "no features"],
)
def test_baked_is_the_slow_sum(parts, views, points):
    cameras, looked = views
    first, layers = network(**parts)
    field = HybridField(first, layers, looked)
    places = torch.cat([points, 4 * points])  # many of the latter no view sees, or from behind
    expected = slowly(first, layers, cameras, looked, places)
    assert expected.std() > 0.1
    assert (field(places) - expected).abs().max() < 1e-5 * max(1, expected.abs().max())


def test_without_views_it_is_a_plain_network(points):
    first, layers = network(camera=False, alpha=False, features=False)
    x = points @ first.place + first.bias
    for weight, bias in layers:
        x = F.elu(x) @ weight + bias
    torch.testing.assert_close(HybridField(first, layers, None)(points), -x[:, 0])


def test_a_point_counts_only_the_views_that_see_it(views):
    """At a point that one view sees, the others' pictures make no difference."""
    cameras, looked = views
    first, layers = network()
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(4000, 3, generator=generator) * 4 - 2
    pixels, depth = zip(*(camera.project(points) for camera in cameras), strict=True)
    seen = (torch.stack(pixels) >= 0) & (torch.stack(pixels) <= SIZE)
    seen = seen.all(-1) & (torch.stack(depth) > 0)
    alone = points[seen[0] & (seen.sum(0) == 1)]
    assert len(alone) > 20
    other = Views(
        torch.cat([looked.maps[:1], -looked.maps[1:]]),
        torch.cat([looked.alpha[:1], 1 - looked.alpha[1:]]),
        looked.poses,
        looked.lenses,
        looked.flat,
    )
    assert torch.equal(
        HybridField(first, layers, looked)(alone), HybridField(first, layers, other)(alone)
    )


def test_gradient_is_the_slope(views, points):
    _, looked = views
    field = HybridField(*network(), looked)
    gradient = field.gradient(points)
    step = 1e-3
    for axis in range(3):
        shift = torch.zeros(3)
        shift[axis] = step
        slope = (field(points + shift) - field(points - shift)) / (2 * step)
        error = (slope - gradient[:, axis]).abs()  # a few points lie on an edge of a map's cell
        assert error.median() < 0.01 * gradient.norm(dim=1).median()
