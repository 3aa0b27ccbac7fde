"""The interface in German: nearly every string, in the form that Blender takes."""

import importlib.util
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.ui import languages  # noqa: E402
from levelform.addon.ui.languages.de import WORDS  # noqa: E402

pytestmark = pytest.mark.bpy
TOOL = Path(__file__).parents[3] / "tools" / "interface_strings.py"


@pytest.fixture(scope="module")
def strings():
    spec = importlib.util.spec_from_file_location("interface_strings", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_german_is_complete_but_for_the_newest_strings(strings):
    missing = strings.missing("de")
    assert len(missing) <= 0.1 * len(strings.strings()), missing


def test_every_table_has_words_for_both_contexts():
    for table in languages.tables().values():
        assert table["*", "Reconstruct"] == table["Operator", "Reconstruct"] == "Rekonstruieren"


def test_no_word_is_empty_or_ends_differently():
    for text, word in WORDS.items():
        assert word.strip() == word != ""
        assert text.endswith(":") == word.endswith(":")
        assert text.endswith("...") == word.endswith("...")


def test_strings_are_read_from_the_source(strings):
    source = '''
class LEVELFORM_OT_x:
    """Do
    this"""
    bl_label = "Label"
    kind = EnumProperty(name="Kind", items=(("A", "First", "The first"),))
layout.operator("a.b", text="Text")
layout.label(text=f"{count} things")
'''
    expected = {"Do this", "Label", "Kind", "First", "The first", "Text"}
    assert strings.strings_of(source) == expected
