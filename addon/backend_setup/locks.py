"""The lock files of the managed backend: which one a plan uses, and its entries.

`tools/lock_backend.py` writes one for each platform, with a hash for every file; builds of torch
have their own. Does not use `bpy`.
"""

import re
import sysconfig
from collections.abc import Collection
from pathlib import Path

from .builds import build_of, takes_current_cuda
from .managed import InstallPlan, TorchBuild

_PLATFORMS = (  # prefix and suffix of Python's name of a platform, and its lock's name
    ("linux", "x86_64", "linux_x86_64"),
    ("linux", "aarch64", "linux_aarch64"),
    ("macosx", "arm64", "macosx_arm64"),
    ("macosx", "universal2", "macosx_arm64"),
    ("win", "amd64", "win_amd64"),
)
_ENTRY = re.compile(r"^([A-Za-z0-9_.-]+)==[^\\\n]*(?:\\\n[^\\\n]*)*", re.MULTILINE)


def platform_name() -> str:
    """Return the name of this platform's locks; empty if there are none."""
    platform = sysconfig.get_platform()
    for start, end, name in _PLATFORMS:
        if platform.startswith(start) and platform.endswith(end):
            return name
    return ""


def lock_of(plan: InstallPlan) -> Path | None:
    """Return the lock of everything except torch; None if there is none, or wheels are given."""
    return _existing(plan, f"{platform_name()}.txt")


def torch_lock_of(plan: InstallPlan) -> Path | None:
    """Return the lock of torch's build.

    None for an index of one's own, for ROCm, and for an old driver: uv then chooses the build, and
    its hash is the one that the index states.
    """
    build = build_of(plan)
    if plan.index or build is TorchBuild.ROCM:
        return None
    if build is TorchBuild.CUDA:
        known = takes_current_cuda(plan)
        return _existing(plan, f"torch-cuda-{platform_name()}.txt") if known else None
    return _existing(plan, f"torch-{platform_name()}.txt")


def photographs_lock_of(plan: InstallPlan) -> Path | None:
    """Return the lock of the camera finder (pycolmap); None as in `lock_of`."""
    return _existing(plan, f"photographs/{platform_name()}.txt")


def _existing(plan: InstallPlan, name: str) -> Path | None:
    path = plan.requirements.parent / "locks" / name
    return path if not plan.wheels and path.is_file() else None


def entries(lock: Path) -> dict[str, str]:
    """Return a lock's entries, with hashes, by distribution name."""
    matches = _ENTRY.finditer(lock.read_text())
    return {match[1].lower().replace("_", "-"): match[0] for match in matches}


def is_hashed(text: str) -> bool:
    """Return whether each entry of a lock has a hash, which an index of one's own may not state."""
    return all("--hash=" in match[0] for match in _ENTRY.finditer(text))


def part_of(lock: Path, names: Collection[str]) -> str:
    """Return the text of a lock reduced to these distributions."""
    return "\n".join(text for name, text in entries(lock).items() if name in names) + "\n"
