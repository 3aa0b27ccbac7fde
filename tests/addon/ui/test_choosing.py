"""Choosing rows of the lists: a click selects, a double click looks through the camera."""

from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.ui import choosing  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def test_a_row_selects_its_camera(ball_stage):
    scene = ball_stage(3)
    scene.levelform.camera_index = scene.objects.find("View 2")
    assert bpy.context.view_layer.objects.active.name == "View 2"
    assert [thing.name for thing in bpy.context.selected_objects] == ["View 2"]


@pytest.mark.parametrize(("seconds", "looked"), [(0.2, True), (2.0, False)])
def test_two_clicks_in_a_moment_look_through_it(ball_stage, monkeypatch, seconds, looked):
    scene, now, through = ball_stage(3), [100.0], []
    monkeypatch.setattr(choosing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(choosing.looking, "look_through", lambda camera, *_: through.append(camera))
    monkeypatch.setattr(choosing.bpy.types, "SpaceView3D", SimpleNamespace)
    context = SimpleNamespace(
        scene=scene, view_layer=bpy.context.view_layer, space_data=SimpleNamespace()
    )
    settings = SimpleNamespace(camera_index=scene.objects.find("View 1"))
    choosing.camera(settings, context)
    now[0] += seconds
    choosing.camera(settings, context)
    assert through == ([scene.objects["View 1"]] if looked else [])
