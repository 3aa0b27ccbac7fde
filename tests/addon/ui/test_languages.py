"""The interface in German: every string, in the form that Blender takes."""

import importlib.util
import re
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.ui import languages  # noqa: E402

pytestmark = pytest.mark.bpy
TOOL = Path(__file__).parents[3] / "tools" / "interface_strings.py"


@pytest.fixture(scope="module")
def strings():
    spec = importlib.util.spec_from_file_location("interface_strings", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_german_is_complete(strings):
    assert not strings.missing("de"), "tools/interface_strings.py de lists them"


def test_every_table_has_words_for_both_contexts():
    for table in languages.tables().values():
        assert table["*", "Reconstruct"] == table["Operator", "Reconstruct"] == "Rekonstruieren"


def test_no_word_is_empty_or_ends_differently():
    for text, word in languages.GERMAN.items():
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


def test_sentences_are_read_as_patterns(strings):
    source = """
def thing_problem(name):
    return "" if name else f"{name} is gone."
words = told("{} of {} made", 1, 2)
pattern = "one" if x else "many things"
raise RequestError(f"There is no {name!r}.", "Choose another.")
"""
    expected = {"{} is gone.", "{} of {} made", "one", "many things"}
    assert strings.sentences_of(source) - {"", " "} == expected | {
        "There is no {}.",
        "Choose another.",
    }


def test_the_interface_is_written_in_american_english(strings):
    british = re.compile(
        "(colour|grey|centre|metre|licence|catalogue|favour|behaviour|neighbour|travell|cancell(?!ed)"
        "|optimis|initialis|normalis|recognis|organis|minimis|equalis|analys(e|ed|ing)\\b)"
    )
    assert not [text for text in strings.strings() if british.search(text.lower())]
