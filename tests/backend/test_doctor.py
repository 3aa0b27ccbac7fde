"""The doctor tells the truth of the interpreter that runs it, whichever that is."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from levelform.backend import doctor
from levelform.backend.commands import doctor as command

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "backend" / "doctor.py"


def canonical(requirement):
    return re.split(r"[\s=<>!~;\[]", requirement)[0].lower().replace("_", "-")


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Return a maker of importable modules."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, text=""):
        (tmp_path / f"{name}.py").write_text(text)

    return make


def test_this_python_is_well():
    report = doctor.examine()
    assert (report["problem"], report["missing"], report["broken"]) == ("", [], {})
    assert report["devices"][-1]["name"] == "cpu"
    assert report["threads"] >= 1
    assert report["libraries"]["torch"] == report["torch"]


def test_what_is_missing_is_named():
    report = doctor.examine({"numpy": "numpy", "dream": "no_such_module"}, {"wish": "no_wish"})
    assert report["missing"] == ["dream"]
    assert report["lacking"] == ["wish"]
    assert "lacks dream" in report["problem"]
    assert "Install backend" in report["hint"]


def test_what_is_broken_is_named_with_the_reason(library):
    library("cracked_library", "raise OSError('libcrack.so: no such file')")
    report = doctor.examine({"cracked": "cracked_library"}, {})
    assert report["broken"] == {"cracked": "OSError: libcrack.so: no such file"}
    assert "libcrack.so" in report["problem"]


def test_a_quick_look_imports_nothing(library):
    library("costly_library", "raise AssertionError('imported')")
    assert doctor.examine({"costly": "costly_library"}, {}, quick=True)["problem"] == ""
    code = f"import runpy, sys; sys.argv = ['doctor', '--quick']\nrunpy.run_path({str(SCRIPT)!r})"
    code += "['examine'](quick=True)\nsys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_old_python_is_refused(monkeypatch):
    monkeypatch.setattr(doctor, "OLDEST", (4, 0))
    report = doctor.examine({}, {})
    assert "too old: 4.0 is needed" in report["problem"]


def test_as_a_script_it_ends_with_one_line_of_json(library):
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), "--quick", "--require", "dream=no_such_module"],
        capture_output=True,
        check=True,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["missing"] == ["dream"]
    assert report["executable"] == sys.executable


def test_the_lists_of_what_is_needed_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = (ROOT / "backend" / "requirements.txt").read_text().splitlines()
    known = {canonical(name) for name in (*doctor.REQUIRED, *doctor.OPTIONAL)}
    assert known == {canonical(line) for line in project["dependencies"]}
    assert known == {canonical(line) for line in installed if not line.startswith("#")}
    assert all("==" in line for line in installed if not line.startswith("#"))


def test_the_command_shows_every_library_and_the_verdict(capsys):
    result = command.run(None)
    command.show(result)
    shown = capsys.readouterr().out
    assert all(name in shown for name in result["libraries"])
    assert shown.strip().endswith("The backend can run here.")


def test_the_command_shows_what_is_wrong(capsys):
    report = doctor.examine({"dream": "no_such_module"}, {"wish": "no_wish"}, quick=True)
    command.show(report)
    shown = capsys.readouterr().out
    assert re.search(r"dream +missing\n", shown)
    assert re.search(r"wish +missing \(needed by some", shown)
    assert "lacks dream" in shown
