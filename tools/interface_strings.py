"""List the strings of the interface that a language lacks.

python tools/interface_strings.py [LANGUAGE]

They are read from the source: names, descriptions and texts of properties, buttons and panels, the
tooltips of operators, sentences, and the messages of errors. A value in a sentence is a place `{}`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("addon/ui", "addon/operators")
TOLD_IN = (*ROOMS, "addon/jobs", "addon/data", "addon/scene", "addon/backend_setup")
CATALOGUE = "backend/contract/catalogue.py"
TABLES = {"WORDS", "WORKER_WORDS", "VOLUME_WORDS", "SOURCES", "ROWS", "LEVELS"}
KEYWORDS = {"name", "description", "text", "heading"}
WORDING = {"told", "counted", "paragraph", "refuse"}  # functions that translate patterns
PATTERNS = {"pattern", "one", "many", "word", "promise"}  # variables that hold patterns
ERRORS = {"RequestError", "WorkError", "Diagnosis"}
PROGRESS = {"_enter"}  # functions that name the current step


def strings() -> list[str]:
    """Return the strings of the interface in alphabetical order."""
    found = titles_of((ROOT / CATALOGUE).read_text(encoding="utf-8"))
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.py")):
            found |= strings_of(path.read_text(encoding="utf-8"))
    for room in TOLD_IN:
        for path in sorted((ROOT / room).glob("*.py")):
            found |= sentences_of(path.read_text(encoding="utf-8"))
    return sorted(text for text in found if re.search("[A-Za-z]{2}", text.replace("{}", "")))


def titles_of(source: str) -> set[str]:
    """Return the titles of the methods in the source of their catalogue."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    entries = [call for call in calls if getattr(call.func, "id", "") == "Entry"]
    return {text for entry in entries for text in _texts(entry.args[1])}


def strings_of(source: str) -> set[str]:
    """Return the names, descriptions, texts and tooltips of one file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and "_OT_" in node.name:
            tooltip = ast.get_docstring(node)
            found |= {re.sub(r"\s+", " ", tooltip)} if tooltip else set()
        elif isinstance(node, ast.Assign) and _names(node) & {"bl_label"}:
            found |= set(_texts(node.value))
        elif isinstance(node, ast.Assign) and _names(node) & TABLES:
            found |= set(_table(node.value))
        elif isinstance(node, ast.keyword) and node.arg in KEYWORDS:
            found |= _constants(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "items":
            for item in getattr(node.value, "elts", ()):
                for part in getattr(item, "elts", ())[1:3]:
                    found |= _constants(part)
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):  # a row of buttons
            texts = {text for item in node.iter.elts for text in _texts(item)}
            found |= {text for text in texts if re.match("[A-Z][a-z]", text)}
    return found


def sentences_of(source: str) -> set[str]:
    """Return the patterns and the messages of one file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _called(node) in WORDING | ERRORS | PROGRESS:
            for argument in node.args:
                found |= set(_texts(argument))
        elif isinstance(node, ast.Assign) and _names(node) & PATTERNS:
            found |= set(_texts(node.value))
        elif isinstance(node, ast.FunctionDef) and node.name.endswith("problem"):
            for part in ast.walk(node):
                if isinstance(part, ast.Return | ast.Assign) and part.value is not None:
                    found |= {text for text in _texts(part.value) if " " in text}
    return found


def missing(language: str) -> list[str]:
    """Return the strings that a language lacks."""
    names: dict[str, dict[str, str]] = {}
    for part in (language, f"{language}_sentences"):  # tables of strings, without imports
        path = ROOT / "addon" / "ui" / "languages" / f"{part}.py"
        exec(path.read_text(encoding="utf-8"), names)
    known = names["WORDS"] | names["SENTENCES"]
    return [text for text in strings() if text not in known]


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the strings of an expression, of both ends of a condition; a value is a place."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
    elif isinstance(node, ast.IfExp):
        yield from [*_texts(node.body), *_texts(node.orelse)]
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from _texts(part)
    elif isinstance(node, ast.Tuple):
        for part in node.elts:
            yield from _texts(part)
    elif isinstance(node, ast.Call) and _called(node) == "refuse":
        for part in node.args:
            yield from _texts(part)


def _table(node: ast.AST) -> Iterator[str]:
    """Yield the strings of a table: the values of a dictionary, or of its rows."""
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from _texts(value)
    elif isinstance(node, ast.Tuple):
        for row in node.elts:
            yield from [text for text in _texts(row) if re.match("[A-Z]", text)]


def _constants(node: ast.AST) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _names(node: ast.Assign) -> set[str]:
    """Return the names that are assigned."""
    targets = [part for target in node.targets for part in getattr(target, "elts", [target])]
    return {getattr(target, "id", "") for target in targets}


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


if __name__ == "__main__":
    print("\n".join(missing(sys.argv[1]) if len(sys.argv) > 1 else strings()))
