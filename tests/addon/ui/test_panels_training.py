"""The training panel: missing settings, the progress, and an error."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.ui import panels_training, properties_training  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

from .conftest import Paper, context  # noqa: E402

pytestmark = pytest.mark.bpy


def test_the_panel_shows_each_state(extension):
    def shown():
        paper = Paper()
        paper.template_icon = lambda icon_value, scale: paper.notes.append("curve")
        panels_training.LEVELFORM_PT_training.draw(paper, context())
        return paper

    run = panels_training.training
    assert "Choose a data set." in shown()
    run.facts = {"step": 50, "steps": 200, "steps_per_second": 0.5, "done": False}
    run.columns = {"loss": [(1.0, 0.5), (50.0, 0.25)], "validation_iou": [(50.0, 0.5)]}
    run._process = object()
    try:
        assert "Step 50 of 200, 5 min left" in shown()
        assert "levelform.stop_training" in shown()
        run.facts["validating"] = True
        assert "Validating at step 50" in shown()
        run.failure = RequestError("The data set is gone.", "Name another.")
        run._process = None
        paper = shown()
        assert "The data set is gone." in paper
        assert "levelform.train" in paper
    finally:
        run.__init__()


def test_networks_that_are_too_large_are_not_offered(extension):
    chosen = bpy.context.scene.levelform_training
    names = [name for name, *_ in properties_training._methods(chosen, None)]
    assert {"levelform", "tdgn"} <= set(names)
    assert "triposr" not in names
