"""No process that Levelform starts runs code that lies in the current folder or on PYTHONPATH."""

import os
import sys
import time
from pathlib import Path

import pytest
from levelform.addon.backend_setup.checkup import check
from levelform.addon.jobs.client import Client, ClientState
from levelform.backend.cli import main

STAND_IN = Path(__file__).parent / "stand_in.py"
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
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
