"""Missing weights: what they are, the buttons, the progress, and nothing once they are there."""

from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.data.weights_fetch import fetching  # noqa: E402
from levelform.addon.operators.weights import facts_of  # noqa: E402
from levelform.addon.ui import panels  # noqa: E402
from levelform.addon.ui.panels_weights import LEVELFORM_PT_weights, draw_missing  # noqa: E402
from levelform.backend.contract.errors import WorkError  # noqa: E402
from levelform.backend.contract.weights import PUBLISHED, WEIGHTS_FOLDER  # noqa: E402

from .conftest import Paper, context, draw  # noqa: E402

pytestmark = pytest.mark.bpy
KNOWN = PUBLISHED["triposr"]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv(WEIGHTS_FOLDER, str(tmp_path))
    return tmp_path


def on_paper():
    paper = Paper()
    assert draw_missing(paper, context(), "triposr")
    return paper


def test_a_person_sees_size_licence_authors_and_hash(extension):
    paper = on_paper()
    words = " ".join(paper.notes)
    for told in ("1.68 GB", "License MIT", "Tripo AI & Stability AI", "levelform.get_weights"):
        assert told in words
    assert KNOWN.sha256 in words.replace(" ", "")
    assert "levelform.choose_weights" in paper
    assert ("userpref_allow_online" in paper) != bpy.app.online_access
    for line in (KNOWN.file, "1.68 GB", KNOWN.license, KNOWN.sha256, "852 MB"):
        assert line in " ".join(facts_of("triposr"))


def test_progress_takes_the_buttons_place(extension, monkeypatch):
    monkeypatch.setattr(fetching, "_process", SimpleNamespace(stop=lambda: None))
    monkeypatch.setattr(fetching, "method", "triposr")
    monkeypatch.setattr(fetching, "stage", "Download")
    monkeypatch.setattr(fetching, "progress", 0.25)
    paper = on_paper()
    assert "Download 25%" in paper
    assert "levelform.cancel_weights" in paper
    assert "levelform.get_weights" not in paper
    assert not bpy.ops.levelform.get_weights.poll()


def test_a_failure_is_shown_beside_the_button(extension, monkeypatch):
    monkeypatch.setattr(fetching, "failure", WorkError("The disk is full.", "Free some space."))
    monkeypatch.setattr(fetching, "method", "triposr")
    words = " ".join(on_paper().notes)
    assert "The disk is full. Free some space." in words
    assert "levelform.get_weights" in words


def test_other_methods_and_installed_weights_draw_nothing(extension, folder):
    assert not draw_missing(Paper(), context(), "disn")
    (folder / "triposr.safetensors").write_bytes(b"0" * 1000)
    assert not draw_missing(Paper(), context(), "triposr")
    paper = draw(LEVELFORM_PT_weights)
    assert "levelform.remove_weights" in paper
    (folder / "triposr.safetensors").unlink()
    assert "not installed" in draw(LEVELFORM_PT_weights)


def test_the_main_panel_offers_them_before_the_backend_runs(extension, chosen_backend, ball_stage):
    ball_stage(1)
    bpy.context.scene.levelform.method = "triposr"
    paper = draw(panels.LEVELFORM_PT_main)
    assert "levelform.get_weights" in paper
    bpy.context.scene.levelform.weights = "mine.safetensors"
    assert "levelform.get_weights" not in draw(panels.LEVELFORM_PT_main)
