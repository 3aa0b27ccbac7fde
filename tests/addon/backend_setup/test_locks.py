"""Locks: every file of the managed backend by version and hash, for each platform and Python."""

import re
import sysconfig

import pytest
from levelform.addon.backend_setup import locks
from levelform.addon.backend_setup.managed import REQUIREMENTS, InstallPlan, TorchBuild
from levelform.addon.backend_setup.requirements import canonical, for_photographs, wanted

LOCKS = sorted((REQUIREMENTS.parent / "locks").glob("*.txt"))
FINDER = sorted((REQUIREMENTS.parent / "locks").glob("photographs/*.txt"))
LIBRARIES = [path for path in LOCKS if not path.name.startswith("torch-")]
PLATFORMS = {
    "linux-x86_64": "linux_x86_64",
    "linux-aarch64": "linux_aarch64",
    "macosx-11.0-arm64": "macosx_arm64",
    "macosx-10.9-universal2": "macosx_arm64",
    "win-amd64": "win_amd64",
    "win-arm64": "",
    "freebsd-14-amd64": "",
}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_entry_has_an_exact_version_and_hashes(path):
    locked = locks.entries(path)
    assert locked
    for name, text in locked.items():
        first, *sums = [line.rstrip("\\ ") for line in text.splitlines()]
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.+]*( ; .*)?", first), first
        assert sums, name
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in sums)
    rest = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert "\n".join(rest) == "\n".join(locked.values())  # nothing but entries


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.name)
def test_a_lock_has_what_is_required_at_the_same_version(path):
    locked = locks.entries(path)
    for line in wanted(InstallPlan("user", build=TorchBuild.CUDA, index="x")):
        requirement, _, marker = line.partition(";")
        name = canonical(requirement)
        if name == "torch" or (path.stem.endswith("aarch64") and "aarch64" in marker):
            continue
        version = requirement.partition("==")[2].strip()
        assert locked[name].startswith(f"{name}=={version}")
    assert {"filelock", "sympy", "jinja2", "networkx", "fsspec"} <= locked.keys()  # torch's
    assert "torch" not in locked


@pytest.mark.parametrize(("platform", "name"), PLATFORMS.items())
def test_platforms_have_names(monkeypatch, platform, name):
    monkeypatch.setattr(sysconfig, "get_platform", lambda: platform)
    assert locks.platform_name() == name


def test_wheels_and_an_index_of_ones_own_and_rocm_have_no_lock(monkeypatch):
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "win-amd64")
    assert locks.lock_of(InstallPlan("user")) is not None
    assert locks.torch_lock_of(InstallPlan("user")) is not None
    assert locks.torch_lock_of(InstallPlan("user", build=TorchBuild.CUDA)) is not None
    assert locks.torch_lock_of(InstallPlan("user", build=TorchBuild.ROCM)) is None
    assert locks.torch_lock_of(InstallPlan("user", index="file:///x")) is None
    assert locks.lock_of(InstallPlan("user", wheels="x")) is None


def test_a_part_of_a_lock(tmp_path):
    path = tmp_path / "lock.txt"
    path.write_text(
        "# Made\nfast-thing==1.0 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n"
        'numpy==1.0 ; python_version == "3.11" \\\n    --hash=sha256:c\n'
    )
    assert list(locks.entries(path)) == ["fast-thing", "numpy"]
    assert locks.part_of(path, {"fast-thing"}) == (
        "fast-thing==1.0 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n"
    )


@pytest.mark.parametrize("path", FINDER, ids=lambda p: p.name)
def test_the_camera_finder_is_locked_at_the_required_versions(path):
    locked = locks.entries(path)
    lines = for_photographs(InstallPlan("user"))
    assert {canonical(line) for line in lines} == locked.keys()
    for line in lines:
        assert locked[canonical(line)].startswith(line)
        assert "--hash=sha256:" in locked[canonical(line)]
