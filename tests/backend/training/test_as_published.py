"""Training as published: ImageNet starts, fused views, inferred cameras, silhouettes, PASCAL3D+."""

import json
from dataclasses import replace

import pytest
import torch
from levelform.backend import cli
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.format import DatasetWriter
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.data.render.augment import rescale
from levelform.backend.encoders.camera_estimates import rigid_cameras
from levelform.backend.encoders.resnet import ResNet
from levelform.backend.geometry.projection import project
from levelform.backend.images.framing import OURS
from levelform.backend.reconstructors import find_method
from levelform.backend.training.imagenet import start_from_imagenet
from levelform.backend.training.parts import find_recipe, fresh

CONTENTS = Contents(points={"uniform": 300, "near": 300}, surface=50, views=3, size=32,
                    cameras="levelform", passes=("depth",))  # fmt: skip
TINY = {
    "disn": ["width=4", "hidden=8", "features=8", "point_widths=[4,4,4]", "decoder_widths=[4,4]",
             "picture=32", "framing.size=32"],
    "deep-meta-functionals": ["width=4", "blocks=2", "hidden_width=8", "framing.size=32"],
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "tables"
    with DatasetWriter(folder, provenance={"source": {}}) as writer:
        for seed, split in enumerate(("train", "train", "val")):
            writer.add(replace(record_of_shape("table", seed, CONTENTS), split=split))
    return folder


def train(data, out, method, *words):
    quiet = ["--device", "cpu", "--validation-shapes", "1", "--log-every", "1", "--json"]
    plain = ["train", method, "--data", str(data), "--out", str(out), "--steps", "2"]
    return cli.main([*plain, "--batch", "2", *words, "--set", *TINY[method], *quiet])


def test_an_encoder_starts_from_torchvisions_names(tmp_path):
    model = fresh(find_method("tdgn"), "compact", {"width": 4, "features": 8}, seed=0)
    lent = ResNet(width=4, outputs=1000)
    torch.save(lent.state_dict(), tmp_path / "resnet18.pth")
    before = model.state_dict()["feature.fc.weight"].clone()
    assert start_from_imagenet(model, tmp_path / "resnet18.pth") > 50
    own = model.state_dict()
    assert torch.equal(own["feature.conv1.weight"], lent.state_dict()["conv1.weight"])
    assert torch.equal(own["feature.fc.weight"], before)  # ImageNet's classes are not taken


def test_vggs_fully_connected_layers_become_convolutions(tmp_path):
    model = fresh(find_method("disn"), "compact", {"width": 2, "hidden": 6, "picture": 32,
                  "batch_norm": False, "camera_norm": False}, seed=0)  # fmt: skip
    vgg = model.get_submodule(model.image_encoder)
    lent = {"features.0.weight": torch.randn(2, 3, 3, 3),
            "classifier.0.weight": torch.randn(6, vgg.fc6.weight[0].numel())}  # fmt: skip
    torch.save(lent, tmp_path / "vgg16.pth")
    assert start_from_imagenet(model, tmp_path / "vgg16.pth") == 2
    taken = model.get_submodule(model.image_encoder).fc6.weight
    assert torch.equal(taken.flatten(1), lent["classifier.0.weight"])


def test_a_file_that_fits_nothing_is_refused(tmp_path):
    model = fresh(find_method("tdgn"), "compact", {"width": 4}, seed=0)
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "wide.pth")
    with pytest.raises(RequestError, match="No tensor"):
        start_from_imagenet(model, tmp_path / "wide.pth")
    deep = fresh(find_method("deep-meta-functionals"), "compact", {}, seed=0)
    with pytest.raises(RequestError, match="no image encoder"):
        start_from_imagenet(deep, tmp_path / "wide.pth")


def test_views_are_fused_in_the_loss(data, tmp_path, capsys):
    assert train(data, tmp_path / "a", "disn", "--views", "2", "--fusion", "max") == 0
    assert json.loads(capsys.readouterr().out)["done"]
    assert train(data, tmp_path / "b", "disn", "--fusion", "max") == 2
    assert "nothing to fuse" in capsys.readouterr().out


def test_disns_3d_cnn_trains_from_one_command(data, tmp_path, capsys):
    points = ["--points", "uniform=100", "--preset", "3d-cnn", "--configuration", "compact"]
    sizes = [*TINY["disn"], "streams=volume", "volume_widths=[4,4,4,2,2,2]"]
    plain = ["train", "disn", "--data", str(data), "--out", str(tmp_path / "a"), "--steps", "2"]
    quiet = ["--device", "cpu", "--validation-shapes", "1", "--log-every", "1", "--json"]
    assert cli.main([*plain, "--batch", "2", *points, "--set", *sizes, *quiet]) == 0
    assert json.loads(capsys.readouterr().out)["done"]


def test_deep_meta_learns_from_silhouettes_alone(data, tmp_path, capsys):
    words = ("--preset", "silhouettes")
    assert train(data, tmp_path / "a", "deep-meta-functionals", *words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["done"]
    assert 0 < told["latest"]["loss"] < 1


def test_papers_recipes_are_what_the_papers_say():
    srn = find_recipe("sdf-srn", preset="paper")
    assert not srn.sampling.fixed_view  # all images of an object are samples
    pascal = find_recipe("sdf-srn", preset="paper-pascal3d")
    assert pascal.phases[-1].steps == 30_000
    assert pascal.sampling.augment == ("colors", "rescale")
    assert pascal.sampling.augmented == 1.0
    deep = find_recipe("deep-meta-functionals", preset="paper")
    assert deep.sampling.augment == ("channels",)
    assert deep.steps == pytest.approx(20 * 24 * 30_661 / deep.sampling.objects, rel=0.01)
    uclid = find_recipe("uclid-net", preset="paper")
    assert all(phase.options["predicted_camera"] for phase in uclid.phases)
    with pytest.raises(RequestError, match="no paper-pascal3d recipe"):
        find_recipe("disn", preset="paper-pascal3d")


def test_disns_rates_fall_every_200_000_samples():
    for part, rate in (("main", 1e-4), ("camera", 1e-4)):
        recipe = find_recipe("disn", part, preset="paper")
        (phase,) = recipe.phases
        stair = 200_000 // recipe.sampling.objects
        for k in (1, 2, 5):
            before, after = (phase.learning_rate_at(k * stair + d) for d in (-2, 2))
            assert before == pytest.approx(rate * 0.9 ** (k - 1))
            assert after == pytest.approx(rate * 0.9**k)
        assert phase.learning_rate_at(phase.steps - 1) >= 0.009 * rate


def test_a_predicted_similarity_becomes_a_rigid_camera_of_the_same_image():
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    rotation = rotation * torch.linalg.det(rotation).sign()
    matrices = torch.cat([1.7 * rotation, torch.tensor([[0.1], [0.2], [5.0]])], 1)[None]
    extrinsics, intrinsics = rigid_cameras(matrices, 2.0, OURS)
    torch.testing.assert_close(extrinsics[0, :3, :3], rotation)
    points = torch.rand(20, 3, generator=torch.Generator().manual_seed(1)) - 0.5  # object's unit
    seen = points @ matrices[0, :, :3].T + matrices[0, :, 3]
    focal, middle = OURS.focal * OURS.size, OURS.size / 2
    expected = seen[:, :2] / seen[:, 2:] * focal + middle
    pixels, _ = project(2.0 * points, extrinsics[0], intrinsics[0])
    torch.testing.assert_close(pixels, expected, rtol=1e-4, atol=1e-3)


def test_a_rescaled_crop_keeps_its_middle():
    image = torch.zeros(2, 33, 33, 4)
    image[:, 10:23, 10:23] = torch.tensor([0.5, 0.4, 0.3, 1.0])
    made = rescale(image, torch.Generator().manual_seed(3))
    areas = made[..., 3].sum((1, 2))
    assert ((areas > 0.6 * 169) & (areas < 1.6 * 169)).all()
    assert (areas - 169).abs().max() > 5
    torch.testing.assert_close(made[:, 16, 16, :3], image[:, 16, 16, :3], atol=1e-4, rtol=0)
