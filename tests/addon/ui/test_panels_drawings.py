"""The panel of drawings: buttons, and each piece with its side and a thumbnail."""

import pytest
from levelform.addon.scene import drawings as scene_drawings
from levelform.addon.ui import panels_drawings

from .conftest import draw

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy


def test_without_drawings_there_are_buttons_alone(extension, chosen_backend):
    paper = draw(panels_drawings.LEVELFORM_PT_drawings)
    for name in ("levelform.drawings", "levelform.photographs", "levelform.camera_ring"):
        assert name in paper
    assert "levelform.drawings_again" not in paper


def test_photographs_are_counted_and_what_was_left_out_is_named(extension, chosen_backend):
    facts = {"placed": 23, "images": 24, "remarks": ["Not placed, and left out: 007.png."]}
    scene_drawings.remember_photographs(bpy.context.scene, facts)
    paper = draw(panels_drawings.LEVELFORM_PT_drawings)
    assert "23 of 24 photographs were placed." in paper
    assert "Not placed, and left out: 007.png." in paper


def test_each_piece_is_shown_with_its_side(extension, chosen_backend, ball_stage):
    scene = ball_stage(2)
    cameras = [scene.objects["View 0"], scene.objects["View 1"]]
    facts = {"views": [{"name": "front"}, {"name": "top"}], "remarks": ["2 small marks left out."]}
    scene_drawings.remember(scene, ["/sheets/robot.png"], facts, cameras)
    paper = draw(panels_drawings.LEVELFORM_PT_drawings)
    assert paper.notes.count("side") == paper.notes.count("use") == 2
    assert paper.notes.count("thumbnail") == 2
    assert "levelform.drawings_again" in paper
    assert "2 small marks left out." in paper
    assert scene_drawings.names_of(scene) == ("front", "top")
    assert scene_drawings.cameras_of(scene) == cameras
    scene.levelform_drawings.entries[1].use = False
    assert scene_drawings.names_of(scene) == ("front", "-")
