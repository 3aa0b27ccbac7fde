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
_NEEDED = {"cpu": 2 << 30, "cuda": 9 << 30}  # bytes on disk, including downloads


class TorchBuild(StrEnum):
    """The build of torch."""

    CPU = "cpu"
    CUDA = "cuda"


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
    base : the Python to build with; empty: Blender's, else one on the PATH
    repair : check each installed library, and reinstall broken ones
    requirements : file of the requirements
    required : module by distribution that must be importable afterwards
    """

    user_folder: str | Path
    build: TorchBuild = TorchBuild.CPU
    wheels: str = ""
    online_access: bool = False
    index: str = ""
    base: str = ""
    repair: bool = False
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
    free, needed = shutil.disk_usage(folder).free, _NEEDED[plan.build]
    if not plan.wheels and free < needed:
        raise WorkError(
            f"{folder} has {free / 2**30:.1f} GB free, but {needed / 2**30:.0f} are needed.",
            "Free some space.",
        )


def needs(plan: InstallPlan) -> str:
    """Return a sentence about the disk space needed and available."""
    place = plan.folder
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    return (
        f"Needs up to {_NEEDED[plan.build] / 2**30:.0f} GB in {plan.folder}, including downloads; "
        f"{free / 2**30:.1f} GB are free."
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
