"""Presets keep the settings and give them back."""

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.operators import presets  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def test_a_preset_gives_the_settings_back(monkeypatch, tmp_path):
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", str(tmp_path))
    settings = bpy.context.scene.levelform
    settings.method, settings.preset, settings.background_color = "disn", "FINE", (0, 1, 0)
    assert bpy.ops.levelform.add_preset(name="mine") == {"FINISHED"}
    (file,) = Path(bpy.utils.user_resource("SCRIPTS")).rglob(f"{presets.FOLDER}/mine.py")
    settings.method, settings.preset, settings.background_color = "auto", "DRAFT", (1, 1, 1)
    try:
        bpy.ops.script.python_file_run(filepath=str(file))
        assert (settings.method, settings.preset) == ("disn", "FINE")
        assert tuple(settings.background_color) == (0, 1, 0)
    finally:
        file.unlink()


def test_presets_keep_only_settings_that_exist():
    known = bpy.context.scene.levelform.bl_rna.properties
    assert set(presets.KEPT) <= set(known.keys())
