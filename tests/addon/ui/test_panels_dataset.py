"""The panel of training images: missing settings, the progress, and the outcome."""

from types import SimpleNamespace

import pytest
from levelform.addon.data import dataset_run
from levelform.addon.data.dataset_render import RenderSettings, RenderStep
from levelform.addon.ui import (
    panels_dataset,
)
from levelform.backend.contract.errors import WorkError

from .conftest import draw

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy


def test_it_states_what_is_missing_and_the_number_of_images(extension):
    chosen = bpy.context.scene.levelform_dataset
    assert "No mesh is selected to render." in draw(panels_dataset.LEVELFORM_PT_dataset)
    bpy.ops.mesh.primitive_cube_add()
    assert "Choose a folder for the images." in draw(panels_dataset.LEVELFORM_PT_dataset)
    chosen.out, chosen.views = "/pictures", 12
    paper = draw(panels_dataset.LEVELFORM_PT_dataset)
    assert "1 shape, 12 images" in paper
    assert "levelform.render_dataset" in paper
    chosen.source = "FOLDER"
    assert "Choose a folder of mesh files." in draw(panels_dataset.LEVELFORM_PT_dataset)


def test_it_shows_the_progress_and_the_outcome(extension, monkeypatch):
    run = dataset_run.Run()
    monkeypatch.setattr(panels_dataset, "run", run)
    run.begin([], "/pictures", RenderSettings(views=4))
    assert "Starting" in draw(panels_dataset.LEVELFORM_PT_dataset)
    run.step = RenderStep("chair", 1, 3, 2)
    paper = draw(panels_dataset.LEVELFORM_PT_dataset)
    assert "chair, 2 of 3" in paper
    assert "levelform.cancel_dataset" in paper
    run.conversion = SimpleNamespace(progress=0.5, stop=lambda: None)
    assert "Making the data set" in draw(panels_dataset.LEVELFORM_PT_dataset)
    assert run.progress == pytest.approx(0.9)
    run.outcome.done, run.outcome.before, run.outcome.labelled = 1, 2, 3
    run.outcome.skipped = {f"shape {number}": "It is flat." for number in range(5)}
    run.cancel()
    paper = draw(panels_dataset.LEVELFORM_PT_dataset)
    for words in (
        "Stopped after 1 shape",
        "2 shapes were finished before",
        "The data set has 3 shapes",
        "shape 2: It is flat.",
        "and 2 more",
    ):
        assert words in paper
    run.failure = WorkError("The disk is full.", "Free some space.")
    assert "The disk is full. Free some space." in draw(panels_dataset.LEVELFORM_PT_dataset)
    run.dismiss()
    assert "The disk is full." not in draw(panels_dataset.LEVELFORM_PT_dataset)
