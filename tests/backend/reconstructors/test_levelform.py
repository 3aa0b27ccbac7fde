"""Levelform's own: sizes, switches, the baked field, several views, images without a camera."""

from dataclasses import replace

import pytest
import setups.levelform
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.encoders.upright import true_sightings
from levelform.backend.fields.hybrid import HybridField
from levelform.backend.fields.intersection import Intersection
from levelform.backend.fields.joined import JoinedField
from levelform.backend.fields.several_views import Round, SeveralViewsField
from levelform.backend.fields.view_silhouettes import pixel_distances
from levelform.backend.fusion import camera_tensors
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.images.cropping import cropped_camera
from levelform.backend.images.framing import frame_views, mask_square
from levelform.backend.reconstructors import Code, load_reconstructor
from levelform.backend.reconstructors.base import Batch
from levelform.backend.reconstructors.levelform import COMPACT, PAPER, Levelform
from levelform.backend.reconstructors.several import OWN_WEIGHTS, soft_iou
from levelform.backend.training.parts import changed
from setups.levelform import tiny

CPU = torch.device("cpu")
TINY = replace(setups.levelform.TINY, unposed=False)
SWITCHES = {
    "all": {},
    "no local features": {"local_features": False},
    "no camera coordinates": {"camera_coordinates": False},
    "no alpha": {"alpha": False},
    "no hyper": {"hyper": False},
    "no symmetry": {"symmetry": False},
    "no confidence": {"confidence": False},
    "one channel": {"channels": 1},
    "point alone": {"local_features": False, "camera_coordinates": False, "alpha": False},
}
variants = pytest.mark.parametrize("changes", SWITCHES.values(), ids=SWITCHES.keys())


def make(**changes):
    return tiny(**{"unposed": False, **changes})


def batch_of(model, objects, *, count=60):
    """Return a batch of objects' views, framed as the model frames them, with random labels."""
    generator = torch.Generator().manual_seed(1)
    images = [frame_views(views, model.framing) for views in objects]
    placed = [camera_tensors(p.cameras, CPU) for p in images]
    points = torch.rand(len(objects), count, 3, generator=generator) * 2 - 1
    return Batch(
        torch.stack([p.images for p in images]),
        points,
        (points.norm(dim=-1) < 0.8).float(),
        near=torch.rand(points.shape[:2], generator=generator) < 0.5,
        camera_from_volume=torch.stack([poses for poses, _ in placed]),
        intrinsics=torch.stack([intrinsics for _, intrinsics in placed]),
    )


@pytest.fixture
def views(photograph, cameras):
    return [photograph(camera, name=f"view {i}") for i, camera in enumerate(cameras)]


@pytest.fixture
def batch(views):
    return batch_of(make(), [views[:2], views[2:4]])


# ---------------------------------------------------------------- sizes


def parameters(configuration):
    with torch.device("meta"):
        model = Levelform(configuration)
    parts = (model.camera, model.several, model.unposed)
    camera, several, copy = (sum(p.numel() for p in part.parameters()) for part in parts)
    main = sum(p.numel() for p in model.parameters()) - camera - several - copy
    assert copy == main
    return main, camera, several


def test_sizes():
    assert sum(COMPACT.inputs.values()) == 39
    main, camera, several = parameters(COMPACT)
    assert main <= 4_000_000
    assert camera <= 4_000_000
    assert several <= 200_000
    main, *_ = parameters(PAPER)
    assert 25_000_000 <= main <= 40_000_000


@pytest.mark.parametrize(("name", "count"), [("place", 3), ("camera", 3), ("alpha", 1)])
def test_inputs_by_kind(name, count):
    assert COMPACT.inputs[name] == count


# ---------------------------------------------------------------- network


@variants
def test_gradients_reach_every_parameter(changes, views, silent):
    model = make(camera=False, **changes).train()
    batch = batch_of(model, [views[:2], views[2:4]])
    assert silent(model, model.loss(batch)["loss"]) == []


def test_gradients_reach_every_parameter_of_the_camera_network(batch, silent):
    model = make().train()
    assert silent(model.camera, model.camera_loss(batch)["loss"]) == []
    others = (p for n, p in model.named_parameters() if not n.startswith("camera."))
    assert all(p.grad is None for p in others)


def test_without_hyper_only_the_first_bias_depends_on_the_image():
    torch.manual_seed(1)
    embeddings = torch.randn(2, 10)
    for hyper in (True, False):
        layers = make(hyper=hyper).layers(embeddings)
        same = [torch.equal(part[0], part[1]) for layer in layers for part in layer]
        # weight and bias of each layer, the first layer's first
        assert same == ([False] * 6 if hyper else [True, False, True, True, True, True])


@variants
def test_each_switch_takes_away_what_it_says(changes, views, batch):
    """An image's colours, its mask and its camera matter where a switch leaves them in."""
    model = make(camera=False, **changes)
    encoded = model.encode_images(batch.images.flatten(0, 1))
    fixed = type(encoded)(torch.ones_like(encoded.embedding), encoded.maps)
    model.encode_images = lambda images: fixed  # only what g itself reads can differ
    before = model.logits(batch)
    mask = torch.cat([batch.images[:, :, :3], 1 - batch.images[:, :, 3:]], 2)
    moved = batch.camera_from_volume.clone()
    moved[..., 2, 3] += 1.0
    turned = torch.diag(torch.tensor([-1.0, -1, 1, 1])) @ batch.camera_from_volume

    def matters(**parts):
        return not torch.equal(model.logits(replace(batch, **parts)), before)

    config = model.configuration
    assert matters(images=mask) == config.alpha
    assert matters(camera_from_volume=moved) == (config.alpha or config.local_features)
    assert matters(camera_from_volume=turned) == config.reads_views


def test_loss_counts_near_and_other_points_the_same(batch):
    model = make(overlap=0.0)
    logits = model.logits(batch)
    probability = torch.where(batch.inside > 0, logits.sigmoid(), 1 - logits.sigmoid())
    entropy = -probability.log()
    expected = (entropy[batch.near].mean() + entropy[~batch.near].mean()) / 2
    actual = model.loss(batch)
    torch.testing.assert_close(actual["loss"], expected)
    plain = model.loss(replace(batch, near=None))
    torch.testing.assert_close(plain["loss"], entropy.mean())
    inside, true = (logits > 0)[~batch.near], (batch.inside > 0)[~batch.near]
    assert actual["iou"] == (inside & true).sum() / (inside | true).sum()


def test_the_loss_adds_what_the_overlap_of_each_object_lacks(batch):
    plain, counting = make(overlap=0.0), make(overlap=2.0)
    counting.load_state_dict(plain.state_dict())
    share = plain.logits(batch).sigmoid().detach()
    ious = []
    for index in range(len(share)):  # by hand, one object after the other
        even = ~batch.near[index]
        own, true = share[index][even], batch.inside[index][even]
        both = sum(float(s) for s, t in zip(own, true, strict=True) if t)
        either = float(own.sum()) + float(true.sum()) - both
        ious.append(both / either)
    expected = plain.loss(batch)["loss"] + 2 * (1 - sum(ious) / len(ious))
    torch.testing.assert_close(counting.loss(batch)["loss"], expected)


def test_a_sharp_answer_has_the_overlap_of_its_sets():
    inside = torch.tensor([[1.0, 1, 0, 0, 1], [0, 0, 0, 0, 0]])
    actual = torch.tensor([[1.0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    even = torch.tensor([[True, True, True, True, False]] * 2)
    assert soft_iou(actual[:1], inside[:1], even[:1]) == pytest.approx(1 / 3)
    assert soft_iou(actual, inside, even).isfinite()  # of nothing with nothing


def test_half_precision_keeps_coordinates(batch):
    """Under autocast only images are in bfloat16: near points keep apart."""
    model = make(local_features=False)
    close = replace(batch, points=batch.points[:, :1] + 1e-4 * torch.arange(20.0)[:, None])
    with torch.autocast("cpu", torch.bfloat16):
        logits = model.logits(close)
    assert logits.dtype == torch.float32
    assert (logits.diff(dim=1) != 0).float().mean() > 0.9


def test_no_cameras_no_training(batch):
    with pytest.raises(RequestError, match="posed images"):
        make().loss(replace(batch, camera_from_volume=None))
    with pytest.raises(RequestError, match="no camera network to train"):
        make().camera_loss(replace(batch, camera_from_volume=None))


def test_another_frame_is_refused():
    with pytest.raises(RequestError, match="volume's frame"):
        make().set_frame(2 * torch.eye(4).numpy())


# ---------------------------------------------------------------- fields


@variants
@pytest.mark.parametrize("count", [1, 3])
def test_baked_field_is_the_network(changes, count, views, points, disturbed):
    model = disturbed(make(**changes))
    batch = replace(batch_of(model, [views[:count]]), points=points[None])
    with torch.no_grad():
        logits = model.logits(batch)[0]
    field = model.decode(model.encode(views[:count]))
    assert logits.std() > 0.01
    assert (field(points) + logits).abs().max() < 1e-5 * max(1, logits.abs().max())


def test_orthographic_views_too(points, aim, photograph, disturbed):
    model = disturbed(make())
    camera = Camera(aim((2, -2, 1), (0, 0, 0)), 60, 60, 80, 80, 160, 160, orthographic=True)
    view = photograph(camera)
    batch = replace(batch_of(model, [[view]]), points=points[None], orthographic=True)
    with torch.no_grad():
        logits = model.logits(batch)[0]
    field = model.decode(model.encode([view]))
    assert (field(points) + logits).abs().max() < 1e-5 * max(1, logits.abs().max())


def test_views_may_come_in_any_order(views, points, disturbed):
    model = disturbed(make())
    actual = [model.decode(model.encode(v))(points) for v in (views, views[::-1])]
    torch.testing.assert_close(actual[0], actual[1], rtol=1e-5, atol=1e-5)


def test_codes_blend(views, points):
    model = make()
    swapped = replace(views[0], image=views[0].image[..., [2, 1, 0, 3]])
    one, two = (model.encode([view]) for view in (views[0], swapped))
    assert torch.equal(model.decode(one.lerp(two, 0.0))(points), model.decode(one)(points))
    assert model.decode(Code.average([one, two]))(points).isfinite().all()
    with pytest.raises(RequestError, match="different cameras"):
        one.lerp(model.encode([views[1]]), 0.5)


def test_kept_inside_the_hull(views, points):
    """The hull of the session's option: where it is positive, nothing is inside."""
    model = make()
    hull = load_reconstructor("visual-hull", device="cpu")
    walls = hull.decode(hull.encode(views))
    both = Intersection(model.decode(model.encode(views)), walls)
    assert (both(points)[walls(points) > 0] > 0).all()


# ---------------------------------------------------------------- symmetry


def larger(model, **changes):
    """Return the network with more ideas, made from the weights of one with fewer."""
    other = Levelform(replace(model.configuration, **changes)).eval()
    other.fill(model.state_for(other.configuration), source="the smaller one")
    return other


@pytest.mark.parametrize("hyper", [True, False])
def test_a_network_learns_on_with_more_ideas(views, points, disturbed, hyper):
    """Confidence changes nothing at first; mirror images then count as much as points."""
    small = disturbed(make(symmetry=False, confidence=False, hyper=hyper))
    mirrored = points * torch.tensor([-1.0, 1, 1])
    plain, sure, both = (
        model.decode(model.encode(views[:1]))
        for model in (
            small,
            larger(small, confidence=True),
            larger(small, confidence=True, symmetry=True),
        )
    )
    torch.testing.assert_close(sure(points), plain(points), rtol=1e-4, atol=1e-5)
    mean = (plain(points) + plain(mirrored)) / 2
    assert (plain(points) - mean).abs().max() > 0.01
    seen = plain._project(points)[1][0] & plain._project(mirrored)[1][0]
    torch.testing.assert_close(both(points)[seen], mean[seen], rtol=1e-4, atol=1e-5)


def test_symmetry_can_be_left_away(views, points, disturbed):
    model = disturbed(make())
    code = model.encode(views[:2])
    without = Levelform(replace(model.configuration, symmetry=False)).eval()
    state = {n: t for n, t in model.state_dict().items() if not n.startswith("trust.")}
    without.fill(state, source="the same")
    alone = model.decode(code, symmetry=False)(points)
    assert torch.equal(alone, without.decode(code)(points))
    assert not torch.allclose(alone, model.decode(code)(points), atol=0.01)


def test_trust_in_mirror_images_depends_on_the_image(views, disturbed):
    model = disturbed(make())
    gates = [model.decode(model.encode([view]))._gate for view in views[:2]]
    assert gates[0] != gates[1]
    assert torch.equal(make().decode(make().encode(views[:1]))._gate, torch.zeros(1))


# ---------------------------------------------------------------- images without a camera


def unposed(view):
    return View(view.image, None, view.name)


def test_an_image_without_a_camera(views, points):
    model = make()
    one = model.decode(model.encode([unposed(views[0])]))(points)
    assert one.isfinite().all()
    assert torch.equal(model.decode(model.encode(views[:1], camera="estimated"))(points), one)
    mixed = model.encode([views[1], unposed(views[0])])
    assert mixed.tensors["poses"].shape == (2, 4, 4)


def test_no_camera_network_is_said(views):
    model = make(camera=False)
    with pytest.raises(RequestError, match="no camera network"):
        model.encode([unposed(views[0])])
    alone = make(camera=False, local_features=False, camera_coordinates=False, alpha=False)
    alone.encode([unposed(views[0])])  # nothing of it needs a camera


def test_a_true_sighting_is_framed_as_the_true_camera(photograph, aim):
    """What the camera network is taught leads, where it is right, to the posed image."""
    model = make()
    for center in ((1.2, -2.6, 1.0), (-2.5, -3.0, 0.4), (0.3, 5.0, 2.0)):
        distance = float(torch.tensor(center).norm())
        focal = 200 * 42 / 36 * distance / 3.2
        camera = Camera(aim(center, (0, 0, 0)), focal, focal, 100, 100, 200, 200)
        view = photograph(camera)
        square = mask_square(view.image[..., 3], model.framing)
        poses, intrinsics = camera_tensors([cropped_camera(camera, square, 32)], CPU)
        true = true_sightings(
            poses, intrinsics, size=32, unit=model.framing.focal / 3.2, orthographic=False
        )
        model.camera.sightings = lambda images, true=true: true
        (actual,) = model.estimate_cameras([unposed(view)])
        assert abs(actual.forward - camera.forward).max() < 1e-5
        assert actual.width == camera.width
        middle, _ = actual.project(torch.zeros(3))
        torch.testing.assert_close(middle, torch.tensor([100.0, 100]), rtol=0, atol=1e-3)
        framed = [
            frame_views([v], model.framing).images for v in (view, replace(view, camera=actual))
        ]
        assert (framed[0] - framed[1]).abs().mean() < 1e-3


def test_camera_network_learns_where_images_were_taken_from(views):
    model = make(camera_stem=8, camera_widths=(8, 12))
    one = batch_of(model, [views[:3]])
    optimizer = torch.optim.Adam(model.camera.parameters(), 0.01)
    model.camera.eval()
    before = model.camera_loss(one)["d3D"]
    for _ in range(100):
        optimizer.zero_grad()
        model.camera_loss(one)["loss"].backward()
        optimizer.step()
    assert model.camera_loss(one)["d3D"] < 0.15 < before


def test_learns_one_object(views, learn):
    model = make(widths=(8, 12, 16, 20), hidden_width=16, camera=False)
    assert learn(model, views[0], encoder=model.trunk, steps=400, learning_rate=0.008) > 0.85


# ---------------------------------------------------------------- several views


def test_several_posed_views_have_a_network_of_their_own(views):
    model = make(several=5, fewest=2)
    assert isinstance(model.decode(model.encode(views[:3])), SeveralViewsField)
    assert isinstance(model.decode(model.encode(views[:1])), HybridField)
    unposed = [replace(view, camera=None) for view in views[:2]]
    assert isinstance(model.decode(model.encode(unposed)), HybridField)
    assert isinstance(model.decode(model.encode(views[:2], camera="estimated")), HybridField)
    assert isinstance(make(several=0).decode(make(several=0).encode(views[:3])), HybridField)


def test_a_code_of_several_views_needs_weights_that_know_them(views, tmp_path):
    model = make(several=5)
    code = model.encode(views[:2])
    code.save(tmp_path / "code.safetensors")
    again = Code.load(tmp_path / "code.safetensors")
    points = torch.rand(200, 3) - 0.5
    torch.testing.assert_close(
        model.decode(again)(points), model.decode(code)(points), atol=1e-5, rtol=1e-5
    )
    with pytest.raises(RequestError, match="is of several views"):
        make(several=0).decode(code)


def test_the_network_of_several_views_learns_alone(views):
    """It overfits a ball: the loss falls, and nothing else has a gradient."""
    model = make(several=5)
    framed = frame_views(views[:4], model.framing)
    poses, intrinsics = camera_tensors(framed.cameras, CPU)
    vectors, maps = model.described(framed.images)
    alphas = framed.images[:, 3].numpy()
    distances = torch.stack([torch.from_numpy(pixel_distances(alpha)) for alpha in alphas])
    points = torch.rand(1, 400, 3, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.7
    batch = Round(
        vectors[None], distances[None], poses[None], intrinsics[None],
        torch.full((1, 4, *maps[0].shape[-2:]), torch.inf), points,
        (points.norm(dim=-1) < 0.4).float(), tuple(level[None] for level in maps),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.several.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.several_loss(batch)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    learned = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert learned == {"several"}


def test_describing_images_leaves_the_encoders_statistics_alone(views):
    model = make(several=5).train()
    before = {n: b.clone() for n, b in model.trunk.named_buffers()}
    model.described(frame_views(views[:2], model.framing).images)
    assert all(torch.equal(b, before[n]) for n, b in model.trunk.named_buffers())
    assert model.trunk.training


@torch.no_grad()
@pytest.mark.parametrize(("count", "camera"), [(1, "given"), (1, "estimated"), (2, "given")])
def test_of_few_views_both_networks_are_averaged(views, count, camera):
    model = make(several=5)
    field = model.decode(model.encode(views[:count], camera=camera))
    assert isinstance(field, JoinedField)
    assert field.weight == OWN_WEIGHTS[count]
    points = torch.rand(200, 3) - 0.5
    g = make(several=0).decode(make(several=0).encode(views[:count], camera=camera))
    torch.testing.assert_close(field.other(points), g(points))
    alone = model.decode(model.encode([*views, *views][:8]))
    assert isinstance(alone, SeveralViewsField)


@torch.no_grad()
def test_a_trained_network_may_be_given_a_context_network(views):
    model = make(several=5, context=0)
    grown = changed(model, {"context": 8}).eval()
    points = torch.rand(200, 3) - 0.5
    before, after = (m.decode(m.encode(views[:3]))(points) for m in (model, grown))
    torch.testing.assert_close(before, after)
    torch.nn.init.normal_(grown.several.context.last.weight)
    assert not torch.allclose(before, grown.decode(grown.encode(views[:3]))(points))


def test_earlier_weights_lack_the_newest_networks():
    stored = replace(TINY, context=0, fewest=2).to_json()
    newest = ("several", "context", "fewest", "unposed")
    entries = {k: v for k, v in stored.items() if k not in newest}
    assert type(TINY).from_json(entries) == replace(TINY, context=0, fewest=2)
