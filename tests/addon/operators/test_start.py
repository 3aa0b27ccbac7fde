"""Where an artist begins: the sample, images, menus."""

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.backend_setup import interpreter  # noqa: E402
from levelform.addon.scene import sample  # noqa: E402
from levelform.addon.ui import menus  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def test_the_sample_opens_from_a_copy_of_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setattr(interpreter, "user_folder", lambda: str(tmp_path))
    bpy.ops.levelform.open_sample()
    opened = Path(bpy.data.filepath)
    assert opened == tmp_path / "samples" / "suzanne" / "suzanne.blend"
    images = [camera.data.background_images[0].image for camera in bpy.data.objects
              if camera.type == "CAMERA"]  # fmt: skip
    assert len(images) == 8
    assert all(Path(bpy.path.abspath(image.filepath)).is_file() for image in images)
    opened.write_bytes(b"mine")
    assert sample.copied(tmp_path / "samples").read_bytes() == b"mine"


def test_an_image_becomes_the_source(tmp_path):
    path = sample.bundled_folder() / "images" / "0.png"
    bpy.ops.levelform.start_from_images(filepath=str(path), begin=False)
    settings = bpy.context.scene.levelform
    assert (settings.source, settings.image.name) == ("IMAGE", "0.png")


def test_all_cameras_can_be_ticked(ball_stage):
    scene = ball_stage(2)
    for camera in scene.objects:
        camera.levelform_camera.use = False
    bpy.ops.levelform.tick_cameras()
    assert all(camera.levelform_camera.use for camera in scene.objects)


@pytest.mark.parametrize(("menu", "draw"), menus.ENTRIES)
def test_every_menu_entry_is_named_levelform_and_has_a_tooltip(menu, draw):
    assert hasattr(bpy.types, menu)
    entries = []

    class Layout:
        operator_context = ""

        def separator(self):
            pass

        def operator(self, name, *, text, icon):
            entries.append((name, text))

    class Menu:
        layout = Layout()

    draw(Menu(), bpy.context)
    assert entries
    for name, text in entries:
        assert "Levelform" in text
        category, verb = name.split(".")
        assert getattr(getattr(bpy.ops, category), verb).get_rna_type().description
