"""The panel that compares: it asks for a reference, and shows the metrics."""

import pytest
from levelform.addon.data import compare
from levelform.addon.ui import (
    panels_compare,
)

from .conftest import context, draw

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy


def test_compare_asks_for_a_reference_and_shows_its_numbers(extension):
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    assert panels_compare.LEVELFORM_PT_compare.poll(context())
    assert "Pick the mesh to compare with." in draw(panels_compare.LEVELFORM_PT_compare)
    metrics = {"iou": 0.91234, "chamfer_l1": 0.756, "f_score_1%": 82.22, "other": 1.0}
    cube[compare.COMPARISON] = {"reference": "Truth", "metrics": metrics}
    paper = draw(panels_compare.LEVELFORM_PT_compare)
    for words in ("Against Truth", "0.912", "0.76 %", "82.2 %", "1 is perfect"):
        assert words in paper
    assert "levelform.show_distances" not in paper
    cube.data.color_attributes.new(compare.HEAT, "FLOAT_COLOR", "POINT")
    paper = draw(panels_compare.LEVELFORM_PT_compare)
    assert "levelform.show_distances" in paper
    assert "Red is outside" in paper


def test_compare_is_offered_only_for_meshes(extension, ball_stage):
    scene = ball_stage(1)
    bpy.context.view_layer.objects.active = scene.objects["View 0"]
    assert not panels_compare.LEVELFORM_PT_compare.poll(context())
