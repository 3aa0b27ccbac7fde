"""What the extension's zip leaves out is not needed by what it keeps."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def load_tool(name):
    """Return a script of `tools/` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


@pytest.fixture
def extension(tmp_path):
    """The folder of a small extension with our manifest, and a maker of its repository."""
    package = pytest.importorskip("bpy") and load_tool("package")
    source = tmp_path / "source"
    source.mkdir()
    manifest = (ROOT / "blender_manifest.toml").read_text()
    (source / "__init__.py").write_text("def register(): pass\ndef unregister(): pass\n")

    def make(version):
        (source / "blender_manifest.toml").write_text(manifest.replace('"0.1.0"', f'"{version}"'))
        out = tmp_path / "dist"
        out.mkdir(exist_ok=True)
        built = package.build(source, out)
        package.make_repository(out)
        return built, json.loads((out / "index.json").read_text())

    return make


@pytest.mark.bpy
def test_the_package_is_a_repository_that_blender_updates_from(extension):
    for version in ("0.1.0", "0.2.0"):
        (built,), index = extension(version)
        (entry,) = index["data"]
        assert (index["version"], entry["id"], entry["version"]) == ("v1", "levelform", version)
        assert entry["archive_url"] == f"./{built.name}"
        assert entry["archive_size"] == built.stat().st_size
        digest = hashlib.sha256(built.read_bytes()).hexdigest()
        assert entry["archive_hash"] == f"sha256:{digest}"


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
