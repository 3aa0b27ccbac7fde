"""The panel says what was found, and offers to restore only what was refined."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import around, camera_estimates  # noqa: E402
from levelform.addon.ui.layouts import paragraph  # noqa: E402
from levelform.addon.ui.panels_camera_estimation import (  # noqa: E402
    LEVELFORM_PT_camera_estimation,
)
from levelform.backend.contract.protocol import ViewMask  # noqa: E402

from .conftest import draw  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def test_two_ways_and_a_refinement():
    paper = draw(LEVELFORM_PT_camera_estimation)
    assert paper.notes.count("levelform.find_cameras") == 2
    assert "levelform.refine_cameras" in paper
    assert "levelform.restore_cameras" not in paper


def test_refined_cameras_can_be_restored(ball_stage):
    camera = ball_stage(1).objects["View 0"]
    camera[camera_estimates.BEFORE] = [0.0] * 17
    assert "levelform.restore_cameras" in draw(LEVELFORM_PT_camera_estimation)


def test_images_are_shown_with_their_masks_before_cameras_are_found():
    scene = bpy.context.scene
    assert "levelform.find_shown_cameras" not in draw(LEVELFORM_PT_camera_estimation)
    masks = [found_mask("shot_1.png"), found_mask("shot_2.png", "it touches the border")]
    around.remember(scene, ["/shots/shot_1.png", "/shots/shot_2.png"], masks)
    paper = draw(LEVELFORM_PT_camera_estimation)
    assert paper.notes.count("thumbnail") == 2
    assert "Check the mask of shot_2.png: it touches the border." in paper
    assert "shot_1" in paper.notes
    assert "levelform.find_shown_cameras" in paper
    assert "step" in paper
    scene.levelform_around.way = "walk"
    assert "step" not in draw(LEVELFORM_PT_camera_estimation).notes
    around.forget(scene)
    assert "levelform.find_shown_cameras" not in draw(LEVELFORM_PT_camera_estimation)


def found_mask(name, doubt=""):
    mask = np.zeros((6, 8), np.uint8)
    return ViewMask(name, mask, np.zeros((6, 8, 3), np.uint8), "background", doubt)


def test_the_last_result_is_told(ball_stage):
    scene = ball_stage(1)
    told = ["The silhouettes agree to 0.003 px.", ["shot_7.png does not fit."]]
    bpy.context.scene[camera_estimates.ESTIMATE] = json.dumps(told)
    paper = draw(LEVELFORM_PT_camera_estimation)
    assert "0.003 px" in paper
    assert "shot_7.png" in paper
    bpy.data.objects.remove(scene.objects["View 0"])
    assert "0.003 px" not in draw(LEVELFORM_PT_camera_estimation)


def test_text_beside_a_button_is_wrapped_earlier():
    text = "None of the 12 images could be placed, which were taken in steps that are too large."
    lines = []

    class Column:
        def column(self, **_):
            return self

        def label(self, text, icon):
            lines[-1].append(text)

    context = SimpleNamespace(
        region=SimpleNamespace(width=460),
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=2.0)),
    )
    for taken in (0, 40):
        lines.append([])
        paragraph(Column(), context, text, taken=taken)
    assert max(map(len, lines[0])) - max(map(len, lines[1])) > 2
    assert max(map(len, lines[1])) * 6.6 <= 230 - 70 - 40
