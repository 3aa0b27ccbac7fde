"""Sentences in the language of the interface, with the names and numbers in them.

Blender translates fixed strings by itself. A sentence with values is translated as a pattern, whose
places `{}` are filled afterwards. What is written elsewhere, such as the message of an error, is
found by its pattern when it is shown.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

import bpy

PLACE = "{}"
FEWEST_LETTERS = 10  # minimum number of letters for a pattern to match, whatever is in its places
_TERMINAL_ONLY = re.compile(r" ?\((or give )?--[^)]*\)")

_languages: Mapping[str, Mapping[str, str]] = {}  # translations by language


def told(pattern: str, *values: object) -> str:
    """Return a pattern in the language of the interface, its places filled with values."""
    words = bpy.app.translations.pgettext_iface(pattern)
    return words.format(*values) if values else words


def counted(count: int, one: str, many: str) -> str:
    """Return the pattern for one thing or for several, filled with their number."""
    return told(one if count == 1 else many, f"{count:,}")


def sentence(text: str) -> str:
    """Return a finished sentence in the language of the interface, as far as it is known."""
    words = bpy.app.translations.pgettext_iface(text)
    if words != text or not bpy.context.preferences.view.use_translate_interface:
        return words
    return _matched(bpy.app.translations.locale, text)


def for_panel(remark: str) -> str:
    """Return a worker's remark without the terminal's options."""
    return _TERMINAL_ONLY.sub("", remark)


def use(languages: Mapping[str, Mapping[str, str]]) -> None:
    """Use these translations for sentences that are found by their pattern."""
    global _languages
    _languages = languages
    _matched.cache_clear()
    _patterns.cache_clear()


@lru_cache(maxsize=512)
def _matched(language: str, text: str) -> str:
    """Return the translation of the most exact pattern that fits a text; else the text."""
    for expression, words in _patterns(language):
        match = expression.fullmatch(text)
        if match is not None:
            return words.format(*match.groups())
    return text


@lru_cache(maxsize=4)
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return a language's patterns as expressions, those with the most letters first."""
    words = _languages.get(language, {})
    patterns = [pattern for pattern in words if re.search("[A-Za-z]", pattern) and PLACE in pattern]
    patterns.sort(key=lambda pattern: -len(pattern.replace(PLACE, "")))
    return [(_expression(pattern), words[pattern]) for pattern in patterns]


def _expression(pattern: str) -> re.Pattern[str]:
    """Return what fits a pattern; a short one fits with numbers only."""
    letters = len(re.findall("[A-Za-z]", pattern))
    value = "(.+?)" if letters >= FEWEST_LETTERS else r"([\d.,]+)"
    return re.compile(value.join(map(re.escape, pattern.split(PLACE))), re.DOTALL)
