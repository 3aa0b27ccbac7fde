"""Everything that an artist can point at says what it does."""

import pytest

bpy = pytest.importorskip("bpy")

pytestmark = pytest.mark.bpy
GROUPS = ("levelform", "levelform_dataset", "levelform_training", "levelform_show",
          "levelform_matte", "levelform_batch", "levelform_drawings")  # fmt: skip


def shown(properties):
    """Yield the properties that a panel or a dialog may draw."""
    for prop in properties:
        drawn = prop.type != "COLLECTION" and not prop.is_hidden
        if drawn and prop.identifier not in {"rna_type", "name"}:
            yield prop


def silent(owner, properties):
    """Yield what has no tooltip: a property, or a choice of one."""
    for prop in shown(properties):
        choices = list(prop.enum_items) if prop.type == "ENUM" else []
        if not prop.description and not all(choice.description for choice in choices or [prop]):
            yield f"{owner}.{prop.identifier}"


def test_every_button_has_a_tooltip(extension):
    missing = []
    for name in dir(bpy.ops.levelform):
        rna = getattr(bpy.ops.levelform, name).get_rna_type()
        missing += [*([] if rna.description else [name]), *silent(name, rna.properties)]
    assert not missing


def test_every_setting_has_a_tooltip(extension):
    scene = bpy.context.scene
    missing = []
    for name in GROUPS:
        missing += silent(name, getattr(scene, name).bl_rna.properties)
    for owner in (bpy.types.Object, bpy.types.Camera):
        own = [p for p in owner.bl_rna.properties if p.identifier.startswith("levelform")]
        missing += silent(owner.__name__, [p for p in own if p.type != "POINTER"])
    assert not missing
