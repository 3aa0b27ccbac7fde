"""SDF-SRN: published sizes, the bound of Eq. 1, the marcher, what a reconstructor promises."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.contract.errors import JobCancelled, RequestError
from levelform.backend.fusion import camera_tensors
from levelform.backend.geometry.srgb import linear_from_srgb
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Batch, Code, parameters_by_part
from levelform.backend.reconstructors.latent_fit import latent_fit
from levelform.backend.reconstructors.networks.sdf_srn import bisect
from levelform.backend.reconstructors.sdf_srn import MARGIN, SDFSRN
from levelform.backend.ticket import Ticket
from setups.sdf_srn import RADIUS, orbit, sphere_image, sphere_view, tiny


def sphere_batch(views=2, objects=2, orthographic=False, distance=2.732 * 1.8):
    cameras = [
        [
            orbit(40 * (i + 3 * b), orthographic=orthographic, distance=distance)
            for i in range(views)
        ]
        for b in range(objects)
    ]
    images = torch.stack(
        [torch.stack([sphere_image(c).permute(2, 0, 1) for c in row]) for row in cameras]
    )
    tensors = [camera_tensors(row, torch.device("cpu")) for row in cameras]
    points = torch.zeros(objects, 1, 3)
    return Batch(
        images,
        points,
        torch.ones(objects, 1),
        camera_from_volume=torch.stack([pose for pose, _ in tensors]),
        intrinsics=torch.stack([intrinsics for _, intrinsics in tensors]),
        orthographic=orthographic,
    )


def rays_of(model, batch):
    """Return the rays of all pixels of a batch."""
    cameras = model.cameras_to_method(
        batch.camera_from_volume, batch.intrinsics, orthographic=batch.orthographic
    )
    return model.rays(batch.images.flatten(0, 1), *cameras, batch.orthographic)


def ray_losses(model, implicit, rays, generator):
    traced = model.renderer(implicit, rays.origins, rays.directions)
    return model.ray_losses(implicit, traced, rays, generator)


class Sphere:
    """The true signed distance, method frame, in place of a generated network."""

    def __init__(self, radius):
        self.radius = radius

    def __call__(self, points):
        return points.norm(dim=-1) - self.radius


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(("name", "count"), [("paper", 53_749_605), ("paper-pascal3d", 17_176_933)])
def test_the_published_number_of_parameters(name, count):
    assert sum(parameters_by_part("sdf-srn", name).values()) == count


def test_the_parts_have_the_published_sizes():
    with torch.device("meta"):
        model = SDFSRN(SDFSRN.configurations["paper"])
    sizes = {n: sum(p.numel() for p in m.parameters()) for n, m in model.named_children()}
    assert sizes == {"encoder": 11_439_168, "generator": 42_289_668, "renderer": 20_769}


def test_compact_is_at_most_four_million():
    assert sum(parameters_by_part("sdf-srn", "compact").values()) <= 4_000_000


# ---------------------------------------------------------------- Eq. 1


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_true_distance_breaks_no_bound(orthographic):
    model = tiny(orthographic=orthographic)
    batch = sphere_batch(orthographic=orthographic)
    rays = rays_of(model, batch)
    assert (~rays.inside).float().mean() > 0.3
    radius = RADIUS * model.scale
    weights = (~rays.inside).float()
    loss = model._silhouette(Sphere(radius), rays, weights, torch.Generator().manual_seed(0))
    assert loss < 1e-5  # what bilinear edges of a curve cost
    # The bound is tight enough to teach: a sphere one tenth larger breaks it.
    swollen = model._silhouette(
        Sphere(1.1 * radius), rays, weights, torch.Generator().manual_seed(0)
    )
    assert swollen > 1e-4


@pytest.mark.parametrize("orthographic", [False, True])
def test_the_bound_of_eq_4_is_asked_of_background_rays_alone(orthographic):
    model = tiny(orthographic=orthographic, importance=False)
    batch = sphere_batch(orthographic=orthographic)
    rays = rays_of(model, batch)

    def loss(seen, radius):
        ball = Ball(radius * RADIUS * model.scale)
        return ray_losses(model, ball, seen, torch.Generator().manual_seed(0))["silhouette"]

    assert loss(rays, 1.0) < 1e-5  # on the rays of the silhouette b is far above the distance
    assert loss(rays, 1.1) > 1e-4
    assert loss(replace(rays, inside=torch.ones_like(rays.inside)), 1.1) == 0


def test_rays_weigh_one_over_their_distance_but_no_more_than_at_half_a_pixel():
    model = tiny()
    batch = sphere_batch(1, 1)
    rays = rays_of(model, batch)
    intrinsics = batch.intrinsics[0, 0]
    torch.testing.assert_close(rays.half_pixel, (0.5 / intrinsics[:1])[None])
    torch.manual_seed(3)
    distance = torch.rand_like(rays.distance) * 20 * rays.half_pixel
    distance[:, ::7] = 1e-9  # the edge runs through the pixel's centre
    rays = replace(rays, distance=distance)
    ball = Ball(1.1 * RADIUS * model.scale)
    terms = ray_losses(model, ball, rays, torch.Generator().manual_seed(0))

    weights = 1 / distance.clamp_min(float(rays.half_pixel))
    last = model.renderer(ball, rays.origins, rays.directions).levels[-1]
    hit, miss = (last + MARGIN).relu(), (MARGIN - last).relu()
    expected = sum(
        (weights * side * lack).sum() / (weights * side).sum()
        for side, lack in ((rays.inside, hit), (~rays.inside, miss))
    )
    torch.testing.assert_close(terms["intersection"], expected)
    background = weights * ~rays.inside
    silhouette = model._silhouette(ball, rays, background, torch.Generator().manual_seed(0))
    torch.testing.assert_close(terms["silhouette"], silhouette)


# ---------------------------------------------------------------- rays and the marcher


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_point_on_a_pixels_ray_projects_back_to_it(orthographic):
    model = tiny(orthographic=orthographic)
    batch = sphere_batch(1, 1, orthographic=orthographic, distance=6.0)
    rays = rays_of(model, batch)
    points = (rays.origins + 1.7 * rays.directions)[0].double()
    volume = torch.tensor(model.method_from_volume).inverse()
    world = points @ volume[:3, :3].T + volume[:3, 3]
    pixels, depth = orbit(0, orthographic=orthographic, distance=6.0).project(world)
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    expected = torch.stack([x, y], -1).reshape(-1, 2).double()
    torch.testing.assert_close(pixels, expected, rtol=0, atol=1e-3)
    torch.testing.assert_close(
        depth,
        (1.7 + rays.advance.double().expand_as(depth[None]))[0] / model.scale,
        rtol=0,
        atol=1e-4,
    )


def test_bisection_finds_the_depth_of_a_sphere():
    model = tiny()
    batch = sphere_batch(1, 1)
    rays = rays_of(model, batch)
    radius = RADIUS * model.scale
    middle = -(rays.origins * rays.directions).sum(-1) / rays.directions.square().sum(-1)
    closest = rays.origins + middle[..., None] * rays.directions
    half = (radius**2 - closest.square().sum(-1)).clamp_min(0).sqrt() / rays.directions.norm(dim=-1)
    hit = half > 0.05
    near, far = middle - 2 * half, middle

    def at(depth):
        return Sphere(radius)(rays.origins + depth[..., None] * rays.directions)

    actual = bisect(at, near, far, at(near), 10)
    assert hit.sum() > 300
    assert (actual - (middle - half))[hit].abs().max() < 1e-3


def test_bisection_halves_as_often_as_it_says():
    near, far = torch.zeros(1), torch.ones(1)
    for count, expected in ((0, 0.5), (1, 0.25), (2, 0.375), (3, 0.3125)):
        assert float(bisect(lambda d: 0.33 - d, near, far, torch.ones(1), count)) == expected


def test_bisection_keeps_the_gradient_of_its_ends():
    near = torch.zeros(3, requires_grad=True)
    far = torch.ones(3, requires_grad=True)
    bisect(lambda d: 0.3 - d, near, far, torch.full((3,), 0.3), 10).sum().backward()
    torch.testing.assert_close(near.grad + far.grad, torch.ones(3))


class Ball(Sphere):
    """The sphere, with features that tell the marcher how far it is."""

    width = 12

    def features(self, points):
        distance = self(points)
        told = [distance.relu(), (-distance).relu(), 10 * distance.clamp(-0.1, 0.1)]
        return F.pad(torch.stack(told, -1), (0, self.width - len(told)))

    def level(self, features):
        return features[..., 0] - features[..., 1]

    def color(self, features):
        return features[..., :3]


def test_the_first_march_ends_at_the_volumes_centre():
    model = tiny()
    batch = sphere_batch(1, 1)
    rays = rays_of(model, batch)
    depths, _ = model.renderer.march(Ball(RADIUS * model.scale), rays.origins, rays.directions)
    assert (depths[-1] - model.configuration.distance).abs().max() < 0.15


@pytest.mark.slow
def test_the_marcher_learns_where_a_sphere_is(minimise):
    model = tiny()
    batch = sphere_batch(2, 1)
    rays = rays_of(model, batch)
    ball, generator = Ball(RADIUS * model.scale), torch.Generator().manual_seed(0)

    def loss():
        seen = rays.sample(256, generator)
        _, levels = model.renderer.march(ball, seen.origins, seen.directions)
        hit, miss = (levels[-1] + MARGIN).relu(), (MARGIN - levels[-1]).relu()
        free = (MARGIN - levels[:-1]).relu().mean()
        return (hit * seen.inside).mean() + (miss * ~seen.inside).mean() + free

    minimise(model.renderer.parameters(), loss, steps=300, learning_rate=1e-2)
    with torch.no_grad():
        traced = model.renderer(ball, rays.origins, rays.directions)
    assert ((traced.levels[-1] <= 0) == rays.inside).float().mean() > 0.98
    middle = -(rays.origins * rays.directions).sum(-1) / rays.directions.square().sum(-1)
    closest = rays.origins + middle[..., None] * rays.directions
    half = (ball.radius**2 - closest.square().sum(-1)).clamp_min(0).sqrt()
    half = half / rays.directions.norm(dim=-1)
    assert (traced.depth - (middle - half))[half > 0.05].abs().max() < 1e-3


# ---------------------------------------------------------------- training


@pytest.mark.slow
def test_pretraining_gives_a_sphere(minimise):
    torch.manual_seed(0)
    model = SDFSRN(SDFSRN.configurations["compact"])
    generator = torch.Generator().manual_seed(1)
    minimise(
        model.generator.parameters(),
        lambda: model.pretraining_loss(64, generator, points=64),
        steps=600,
        learning_rate=6e-3,
        clip=0.3,
    )
    with torch.no_grad():
        assert model.pretraining_loss(64, generator, points=2000) < 1e-3


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"symmetric": False},
        {"occupancy": True},
        {"frequencies": 0},
        {"importance": False},
        {"orthographic": True},
    ],
)
def test_the_loss_reaches_every_parameter(change):
    model = tiny(**change).train()
    orthographic = bool(change.get("orthographic"))
    terms = model.loss(
        sphere_batch(orthographic=orthographic), generator=torch.Generator().manual_seed(1)
    )
    assert all(term.isfinite() for term in terms.values())
    terms["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_loss_is_the_weighted_sum_of_its_terms():
    model = tiny().train()
    c = model.configuration
    t = model.loss(sphere_batch(), generator=torch.Generator().manual_seed(1))
    total = (
        c.render * t["render"]
        + c.silhouette * t["silhouette"]
        + c.intersection * t["intersection"]
        + c.free * t["free"]
        + t["eikonal"]
    )
    torch.testing.assert_close(t["loss"], total)


def test_the_same_generator_gives_the_same_loss():
    model, batch = tiny(), sphere_batch()
    losses = [model.loss(batch, torch.Generator().manual_seed(7))["loss"] for _ in range(2)]
    assert losses[0] == losses[1]


def test_a_batch_without_cameras_is_refused():
    batch = replace(sphere_batch(), camera_from_volume=None)
    with pytest.raises(RequestError, match="posed"):
        tiny().loss(batch)


# ---------------------------------------------------------------- inference


@pytest.mark.parametrize("change", [{}, {"occupancy": True}, {"symmetric": False}])
def test_the_baked_field_is_the_training_networks(change):
    model = tiny(**change)
    code = model.encode([sphere_view()])
    field = model.decode(code)
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    network = model.generator(code.tensors["latent"])
    level = network(model.to_method(points)[None])[0]
    expected = -level if model.configuration.occupancy else level / model.scale
    torch.testing.assert_close(field(points), expected, rtol=0, atol=1e-5)
    srgb = network.color(network.features(model.to_method(points)[None]))[0] / 2 + 0.5
    linear = linear_from_srgb(srgb)
    torch.testing.assert_close(field.color(points)[:, :3], linear, rtol=0, atol=1e-5)
    assert field.gradient(points).norm(dim=1).min() > 0


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_symmetric_object_is_its_mirror_image(orthographic):
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mirrored = points * torch.tensor([-1.0, 1.0, 1.0])  # left and right, volume frame
    apart = {}
    for symmetric in (True, False):
        model = tiny(symmetric=symmetric, orthographic=orthographic)
        field = model.decode(model.encode([sphere_view()]))
        apart[symmetric] = max(
            (field(points) - field(mirrored)).abs().max(),
            (field.color(points) - field.color(mirrored)).abs().max(),
        )
    assert apart[True] <= 1e-6
    assert apart[False] > 1e-2


def test_views_are_fused_as_fields():
    model, views = tiny(), [sphere_view(10), sphere_view(120), sphere_view(240)]
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    each = [model.decode(model.encode([view])) for view in views]
    values = torch.stack([field(points) for field in each])
    colors = torch.stack([field.color(points) for field in each])
    for rule, expected in (("mean", values.mean(0)), ("intersection", values.amax(0))):
        fused = model.decode(model.encode(views, fusion=rule))
        torch.testing.assert_close(fused(points), expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(fused.color(points), colors.mean(0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("rule", ["mean", "intersection"])
@pytest.mark.parametrize("count", [2, 5])
def test_equal_views_are_one_view(count, rule):
    model, view = tiny(), sphere_view()
    one, many = model.encode([view]), model.encode([view] * count, fusion=rule)
    points = torch.rand(200, 3) * 2 - 1
    torch.testing.assert_close(
        model.decode(many)(points), model.decode(one)(points), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("occupancy", [False, True])
def test_the_surface_moves_to_another_level(occupancy):
    model = tiny(occupancy=occupancy)
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    code = model.encode([sphere_view()])
    before = model.decode(code)(points)
    model.shift_level(0.07)
    torch.testing.assert_close(model.decode(code)(points), before - 0.07, rtol=0, atol=1e-5)


def test_the_least_level_on_a_ray_tells_its_silhouette(monkeypatch):
    model, view = tiny(), sphere_view()
    sphere = Sphere(RADIUS * model.scale)
    monkeypatch.setattr(model.generator, "forward", lambda latent: sphere)
    least, inside = model.least_along_rays(view)
    assert 100 < inside.sum() < len(inside) - 100
    assert ((least < 0) == inside).float().mean() > 0.98
    with pytest.raises(RequestError, match="camera"):
        model.least_along_rays(replace(view, camera=None))


def test_test_time_optimisation_lowers_the_loss_and_leaves_the_network():
    model = tiny(framing=replace(SDFSRN.configurations["compact"].framing, size=24))
    views = [sphere_view(0), sphere_view(100)]
    before = {name: p.clone() for name, p in model.named_parameters()}
    start = model.encode(views).tensors["latent"].mean(0, keepdim=True)
    fitted = model.encode(views, optimize=8).tensors["latent"]

    def loss(latent):
        images = model.prepare(views)
        poses, intrinsics = camera_tensors(images.cameras, torch.device("cpu"))
        network = model.generator(latent).expand(2)
        rays = model.rays(images.images, poses, intrinsics, False)
        return ray_losses(model, network, rays, torch.Generator().manual_seed(3))["loss"]

    assert loss(fitted) < loss(start)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert torch.equal(fitted, model.encode(views, optimize=8).tensors["latent"])


def test_views_of_both_kinds_of_camera_are_fitted_together():
    model = tiny(framing=replace(SDFSRN.configurations["compact"].framing, size=24))
    views = [sphere_view(0), sphere_view(100, orthographic=True)]
    fit = latent_fit(model, model.encode(views).tensors["latent"].mean(0), views, steps=12)
    rays = fit._free
    assert rays.orthographic.any()
    assert not rays.orthographic.all()
    # The bound of Eq. 1 holds for the true sphere on the rays of either kind.
    depth = torch.linspace(0.5, 4.0, 7)[:, None, None].expand(7, *rays.inside.shape)
    true = rays.at(depth).norm(dim=-1) - RADIUS * model.scale
    outside = ~rays.inside
    assert (rays.lower_bound(depth) <= true + 0.04)[:, outside].all()
    before = fit.judge()
    for _ in range(12):
        fit.step()
    assert fit.judge() < before


def test_meshes_can_be_shown_while_it_is_fitted(monkeypatch):
    monkeypatch.setattr("levelform.backend.fit.running.FIRST_AFTER", 0.0)
    monkeypatch.setattr("levelform.backend.fit.running.SHOW_AFTER", 0.0)
    monkeypatch.setattr("levelform.backend.fit.running.RARER", 0.0)
    model = tiny(framing=replace(SDFSRN.configurations["compact"].framing, size=24))
    shown = list(model.codes([sphere_view(0), sphere_view(100)], optimize=4))
    assert len(shown) == 3
    assert all(code.tensors["latent"].shape == shown[0].tensors["latent"].shape for code in shown)


def test_test_time_optimisation_can_be_stopped():
    with pytest.raises(JobCancelled):
        tiny().encode([sphere_view()], optimize=50, ticket=Ticket(cancelled=lambda: True))


def test_test_time_optimisation_needs_cameras():
    unposed = View(sphere_image(orbit(0)), None, name="photo")
    assert tiny().encode([unposed]).tensors["latent"].isfinite().all()
    with pytest.raises(RequestError, match="camera"):
        tiny().encode([unposed], optimize=3)


def test_another_methods_code_is_refused():
    with pytest.raises(RequestError, match="disn"):
        tiny().decode(Code("disn", {"latent": torch.zeros(16)}))
