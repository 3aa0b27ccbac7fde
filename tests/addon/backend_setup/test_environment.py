"""The libraries that an extension brought are found by Blender's Python alone."""

import json
import subprocess
import sys

import pytest
from levelform.addon.backend_setup.checkup import DOCTOR, check
from levelform.addon.backend_setup.environment import bundled_libraries, clean_environment
from levelform.backend.contract.variables import LIBRARIES

VERSION = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def brought(tmp_path, monkeypatch):
    """A folder as Blender makes it of extensions' wheels, on this process's path."""
    folder = tmp_path / ".local" / "lib" / f"python{VERSION}" / "site-packages"
    (folder / "torch").mkdir(parents=True)
    (folder / "fast_thing.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def test_nothing_is_told_without_them(monkeypatch):
    monkeypatch.delenv(LIBRARIES, raising=False)
    assert bundled_libraries() == ""
    assert LIBRARIES not in clean_environment()


def test_they_are_told_to_every_process(brought):
    assert clean_environment()[LIBRARIES] == f"{VERSION}:{brought}"
    report = check(sys.executable, quick=True, required={"fast-thing": "fast_thing"})
    assert report.usable


def test_another_version_ignores_them(brought, monkeypatch):
    words = [sys.executable, "-I", str(DOCTOR), "--quick", "--require", "fast-thing=fast_thing"]
    done = subprocess.run(
        words, env={LIBRARIES: f"2.7:{brought}"}, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1])["missing"] == ["fast-thing"]


def test_the_terminal_finds_them_too(brought):
    script = DOCTOR.with_name("terminal.py")
    code = (
        f"import runpy, sys; sys.argv = ['terminal', '--version']; "
        f"sys.modules.pop('fast_thing', None)\n"
        f"try: runpy.run_path({str(script)!r}, run_name='__main__')\n"
        f"except SystemExit: import fast_thing; print(fast_thing.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        env=clean_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == str(brought / "fast_thing.py")
