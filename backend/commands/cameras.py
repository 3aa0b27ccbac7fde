"""`levelform cameras VERB`: find, check and correct cameras from images.

The verbs are the files of `_cameras`, each like a command's file.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from . import _cameras

HELP = "find or correct cameras from images"
VERB = "verb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare a sub-command for each verb."""
    verbs = parser.add_subparsers(dest=VERB, metavar="VERB", required=True)
    for name in _cameras.names():
        verb = _cameras.find(name)
        verb.add_arguments(verbs.add_parser(name, help=verb.HELP, description=_sentence(verb.HELP)))


def expanded(words: Sequence[str]) -> list[str]:
    """Return the words with the default verb, if the first word is a source and not a verb."""
    known = _cameras.names()
    given = bool(words) and not words[0].startswith("-") and words[0] not in known
    return [_cameras.DEFAULT, *words] if given and _cameras.DEFAULT in known else list(words)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run the verb; return its facts."""
    name = getattr(args, VERB)
    return {VERB: name, **_cameras.find(name).run(args)}


def show(result: dict[str, Any]) -> None:
    """Print the verb's result for a person."""
    _cameras.find(result[VERB]).show(result)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
