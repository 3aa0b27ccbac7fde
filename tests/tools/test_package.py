"""What the extension's zip leaves out is not needed by what it keeps."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
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


@pytest.mark.bpy
def test_a_zip_for_each_platform_carries_its_wheels_alone(extension, tmp_path, monkeypatch):
    extension("0.1.0")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    offline, package = load_tool("package_offline"), load_tool("package")
    source, out = tmp_path / "source", tmp_path / "offline"
    (source / "wheels").mkdir()
    out.mkdir()
    for tag in ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-win_amd64", "py3-none-any"):
        name = "tool" if tag.startswith("py3") else "torch"
        with zipfile.ZipFile(source / "wheels" / f"{name}-1.0-{tag}.whl", "w") as wheel:
            wheel.writestr("x.py", "")
    offline.write_manifest(source, ["linux-x64", "windows-x64"])
    built = package.build(source, out, "--split-platforms")
    assert [path.name for path in built] == [
        "levelform-0.1.0-linux_x64.zip",
        "levelform-0.1.0-windows_x64.zip",
    ]
    for path, kept in zip(built, ("manylinux", "win_amd64"), strict=True):
        wheels = [n for n in zipfile.ZipFile(path).namelist() if n.endswith(".whl")]
        assert len(wheels) == 2
        assert all(kept in name or "none-any" in name for name in wheels)


def test_what_is_locked_for_one_python_has_no_markers(tmp_path, monkeypatch):
    pytest.importorskip("bpy")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    offline = load_tool("package_offline")
    path = tmp_path / "lock.txt"
    path.write_text(
        "# Made\nfast-thing==1.0 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n"
        'mcubes==1.0 ; python_version == "3.11" \\\n    --hash=sha256:c\n'
        "numpy==2.0 \\\n    --hash=sha256:d\n"
    )
    one = "fast-thing==1.0 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n"
    assert offline.locked_for(path, "3.13") == one
    assert offline.locked_for(path, "3.11") == one + "mcubes==1.0 \\\n    --hash=sha256:c\n"


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
