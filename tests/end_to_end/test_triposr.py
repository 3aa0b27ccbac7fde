"""A job with installed weights of TripoSR: progress, a coloured mesh, cancel, memory freed."""

import json

import numpy as np
import pytest
import torch
from levelform.backend.cli import main
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.contract.protocol import Finished, MeshUpdate, ViewData
from levelform.backend.contract.settings import Settings
from levelform.backend.contract.weights import WEIGHTS_FOLDER
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors.importing import lit_ball
from levelform.backend.reconstructors.triposr import TripoSR
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from PIL import Image
from setups.meshes import read_mesh

from ..backend.reconstructors.triposr_formulas import TINY


@pytest.fixture
def image():
    """(96, 96, 4) a ball, cut out."""
    return lit_ball(96)


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch, image):
    """A tiny network with random weights, whose surface encloses half of the volume."""
    monkeypatch.setenv(WEIGHTS_FOLDER, str(tmp_path))
    torch.manual_seed(0)
    model = TripoSR(TINY).eval()
    with torch.no_grad():
        model.post_processor.upsample.weight *= 100
    field = model.decode(model.encode([View(image, None)]))
    points = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    model.shift_level(float(field(points).median()))
    model.save(tmp_path / "triposr.safetensors", precision="float16")


def request(image, **changes):
    view = ViewData(image.numpy(), None, "ball")
    return Settings(method="triposr", resolution=32, device="cpu", **changes).request("j", (view,))


def test_the_terminal_makes_a_coloured_mesh(image, tmp_path, capsys):
    pixels = (image * 255).round().to(torch.uint8).numpy()
    Image.fromarray(pixels).save(tmp_path / "ball.png")
    out = tmp_path / "mesh.ply"
    words = ["reconstruct", str(tmp_path / "ball.png"), "-o", str(out), "--method", "triposr"]
    assert main([*words, "--resolution", "32", "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["weights"].startswith("installed ")
    assert result["level_unit"] == "probability"
    mesh = read_mesh(out)
    assert len(mesh.faces) == result["faces"] > 100
    assert np.ptp(mesh.colors[:, :3]) > 0.01


def test_every_layer_of_a_job_reports(image):
    steps = []
    events = list(Session().reconstruct(request(image), Ticket(steps.append)))
    stage = [step.fraction for step in steps if step.stage == "Reconstruct"]
    assert len(set(stage)) >= TINY.vision_layers + TINY.layers
    assert isinstance(events[-1], Finished)
    assert any(isinstance(event, MeshUpdate) and event.colors is not None for event in events)


def test_a_job_is_cancelled_within_a_layer(image):
    steps = []
    inside = lambda: any(0.3 < s.fraction < 1 and s.stage == "Reconstruct" for s in steps)  # noqa: E731
    with pytest.raises(JobCancelled):
        list(Session().reconstruct(request(image), Ticket(steps.append, inside)))
    assert not any(step.stage == "Mesh" for step in steps)


def test_memory_is_freed_on_request(image):
    session = Session()
    list(session.reconstruct(request(image), Ticket()))
    assert "triposr" in session.status().loaded
    session.unload()
    assert session.status().loaded == ()
