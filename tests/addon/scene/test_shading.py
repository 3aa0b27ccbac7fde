"""Viewports show the colours of a new mesh, unless the artist chose otherwise."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import shading  # noqa: E402


@pytest.fixture
def viewports():
    """The shading of every 3D viewport, as Blender starts."""
    bpy.ops.wm.read_homefile(app_template="", use_factory_startup=True)
    shadings = [space.shading for space in shading._viewports()]
    assert shadings
    for shown in shadings:  # the screen of an earlier test's file may have stayed
        shown.color_type = shading.UNTOUCHED
    shading.forget()
    yield shadings
    for shown in shadings:
        shown.color_type = shading.UNTOUCHED
    shading.forget()


def test_a_viewport_as_blender_starts_shows_colours(viewports):
    assert shading.show("VERTEX") == len(viewports)
    assert {shown.color_type for shown in viewports} == {"VERTEX"}


def test_a_texture_replaces_the_colours_that_we_showed(viewports):
    shading.show("VERTEX")
    assert shading.show("TEXTURE") == len(viewports)
    assert {shown.color_type for shown in viewports} == {"TEXTURE"}


@pytest.mark.parametrize("choice", ["OBJECT", "RANDOM", "SINGLE", "TEXTURE"])
def test_what_the_artist_chose_stays(viewports, choice):
    viewports[0].color_type = choice
    shading.show("VERTEX")
    assert viewports[0].color_type == choice


def test_a_viewport_that_the_artist_changed_back_stays(viewports):
    shading.show("VERTEX")
    viewports[0].color_type = "MATERIAL"
    assert shading.show("VERTEX") == 0
    assert viewports[0].color_type == "MATERIAL"


def test_a_viewport_that_stays_for_the_next_file_is_still_ours(viewports):
    """A file opened without its screen, after a texture: its results looked white."""
    shading.show("TEXTURE")
    shading.forget()
    assert shading.show("VERTEX") == len(viewports)
    viewports[0].color_type = "MATERIAL"
    shading.forget()  # another file's viewport at the same address
    assert shading.show("VERTEX") == 1
