"""List the strings of the interface that a language lacks.

python tools/interface_strings.py [LANGUAGE]

They are read from the source: names, descriptions and texts of properties, buttons and panels, the
tooltips of operators, sentences, and the messages of errors; and of the backend, the sentences of
the rooms whose remarks and errors the panel shows. A value in a sentence is a place `{}`.
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
CONTRACT = (  # modules
    "camera_estimates cameras checks cures default_method distortion drawings image_files levels "
    "limits matte_weights memory request_checks settings unexpected"
)
ROOMS_HEARD = "appearance cameras drawings fit images photographs pipeline placing silhouettes"
METHODS = "__init__ base fit levelform storage visual_hull weights"
SAID_IN = (  # files of the backend whose remarks and errors reach the panel
    *ROOMS_HEARD.split(),
    "contract/camera_files",
    *(f"contract/{name}.py" for name in CONTRACT.split()),
    *(f"extraction/{name}.py" for name in ("cleanup", "grid", "run", "stream")),
    *(f"reconstructors/{name}.py" for name in METHODS.split()),
    *("geometry/views.py", "geometry/volume.py"),
)
TABLES = {"WORDS", "WORKER_WORDS", "VOLUME_WORDS", "SOURCES", "ROWS", "LEVELS"}
KEYWORDS = {"name", "description", "text", "heading"}
WORDING = {"told", "counted", "paragraph", "refuse"}  # functions that translate patterns
PATTERNS = {"pattern", "one", "many", "word", "promise"}  # variables that hold patterns
ERRORS = {"RequestError", "WorkError", "Diagnosis"}
PROGRESS = {"_enter"}  # functions that name the current step
SENTENCE = re.compile(r"(?!\{\}[a-z])[A-Z{].{24,}\.$", re.DOTALL)
TERMINAL_ONLY = re.compile(r" ?\((or give )?--[^)]*\)")  # left out by the panel


def strings() -> list[str]:
    """Return the strings of the interface in alphabetical order."""
    found = titles_of((ROOT / CATALOGUE).read_text(encoding="utf-8"))
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.py")):
            found |= strings_of(path.read_text(encoding="utf-8"))
    for room in TOLD_IN:
        for path in sorted((ROOT / room).glob("*.py")):
            source = path.read_text(encoding="utf-8")
            found |= sentences_of(source) | said_in(source)
    for path in sorted(path for part in SAID_IN for path in _files(ROOT / "backend" / part)):
        found |= said_in(path.read_text(encoding="utf-8"))
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


def said_in(source: str) -> set[str]:
    """Return the whole sentences of one file, without those of docstrings."""
    tree = ast.parse(source)
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):  # pieces of a string with values are not strings by themselves
        if isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in node.values}
    texts = {
        TERMINAL_ONLY.sub("", text)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in left_out
        for text in _texts(node)
    }
    return {text for text in texts if SENTENCE.match(text) and " " in text}


def missing(language: str) -> list[str]:
    """Return the strings that a language lacks."""
    names: dict[str, dict[str, str]] = {}
    for part in (language, f"{language}_sentences", f"{language}_backend"):  # without imports
        path = ROOT / "addon" / "ui" / "languages" / f"{part}.py"
        exec(path.read_text(encoding="utf-8"), names)
    known = names["WORDS"] | names["SENTENCES"] | names["BACKEND"]
    return [text for text in strings() if text not in known]


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


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
