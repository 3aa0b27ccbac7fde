"""UCLID-Net: published sizes, patches that stay in their voxels, fusion, and its losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.contract.errors import RequestError
from levelform.backend.encoders import folding
from levelform.backend.encoders.depth import DepthNetwork
from levelform.backend.encoders.pose import PoseNetwork
from levelform.backend.fusion import camera_tensors
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.images.framing import mask_square
from levelform.backend.reconstructors import Batch, Code, uclid_net
from levelform.backend.reconstructors.networks.uclid_net import TAU, VOXELS
from levelform.backend.reconstructors.uclid_net import COMPACT, PAPER, UCLIDNet

SIZE = 64
RADIUS = 0.6  # of the sphere in the images, volume units


def tiny(**changes):
    """Build a network of the paper's shape, small enough for a test."""
    torch.manual_seed(0)
    sizes = {"width": 4, "deep": 6, "skip": 3, "stages": (6, 5, 5), "camera_width": 4}
    framing = replace(COMPACT.framing, size=SIZE)
    return UCLIDNet(replace(COMPACT, framing=framing, depth_width=4, **sizes, **changes)).eval()


def look(azimuth, *, distance=3.2, orthographic=False):
    a = np.radians(azimuth)
    away = np.array([np.sin(a), -np.cos(a), 0.4])
    away /= np.linalg.norm(away)
    right = np.cross(-away, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(-away, right), -away], axis=1)
    pose[:3, 3] = distance * away
    focal = 0.4 * SIZE if orthographic else 42 / 36 * SIZE
    return Camera(pose, focal, focal, SIZE / 2, SIZE / 2, SIZE, SIZE, orthographic)


def sphere(camera):
    """Return the image (S, S, 4) and the depth (S, S) of a sphere."""
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    origins, directions = camera.rays(torch.stack([x, y], -1).double())
    a, b = directions.square().sum(-1), (origins * directions).sum(-1)
    root = b**2 - a * (origins.square().sum(-1) - RADIUS**2)
    depth = torch.where(root > 0, (-b - root.clamp_min(0).sqrt()) / a, torch.inf).float()
    shade = 0.3 + 0.6 * (1 - y / SIZE)
    image = torch.stack([shade, shade * 0.5, x / SIZE, depth.isfinite().float()], -1)
    return image, depth


def view(azimuth=20.0, **options):
    camera = look(azimuth, **options)
    return View(sphere(camera)[0], camera, name=f"at {azimuth:g}")


def surface(count=3000):
    points = torch.randn(1, count, 3, generator=torch.Generator().manual_seed(4))
    return RADIUS * points / points.norm(dim=-1, keepdim=True)


def batch_of(model, azimuths=(20.0, 140.0), orthographic=False):
    cameras = [look(a, orthographic=orthographic) for a in azimuths]
    images = [sphere(camera) for camera in cameras]
    poses, intrinsics = camera_tensors(cameras, torch.device("cpu"))
    return Batch(
        torch.stack([p.permute(2, 0, 1) for p, _ in images])[None],
        torch.zeros(1, 1, 3),
        torch.ones(1, 1),
        camera_from_volume=poses[None],
        intrinsics=intrinsics[None],
        orthographic=orthographic,
        surface=surface(),
        depth=torch.stack([d for _, d in images])[None],
    )


@torch.no_grad()
def volumes(model, batch, *, fuse=None, predicted_depth=False):
    """Return H_0 of a batch's views, or of its objects, as the training network computes it."""
    network = model.network
    grids = network.lift(*model.network_inputs(batch, predicted_depth=predicted_depth))
    return network.volume(grids, network.decoder_3D, fuse)


def code_with(model, shape=None):
    """Return a code whose occupied voxels are those of a sphere."""
    code = model.encode([view()])
    axis = (torch.arange(VOXELS) + 0.5) * 2 / VOXELS - 1
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    shell = (torch.sqrt(x**2 + y**2 + z**2) - 0.6).abs() < 0.05
    with torch.no_grad():
        weights = torch.zeros_like(model.network.decoder_occupancy.weight)
        weights[0, 0] = 1.0
        model.network.decoder_occupancy.weight.copy_(weights)
        model.network.decoder_occupancy.bias.zero_()
    grid = code.tensors["grid"].clone()
    grid[0] = torch.where(shell, 5.0, -5.0)
    return replace(code, tensors={**code.tensors, "grid": grid}), shell


# ---------------------------------------------------------------- sizes


def framed_as_inference(model, batch, views):
    """Return the batch with images and cameras as `prepare` makes them of the views."""
    images = model.prepare(views)
    poses, intrinsics = camera_tensors(
        [c.in_frame(model.method_from_volume) for c in images.cameras], torch.device("cpu")
    )
    return replace(
        batch,
        images=images.images[None],
        camera_from_volume=poses[None],
        intrinsics=intrinsics[None],
    )


def test_the_published_numbers_of_parameters():
    def count(module):
        return sum(p.numel() for p in module.parameters())

    with torch.device("meta"):
        network = UCLIDNet(PAPER).network
        assert count(network) == 26_860_141
        assert count(network.encoder_2D) == 11_166_912
        assert count(network.decoder_3D) == 15_505_256
        assert count(network.decoder_occupancy) == 9
        assert count(network.patch_sampler) == 25_664
        assert count(PoseNetwork()) == 10_665_799
        assert count(DepthNetwork()) == 25_905_729


def test_compact_networks_are_at_most_four_million():
    with torch.device("meta"):
        model = UCLIDNet(COMPACT)
    for network in (model.network, model.camera, model.depth):
        assert sum(p.numel() for p in network.parameters()) <= 4_000_000


# ---------------------------------------------------------------- patches


def test_every_patch_stays_in_its_voxel():
    model = tiny()
    code, shell = code_with(model)
    patches = model.patches(code)
    assert torch.equal(patches.voxels, shell.nonzero())
    low = patches.voxels[:, None] * (2 / VOXELS) - 1
    assert (patches.vertices >= low).all()
    assert (patches.vertices <= low + 2 / VOXELS).all()


def test_patches_are_the_training_networks_fold():
    model = tiny()
    code, _ = code_with(model)
    patches = model.patches(code, lattice=3)
    axis = torch.linspace(0, 1, 3)
    where = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(1, -1, 2)
    index = 17
    i, j, k = patches.voxels[index].tolist()
    z = code.tensors["grid"][8:, i, j, k]
    sampler, x = model.network.patch_sampler, where[0]
    x = torch.cat([z.expand(9, -1), x], 1)
    for group in ("1", "2"):
        x = torch.cat([z.expand(9, -1), x], 1) if group == "2" else x
        for step in ("1", "2", "3"):
            weight = sampler.get_submodule(f"conv{group}{step}").weight[:, :, 0, 0]
            norm = sampler.get_submodule(f"bn{group}{step}")
            x = x @ weight.T
            x = (x - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
            x = (x * norm.weight + norm.bias).relu()
    offset = (x @ sampler.conv3.weight[:, :, 0, 0].T).sigmoid()
    expected = (torch.tensor([i, j, k]) + offset) * 2 / VOXELS - 1
    torch.testing.assert_close(patches.vertices[index], expected, rtol=0, atol=1e-5)


def test_the_field_is_solid_inside_the_patches():
    model = tiny()
    code, _ = code_with(model)
    field = model.decode(code)
    inner = torch.zeros(1, 3)
    outer = torch.tensor([[0.0, 0.0, 0.85], [0.9, 0.9, 0.9]])
    assert (field(inner) < 0).all()
    assert (field(outer) > 0).all()


def test_decoding_twice_gives_the_same_field():
    model = tiny()
    code, _ = code_with(model)
    assert torch.equal(model.decode(code).grid, model.decode(code).grid)


# ---------------------------------------------------------------- views, cameras, depth


@pytest.mark.parametrize("fusion", ["mean", "sum"])
def test_equal_views_under_fusion(fusion):
    model = tiny()
    one = model.encode([view()], fusion=fusion).tensors["grid"]
    many = model.encode([view()] * 3, fusion=fusion).tensors["grid"]
    if fusion == "mean":
        torch.testing.assert_close(many, one, rtol=1e-4, atol=1e-5)
    else:
        assert (many - one).abs().max() > 1e-3


def test_encoding_is_the_training_networks_grid():
    model = tiny()
    batch = batch_of(model)
    views = [view(20.0), view(140.0)]
    depths = list(batch.depth[0])
    code = model.encode(views, depth=depths, fusion="mean")
    framed = framed_as_inference(model, batch, views)
    expected = volumes(model, framed, fuse=("mean", 2))[0]
    torch.testing.assert_close(code.tensors["grid"], expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_moves_the_code_little(monkeypatch, disturbed):
    model = disturbed(tiny())
    exact = model.encode([view()]).tensors["grid"]
    monkeypatch.setattr(folding, "has_bfloat16", lambda: True)
    actual = model.encode([view()]).tensors["grid"]
    assert actual.dtype == torch.float32
    error = (actual - exact).abs().max() / exact.abs().max()
    assert 0 < error < 0.03


def test_the_folded_decoder_follows_the_weights(disturbed):
    model = tiny()
    before = model.encode([view()]).tensors["grid"]
    disturbed(model)
    grids = model.lift([view()])
    with torch.no_grad():
        expected = model.network.decoder_3D(grids)[0]
    actual = model.encode([view()]).tensors["grid"]
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    assert (actual - before).abs().max() > 1e-2


def test_training_with_predicted_depth_sees_what_inference_sees():
    model = tiny()
    batch = framed_as_inference(model, batch_of(model, azimuths=(20.0,)), [view()])
    trained = volumes(model, batch, predicted_depth=True)[0]
    ground_truth = volumes(model, batch)[0]
    expected = model.encode([view()]).tensors["grid"]
    torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(ground_truth, expected, rtol=1e-2, atol=1e-2)


def test_given_depth_is_used_instead_of_the_regressed_one():
    model = tiny()
    depth = sphere(look(20))[1]
    code = model.encode([view()], depth=[depth])
    shell = code.tensors["depth_grid"].nonzero()
    centers = (shell + 0.5) * 2 / VOXELS - 1
    radius = centers.norm(dim=1)
    assert len(shell) > 50
    assert ((radius - RADIUS * model.scale).abs() < 0.08).all()


def test_an_estimated_camera_looks_at_the_centre():
    model = tiny()
    (camera,) = model.estimate_cameras([View(view().image, None, name="photo")])
    pixels, depth = camera.project(torch.zeros(1, 3, dtype=torch.float64))
    left, top, side = mask_square(view().image[..., 3], model.framing)
    assert pixels[0].tolist() == pytest.approx([left + side / 2, top + side / 2], abs=1e-3)
    assert 0 < float(depth) < model.configuration.reach


def test_estimated_depth_is_in_range_or_background():
    model = tiny()
    (depth,) = model.estimate_depths([view()])
    finite = depth[depth.isfinite()]
    assert (finite >= model.configuration.nearest - 1e-4).all()
    assert (finite <= model.configuration.farthest + 1e-4).all()


@pytest.mark.parametrize(
    ("changes", "call", "words"),
    [
        ({"camera_width": 0}, lambda m: m.encode([replace(view(), camera=None)]), "camera network"),
        ({"depth_width": 0}, lambda m: m.encode([view()]), "depth network"),
        ({}, lambda m: m.encode([view()], fusion="max"), "max"),
        ({}, lambda m: m.decode(Code("disn", {})), "disn"),
    ],
)
def test_wrong_requests_are_one_sentence(changes, call, words):
    torch.manual_seed(0)
    base = tiny().configuration
    with pytest.raises(RequestError, match=words):
        call(UCLIDNet(replace(base, **changes)).eval())


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_coarse_depth_map_fills_the_voxels_that_a_fine_one_does(step):
    model, seen = tiny(), look(20.0)
    image, depth = sphere(seen)
    grids = [
        model.encode([View(image, seen)], depth=[d]).tensors["depth_grid"]
        for d in (F.interpolate(depth[None, None], scale_factor=3)[0, 0], depth[::step, ::step])
    ]
    beside = F.max_pool3d(grids[1][None], 3, 1, 1)[0]
    assert grids[0].sum() > 100
    assert beside[grids[0] > 0].mean() > 0.9  # all but the rim


# ---------------------------------------------------------------- occupied voxels


def test_symmetric_objects_have_the_more_probable_patch_on_both_sides():
    model = tiny(symmetry=True)
    view = View(*sphere(look(40))[:1], look(40))
    code = model.encode([view])
    logits = model.voxel_logits(code)
    own = model.voxel_logits(code, symmetry=False)
    assert (logits == logits.flip(0)).all()
    torch.testing.assert_close(logits, (own + own.flip(0)) / 2)
    assert (own - own.flip(0)).abs().max() > 1e-4
    volume = model.coarse_volume(code)
    assert (volume == volume.flip(0)).all()
    patches = model.patches(code, lattice=3)
    assert (patches.voxels == volume.nonzero()).all()
    patch = {tuple(v): x for v, x in zip(patches.voxels.tolist(), patches.vertices, strict=True)}
    alone = model.patches(code, lattice=3, symmetry=False)
    likely = dict.fromkeys(patch, 0)
    for voxel, vertices in zip(alone.voxels.tolist(), alone.vertices, strict=True):
        x, y, z = voxel
        if (x, y, z) in patch and own[x, y, z] > own[27 - x, y, z]:
            likely[x, y, z] += 1
            torch.testing.assert_close(patch[x, y, z], vertices)
            other = vertices * torch.tensor([-1.0, 1.0, 1.0])
            torch.testing.assert_close(patch[27 - x, y, z], other)
    assert sum(likely.values()) > 100


def test_imported_weights_keep_the_authors_threshold():
    probability = torch.rand(28, 28, 28, generator=torch.Generator().manual_seed(0)) / 2
    for legacy in (False, True):
        authors = probability > TAU
        same = (tiny(legacy=legacy).occupied(probability) == authors).all()
        assert same == legacy


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("orthographic", [False, True])
def test_the_losses_reach_every_parameter(orthographic, monkeypatch):
    monkeypatch.setattr(uclid_net, "MOST_FOLDED", 100)
    model = tiny().train()
    with torch.no_grad():  # some voxels must be occupied for the fold to learn
        model.network.decoder_occupancy.bias.fill_(0.0)
    batch = batch_of(model, orthographic=orthographic)
    terms = model.loss(batch, torch.Generator().manual_seed(0))
    total = terms["loss"] + model.camera_loss(batch)["loss"] + model.depth_loss(batch)["loss"]
    assert total.isfinite()
    total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A norm takes away what a bias before it adds.
        if not name.startswith("depth.layer") or not name.endswith("bias"):
            assert parameter.grad.abs().sum() > 0, name


def test_warm_up_is_occupancy_alone():
    model = tiny().train()
    terms = model.loss(batch_of(model), torch.Generator().manual_seed(0), warm_up=True)
    assert set(terms) == {"loss", "occupancy"}
    torch.testing.assert_close(terms["loss"], 100 * terms["occupancy"])


def test_no_occupied_voxel_is_no_chamfer_term():
    model = tiny().train()
    with torch.no_grad():
        model.network.decoder_occupancy.bias.fill_(-50.0)
    terms = model.loss(batch_of(model), torch.Generator().manual_seed(0))
    assert terms["chamfer"] == 0
    assert terms["loss"].isfinite()


def test_patches_of_all_images_folded_at_once_are_those_of_each_alone():
    network = tiny().network  # in evaluation norms do not mix images
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        codes = torch.randn(2, 32, *[VOXELS] * 3, generator=generator)
        logits = torch.randn(2, *[VOXELS] * 3, generator=generator)
        logits[0, 20:] = -9  # not the same number of voxels in both
        draw = torch.Generator().manual_seed(0)
        clouds = network.clouds(codes, logits, samples=2, most=VOXELS**3, generator=draw)
        voxels = [(each.sigmoid() > TAU).nonzero() for each in logits]
        draw = torch.Generator().manual_seed(0)
        uv = torch.rand(sum(map(len, voxels)), 2, 2, generator=draw)
        parts = zip(codes, voxels, uv.split([len(v) for v in voxels]), strict=True)
        for cloud, (code, inside, of) in zip(clouds, parts, strict=True):
            alone = network.fold(code[:, *inside.unbind(1)].T, inside, of).flatten(0, 1)
            torch.testing.assert_close(cloud, alone, rtol=1e-4, atol=1e-6)
    assert len(clouds[0]) != len(clouds[1])


def test_no_more_patches_are_folded_than_allowed():
    network = tiny().network
    logits = torch.full((1, *[VOXELS] * 3), 9.0)
    clouds = network.clouds(
        torch.zeros(1, 32, *[VOXELS] * 3), logits, samples=3, most=40, generator=None
    )
    assert clouds[0].shape == (120, 3)


def test_the_camera_loss_is_zero_for_the_true_camera():
    model = tiny()
    batch = batch_of(model)

    class TrueCamera(torch.nn.Module):
        def forward(self, images):
            return batch.camera_from_volume[0, :, :3]

    model.camera = TrueCamera()
    assert model.camera_loss(batch)["loss"] < 1e-6


@pytest.mark.parametrize("missing", ["surface", "depth", "camera_from_volume"])
def test_a_batch_that_lacks_something_is_refused(missing):
    model = tiny()
    with pytest.raises(RequestError, match="missing"):
        model.loss(replace(batch_of(model), **{missing: None}))


def test_depth_is_estimated_for_a_camera_at_any_distance():
    model = tiny()
    near, far = view(), replace(view(), camera=moved_back(view().camera, 5.0))
    first, second = model.estimate_depths([near, far])
    where = first.isfinite() & second.isfinite()
    assert where.any()
    distances = [float(np.linalg.norm(v.camera.center)) for v in (near, far)]
    framing = model.framing
    beyond = [d - min(max(d, framing.near), framing.far) for d in distances]
    shares = [
        ((d - b)[d.isfinite()]).aminmax() for d, b in zip((first, second), beyond, strict=True)
    ]
    for low, high in shares:
        assert low >= model.configuration.nearest - 1e-4
        assert high <= model.configuration.farthest + 1e-4
    assert beyond[1] > 1.0


def moved_back(camera, distance):
    """Return a camera farther away along its axis, zoomed so that its image stays nearly."""
    pose = camera.world_from_camera.copy()
    factor = distance / np.linalg.norm(pose[:3, 3])
    pose[:3, 3] *= factor
    return replace(camera, world_from_camera=pose, fx=camera.fx * factor, fy=camera.fy * factor)


@pytest.mark.parametrize("legacy", [False, True])
def test_all_networks_of_imported_weights_see_edges_cut_at_one_half(legacy):
    model = tiny(legacy=legacy)
    image = torch.full((1, 4, 2, 2), 0.2)
    image[0, 3] = torch.tensor([[0.0, 0.4], [0.6, 1.0]])
    expected = [[1.0, 1.0], [0.2, 0.2]] if legacy else [[1.0, 0.68], [0.52, 0.2]]
    for seen in (model.network_images(image), model.camera_input(image)):
        torch.testing.assert_close(seen[0, 0], torch.tensor(expected))


def test_a_views_own_depth_takes_the_place_of_the_estimate():
    model = tiny()
    camera = look(20.0)
    image, depth = sphere(camera)
    without, own = View(image, camera), View(image, camera, "own", depth)
    given = model.encode([without], depth=[depth])
    taken = model.encode([own])
    estimated = model.encode([without])
    same = (taken.tensors["depth_grid"] == given.tensors["depth_grid"]).float().mean()
    assert same > 0.995
    assert not torch.equal(taken.tensors["depth_grid"], estimated.tensors["depth_grid"])
