"""The baked field of points and views against the same sums done the slow way, point by point."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.fields.hybrid import FirstLayer, HybridField, Views, weighted_mean
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
    """Three images of noise: a wide one, one that sees a part, an orthographic one."""
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
        intrinsics=torch.tensor([[c.fx, c.fy, c.cx, c.cy] for c in cameras]),
        orthographic=torch.tensor([c.orthographic for c in cameras]),
    )


def network(*, camera=True, alpha=True, features=True, outputs=1):
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
    return first, [(draw(HIDDEN, HIDDEN), draw(HIDDEN)), (draw(HIDDEN, outputs), draw(outputs))]


def slowly(first, layers, cameras, views, points, gate=None):
    """Return (N,): one view after the other, features sampled before the layer, as trained."""
    total, count, plain, weights = 0, 0, 0, 0
    sides = [(points, 0.0)]
    if gate is not None:
        sides.append((points * torch.tensor([-1.0, 1, 1]), float(gate)))
    for camera, index, (places, more) in (
        (camera, index, side) for index, camera in enumerate(cameras) for side in sides
    ):
        x, seen = answer(first, layers, camera, views, index, places)
        x = x.double()  # exp has room there
        weight = (x[:, 1] + more if x.shape[1] > 1 else torch.full_like(x[:, 0], more)).exp()
        total, count = total + x[:, 0] * weight * seen, count + weight * seen
        plain, weights = plain + x[:, 0] * weight, weights + weight
    actual = torch.where(count > 0, total / count.clamp(min=1e-300), plain / weights)
    return -actual.float()


def answer(first, layers, camera, views, index, points):
    """Return (N, outputs) of the network for one view, and (N,) whether it sees the points."""
    pixels, depth = camera.project(points)
    x = first.bias + points @ first.place
    if first.camera is not None:
        x = x + points @ views.poses[index, :3, :3].T @ first.camera
    for maps, weight in (
        (views.alpha[index][None, None], first.alpha),
        (views.maps[index][None], first.features),
    ):
        if weight is not None:
            x = x + sample_maps(maps, pixels[None], image_size=(SIZE, SIZE))[0] @ weight
    for weight, bias in layers:
        x = F.elu(x) @ weight + bias
    return x, ((pixels >= 0) & (pixels <= SIZE)).all(-1) & (depth > 0)


@pytest.mark.parametrize(
    "parts",
    [{}, {"camera": False}, {"alpha": False}, {"features": False}, {"outputs": 2}],
    ids=["all", "no camera", "no alpha", "no features", "confidence"],
)
@pytest.mark.parametrize("gate", [None, torch.tensor([0.7])], ids=["plain", "symmetry"])
def test_baked_is_the_slow_sum(parts, gate, views, points):
    cameras, looked = views
    first, layers = network(**parts)
    field = HybridField(first, layers, looked, gate)
    places = torch.cat([points, 4 * points])  # many of the latter no view sees, or from behind
    expected = slowly(first, layers, cameras, looked, places, gate)
    assert expected.std() > 0.1
    assert (field(places) - expected).abs().max() < 1e-5 * max(1, expected.abs().max())


def test_without_views_it_is_a_plain_network(points):
    first, layers = network(camera=False, alpha=False, features=False)
    x = points @ first.place + first.bias
    for weight, bias in layers:
        x = F.elu(x) @ weight + bias
    torch.testing.assert_close(HybridField(first, layers, None)(points), -x[:, 0])


def test_a_point_counts_only_the_views_that_see_it(views):
    """At a point that one view sees, the others' images make no difference."""
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
        looked.intrinsics,
        looked.orthographic,
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
        translation = torch.zeros(3)
        translation[axis] = step
        slope = (field(points + translation) - field(points - translation)) / (2 * step)
        error = (slope - gradient[:, axis]).abs()  # a few points lie on an edge of a map's cell
        assert error.median() < 0.01 * gradient.norm(dim=1).median()


def test_the_mean_is_of_what_is_seen_and_by_confidence():
    actual = torch.tensor([[[[2.0, 0.0]]], [[[5.0, 0.0]]], [[[-4.0, 0.0]]]])  # (V, 1, 1, 2)
    everything = torch.ones(3, 1, 1, dtype=torch.bool)
    assert weighted_mean(actual, everything) == pytest.approx(1.0)
    assert weighted_mean(actual[..., :1], everything) == pytest.approx(1.0)
    two = everything.clone()
    two[2] = False
    assert weighted_mean(actual, two) == pytest.approx(3.5)
    assert weighted_mean(actual, ~everything) == pytest.approx(1.0)
    actual[1, ..., 1] = 60.0
    assert weighted_mean(actual, everything) == pytest.approx(5.0)


def test_mirror_images_that_are_trusted_as_points_make_it_symmetric(views, points):
    _, looked = views
    mirrored = points * torch.tensor([-1.0, 1, 1])
    first, layers = network(outputs=2)
    plain = HybridField(first, layers, looked)
    alike, nearly, hardly = (
        HybridField(first, layers, looked, torch.tensor([gate])) for gate in (0.0, 0.5, -100.0)
    )
    torch.testing.assert_close(alike(points), alike(mirrored), rtol=1e-4, atol=1e-4)
    assert (plain(points) - plain(mirrored)).abs().mean() > 0.1
    assert (nearly(points) - nearly(mirrored)).abs().max() > 0.1
    seen = plain._project(points)[1].any(0)  # else a mirror image is all that is seen
    torch.testing.assert_close(hardly(points)[seen], plain(points)[seen])
