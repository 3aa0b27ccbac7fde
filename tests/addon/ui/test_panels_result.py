"""The panel of a result: its facts, and meshing it again."""

import pytest
from levelform.addon.jobs import requests
from levelform.addon.ui import (
    panels_result,
)
from levelform.backend.contract.protocol import Status

from .conftest import context, draw

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy


def test_a_result_shows_its_numbers_and_can_be_meshed_again(
    extension, chosen_backend, puppet, ball_stage
):
    ball_stage()
    requests.begin_scene(bpy.context)
    puppet.send(32)
    extension.step()
    puppet.finish(views=6, vertices=1234, seconds=2.5, watertight=True, rule="dense")
    extension.step()
    assert panels_result.LEVELFORM_PT_result.poll(context())
    paper = draw(panels_result.LEVELFORM_PT_result)
    for words in ("Outlines Only, 6 views", "8 triangles", "closed", "64 x 64 x 64 m"):
        assert words in paper
    assert "1,234" not in paper
    numbers = draw(panels_result.LEVELFORM_PT_result_details)
    for words in ("visual-hull", "1,234", "dense", "2.5 s"):
        assert words in numbers
    assert "no longer keeps this result" in " ".join(paper.notes)
    puppet.status = Status(1, (puppet.job.request.keep,), ())
    assert "no more" not in draw(panels_result.LEVELFORM_PT_result)
    assert "levelform.remesh" in draw(panels_result.LEVELFORM_PT_result)


def test_a_method_chosen_by_the_image_says_why_and_offers_the_others(
    extension, chosen_backend, puppet, ball_stage
):
    ball_stage()
    requests.begin_scene(bpy.context)
    puppet.send(32)
    extension.step()
    why = "No method was named: tdgn was used because its silhouette covers the mask to 93%."
    compared = {"tdgn": 0.93, "levelform": 0.71}
    puppet.finish(
        method="tdgn", compared=compared, remarks=[why], silhouette_iou=0.93, adjusted=True
    )
    extension.step()
    paper = draw(panels_result.LEVELFORM_PT_result)
    told = " ".join(paper.notes)
    assert "was chosen for its accuracy" in told.replace("\n", " ")
    assert "93% covered, then  adjusted" in told  # a long row is wrapped
    assert "Made by Training Data Generating" in told
    assert "No method was named" not in told
    for words in ("One Picture, 71%", "Occupancy Network", "Deep Meta Functionals"):
        assert words in paper
    del bpy.context.object["levelform"]["compared"]
    assert "Try another" not in draw(panels_result.LEVELFORM_PT_result)


def test_objects_that_are_not_results_show_none(extension, chosen_backend):
    assert not panels_result.LEVELFORM_PT_result.poll(context())
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object["levelform"] = 3
    assert not panels_result.LEVELFORM_PT_result.poll(context())
