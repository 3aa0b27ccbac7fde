"""What the extension's zip leaves out is not needed by what it keeps."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a copy of the backend without what the manifest excludes."""
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    patterns = manifest["build"]["paths_exclude_pattern"]
    excluded = {ROOT / word.strip("/") for word in patterns if word.startswith("/backend/")}
    assert all(path.exists() for path in excluded), "a pattern that excludes nothing"

    def ignore(folder, names):
        return {n for n in names if Path(folder, n) in excluded or n == "__pycache__"}

    root = tmp_path_factory.mktemp("zip") / "levelform"
    shutil.copytree(ROOT / "backend", root / "backend", ignore=ignore)
    shutil.copy(ROOT / "__init__.py", root)
    return root


def run(root, *words):
    line = [sys.executable, "-I", str(root / "backend" / "terminal.py"), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment)


def test_the_bench_and_the_experiments_stay_in_the_repository(installed):
    listed = run(installed, "--help").stdout
    words = {line.split()[0] for line in listed.splitlines() if line.startswith("  ")}
    assert {"train", "calibrate", "dataset", "reconstruct"} <= words
    assert not {"bench", "experiments"} & words
    assert not list(installed.rglob("experiments*"))


def test_procedural_shapes_say_where_they_are(installed, tmp_path):
    done = run(installed, "dataset", "synthesize", str(tmp_path / "set"))
    assert done.returncode == 2
    assert "they are part of the repository. Run the command in a checkout" in done.stderr


def test_meshes_still_become_a_data_set(installed, tmp_path):
    (tmp_path / "cube.obj").write_text(
        "v -1 -1 -1\nv 1 -1 -1\nv 1 1 -1\nv -1 1 -1\nv -1 -1 1\nv 1 -1 1\nv 1 1 1\nv -1 1 1\n"
        "f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n"
    )
    done = run(installed, "dataset", "convert", str(tmp_path), str(tmp_path / "set"), "--views",
               "1", "--size", "16", "--points", "uniform=50", "--surface", "10")  # fmt: skip
    assert done.returncode == 0, done.stderr
