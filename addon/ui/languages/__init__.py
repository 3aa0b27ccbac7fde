"""The interface in other languages: a table of strings each, registered with Blender.

Blender translates names, descriptions and texts by these tables. Sentences with numbers or names in
them are translated as patterns, see `scene.wording`.
"""

from typing import Any

import bpy

from ...scene import wording
from .de import WORDS
from .de_backend import BACKEND
from .de_sentences import SENTENCES

GERMAN = BACKEND | WORDS | SENTENCES
LANGUAGES = {"de_DE": GERMAN, "de": GERMAN}  # the name of German up to 4.1, and since
_CONTEXTS = ("*", "Operator")  # of names and texts, and of buttons


def tables() -> dict[str, Any]:
    """Return the translations as Blender takes them: by language, context and English string."""
    return {
        language: {(context, text): word for text, word in words.items() for context in _CONTEXTS}
        for language, words in LANGUAGES.items()
    }


def register() -> None:
    """Register the translations."""
    bpy.app.translations.register(__package__, tables())
    wording.use(LANGUAGES)


def unregister() -> None:
    """Unregister them."""
    bpy.app.translations.unregister(__package__)
    wording.use({})
