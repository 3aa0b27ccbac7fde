"""The import rules of the house: who may import whom, read from the source itself."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOUNDATION = {"contract", "ticket"}
# Arrows point one way: a room may import from the rooms named here (and from itself).
ALLOWED = {
    "contract": set(),
    "ticket": {"contract"},
    "downloads": FOUNDATION,
    "geometry": FOUNDATION,
    "images": FOUNDATION | {"geometry"},
    "encoders": FOUNDATION | {"geometry", "images"},
    "fields": FOUNDATION | {"geometry", "images"},
    "fusion": FOUNDATION | {"geometry"},
    "fit": FOUNDATION | {"geometry", "fields"},
    "silhouettes": FOUNDATION | {"geometry", "images", "fields"},
    "cameras": FOUNDATION | {"geometry", "silhouettes"},
    "drawings": FOUNDATION | {"geometry", "images", "silhouettes"},
    "photographs": FOUNDATION | {"geometry", "images", "silhouettes", "placing"},
    "rigs": FOUNDATION | {"geometry"},
    # What methods say of their training, and what it gives them: plain data.
    "training.batch": FOUNDATION | {"geometry"},
    "training.recipes": FOUNDATION,
    "reconstructors": FOUNDATION
    | {
        "geometry",
        "images",
        "fields",
        "encoders",
        "fusion",
        "fit",
        "silhouettes",
        "training.batch",
        "training.recipes",
    },
    "placing": FOUNDATION | {"geometry", "images", "fields", "fusion"},
    "appearance": FOUNDATION | {"geometry", "fields"},
    "extraction": FOUNDATION | {"geometry", "fields"},
    "metrics": FOUNDATION | {"geometry"},
    "data": FOUNDATION | {"geometry", "images"},
    "training": FOUNDATION
    | {"geometry", "images", "fields", "encoders", "fusion", "reconstructors", "data", "metrics"},
    # What methods show beside their mesh.
    "shows": FOUNDATION
    | {"geometry", "images", "fields", "encoders", "fusion", "reconstructors", "extraction"},
    "experiments": FOUNDATION
    | {
        "geometry",
        "images",
        "fields",
        "encoders",
        "fusion",
        "reconstructors",
        "extraction",
        "data",
        "metrics",
        "training",
        "placing",
        "shows",
    },
}
# The same for the add-on's rooms; `api.py` is a room of its own, which buttons and commands call.
ADDON_ALLOWED = {
    "scene": set(),
    "backend_setup": set(),
    "jobs": {"scene", "backend_setup"},
    "data": {"scene", "backend_setup", "jobs"},
    "ui": {"scene", "backend_setup", "jobs", "data"},
    "api": {"scene", "backend_setup", "jobs", "data"},
    "operators": {"scene", "backend_setup", "jobs", "data", "api"},
    "commands": {"scene", "backend_setup", "jobs", "data", "api"},
    "__init__": set(),  # registers by name
}
ANYTHING = {"worker", "session", "pipeline", "commands", "cli", "__main__", "__init__"}
NO_BPY = [
    "addon/backend_setup/builds.py",
    "addon/backend_setup/candidates.py",
    "addon/backend_setup/checkup.py",
    "addon/backend_setup/environment.py",
    "addon/backend_setup/failures.py",
    "addon/backend_setup/fetch.py",
    "addon/backend_setup/install.py",
    "addon/backend_setup/locks.py",
    "addon/backend_setup/managed.py",
    "addon/backend_setup/output.py",
    "addon/backend_setup/requirements.py",
    "addon/backend_setup/steps.py",
    "addon/backend_setup/uv.py",
    "addon/jobs/cancelling.py",
    "addon/jobs/client.py",
    "addon/jobs/dialling.py",
    "addon/jobs/job.py",
    "addon/jobs/processes.py",
    "addon/jobs/queue.py",
    "addon/jobs/worker_folder.py",
]
NO_TORCH = ["backend/ticket.py", "backend/launch.py"]
STANDARD = set(sys.stdlib_module_names)


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a file's syntax tree, which several tests look at."""
    return ast.parse(path.read_text())


@cache
def imports_of(path: Path) -> set[str]:
    """Return the absolute dotted names a file imports, relative ones as `levelform....`."""
    package = ["levelform", *path.relative_to(ROOT).parent.parts]
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{stem}.{alias.name}" for alias in node.names}
    return names


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def room_of(parts: tuple[str, ...]) -> str:
    """Return the room of a path inside the backend: a file's own, or its folder's."""
    own = ".".join(parts[:2])
    return own if own in ALLOWED else parts[0]


@pytest.mark.parametrize("path", files("backend"), ids=lambda p: str(p.relative_to(ROOT)))
def test_backend_arrows_point_one_way(path):
    room = room_of(path.relative_to(ROOT / "backend").with_suffix("").parts)
    for name in imports_of(path):
        assert not name.startswith("bpy"), f"{path} imports {name}"
        assert not name.startswith("levelform.addon"), f"{path} imports {name}"
        if not name.startswith("levelform.backend.") or room in ANYTHING:
            continue
        target = room_of(tuple(name.split(".")[2:4]))
        within = {target, target.split(".")[0]}  # who may import a folder may import its rooms
        assert within & {room, *ALLOWED[room]}, f"{room} may not import {name}"


@pytest.mark.parametrize("path", files("addon"), ids=lambda p: str(p.relative_to(ROOT)))
def test_addon_knows_only_the_contract(path):
    for name in imports_of(path):
        assert name.split(".")[0] != "torch", f"{path} imports torch"
        if name.startswith("levelform.backend"):
            assert name.split(".")[2] == "contract", f"{path} imports {name}"


@pytest.mark.parametrize("path", files("addon"), ids=lambda p: str(p.relative_to(ROOT)))
def test_addon_arrows_point_one_way(path):
    room = path.relative_to(ROOT / "addon").with_suffix("").parts[0]
    for name in imports_of(path):
        if name.startswith("levelform.addon."):
            target = name.split(".")[2]
            assert target == room or target in ADDON_ALLOWED[room], f"{room} may not import {name}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(["levelform", *(parts[:-1] if parts[-1] == "__init__" else parts)])


def import_graph(paths: list[Path]) -> dict[str, set[str]]:
    """Return the modules that each module imports anywhere in its file, functions included."""
    modules = {module_name(path): path for path in paths}
    graph = {}
    for module, path in modules.items():
        names = imports_of(path)
        targets = {name if name in modules else name.rpartition(".")[0] for name in names}
        graph[module] = (targets & modules.keys()) - {module}
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of an import circle, in order; empty if there is none."""
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for target in sorted(graph[module]):
            circle = visit(target, [*trail, module])
            if circle:
                return circle
        done.add(module)
        return []

    return next((circle for module in sorted(graph) if (circle := visit(module, []))), [])


def test_a_circle_is_seen():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_import_circle_in_the_addon_not_even_in_functions():
    circle = circle_in(import_graph(files("addon")))
    assert not circle, " -> ".join(circle)


@pytest.mark.parametrize("path", files("backend/contract"), ids=lambda p: str(p.relative_to(ROOT)))
def test_contract_needs_numpy_and_the_standard_library_alone(path):
    for name in imports_of(path):
        top = name.split(".")[0]
        inside = name.startswith("levelform.backend.contract")
        assert inside or top == "numpy" or top in STANDARD, f"{path} imports {name}"


@pytest.mark.parametrize("name", [*NO_BPY, *NO_TORCH])
def test_no_bpy_and_no_torch_where_none_belongs(name):
    for imported in imports_of(ROOT / name):
        assert imported.split(".")[0] not in {"bpy", "torch"}, f"{name} imports {imported}"


@pytest.mark.parametrize("path", files("addon") + files("backend"), ids=str)
def test_imports_inside_the_extension_are_relative(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] != "levelform", f"{path}:{node.lineno}"
        if isinstance(node, ast.Import):
            assert all(a.name.split(".")[0] != "levelform" for a in node.names), str(path)


@pytest.mark.parametrize(
    "module",
    ["levelform", "levelform.addon", "levelform.backend", "levelform.backend.contract.protocol"],
)
def test_import_brings_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
