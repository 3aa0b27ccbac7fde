"""Sentences with names and numbers in the language of the interface."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import wording  # noqa: E402
from levelform.addon.scene.wording import counted, for_panel, sentence, told  # noqa: E402

pytestmark = pytest.mark.bpy


@pytest.fixture
def german(extension):
    """Switch the interface to German, where this Blender has the language."""
    view = bpy.context.preferences.view
    before = view.language, view.use_translate_interface
    try:
        view.language = "de_DE" if bpy.app.version < (4, 2) else "de"
    except TypeError:
        pytest.skip("this Blender was built without translations")
    view.use_translate_interface = True
    if bpy.app.translations.pgettext_iface("Reconstruct") != "Rekonstruieren":
        pytest.skip("this Blender was built without translations")
    yield
    view.language, view.use_translate_interface = before


def test_english_is_filled_in_as_it_stands(extension):
    assert told("Left out {}: {}", "a.png", "no object") == "Left out a.png: no object"
    assert [counted(n, "{} view", "{} views") for n in (1, 0, 1200)] == [
        "1 view",
        "0 views",
        "1,200 views",
    ]
    assert sentence("The scene Set 1 is gone.") == "The scene Set 1 is gone."


def test_a_pattern_is_translated_and_then_filled(german):
    assert told("{} of {} models made", 3, 5) == "3 von 5 Modellen gemacht"
    assert counted(1, "{} image with a camera", "{} images with cameras") == "1 Bild mit Kamera"


def test_a_finished_sentence_is_recognized_by_its_pattern(german):
    assert sentence("Levelform is busy.") == "Levelform ist beschäftigt."
    assert sentence("Rock.001 has no faces.") == "Rock.001 hat keine Flächen."
    told_twice = "Its image chair.png is gone."
    assert sentence(told_twice) == "Das Bild chair.png, aus dem es gemacht wurde, ist weg."
    assert sentence("12 s left") == "noch 12 s"
    assert sentence("Nobody wrote this sentence.") == "Nobody wrote this sentence."


def match(text, table):
    wording.use({"xx": table})
    try:
        return wording._matched("xx", text)
    finally:
        wording.use({})


def test_the_options_of_the_terminal_are_left_out_of_the_panel():
    assert for_panel("Turn the arrow (or give --front) if it is wrong.") == (
        "Turn the arrow if it is wrong."
    )
    assert for_panel("Say so (--fuse).") == "Say so."


def test_the_most_exact_pattern_wins():
    table = {
        "There is no file {}.": "Keine Datei {}.",
        "There is no file {} here.": "Hier keine {}.",
    }
    assert match("There is no file a b here.", table) == "Hier keine a b."


def test_a_short_pattern_fits_numbers_only():
    table = {"{} is {}.": "{} ist {}.", "{} s left": "noch {} s"}
    assert match("The cat is black.", table) == "The cat is black."
    assert match("4 is 4.", table) == "4 ist 4."
    assert match("3 s left", table) == "noch 3 s"


def test_a_text_of_several_sentences_is_translated_sentence_by_sentence():
    table = {
        "The mesh of {} is open.": "Das Mesh von {} ist offen.",
        "Look at {}. Then try again.": "Sieh dir {} an. Versuche es dann noch einmal.",
    }
    said = "The mesh of a rock is open. Nobody wrote this. Look at Camera. Then try again."
    assert match(said, table) == (
        "Das Mesh von a rock ist offen. Nobody wrote this. "
        "Sieh dir Camera an. Versuche es dann noch einmal."
    )


def test_amounts_in_a_sentence_are_translated_but_names_are_not():
    table = {
        "The outline misses {} by {}.": "Der Umriss verfehlt {} um {}.",
        "{} pixels wide": "{} Pixel breit",
    }
    assert match("The outline misses pixels by 2.5 pixels wide.", table) == (
        "Der Umriss verfehlt pixels um 2.5 Pixel breit."
    )


def test_every_translation_has_the_places_of_its_pattern(extension):
    for language, words in wording._languages.items():
        for pattern, translated in words.items():
            count = pattern.count("{}")
            if translated.count("{}") != count:  # the places are numbered, or left out
                filled = translated.format(*(f"<{n}>" for n in range(count)))
                assert "<" in filled, (language, pattern)


def test_what_the_backend_says_is_german_in_the_panel(german):
    assert sentence("The views do not agree (3.1 pixels of 224).") == (
        "Die Ansichten stimmen nicht überein (3.1 Pixel von 224)."
    )
    front = "The views do not agree on where the object's front is; it is taken to face {}. " + (
        "Turn the volume's arrow (or give --front) if that is wrong."
    )
    said = sentence(for_panel(front.format("the world's -Y")))
    assert said.startswith("Die Ansichten sind sich nicht einig")
