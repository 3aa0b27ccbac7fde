"""The lock of the managed backend: which lock a plan takes, and what is in it. Knows no `bpy`.

Made by `tools/lock_backend.py`, one for each platform, with a hash for every file; torch has a lock
of its own where its build comes from Python's own index.
"""

import re
import sysconfig
from collections.abc import Collection
from pathlib import Path

from .managed import InstallPlan, TorchBuild

_PLATFORMS = (  # beginning and end of Python's name of a platform, and ours
    ("linux", "x86_64", "linux_x86_64"),
    ("linux", "aarch64", "linux_aarch64"),
    ("macosx", "arm64", "macosx_arm64"),
    ("macosx", "universal2", "macosx_arm64"),
    ("win", "amd64", "win_amd64"),
)
_ENTRY = re.compile(r"^([A-Za-z0-9_.-]+)==[^\\\n]*(?:\\\n[^\\\n]*)*", re.MULTILINE)


def platform_name() -> str:
    """Return the name of this platform's locks; empty where there are none."""
    platform = sysconfig.get_platform()
    for start, end, name in _PLATFORMS:
        if platform.startswith(start) and platform.endswith(end):
            return name
    return ""


def lock_of(plan: InstallPlan) -> Path | None:
    """Return the lock of everything but torch; None: there is none, or wheels are given."""
    return _existing(plan, f"{platform_name()}.txt")


def torch_lock_of(plan: InstallPlan) -> Path | None:
    """Return the lock of torch; None: its build comes from an index that has no lock here."""
    if plan.build is not TorchBuild.CPU or plan.index:
        return None
    return _existing(plan, f"torch-{platform_name()}.txt")


def _existing(plan: InstallPlan, name: str) -> Path | None:
    path = plan.requirements.parent / "locks" / name
    return path if not plan.wheels and path.is_file() else None


def entries(lock: Path) -> dict[str, str]:
    """Return a lock's entries, each with its hashes, by the distribution's name."""
    found = _ENTRY.finditer(lock.read_text())
    return {match[1].lower().replace("_", "-"): match[0] for match in found}


def part_of(lock: Path, names: Collection[str]) -> str:
    """Return the text of a lock of these distributions alone."""
    return "\n".join(text for name, text in entries(lock).items() if name in names) + "\n"
