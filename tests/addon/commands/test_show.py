"""`animate --save`: the meshes lie beside the saved file, and move with it."""

import argparse
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.commands import show  # noqa: E402
from levelform.addon.scene.sequences import SEQUENCE, make_folder_sequence  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def test_an_animations_meshes_lie_beside_the_saved_file(monkeypatch, tmp_path):
    def animated(images, *, folder, **_):
        assert folder == tmp_path / "walk" / "levelform" / "animation-1"
        made = bpy.data.objects.new("Animation", bpy.data.meshes.new("Animation"))
        bpy.context.scene.collection.objects.link(made)
        made["levelform_frames"] = {"frames": len(images)}
        make_folder_sequence(made, str(folder), len(images), start=1)
        return made

    monkeypatch.setattr(api, "animate_images", animated)
    saved = tmp_path / "walk.blend"
    words = ["animate", "a.png", "b.png", "--save", str(saved)]
    parser = argparse.ArgumentParser()
    show.add(parser.add_subparsers())
    args = parser.parse_args(words)
    told = args.run(args)
    assert Path(told["save"]) == saved
    assert bpy.data.objects["Animation"][SEQUENCE]["folder"] == "//walk/levelform/animation-1"
