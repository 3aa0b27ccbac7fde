"""One class name stands for one thing, in all files of the extension."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def classes(*rooms: str) -> dict[str, list[str]]:
    """Return where each class is defined, by its name without underscores before it."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return dict(places)


def test_each_class_name_is_defined_once():
    places = classes("addon", "backend")

    assert len(places) > 300
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
