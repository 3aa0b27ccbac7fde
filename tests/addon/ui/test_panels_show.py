"""The panel of shows: its menu, its options, its sliders."""

import pytest
from levelform.addon.scene.provenance import PROVENANCE
from levelform.addon.scene.sequences import make_sequence
from levelform.addon.ui import panels_show
from levelform.backend.contract.options import Option
from levelform.backend.contract.shows import ShowSpec

from .conftest import Paper, context, draw

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy

SPECS = (
    ShowSpec("points", "Point Cloud", "points", (Option("samples", "int", 50, "how many"),)),
    ShowSpec("voxels", "Coarse Voxels", "voxels"),
)


@pytest.fixture
def cube(extension):
    bpy.ops.mesh.primitive_cube_add()
    return bpy.context.object


def test_a_mesh_of_others_has_no_panel(cube):
    assert not panels_show.LEVELFORM_PT_show.poll(context())


def test_a_result_offers_what_its_method_has_and_the_options(cube, monkeypatch):
    cube[PROVENANCE] = {"method": "uclid-net", "keep": "a"}
    monkeypatch.setattr(panels_show, "shows_of", lambda target: SPECS)
    assert panels_show.LEVELFORM_PT_show.poll(context())
    paper = draw(panels_show.LEVELFORM_PT_show)
    assert "samples" in paper.notes
    assert "lattice" not in paper.notes  # no show of this method has it
    for name in ("LEVELFORM_MT_show", "levelform.save_code", "levelform.blend", "levelform.morph"):
        assert name in paper.notes
    menu = Paper()
    panels_show.LEVELFORM_MT_show.draw(menu, context())
    assert menu.notes.count("levelform.show") == 2


def test_a_sequence_has_a_slider_and_says_its_step(cube):
    make_sequence(cube, [cube.data, cube.data.copy()], ["all", "1 deleted"])
    cube.levelform_step = 1
    paper = draw(panels_show.LEVELFORM_PT_show)
    assert paper.notes[:2] == ["levelform_step", "1 deleted"]


def test_a_camera_has_a_depth_map_that_goes_with_its_view(extension, ball_stage, tmp_path):
    from levelform.addon.scene.views import scene_source

    scene = ball_stage(2)
    first = scene.objects["View 0"]
    first.data.levelform_depth = str(tmp_path / "depth.exr")
    bpy.context.view_layer.objects.active = first
    assert panels_show.LEVELFORM_PT_depth.poll(context())
    assert "levelform_depth" in draw(panels_show.LEVELFORM_PT_depth).notes
    views = {view.name: view for view in scene_source(scene).views}
    assert views["View 0"].depth == str(tmp_path / "depth.exr")
    assert views["View 1"].depth == ""


def test_a_playing_sequence_says_what_it_shows_now(cube):
    make_sequence(cube, [cube.data, cube.data.copy()], ["t = 0", "t = 1"], start=1, every=1)
    for frame, label in ((1, "t = 0"), (2, "t = 1"), (1, "t = 0")):
        bpy.context.scene.frame_set(frame)
        assert label in draw(panels_show.LEVELFORM_PT_show).notes
