"""Images that are dropped."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.operators.cameras import show_mask_at_once  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import FindMasks  # noqa: E402

pytestmark = pytest.mark.bpy


def test_the_mask_of_a_dropped_image_is_shown_at_once(extension, puppet):
    settings = bpy.context.scene.levelform
    show_mask_at_once(bpy.context)
    assert not puppet.submitted  # there is no image
    settings.source = "IMAGE"
    settings.image = bpy.data.images.new("vase", 8, 8)
    show_mask_at_once(bpy.context)
    (job,) = puppet.submitted
    assert isinstance(job.request, FindMasks)
    show_mask_at_once(bpy.context)
    assert len(puppet.submitted) == 1  # it runs already


def test_a_drop_without_a_backend_is_no_error(extension, monkeypatch):
    settings = bpy.context.scene.levelform
    settings.source, settings.image = "IMAGE", bpy.data.images.new("vase", 8, 8)

    def refuse(_context):
        raise RequestError("There is no backend.", "Install it.")

    monkeypatch.setattr("levelform.addon.operators.cameras.begin_masks", refuse)
    show_mask_at_once(bpy.context)
    assert extension.failure is None
