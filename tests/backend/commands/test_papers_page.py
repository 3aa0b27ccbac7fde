"""docs/papers.md: each command parses, each picture and test is there, no row lacks a way in."""

import re
import shlex
from pathlib import Path

import pytest
from levelform.backend import cli, commands
from levelform.backend.reconstructors import find_method
from levelform.backend.shows import offered
from levelform.backend.training.parts import find_recipe

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "papers.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| what"))
]
COMMANDS = sorted(set(re.findall(r"`(levelform [^`]*)`", PAGE)))


def parsed(command):
    """Parse a command's words as the terminal does."""
    _, name, *words = shlex.split(command)
    found = commands.find(name)
    return name, cli._parse(found, name, words)


def test_every_row_has_a_command_a_panel_and_a_test():
    assert len(ROWS) > 35
    for row in ROWS:
        assert len(row) == 6, row
        assert row[1].startswith("`levelform "), row
        assert "](../tests/" in row[4], row


@pytest.mark.parametrize("command", [c for c in COMMANDS if not re.search(r"NAME|show$", c)])
def test_every_command_is_accepted(command):
    name, args = parsed(command)
    if name == "show":
        cls = find_method(args.method)
        assert args.what in [spec.name for spec in offered(cls)]
    if name == "train":
        find_recipe(args.method, args.part, args.preset)
    if name == "experiments" and args.part == "claims":
        from levelform.backend.experiments.claims import choose_claims

        assert choose_claims(args.only)


def test_every_picture_and_test_is_there():
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link


def test_every_show_of_every_paper_is_in_the_table():
    for name in ("deep-meta-functionals", "disn", "uclid-net", "tdgn", "sdf-srn"):
        for spec in offered(find_method(name)):
            if spec.name == "levels" and name != "deep-meta-functionals":
                continue
            command = f"levelform show {name} {spec.name} "
            assert command in PAGE or f"*{spec.title}*" in PAGE or spec.title in PAGE, spec.name
