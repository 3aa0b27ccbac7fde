"""CONTRIBUTING.md names functions and files that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
STEPS = PAGE.partition("in ten steps")[2].partition("## If you want")[0]
CODE = re.compile(r"`([^`\n]+)`")


def defined(path: Path) -> set[str]:
    """Return the names that a module defines or imports, methods as `Class.method`."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            names |= {f"{node.name}.{method.name}" for method in methods}
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def inherited(path: Path) -> set[str]:
    """Return what a module defines, methods of base classes in the same module included."""
    names = defined(path)
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                prefix = f"{ast.unparse(base)}."
                names |= {
                    f"{node.name}.{name.removeprefix(prefix)}"
                    for name in names
                    if name.startswith(prefix)
                }
    return names


def references() -> list[tuple[str, str]]:
    """Return the pairs (name, file) of the ten steps, written as "`name` in `file`"."""
    text = " ".join(STEPS.split())
    pair = re.compile(r"((?:`[\w.]+`(?:,| and|,? which)? )+)in `([\w/]+\.py)`")
    return [(name, path) for names, path in pair.findall(text) for name in CODE.findall(names)]


def test_the_page_has_ten_steps_with_functions():
    assert re.findall(r"^(\d+)\. ", STEPS, re.MULTILINE) == [str(n) for n in range(1, 11)]
    assert len(references()) >= 15


@pytest.mark.parametrize(("name", "path"), references())
def test_a_step_names_what_can_be_opened(name, path):
    assert name in inherited(ROOT / path), f"{path} has no {name}"


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:addon|backend|tools)/[\w/.]+)`", PAGE)))
)
def test_files_on_the_page_exist(path):
    assert (ROOT / path).exists()


def test_the_glossary_points_at_what_exists():
    rows = PAGE.partition("## Glossary")[2].partition("\n## ")[0]
    paths = re.findall(r"`((?:addon|backend)/[\w/.]+)`", rows)
    assert len(paths) >= 35
    assert [path for path in paths if not (ROOT / path).exists()] == []
