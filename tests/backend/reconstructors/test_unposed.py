"""Levelform's copy for unposed images: estimated cameras in training, its start, its codes."""

import math
from dataclasses import replace

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.encoders.upright import Sightings
from levelform.backend.fusion import camera_tensors
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.images.framing import frame_views
from levelform.backend.reconstructors.base import Batch
from levelform.backend.reconstructors.levelform import Levelform
from levelform.backend.reconstructors.unposed import (
    OFFSET,
    ZOOM,
    cameras_of,
    framed_by,
    reflected,
    with_estimated_cameras,
)
from levelform.backend.training.parts import changed, with_part
from setups.levelform import SIZE, TINY
from setups.levelform import tiny as make


@pytest.fixture
def view(photograph, aim):
    return photograph(Camera(aim((2, -2, 1.5), (0, 0, 0)), 60, 60, 32, 32, 64, 64))


def batch_of(model, views):
    """Return a batch of objects, one image each, framed by their masks."""
    framed = frame_views([View(v.image, None, v.name) for v in views], model.framing)
    points = torch.rand(len(views), 40, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(framed.images[:, None], points, (points.norm(dim=-1) < 0.8).float())


def sightings(**changes):
    """Return how two images were taken, the second one of a larger, shifted frame."""
    plain = Sightings(
        azimuth=torch.tensor([0.4, -2.0]),
        elevation=torch.tensor([0.1, 0.5]),
        zoom=torch.tensor([0.0, 0.3]),
        offset=torch.tensor([[0.0, 0.0], [0.1, -0.2]]),
    )
    return replace(plain, **changes)


def test_images_in_training_are_framed_as_in_use(view, points):
    """The batch's images and cameras are those of an encoded view, up to resampling."""
    model = make()
    batch = batch_of(model, [view])
    estimated = with_estimated_cameras(model.camera, batch, model.framing, disturbed=False)
    code = model.encode([View(view.image, None, view.name)])
    poses, intrinsics = camera_tensors(model.estimate_cameras([view]), torch.device("cpu"))
    torch.testing.assert_close(estimated.camera_from_volume[0], poses, atol=1e-5, rtol=0)
    torch.testing.assert_close(estimated.intrinsics[0], code.tensors["lenses"], atol=1e-4, rtol=0)
    assert (estimated.images[0, 0, 3] - code.tensors["alpha"][0]).abs().mean() < 0.03
    assert intrinsics.shape == (1, 4)


def test_a_frame_is_centered_and_scaled():
    images = torch.zeros(2, 4, SIZE, SIZE)
    images[:, :, 12:20, 12:20] = 1.0  # a square in the middle
    plain, moved = framed_by(images, sightings())
    torch.testing.assert_close(plain, images[0])
    rows, columns = (moved[3] > 0.5).nonzero(as_tuple=True)
    zoom = math.exp(0.3)
    middle = (SIZE - 1) / 2
    assert float(columns.float().mean()) == pytest.approx(middle - 0.1 * SIZE / 2 / zoom, abs=0.6)
    assert float(rows.float().mean()) == pytest.approx(middle + 0.2 * SIZE / 2 / zoom, abs=0.6)
    assert len(columns.unique()) == pytest.approx(8 / zoom, abs=1)


def test_the_cameras_look_at_the_center():
    poses, intrinsics = cameras_of(sightings(), TINY.framing)
    center = poses[:, :3, 3]
    torch.testing.assert_close(center[:, :2], torch.zeros(2, 2))
    assert (intrinsics[:, 2:] == SIZE / 2).all()


def test_errors_are_added_by_seed_and_in_training_alone(view):
    model = make()
    batch = batch_of(model, [view] * 40)

    def poses(seed, *, disturbed=True):
        torch.manual_seed(seed)
        made = with_estimated_cameras(model.camera, batch, model.framing, disturbed=disturbed)
        return torch.cat([made.camera_from_volume.flatten(), made.images.flatten()])

    assert torch.equal(poses(0), poses(0))
    assert not torch.equal(poses(0), poses(1))
    assert torch.equal(poses(0, disturbed=False), poses(1, disturbed=False))
    assert 0 < ZOOM < 0.2
    assert 0 < OFFSET < 0.1


def test_the_camera_network_is_left_alone(view):
    model = make().train()
    before = {n: b.clone() for n, b in model.camera.named_buffers()}
    model.unposed_loss(batch_of(model, [view] * 2))["loss"].backward()
    assert all(torch.equal(b, before[n]) for n, b in model.camera.named_buffers())
    assert model.camera.training
    learned = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert learned == {"unposed"}


def test_gradients_reach_every_parameter(view, silent):
    model = make().train()
    loss = model.unposed_loss(batch_of(model, [view] * 3))["loss"]
    assert silent(model.unposed, loss) == []


def test_the_copy_starts_as_the_network_of_posed_images(view, points, disturbed):
    plain = disturbed(make(unposed=False))
    grown = with_part(plain, "unposed", seed=1)
    for name, tensor in grown.unposed.state_dict().items():
        assert torch.equal(tensor, plain.state_dict()[name])
    image = View(view.image, None, view.name)
    one = plain.decode(plain.encode([image]))(points)
    both = grown.eval().decode(grown.encode([image]))
    torch.testing.assert_close(both.leading(points), one)


def test_unposed_images_alone_are_its_own(view, points, disturbed):
    model = disturbed(make())
    without = Levelform(replace(TINY, unposed=False)).eval()
    state = {n: t for n, t in model.state_dict().items() if not n.startswith("unposed.")}
    without.fill(state, source="the same")
    image = View(view.image, None, view.name)
    posed, unposed = (m.decode(m.encode([view])) for m in (model, without))
    assert torch.equal(posed(points), unposed(points))
    own, other = (m.decode(m.encode([image])) for m in (model, without))
    assert (own(points) - other(points)).abs().max() > 0.01
    with pytest.raises(RequestError, match="of unposed images, for which"):
        without.decode(model.encode([image]))
    with pytest.raises(RequestError, match="lack a network of unposed images"):
        without.unposed_loss(batch_of(model, [view]))


def test_a_code_keeps_its_network_in_a_file(view, points, tmp_path, disturbed):
    model = disturbed(make())
    code = model.encode([View(view.image, None, view.name)])
    code.save(tmp_path / "code.safetensors")
    again = type(code).load(tmp_path / "code.safetensors")
    torch.testing.assert_close(model.decode(again)(points), model.decode(code)(points))
    with pytest.raises(RequestError, match="other shape"):
        code.lerp(model.encode([view]), 0.5)


def test_the_copy_takes_new_ideas_too(view, points):
    small = make(symmetry=False, confidence=False)
    large = changed(small, {"confidence": True, "symmetry": True}).eval()
    image = View(view.image, None, view.name)
    without = large.decode(large.encode([image]), symmetry=False)
    torch.testing.assert_close(
        without(points), small.decode(small.encode([image]))(points), atol=1e-5, rtol=1e-4
    )


def test_the_reflected_image_is_decoded_too(view, points, disturbed):
    """A reflected image gives the reflected field, up to rounding."""
    model = disturbed(make())
    image = View(view.image, None, view.name)
    (flipped,) = reflected([view])
    assert flipped.camera is None
    assert torch.equal(flipped.image, view.image.flip(1))
    one, two = (model.decode(model.encode([v])) for v in (image, flipped))
    other = points * torch.tensor([-1.0, 1, 1])
    torch.testing.assert_close(one.leading(points), two.other(other), atol=1e-4, rtol=1e-4)
    values = torch.stack([one.leading(points), one.other(points)])
    torch.testing.assert_close(one(points), values.mean(0), atol=1e-4, rtol=1e-4)
    assert (values[0] - values[1]).abs().max() > 0.01
    mixed = model.decode(model.encode([view, image]))  # a posed image stays as it is
    assert mixed(points).isfinite().all()
    assert not hasattr(mixed, "leading")
