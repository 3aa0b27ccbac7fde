"""List the strings of the interface that a language lacks.

python tools/interface_strings.py [LANGUAGE]

They are read from the source: names, descriptions and texts of properties, buttons and panels, and
the tooltips of operators. Sentences with numbers or names in them are not translated.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("addon/ui", "addon/operators")
CATALOGUE = "backend/contract/catalogue.py"
TABLES = {"WORDS", "WORKER_WORDS"}  # of words by state
KEYWORDS = {"name", "description", "text", "heading"}


def strings() -> list[str]:
    """Return the strings of the interface in alphabetical order."""
    found = titles_of((ROOT / CATALOGUE).read_text(encoding="utf-8"))
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.py")):
            found |= strings_of(path.read_text(encoding="utf-8"))
    return sorted(text for text in found if re.search("[A-Za-z]{2}", text))


def titles_of(source: str) -> set[str]:
    """Return the titles of the methods in the source of their catalogue."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    entries = [call for call in calls if getattr(call.func, "id", "") == "Entry"]
    return {text for entry in entries for text in _constants(entry.args[1])}


def strings_of(source: str) -> set[str]:
    """Return the strings of one file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and "_OT_" in node.name:
            tooltip = ast.get_docstring(node)
            found |= {re.sub(r"\s+", " ", tooltip)} if tooltip else set()
        elif (
            isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "bl_label"
        ) or (isinstance(node, ast.keyword) and node.arg in KEYWORDS):
            found |= _constants(node.value)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in TABLES:
            for value in getattr(node.value, "values", ()):
                found |= _constants(value)
        elif isinstance(node, ast.keyword) and node.arg == "items":
            for item in getattr(node.value, "elts", ()):
                for part in getattr(item, "elts", ())[1:3]:
                    found |= _constants(part)
    return found


def _constants(node: ast.AST) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def missing(language: str) -> list[str]:
    """Return the strings that a language lacks."""
    name = f"addon/ui/languages/{language}.py"
    names: dict[str, dict[str, str]] = {}
    exec((ROOT / name).read_text(encoding="utf-8"), names)  # a table of strings, without imports
    return [text for text in strings() if text not in names["WORDS"]]


if __name__ == "__main__":
    print("\n".join(missing(sys.argv[1]) if len(sys.argv) > 1 else strings()))
