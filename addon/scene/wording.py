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
FEWEST_LETTERS = 9  # minimum number of letters for a pattern to match, whatever is in its places
_NUMBER = r"([\d.,]+)"
_BETWEEN = re.compile(r"(?<=[.?!]) (?=[A-Z])")  # two sentences
_VALUE = r"((?:(?![.?!] [A-Z]).)*?)"  # within one sentence; may be empty
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
    _amounts.cache_clear()


@lru_cache(maxsize=512)
def _matched(language: str, text: str) -> str:
    """Return the translation of a text, or of its sentences one by one, as far as they are known.

    Each piece is the longest run of sentences that one pattern fits.
    """
    pieces = _BETWEEN.split(text)
    done: list[str] = []
    start = 0
    while start < len(pieces):
        for end in range(len(pieces), start, -1):
            run = " ".join(pieces[start:end])
            words = _whole(language, run)
            if words is not None or end == start + 1:
                done.append(run if words is None else words)
                start = end
                break
    return " ".join(done)


def _whole(language: str, text: str) -> str | None:
    """Return the translation of a text by the most exact pattern that fits it; None without one."""
    words = _languages.get(language, {}).get(text)
    if words is not None:
        return words
    for expression, pattern in _patterns(language):
        match = expression.fullmatch(text)
        if match is not None:
            return pattern.format(*(_amount(language, value) for value in match.groups()))
    return None


def _amount(language: str, value: str) -> str:
    """Return a number with its unit in the language; another value, such as a name, as it is."""
    if value[:1].isdigit():
        for expression, pattern in _amounts(language):
            match = expression.fullmatch(value)
            if match is not None:
                return pattern.format(*match.groups())
    return value


@lru_cache(maxsize=4)
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return a language's patterns as expressions, those with the most letters first."""
    return [
        (_expression(pattern, _NUMBER if _letters(pattern) < FEWEST_LETTERS else _VALUE), words)
        for pattern, words in _with_places(language)
    ]


@lru_cache(maxsize=4)
def _amounts(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return the patterns that begin with a number, as expressions with numbers alone."""
    return [
        (_expression(pattern, _NUMBER), words)
        for pattern, words in _with_places(language)
        if pattern.startswith(PLACE)
    ]


def _with_places(language: str) -> list[tuple[str, str]]:
    words = _languages.get(language, {})
    patterns = [pattern for pattern in words if re.search("[A-Za-z]", pattern) and PLACE in pattern]
    patterns.sort(key=lambda pattern: -len(pattern.replace(PLACE, "")))
    return [(pattern, words[pattern]) for pattern in patterns]


def _letters(pattern: str) -> int:
    return len(re.findall("[A-Za-z]", pattern))


def _expression(pattern: str, value: str) -> re.Pattern[str]:
    """Return what fits a pattern with such values in its places."""
    return re.compile(value.join(map(re.escape, pattern.split(PLACE))), re.DOTALL)
