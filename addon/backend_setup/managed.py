"""The managed environment's folder: its plan, its ownership and its removal.

The environment is in `<user folder>/backend`, with a marker file that identifies Levelform as its
owner: without the marker, nothing is written or removed there. Does not use `bpy`.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ...backend.contract.errors import WorkError

REQUIREMENTS = Path(__file__).parents[2] / "backend" / "requirements.txt"
LOG = "install.log"
_FOLDER = "backend"
_ENVIRONMENT = "env"
_MARKER = "levelform-backend.json"


class TorchBuild(StrEnum):
    """The build of torch."""

    AUTO = "auto"  # the one for this computer's graphics card
    CPU = "cpu"
    CUDA = "cuda"
    ROCM = "rocm"


@dataclass(frozen=True)
class InstallPlan:
    """What to install, and from where.

    Attributes
    ----------
    user_folder : the extension's user folder
    build : of torch
    wheels : a folder of wheels to install from, without the network; empty: download
    online_access : the user allows Blender to use the network (`bpy.app.online_access`)
    index : package index of torch; empty: the default for `build` on this system
    base : the Python to build with; empty: Blender's, else one on the PATH, else a downloaded one
    uv : the program uv; empty: a pinned one is unpacked
    runner : command, with options, that runs a script where Blender's Python is not a program
    system_certs : trust the certificates of the system's store, not only uv's own
    repair : check each installed library, and reinstall broken ones
    photographs : also install the camera finder (pycolmap)
    requirements : file of the requirements
    required : module by distribution that must be importable afterwards
    """

    user_folder: str | Path
    build: TorchBuild = TorchBuild.AUTO
    wheels: str = ""
    online_access: bool = False
    index: str = ""
    base: str = ""
    uv: str = ""
    runner: tuple[str, ...] = ()
    system_certs: bool = False
    repair: bool = False
    photographs: bool = False
    requirements: Path = REQUIREMENTS
    required: Mapping[str, str] | None = None

    @property
    def folder(self) -> Path:
        """The folder owned by Levelform."""
        return Path(self.user_folder, _FOLDER)

    @property
    def environment(self) -> Path:
        """The virtual environment in it."""
        return self.folder / _ENVIRONMENT

    @property
    def cache(self) -> Path:
        """The folder of downloads, removed when the environment is complete."""
        return self.folder / "cache"

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return str(managed_python(self.user_folder))


def managed_python(user_folder: str | Path) -> Path:
    """Return the path of the managed environment's interpreter, which may not exist."""
    inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return Path(user_folder, _FOLDER, _ENVIRONMENT, *inside)


def is_partial(user_folder: str | Path) -> bool:
    """Return whether an earlier installation was begun but not finished."""
    return _read_marker(InstallPlan(user_folder).folder).get("state") == "partial"


def remove(user_folder: str | Path) -> None:
    """Remove the managed environment, but nothing that Levelform does not own.

    Raises
    ------
    WorkError
        If the folder is not Levelform's, or can't be removed.
    """
    folder = InstallPlan(user_folder).folder
    if not folder.exists() and not folder.is_symlink():
        return
    _check_ours(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise WorkError(
            f"The backend's folder {folder} could not be removed ({error.strerror}).",
            "Close the programs that use it, and try again.",
        ) from error


def claim(plan: InstallPlan) -> None:
    """Create the folder and mark it as Levelform's, before anything is written to it."""
    folder = plan.folder
    if folder.exists() and any(folder.iterdir()):
        _check_ours(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_marker(plan, "partial")
        (folder / LOG).unlink(missing_ok=True)
    except OSError as error:
        raise WorkError(
            f"The folder {folder} can't be written ({error.strerror}).",
            "Free some space, or correct its permissions.",
        ) from error


def check_space(plan: InstallPlan, needed: int) -> None:
    """Refuse a disk with less than `needed` bytes, except those that an earlier attempt took.

    Raises
    ------
    WorkError
        If there is not enough space.
    """
    free = shutil.disk_usage(plan.folder).free
    there = sum(path.lstat().st_size for path in plan.cache.rglob("*") if path.is_file())
    if free < needed - there:
        raise WorkError(
            f"{plan.folder} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB are needed.",
            "Free some space.",
        )


def _check_ours(folder: Path) -> None:
    if folder.is_symlink() or not _read_marker(folder):
        raise WorkError(
            f"The folder {folder} was not made by Levelform and is not changed.",
            "Move it elsewhere, then try again.",
        )


def _read_marker(folder: Path) -> Mapping[str, str]:
    try:
        marker = json.loads((folder / _MARKER).read_text())
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) and "levelform" in marker else {}


def write_marker(plan: InstallPlan, state: str) -> None:
    marker = plan.folder / _MARKER
    beside = marker.with_suffix(".tmp")
    beside.write_text(json.dumps({"levelform": 1, "state": state, "build": plan.build}))
    os.replace(beside, marker)
