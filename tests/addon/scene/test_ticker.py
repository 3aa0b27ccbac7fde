"""A ticker calls its work until it ends, and hears of file load."""

import pytest

pytestmark = pytest.mark.bpy
bpy = pytest.importorskip("bpy")

from levelform.addon.scene.ticker import Ticker  # noqa: E402


def test_it_is_called_again_until_the_work_has_ended():
    answers = [True, True, False]
    ticker = Ticker(lambda: answers.pop(0), every=0.25)
    assert [ticker._tick() for _ in range(3)] == [0.25, 0.25, None]


def test_no_timer_runs_in_the_background_where_blender_calls_none():
    ticker = Ticker(lambda: True, every=1.0)
    ticker.wake()
    assert bpy.app.background
    assert not bpy.app.timers.is_registered(ticker._timer)


def test_file_load_is_told_until_it_is_unregistered():
    heard = []
    ticker = Ticker(lambda: True, every=1.0, on_load=lambda: heard.append(1))
    ticker.register()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert len(heard) == 2  # the handler survives the first load
    ticker.unregister()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert len(heard) == 2
