"""TripoSR: its published sizes and names, its formulas, its image, its frame, and its weights."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import JobCancelled, RequestError
from levelform.backend.encoders import folding
from levelform.backend.fields.triplane import sample_planes
from levelform.backend.geometry.srgb import linear_from_srgb
from levelform.backend.geometry.views import View
from levelform.backend.images.foreground import centred_foreground
from levelform.backend.reconstructors import (
    Code,
    import_checkpoint,
    load_reconstructor,
    parameters_by_part,
)
from levelform.backend.reconstructors.storage import SCALE, read_tensors, write_tensors
from levelform.backend.reconstructors.triposr import (
    FOLDED,
    PAPER,
    SURFACE,
    TripoSR,
    azimuth_of,
    rotation_about_z,
)
from levelform.backend.ticket import Ticket

from . import triposr_formulas as formulas
from .triposr_formulas import TINY

KEYS = json.loads((Path(__file__).parents[2] / "data" / "triposr-keys.json").read_text())


@pytest.fixture
def model(disturbed):
    torch.manual_seed(0)
    network = disturbed(TripoSR(TINY), amount=0.2)
    with torch.no_grad():  # a field that varies: features of order one
        network.post_processor.upsample.weight *= 30
    return network.requires_grad_(False)


@pytest.fixture
def image():
    """(3, 64, 64) a prepared image."""
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def picture():
    """A view without a camera: a disc with soft edges, 40 x 56 pixels."""
    y, x = torch.meshgrid(torch.arange(40) - 18.0, torch.arange(56) - 30.0, indexing="ij")
    alpha = (14.5 - (x**2 + y**2).sqrt()).clamp(0, 1)
    color = torch.stack([x / 60 + 0.5, y / 60 + 0.5, 0 * x + 0.3, alpha], -1)
    return View(color, None, "disc.png")


# ---------------------------------------------------------------- names, sizes, formulas


def test_names_and_shapes_are_those_of_the_published_checkpoint():
    with torch.device("meta"):
        network = TripoSR(PAPER)
    own = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    published = {
        name.replace("*", str(index)): shape
        for name, (count, shape) in KEYS.items()
        for index in range(count)
    }
    assert own == published
    assert len(own) == 549
    assert sum(parameter.numel() for parameter in network.parameters()) == 419_275_628
    assert sum(parameters_by_part("triposr", "paper").values()) == 419_275_628
    assert parameters_by_part("triposr", "paper")["decoder"] == 120 * 64 + 64 + 8 * 4160 + 260


def test_the_network_is_the_sheets_formulas(model, image, points):
    state = {name: tensor.double() for name, tensor in model.state_dict().items()}
    planes = formulas.triplane(state, image.double(), TINY)
    torch.testing.assert_close(
        model.scene_code(image), planes.float(), rtol=0, atol=1e-5 * planes.abs().max().item()
    )
    places = points[:200]
    raw = formulas.raw_outputs(state, planes, model.to_method(places).double(), 3)
    density, color = model(image, places)
    scale = max(raw[:, 0].std().item(), 1.0)
    assert raw[:, 0].std() > 0.05
    torch.testing.assert_close(density, raw[:, 0].float(), rtol=0, atol=1e-5 * scale)
    torch.testing.assert_close(color, raw[:, 1:].sigmoid().float(), rtol=0, atol=1e-5)


def test_positions_of_the_learned_size_are_taken_as_they_are(model):
    embeddings = model.image_tokenizer.model.embeddings
    assert torch.equal(embeddings.positions(5), embeddings.position_embeddings[0])


def test_the_baked_field_is_the_network(model, image, points):
    """Also beyond the cube, where the planes fade to zero."""
    planes = model.scene_code(image)
    field = model.decode(Code("triposr", {"planes": planes}, {"azimuth": 0.0}))
    points = torch.cat([points, points * 1.1])
    density, color = model(image, points)
    torch.testing.assert_close(field(points), SURFACE - density, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        field.color(points)[:, :3], linear_from_srgb(color), rtol=1e-5, atol=1e-5
    )
    assert (field.color(points)[:, 3] == 1).all()


def test_the_level_is_the_density_of_the_surface():
    assert math.exp(SURFACE - 1) == pytest.approx(25.0)


def test_planes_are_sampled_at_xy_xz_and_yz_first_coordinate_along_the_width():
    planes = torch.zeros(3, 1, 8, 8)
    planes[:] = torch.arange(64.0).view(8, 8)
    centre = [(2 * i + 1) / 8 - 1 for i in range(8)]  # of pixels
    taken = sample_planes(planes, torch.tensor([[centre[1], centre[4], centre[6]]]))
    assert taken.tolist() == [pytest.approx([8 * 4 + 1, 8 * 6 + 1, 8 * 6 + 4], abs=1e-4)]


def test_gradients_of_the_field_are_those_of_its_values(model, image, points):
    field = model.decode(Code("triposr", {"planes": model.scene_code(image)}, {}))
    gradient = field.gradient(points)
    step = 1e-3 * torch.eye(3)
    for axis in range(3):
        difference = (field(points + step[axis]) - field(points - step[axis])) / 2e-3
        close = (gradient[:, axis] - difference).abs() < 0.02 * gradient.abs().max()
        assert close.float().mean() > 0.95  # the others lie where a pixel ends


# ---------------------------------------------------------------- image


def test_the_image_is_prepared_as_in_the_authors_code(picture):
    """Written out with numpy's arrays of bytes, as their `resize_foreground` and `run.py` are."""
    pixels = (picture.image.numpy() * 255).round().astype(np.uint8)
    rows, columns = np.where(pixels[..., 3] > 0)
    cut = pixels[rows.min() : rows.max(), columns.min() : columns.max()]
    size = max(cut.shape[:2])
    for side in (size, int(size / 0.85)):
        before = [(side - n) // 2 for n in cut.shape[:2]]
        after = [side - n - b for n, b in zip(cut.shape[:2], before, strict=True)]
        cut = np.pad(cut, (*zip(before, after, strict=True), (0, 0)))
    wanted = cut.astype(np.float32) / 255
    wanted = wanted[..., :3] * wanted[..., 3:] + (1 - wanted[..., 3:]) * 0.5
    wanted = (wanted * 255).astype(np.uint8)
    actual = centred_foreground(picture.image, ratio=0.85)
    assert torch.equal(
        (actual * 255).round().to(torch.uint8).permute(1, 2, 0), torch.tensor(wanted)
    )
    assert actual[:, 0, 0].tolist() == pytest.approx([127 / 255] * 3)


def test_the_object_fills_the_square_to_85_percent(model):
    image = torch.zeros(500, 700, 4)
    image[100:501, 300:400] = 1.0
    prepared = model.prepared(View(image, None))
    assert prepared.shape == (3, 64, 64)
    white = prepared.amin(0) > 0.75
    height, width = (int(white.any(axis).sum()) for axis in (1, 0))
    assert height == pytest.approx(0.85 * 64, abs=1)
    assert width == pytest.approx(0.85 * 64 / 4, abs=1)


def test_an_image_without_an_object_is_refused(model, picture):
    empty = replace(picture, image=picture.image * 0)
    with pytest.raises(RequestError, match=r"disc\.png: the image shows no object"):
        model.encode([empty])


def test_one_view_is_taken(model, picture):
    with pytest.raises(RequestError, match="TripoSR takes at most 1 view, not 2"):
        model.encode([picture, picture])


# ---------------------------------------------------------------- frame


def test_the_objects_front_looks_at_the_camera(model):
    """The network's x, towards the camera, is the volume's -Y; y, its right, is the volume's X."""
    ends = model.to_method(torch.eye(3) * torch.tensor([1.0, -1.0, 1.0]))
    expected = 0.87 * torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    torch.testing.assert_close(ends, expected)
    assert np.linalg.det(model.method_from_volume[:3, :3]) == pytest.approx(0.87**3)


def test_a_cameras_azimuth_turns_the_field(model, photograph, cameras, points):
    view = photograph(cameras[1])
    code = model.encode([view])
    field = model.decode(code)
    azimuth = azimuth_of(view.camera)
    assert 0.1 < abs(azimuth) < 3.0
    plain = model.decode(Code("triposr", code.tensors, {"azimuth": 0.0}))
    turned = points @ torch.tensor(rotation_about_z(azimuth)[:3, :3], dtype=torch.float32).T
    torch.testing.assert_close(field(turned), plain(points), rtol=1e-4, atol=1e-4)
    toward = rotation_about_z(azimuth)[:3, :3] @ [0.0, -1.0, 0.0]
    level = view.camera.center * [1, 1, 0]
    assert toward @ level == pytest.approx(np.linalg.norm(level))


# ---------------------------------------------------------------- progress


def test_every_block_reports_and_can_be_cancelled(model, picture):
    steps = []
    model.encode([picture], ticket=Ticket(steps.append))
    fractions = [step.fraction for step in steps]
    assert len(fractions) == TINY.vision_layers + TINY.layers
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    for number in (1, 3, 5):
        steps.clear()
        with pytest.raises(JobCancelled):
            model.encode([picture], ticket=Ticket(steps.append, lambda n=number: len(steps) >= n))
        assert len(steps) == number


# ---------------------------------------------------------------- weights


def test_folded_is_unfolded(model, image):
    unfolded = model.scene_code(image)
    model.fold()
    assert torch.equal(model.scene_code(image), unfolded)


def test_folded_tokens_skip_what_they_stand_for(model, image):
    model.fold()
    before = model.scene_code(image)
    model.backbone.proj_in.weight.zero_()
    model.backbone.blocks[0].attn1.to_q.weight.zero_()
    assert torch.equal(model.scene_code(image), before)


@pytest.fixture
def checkpoint(model, tmp_path):
    """The tiny network in the published layout."""
    torch.save(model.state_dict(), tmp_path / "model.ckpt")
    return tmp_path / "model.ckpt"


def test_an_imported_checkpoint_is_the_network(model, checkpoint, picture, points, tmp_path):
    imported = import_checkpoint(TripoSR, [checkpoint])
    assert imported.configuration == replace(TINY, framing=PAPER.framing)
    assert all(torch.equal(t, imported.state_dict()[n]) for n, t in model.state_dict().items())
    imported.save(tmp_path / "w.safetensors", precision="float32")
    again = load_reconstructor("triposr", str(tmp_path / "w.safetensors"), "cpu")
    wanted = imported.decode(imported.encode([picture]))(points)
    assert torch.equal(again.decode(again.encode([picture]))(points), wanted)


@pytest.mark.parametrize(("precision", "bound"), [("float16", 2e-3), ("int8", 0.1)])
def test_small_weights_change_the_field_little(model, picture, points, tmp_path, precision, bound):
    path = tmp_path / "w.safetensors"
    model.save(path, precision=precision)
    small = load_reconstructor("triposr", str(path), "cpu")
    exact = model.decode(model.encode([picture]))(points)
    change = small.decode(small.encode([picture]))(points) - exact
    assert 0 < change.square().mean().sqrt() < bound * exact.std()
    small.save(tmp_path / "again.safetensors", precision=precision)
    once, again = (read_tensors(tmp_path / f"{n}.safetensors")[0] for n in ("w", "again"))
    assert once.keys() == again.keys()
    for name in once:
        torch.testing.assert_close(again[name], once[name], rtol=1e-3, atol=1)


def test_int8_is_for_the_linear_layers_of_the_transformers(model):
    kinds = {name: tensor.dtype for name, tensor in model.packed("int8").items()}
    whole = {name for name, dtype in kinds.items() if dtype == torch.int8}
    assert "backbone.transformer_blocks.0.ff.net.0.proj.weight" in whole
    assert "image_tokenizer.model.encoder.layer.1.attention.output.dense.weight" in whole
    assert {name + SCALE for name in whole} == {n for n in kinds if n.endswith(SCALE)}
    assert kinds["tokenizer.embeddings"] == kinds["post_processor.upsample.weight"] == torch.float16
    exact = {n for n, dtype in kinds.items() if dtype == torch.float32 and not n.endswith(SCALE)}
    assert {FOLDED, "decoder.layers.0.weight", "backbone.norm.weight"} <= exact


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_weights_stay_in_their_file(model, tmp_path, precision):
    """No matrix is copied or converted when it is loaded: it lies where the file's mapping is."""
    path = tmp_path / "w.safetensors"
    model.save(path, precision=precision)
    loaded = load_reconstructor("triposr", str(path), "cpu")
    with path.open("rb") as file:
        places = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    matrices = {n: p for n, p in loaded.named_parameters() if p.ndim > 1 and "decoder" not in n}
    starts = {p.data_ptr() - places[n]["data_offsets"][0] for n, p in matrices.items()}
    assert len(matrices) > 40
    assert len(starts) == 1
    assert getattr(torch, precision) in {p.dtype for p in matrices.values()}
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_bfloat16_is_used_where_the_processor_has_it(model, image, monkeypatch):
    exact = model.scene_code(image)
    monkeypatch.setattr(folding, "has_bfloat16", lambda: True)
    assert model.computing == torch.bfloat16
    half = model.scene_code(image)
    assert half.dtype == torch.float32
    assert 0 < (half - exact).norm() < 0.03 * exact.norm()


def test_damaged_weights_are_refused(model, tmp_path):
    path = tmp_path / "w.safetensors"
    model.save(path, precision="int8")
    tensors, header, _ = read_tensors(path)
    name = "backbone.proj_out.weight"
    cases = [
        ({FOLDED: tensors[FOLDED][:-1]}, "finite numbers belong there"),
        ({FOLDED: tensors[FOLDED] * torch.nan}, "finite numbers belong there"),
        ({name + SCALE: tensors[name + SCALE][:-1]}, "one number for each first index"),
        ({name: tensors[name][:, :-1]}, f"{name} is"),
        ({name: tensors[name].half()}, "is of torch.float16, not torch.int8"),
        ({"backbone.norm.bias": tensors["backbone.norm.bias"] * torch.nan}, "not finite"),
        ({"backbone.stray": torch.zeros(2, 2)}, "no place for backbone.stray"),
        ({f"tokenizer.embeddings{SCALE}": torch.ones(3)}, "scales tokenizer.embeddings, which is"),
    ]
    for change, words in cases:
        write_tensors(path, {**tensors, **change}, header)
        with pytest.raises(RequestError, match=words):
            TripoSR.load(path)
    without = {n: t for n, t in tensors.items() if n != name + SCALE}
    write_tensors(path, without, header)
    with pytest.raises(RequestError, match=r"is of torch\.int8, not torch\.float32"):
        TripoSR.load(path)


def test_a_header_that_asks_for_a_huge_network_is_refused(model, tmp_path):
    path = tmp_path / "w.safetensors"
    model.save(path)
    tensors, header, _ = read_tensors(path)
    header["configuration"]["channels"] = 16384
    write_tensors(path, tensors, header)
    with pytest.raises(RequestError, match=r"asks for a network of more than|does not fit"):
        TripoSR.load(path)


def test_other_checkpoints_are_refused(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.ckpt")
    with pytest.raises(RequestError, match="not a checkpoint of TripoSR: it lacks"):
        import_checkpoint(TripoSR, [tmp_path / "other.ckpt"])
