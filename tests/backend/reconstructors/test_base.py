"""Codes, weights, frames and the checks that every method shares, on a method of two numbers."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from levelform.backend import reconstructors
from levelform.backend.contract.errors import RequestError
from levelform.backend.fields import Field
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.frames import shapenet_frame
from levelform.backend.geometry.views import View
from levelform.backend.images.framing import Framing
from levelform.backend.reconstructors import base, registry
from levelform.backend.reconstructors.base import (
    Batch,
    Code,
    Configuration,
    MethodSpec,
    Reconstructor,
)
from torch import nn

FRAMING = Framing(size=8, near=1.0, far=9.0)


@dataclass(frozen=True)
class PlaneConfiguration(Configuration):
    framing: Framing = FRAMING
    sizes: tuple[int, ...] = (1, 2)


class Plane(Field):
    def __init__(self, height):
        self.height = height

    def __call__(self, points):
        return points[:, 2] - self.height


class PlaneMethod(Reconstructor):
    """A plane as high as the image is opaque."""

    spec = MethodSpec("plane", "Plane", "", "", max_views=3, fusions=("mean", "max"))
    configuration_class = PlaneConfiguration
    configurations = {"compact": PlaneConfiguration()}

    def __init__(self, configuration=None):
        super().__init__(configuration or PlaneConfiguration())
        self.layer = nn.Linear(1, 1)

    def encode(self, views, **options):
        return Code("plane", {"height": self.prepare(views).images[:, 3].mean()[None]})

    def decode(self, code, **options):
        return Plane(code.tensors["height"])


@pytest.fixture
def plane(monkeypatch):
    monkeypatch.setitem(registry._REGISTRY, "plane", PlaneMethod)
    return PlaneMethod()


def code(*numbers, method="plane"):
    return Code(method, {"z": torch.tensor(numbers), "n": torch.tensor([3])}, {"size": 2})


# ---------------------------------------------------------------- codes


def test_code_round_trip(tmp_path):
    code(1.0, 2.0).save(tmp_path / "c.safetensors")
    again = Code.load(tmp_path / "c.safetensors")
    assert again.method == "plane"
    assert again.meta == {"size": 2}
    assert torch.equal(again.tensors["z"], torch.tensor([1.0, 2.0]))


def test_code_average_and_blend():
    mean = Code.average([code(1.0, 2.0), code(3.0, 2.0), code(5.0, 8.0)])
    assert torch.allclose(mean.tensors["z"], torch.tensor([3.0, 4.0]))
    assert mean.tensors["n"].tolist() == [3]
    quarter = code(0.0, 4.0).lerp(code(4.0, 0.0), 0.25)
    assert quarter.tensors["z"].tolist() == [1.0, 3.0]


def test_average_of_equal_codes_is_the_code():
    one = code(0.1, 1 / 3)
    assert torch.equal(Code.average([one] * 24).tensors["z"], one.tensors["z"])


def posed(camera, z, **meta):
    return Code("plane", {"z": torch.tensor([z]), "pose": camera}, meta, frozenset({"pose"}))


def test_cameras_are_never_blended(tmp_path):
    camera = torch.eye(4)
    turned = torch.tensor([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    middle = posed(camera, 1.0).lerp(posed(camera.clone(), 3.0), 0.5)
    assert middle.tensors["z"].item() == 2.0
    assert torch.equal(middle.tensors["pose"], camera)
    middle.save(tmp_path / "c.safetensors")
    again = Code.load(tmp_path / "c.safetensors")
    for one, other in (
        (posed(camera, 1.0), posed(turned, 3.0)),
        (again, posed(turned, 3.0)),
        (posed(camera, 1.0, frames=[0]), posed(camera, 3.0, frames=[1])),
    ):
        with pytest.raises(RequestError, match="different cameras"):
            one.lerp(other, 0.5)
        with pytest.raises(RequestError, match="different cameras"):
            Code.average([one, other])


def test_a_class_without_encode_or_decode_is_not_a_method():
    class Half(Reconstructor):
        def encode(self, views):
            return code(1.0)

    with pytest.raises(TypeError, match="abstract"):
        Half()


def test_codes_of_other_methods_or_shapes_don_t_blend():
    for other in (code(1.0, 2.0, method="disn"), code(1.0)):
        with pytest.raises(RequestError, match="can't be blended"):
            code(1.0, 2.0).lerp(other, 0.5)
    with pytest.raises(RequestError, match="No codes were given"):
        Code.average([])


def test_weights_are_no_code(tmp_path, plane):
    plane.save(tmp_path / "w.safetensors")
    with pytest.raises(RequestError, match="holds weights, not a code"):
        Code.load(tmp_path / "w.safetensors")


# ---------------------------------------------------------------- weights


def test_weights_round_trip(tmp_path, plane):
    plane.set_frame(shapenet_frame(1.0))
    path = tmp_path / "plane.safetensors"
    digest = plane.save(path, training={"data": "boxes"}, results={"iou": 0.5})
    again = reconstructors.load_reconstructor("plane", str(path), "cpu")
    assert again.configuration == PlaneConfiguration()
    assert torch.equal(again.layer.weight, plane.layer.weight)
    assert np.array_equal(again.method_from_volume, plane.method_from_volume)
    assert again.weights.hash == digest
    assert again.weights.name == "plane.safetensors"
    assert again.weights.training == {"data": "boxes"}
    assert again.weights.results == {"iou": 0.5}
    assert not again.training
    assert str(again.weights) == f"plane.safetensors {digest[:12]}"


def test_configuration_other_than_the_named_ones_travels_with_the_weights(tmp_path, plane):
    plane.configuration = replace(plane.configuration, sizes=(4, 5), framing=Framing(size=9))
    plane.save(tmp_path / "w.safetensors")
    again = PlaneMethod.load(tmp_path / "w.safetensors")
    assert again.configuration == plane.configuration


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: setattr(m, "layer", nn.Linear(2, 1)), r"layer.weight is \(1, 2\), not \(1, 1\)"),
        (lambda m: setattr(m, "layer", nn.Identity()), "it lacks layer.bias"),
        (lambda m: setattr(m, "other", nn.Linear(1, 1)), "no place for other.bias"),
        (lambda m: m.layer.bias.data.fill_(float("nan")), "not finite, in layer.bias"),
        (lambda m: setattr(m, "spec", replace(m.spec, name="disn")), "weights of disn, not"),
    ],
)
def test_wrong_weights_are_refused(tmp_path, plane, change, message):
    change(plane)
    plane.save(tmp_path / "w.safetensors")
    with pytest.raises(RequestError, match=message):
        PlaneMethod.load(tmp_path / "w.safetensors")


def test_missing_weights_say_how_to_get_them(plane):
    with pytest.raises(RequestError, match=r"no trained weights.*levelform train plane") as caught:
        reconstructors.load_reconstructor("plane", None, "cpu")
    assert "levelform import" not in caught.value.hint  # nobody has published any


def test_unknown_configuration_is_refused(plane):
    with pytest.raises(RequestError, match="no configuration 'huge'"):
        reconstructors.load_reconstructor("plane", "random", "cpu", configuration="huge")


def test_configuration_of_another_version_is_refused():
    data = PlaneConfiguration().to_json()
    with pytest.raises(RequestError, match="does not fit this version"):
        PlaneConfiguration.from_json({**data, "novelty": 1})


def test_random_weights_depend_on_the_seed_alone(plane):
    def load(seed):
        return reconstructors.load_reconstructor("plane", "random", "cpu", seed=seed)

    before = torch.random.get_rng_state()
    assert torch.equal(load(1).layer.weight, load(1).layer.weight)
    assert not torch.equal(load(1).layer.weight, load(2).layer.weight)
    assert torch.equal(torch.random.get_rng_state(), before)


# ---------------------------------------------------------------- borders


def test_shapenet_axes():
    matrix = shapenet_frame(1.0)
    moved = matrix[:3, :3] @ np.array([[0, -0.9, 0], [0, 0, 0.9], [0.9, 0, 0]]).T
    # The front goes to +X, the top to +Y, so the right (+X) goes to -Z.
    assert np.allclose(moved.T, [[0.5, 0, 0], [0, 0.5, 0], [0, 0, -0.5]])


def test_to_method_and_scale(plane):
    plane.set_frame(shapenet_frame(0.9))
    points = plane.to_method(torch.tensor([[0.2, -0.4, 0.6]]))
    assert torch.allclose(points, torch.tensor([[0.2, 0.3, -0.1]]))
    assert plane.scale == pytest.approx(0.5)


def test_frames_that_shear_or_mirror_are_refused(plane):
    for matrix in (np.diag([1.0, 2, 1, 1]), np.diag([-1.0, 1, 1, 1]), np.full((4, 4), np.nan)):
        with pytest.raises(RequestError, match="frame is"):
            plane.set_frame(matrix)


def test_prepare_moves_cameras_to_the_methods_frame(plane, cameras, photograph):
    plane.set_frame(shapenet_frame(1.0))
    view = photograph(cameras[0])
    framed = plane.prepare([view]).cameras[0]
    points = torch.rand(5, 3).double() - 0.5
    direct = base.frame_views([view], plane.framing).cameras[0]
    pixels, depth = framed.project(plane.to_method(points))
    wanted, far = direct.project(points)
    assert torch.allclose(pixels, wanted)
    assert torch.allclose(depth, far * plane.scale)


def test_number_of_views_is_checked(plane):
    view = View(torch.ones(4, 4, 4))
    with pytest.raises(RequestError, match="Plane takes at least 1 view, not 0"):
        plane.prepare([])
    with pytest.raises(RequestError, match="Plane takes at most 3 views, not 4"):
        plane.prepare([view] * 4)


def test_missing_camera_is_named(plane, monkeypatch):
    monkeypatch.setattr(PlaneMethod, "spec", replace(PlaneMethod.spec, needs_camera=True))
    camera = Camera(np.diag([1.0, -1, -1, 1]), 4, 4, 2, 2, 4, 4)
    views = [View(torch.ones(4, 4, 4), camera), View(torch.ones(4, 4, 4), name="mug.png")]
    with pytest.raises(RequestError, match=r"camera for every image; mug\.png has none"):
        plane.prepare(views)


def test_fusion_and_code_are_checked(plane):
    assert plane.check_fusion(None) == "mean"
    assert plane.check_fusion("max") == "max"
    with pytest.raises(RequestError, match="can't fuse views by 'sum'"):
        plane.check_fusion("sum")
    with pytest.raises(RequestError, match="A disn code can't be decoded by Plane"):
        plane.check_code(code(1.0, method="disn"))


def test_batch_moves_its_tensors():
    batch = Batch(torch.ones(1, 1, 4, 2, 2), torch.ones(1, 2, 3), torch.ones(1, 2))
    moved = batch.to("meta")
    assert moved.images.is_meta
    assert moved.points.is_meta
    assert moved.distances is None
