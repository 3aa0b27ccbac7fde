"""DISN: published sizes and matrices, the baked field, fusion, cameras, and imported weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.meshes.sampling import GRID_VERTICES
from levelform.backend.fields.grid import sample_grid
from levelform.backend.fields.pixel_aligned import Maps
from levelform.backend.fusion import camera_tensors
from levelform.backend.geometry.views import View
from levelform.backend.images.alpha import network_input
from levelform.backend.images.cropping import cropped_camera
from levelform.backend.images.framing import mask_square
from levelform.backend.reconstructors import Batch, Code
from levelform.backend.reconstructors.disn import COMPACT, DISN, PAPER, PAPER_VOLUME
from levelform.backend.reconstructors.figures.disn import interpolate
from levelform.backend.reconstructors.networks.disn import SDFNetwork, network_image
from levelform.backend.reconstructors.networks.volume_decoder import VERTICES, VolumeDecoder
from levelform.backend.training.parts import find_recipe
from setups.disn import picture, tiny, view

VARIANTS = {
    "two": {},
    "one": {"streams": "one"},
    "global": {"streams": "global"},
    "binary": {"binary": True},
    "legacy": {"legacy": True},
    "volume": {"streams": "volume"},
}
CPU = torch.device("cpu")


def batch_of(model, views, count=60, seed=0):
    """Return one object with its views framed as the model frames them."""
    images = model.prepare(views)
    poses, intrinsics = camera_tensors(images.cameras, CPU)
    points = torch.rand(1, count, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    distances = points.norm(dim=-1) - 0.5
    return Batch(
        images.images[None],
        points,
        (distances < 0).float(),
        distances=distances,
        camera_from_volume=poses[None],
        intrinsics=intrinsics[None],
        orthographic=views[0].camera.orthographic,
    )


# ---------------------------------------------------------------- sizes and matrices


def test_the_published_number_of_parameters():
    with torch.device("meta"):
        network = SDFNetwork(PAPER)
        one = SDFNetwork(replace(PAPER, streams="one"))
    parts = {n: sum(p.numel() for p in m.parameters()) for n, m in network.named_children()}
    assert parts == {"vgg": 138_455_872, "global_stream": 1_067_009, "local_stream": 1_296_385}
    assert sum(parts.values()) == 140_819_266
    assert sum(p.numel() for p in one.local_stream.parameters()) == 1_296_385


def test_the_3d_cnn_is_the_papers():
    with torch.device("meta"):
        volume = SDFNetwork(PAPER_VOLUME).volume
        assert volume(torch.zeros(2, 1024)).shape == (2, 1, 65, 65, 65)
    kernels = [8 * 1024 * 128, 27 * 128 * 128, 27 * 128 * 128, 27 * 128 * 64, 27 * 64 * 64,
               27 * 64 * 32, 32]  # fmt: skip
    biases = 128 + 128 + 128 + 64 + 64 + 32 + 1
    assert sum(p.numel() for p in volume.parameters()) == sum(kernels) + biases
    assert find_recipe("disn", preset="3d-cnn").sampling.points == (("disn-grid", 65**3),)
    assert VERTICES == GRID_VERTICES == 65


def test_the_3d_cnn_needs_no_camera_and_blends_features():
    model = tiny(streams="volume", camera=False)
    first, second = (
        model.encode([View(picture(phase=phase), None, name="photo")]) for phase in (0.0, 2.0)
    )
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    vectors = 0.3 * first.tensors["globals"] + 0.7 * second.tensors["globals"]
    expected = sample_grid(model.sdf.volume(vectors), points[None])[0, :, 0] / 10
    actual = model.decode(model.blend([first, second], [0.3, 0.7]))(points)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)


def test_the_3d_cnn_learns_a_sphere():
    model = tiny(streams="volume", features=32).train()
    torch.manual_seed(0)
    volume = model.sdf.volume = VolumeDecoder(32, (16, 16, 16, 8, 4, 4), 1)
    batch = batch_of(model, [view()], count=1000)
    optimizer = torch.optim.Adam(volume.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        loss = model.loss(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(p.grad.abs().sum() > 0 for p in volume.parameters())


def test_compact_networks_are_at_most_four_million():
    model = DISN(COMPACT)
    for network in (model.sdf, model.camera):
        assert sum(p.numel() for p in network.parameters()) <= 4_000_000


def test_resizing_as_tensorflow_did():
    row = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    actual = Maps.resize(row, 4, legacy=True)
    torch.testing.assert_close(actual[0, 0], torch.tensor([0, 0.5, 1, 1]).expand(4, 4))
    ours = Maps.resize(row, 4, legacy=False)
    torch.testing.assert_close(ours[0, 0, 0], torch.tensor([0, 0.25, 0.75, 1]))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_map_of_coordinates_is_sampled_at_the_pixel(legacy):
    size = 24
    ramp = torch.arange(size, dtype=torch.float32) + (0.0 if legacy else 0.5)
    level = torch.stack([ramp.expand(size, size), ramp[:, None].expand(size, size)])[None]
    pixels = torch.tensor([[[3.2, 20.9], [12.0, 0.5], [-5.0, 99.0]]])
    actual = Maps((level,), size, legacy).sample(pixels)
    edge = size - 1.0 if legacy else size - 0.5
    low = 0.0 if legacy else 0.5
    expected = torch.tensor([[[3.2, 20.9], [12.0, 0.5], [low, edge]]])
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("sides", [(24, 24), (12, 6), (3, 7), (1, 2), (40, 24)])
def test_only_what_is_sampled_is_resized(sides):
    generator = torch.Generator().manual_seed(0)
    levels = tuple(
        torch.rand(2, 5, *sides, generator=generator, requires_grad=True) for _ in range(2)
    )
    maps = Maps(levels, 24, legacy=False)
    pixels = torch.rand(2, 300, 2, generator=generator) * 28 - 2
    pixels[:, :4] = torch.tensor([[0.5, 0.5], [23.5, 23.5], [0.0, 24.0], [7.5, 8.0]])
    actual = maps.sample(pixels)
    grid = 2 * maps.indices(pixels) / 23 - 1
    slow = F.grid_sample(maps.resized(), grid[:, :, None], align_corners=True)[..., 0].mT
    torch.testing.assert_close(actual, slow, rtol=0, atol=1e-5)
    weights = torch.rand(actual.shape, generator=generator)
    gradients = [torch.autograd.grad((x * weights).sum(), levels) for x in (actual, slow)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-4)


# ---------------------------------------------------------------- the baked field


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("fusion", ["mean", "max"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_baked_field_is_the_training_network(variant, fusion, count):
    model = tiny(**VARIANTS[variant])
    model.set_frame(np.diag([0.7, 0.7, 0.7, 1.0]) + np.array([[0, 0, 0, 0.1]] * 3 + [[0] * 4]))
    views = [view(20 + 100 * index, orthographic=False) for index in range(count)]
    batch = batch_of(model, views)
    field = model.decode(model.encode(views, fusion=fusion))
    raw = model.outputs(batch, fusion)[0].detach()
    expected = raw[:, 1] - raw[:, 0] if variant == "binary" else raw[:, 0] / 10 / model.scale
    torch.testing.assert_close(field(batch.points[0]).detach(), expected, rtol=0, atol=1e-5)
    assert field.kind == ("occupancy" if variant == "binary" else "distance")


def test_orthographic_views_bake_alike():
    model = tiny()
    views = [view(20, orthographic=True), view(140, orthographic=True)]
    batch = batch_of(model, views)
    field = model.decode(model.encode(views))
    expected = model.outputs(batch)[0, :, 0].detach() / 10
    torch.testing.assert_close(field(batch.points[0]).detach(), expected, rtol=0, atol=1e-5)


def test_pinhole_and_orthographic_views_mix():
    model = tiny()
    code = model.encode([view(20), view(140, orthographic=True)])
    assert code.tensors["flat"].tolist() == [False, True]
    assert model.decode(code)(torch.rand(9, 3) - 0.5).isfinite().all()


@pytest.mark.parametrize("fusion", ["mean", "max"])
def test_equal_views_are_one_view(fusion):
    model = tiny()
    points = torch.rand(300, 3, generator=torch.Generator().manual_seed(3)) * 2 - 1
    one = model.decode(model.encode([view()], fusion=fusion))
    many = model.decode(model.encode([view()] * 4, fusion=fusion))
    torch.testing.assert_close(many(points), one(points), rtol=0, atol=1e-5)


def test_the_streams_apart_add_up():
    model = tiny()
    code = model.encode([view(), view(100)])
    points = torch.rand(100, 3) * 2 - 1
    parts = [model.decode(code, part=part)(points) for part in ("global", "local")]
    torch.testing.assert_close(sum(parts), model.decode(code)(points), rtol=0, atol=1e-6)
    with pytest.raises(RequestError, match="one stream"):
        tiny(streams="one").decode(tiny(streams="one").encode([view()]), part="local")


def test_a_symmetric_field_is_the_mean_of_both_sides():
    model = tiny(symmetry=True)
    code = model.encode([view(40)])
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    across = points * torch.tensor([-1.0, 1.0, 1.0])
    field, plain = model.decode(code), model.decode(code, symmetry=False)
    assert (plain(points) - plain(across)).abs().max() > 0.01
    torch.testing.assert_close(field(points), (plain(points) + plain(across)) / 2)
    assert (field(points) == field(across)).all()


def test_several_views_are_the_mean_of_what_each_says():
    model, views = tiny(), [view(), view(100), view(200)]
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    each = [model.decode(model.encode([one]))(points) for one in views]
    assert (each[0] - each[1]).abs().max() > 0.01
    actual = model.decode(model.encode(views))(points)
    torch.testing.assert_close(actual, torch.stack(each).mean(0))


def test_only_compact_networks_assume_symmetric_objects():
    assert COMPACT.symmetry
    assert not PAPER.symmetry


def test_the_field_has_a_gradient():
    field = tiny().decode(tiny().encode([view()]))
    assert field.gradient(torch.rand(20, 3) - 0.5).abs().sum() > 0


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_view_with_the_point_behind_its_camera_does_not_count(orthographic):
    model = tiny()
    there, back = view(0.0), view(180.0, distance=0.3, orthographic=orthographic)
    one, other = model.encode([there]), model.encode([back])
    camera = model.prepare([back]).cameras[0]
    blend = model.decode(interpolate(model, one, other, 0.5), part="local")
    alone = model.decode(one, part="local")
    pixels = torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) * 2 + 11
    origins, directions = camera.rays(pixels.double())
    for depth in (0.6, -0.6):  # both project into both images
        points = (origins + depth * directions).float()
        for known in (camera, model.prepare([there]).cameras[0]):
            seen, _ = known.project(points.double())
            assert ((seen > 0) & (seen < known.width)).all()
        apart = (blend(points) - alone(points)).abs().max()
        assert apart > 1e-3 if depth > 0 else apart < 1e-5


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_loss_reaches_every_parameter(variant):
    model = tiny(**VARIANTS[variant]).train()
    batch = batch_of(model, [view(), view(120)])
    terms = model.loss(batch)
    assert all(term.isfinite() for term in terms.values())
    (terms["loss"] + model.camera_loss(batch)["loss"]).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A norm takes away what a bias before it adds.
        if not name.startswith("camera.encoder") or not name.endswith("bias"):
            assert parameter.grad.abs().sum() > 0, name


def test_the_loss_weighs_near_and_inside_points_four_times():
    model = tiny()
    batch = batch_of(model, [view()])
    with torch.no_grad():
        raw, target = model.outputs(batch)[..., 0], batch.distances
        weight = torch.where(target <= 0.01, 4.0, 1.0)
        expected = 1000 * (weight * (10 * target - raw).abs()).mean()
        torch.testing.assert_close(model.loss(batch)["loss"], expected)


def test_the_camera_loss_is_zero_for_the_true_camera():
    model = tiny()
    batch = batch_of(model, [view()])

    class TrueCamera(torch.nn.Module):
        def forward(self, images):
            return batch.camera_from_volume[0, :, :3]

    model.camera = TrueCamera()
    assert model.camera_loss(batch)["loss"] < 1e-10


@pytest.mark.parametrize(
    ("missing", "words"), [("distances", "distances"), ("camera_from_volume", "posed")]
)
def test_a_batch_that_lacks_something_is_refused(missing, words):
    model = tiny()
    batch = replace(batch_of(model, [view()]), **{missing: None})
    with pytest.raises(RequestError, match=words):
        model.loss(batch)


@pytest.mark.slow
def test_one_image_of_a_sphere_is_learned(minimise):
    plain = {"camera": False, "batch_norm": False}  # one image has no statistics
    model = tiny(point_widths=(32, 64, 64), decoder_widths=(64, 32), **plain).train()
    batch = batch_of(model, [view()])
    generator = torch.Generator().manual_seed(0)

    def loss():
        points = torch.rand(1, 2048, 3, generator=generator) * 2 - 1
        drawn = replace(batch, points=points, distances=points.norm(dim=-1) - 0.5)
        return model.loss(drawn)["loss"]

    minimise(model.parameters(), loss, steps=400, learning_rate=1e-2)
    points = torch.rand(20_000, 3, generator=generator) * 2 - 1
    actual = model.eval().decode(model.encode([view()]))(points)
    assert (actual - (points.norm(dim=-1) - 0.5)).abs().mean() < 0.01


# ---------------------------------------------------------------- cameras


def test_an_estimated_camera_sees_what_the_network_said():
    model = tiny()
    model.set_frame(np.diag([0.5, 0.5, 0.5, 1.0]))
    unposed = View(picture(), None, name="photo")
    (camera,) = model.estimate_cameras([unposed])
    images = model.prepare([unposed]).images
    matrix = model.camera(network_image(images, model.configuration))[0].detach().double()
    points = torch.rand(30, 3, dtype=torch.float64) - 0.5
    local = model.to_method(points) @ matrix[:, :3].T + matrix[:, 3]
    pixels, _ = camera.project(points)
    ahead = local[:, 2] > 0
    middle = torch.tensor([camera.cx, camera.cy], dtype=torch.float64)
    expected = local[:, :2] / local[:, 2:] * camera.fx + middle
    square = mask_square(unposed.image[..., 3], model.framing)
    cut = cropped_camera(camera, square, model.framing.size)
    size = model.framing.size
    assert (cut.fx, cut.cx, cut.cy) == pytest.approx(
        (model.framing.focal * size, size / 2, size / 2)
    )
    assert ahead.any()
    torch.testing.assert_close(pixels[ahead], expected[ahead], rtol=1e-4, atol=1e-3)
    rotation = camera.world_from_camera[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)


def test_a_given_camera_can_be_overruled():
    model = tiny()
    given = model.encode([view()])
    estimated = model.encode([view()], camera="estimated")
    assert not torch.equal(given.tensors["poses"], estimated.tensors["poses"])
    assert torch.equal(given.tensors["globals"], estimated.tensors["globals"])


def test_without_camera_network_a_camera_is_needed():
    model = tiny(camera=False)
    with pytest.raises(RequestError, match="camera"):
        model.encode([View(picture(), None, name="photo")])
    assert tiny(camera=False, streams="global").encode([View(picture(), None, name="photo")])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.encode([view()], fusion="sum"), "sum"),
        (lambda m: m.encode([]), "at least 1"),
        (lambda m: m.decode(Code("tdgn", {})), "tdgn"),
    ],
)
def test_wrong_requests_are_one_sentence(call, words):
    with pytest.raises(RequestError, match=words):
        call(tiny())


# ---------------------------------------------------------------- imported weights' input


def test_imported_weights_see_straight_colours_at_soft_edges():
    model = tiny(legacy=True)
    image = torch.full((1, 4, 24, 24), 0.8)
    image[0, 3] = torch.linspace(0, 1, 24)  # alpha rises from 0 at the left
    seen = network_image(image, model.configuration)
    assert torch.equal(seen[..., 0], torch.zeros_like(seen[..., 0]))  # background
    torch.testing.assert_close(seen[..., 2:], torch.full_like(seen[..., 2:], 0.8))
    own = network_input(image, "black")  # what our own weights see: colours mixed with black
    assert own[0, 0, 0, 5] < 0.3
