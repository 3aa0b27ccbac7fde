"""Requirements of the managed environment, and the Pythons that meet them. Does not use `bpy`."""

import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

from ...backend.contract.errors import RequestError
from ...backend.contract.programs import on_path
from . import uv
from .managed import InstallPlan

OLDEST, NEWEST = (3, 11), (3, 14)  # Pythons for which every library has wheels
PHOTOGRAPHS = "requirements-photographs.txt"  # additional to the backend's
PREFERRED = (3, 13)  # the version to download if there is none


def wanted(plan: InstallPlan) -> list[str]:
    """Return the requirements to install, one each."""
    return _lines(plan.requirements)


def for_photographs(plan: InstallPlan) -> list[str]:
    """Return the requirements of the cameras of photographs, one each."""
    return _lines(plan.requirements.with_name(PHOTOGRAPHS))


def _lines(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def canonical(requirement: str) -> str:
    """Return the normalized distribution name of a requirement."""
    return re.split(r"[\s=<>!~;\[]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def check_source(plan: InstallPlan) -> None:
    """Check that there is a source to install from.

    Raises
    ------
    RequestError
        If the network is needed and not allowed, or the folder lacks wheels or uv.
    """
    if not plan.wheels:
        if not plan.online_access:
            raise RequestError(
                "Blender is not allowed to use the network.",
                "Allow online access in Blender's preferences (System), or choose a folder of "
                "wheels.",
            )
        return
    if not wheels_of(plan):
        raise RequestError(f"{plan.wheels} has no wheels.", "Choose the folder that contains them.")
    there = plan.uv or uv.binary_of(plan).is_file() or uv.wheel_in(Path(plan.wheels))
    if not there and not on_path("uv"):
        raise RequestError(
            f"{plan.wheels} has no wheel of uv, which makes the environment.",
            f"Add {uv.pinned().file}, for example by `pip download uv`.",
        )


def wheels_of(plan: InstallPlan) -> list[Path]:
    """Return the wheels of a plan's folder; none if it has no folder."""
    return sorted(Path(plan.wheels).glob("*.whl")) if plan.wheels else []


def pythons_of(plan: InstallPlan) -> list[tuple[int, int]]:
    """Return the versions of Python that a plan can use, by torch's wheels if they are given."""
    every = [(3, minor) for minor in range(OLDEST[1], NEWEST[1] + 1)]
    torch = [path.name for path in wheels_of(plan) if path.name.startswith("torch-")]
    tags = [name.split("-")[2] for name in torch]
    if not tags or any(tag.startswith("py3") for tag in tags):
        return every
    return [(major, minor) for major, minor in every if f"cp{major}{minor}" in tags]


def version_of(fitting: Collection[tuple[int, int]]) -> str:
    """Return the version to ask uv for among those that fit; empty if none does."""
    chosen = PREFERRED if PREFERRED in fitting else max(fitting, default=None)
    return "" if chosen is None else f"{chosen[0]}.{chosen[1]}"


def known_pythons(plan: InstallPlan) -> list[str]:
    """Return the paths of the Pythons to try: the chosen one, or Blender's, then the PATH's."""
    if plan.base:
        return [plan.base]
    paths = [on_path(f"python3.{minor}") for minor in (13, 12, 14, 11)]
    return [*([sys.executable] if sys.executable else []), *filter(None, paths)]


def needs_download(plan: InstallPlan) -> bool:
    """Return whether a Python has to be downloaded, by quick checks."""
    if plan.base or plan.wheels or os.path.exists(plan.python):
        return False
    if sys.executable and OLDEST <= sys.version_info[:2] <= NEWEST:
        return not os.access(sys.executable, os.X_OK)
    return not any(on_path(f"python3.{minor}") for minor in (13, 12, 14, 11))
