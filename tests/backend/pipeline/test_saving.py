"""A fit is saved with its images, read back elsewhere, and goes on as if it had never stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend import cli
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.images import shrink
from levelform.backend.reconstructors import Code
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from PIL import Image
from setups.meshes import read_mesh
from setups.small_fit import on_a_small_grid

STEPS = 8
QUICK = ("--option", "correct=no")
PLACE = np.array([[1.5, 0, 0, 4], [0, 1.5, 0, -2], [0, 0, 1.5, 1], [0, 0, 0, 1.0]])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    on_a_small_grid(monkeypatch)


@pytest.fixture
def folder(tmp_path, photograph, cameras):
    """Four images of the test object, in a volume that is neither at the origin nor of size 2."""
    frames = []
    for index, camera in enumerate(cameras[:4]):
        view = shrink(photograph(camera), 48)
        pixels = (view.image.numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        placed = view.camera.in_frame(np.linalg.inv(PLACE))
        frames.append({"file_path": f"{index}.png", **placed.to_transforms()})
    facts = {"frames": frames, "world_from_volume": PLACE.tolist()}
    (tmp_path / "transforms.json").write_text(json.dumps(facts))
    return tmp_path


def run(capsys, *words):
    status = cli.main(["reconstruct", *map(str, words), "--resolution", "32", "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_saved_fit_goes_on_without_its_images(folder, capsys, monkeypatch):
    state, out = folder / "state.safetensors", folder / "first.npz"
    words = ["--method", "fit", "--option", f"steps={STEPS}", "--keep", state, *QUICK]
    status, first = run(capsys, folder, "-o", out, *words)
    assert (status, first["kept"]) == (0, str(state))
    for image in folder.glob("*.png"):
        image.unlink()
    status, more = run(capsys, state, "-o", folder / "more.npz", "--option", f"steps={STEPS}")
    assert status == 0, more
    assert more["curve"][-1][0] == 2 * STEPS
    assert (more["method"], more["views"]) == ("fit", 4)
    assert more["world_from_volume"] == PLACE.tolist()
    ends = [read_mesh(folder / name) for name in ("first.npz", "more.npz")]
    boxes = [(mesh.vertices.min(0), mesh.vertices.max(0)) for mesh in ends]
    np.testing.assert_allclose(boxes[0], boxes[1], atol=0.15)
    assert ends[1].colors is not None


def request(folder, steps):
    from levelform.backend.commands.reconstruct import read_sources

    source = read_sources([str(folder)], None)
    options = {"steps": steps, "correct": False}
    return protocol.Reconstruct(
        "j", "fit", source.views, PLACE, 32, color=False, options=options, keep="a", device="cpu"
    )


def improved(session, keep, steps):
    more = protocol.Remesh("k", keep, 32, color=False, improve=True, options={"steps": steps})
    *_, mesh, _ = session.remesh(more, Ticket())
    return mesh.vertices


def test_it_goes_on_as_if_it_had_never_been_saved(folder):
    session, path = Session(), str(folder / "state.safetensors")
    list(session.reconstruct(request(folder, STEPS), Ticket()))
    list(session.save_code(protocol.SaveCode("s", "a", path), Ticket()))
    other = Session()
    *_, opened, _ = other.blend(protocol.Blend("b", (path,), (1.0,), 32, keep="c"), Ticket())
    assert opened.colors is not None
    assert np.array_equal(improved(session, "a", 3), improved(other, "c", 3))


def test_what_can_not_go_on_is_refused(folder, capsys):
    code = Code("tdgn", {"latent": torch.zeros(3)})
    code.save(folder / "code.safetensors")
    status, told = run(capsys, folder / "code.safetensors", "-o", folder / "a.glb")
    assert status == 2
    assert "does not improve its results" in told["error"]
    session, job = Session(), replace(request(folder, 1), method="visual-hull", options={})
    list(session.reconstruct(job, Ticket()))
    save = protocol.SaveCode("s", "a", str(folder / "a.safetensors"))
    with pytest.raises(RequestError, match="has no code to save"):
        list(session.save_code(save, Ticket()))
    status, told = run(capsys, "x.safetensors", "-o", folder / "a.glb", "--views", "3")
    assert (status, "does not apply" in told["error"]) == (2, True)


def test_a_damaged_file_is_refused(folder):
    session, path = Session(), str(folder / "state.safetensors")
    list(session.reconstruct(request(folder, 1), Ticket()))
    list(session.save_code(protocol.SaveCode("s", "a", path), Ticket()))
    code = Code.load(path)
    tensors = {name: t for name, t in code.tensors.items() if name != "image.2"}
    replace(code, tensors=tensors).save(path)
    with pytest.raises(RequestError, match="damaged"):
        session.open_code(path, "b")


def test_an_image_in_a_saved_file_starts_no_program(folder, ghostscript):
    session, path = Session(), str(folder / "state.safetensors")
    list(session.reconstruct(request(folder, 1), Ticket()))
    list(session.save_code(protocol.SaveCode("s", "a", path), Ticket()))
    code = Code.load(path)
    page = torch.frombuffer(bytearray(ghostscript.content), dtype=torch.uint8)
    replace(code, tensors={**code.tensors, "image.2": page}).save(path)
    with pytest.raises(RequestError, match="not a readable image"):
        session.open_code(path, "b")
    assert not ghostscript.started
