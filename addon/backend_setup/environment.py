"""The environment variables of processes that run another Python. Does not use `bpy`."""

import os
import sys
from pathlib import Path

from ...backend.contract.variables import LIBRARIES, METHODS_FOLDER


def clean_environment(methods: str = "") -> dict[str, str]:
    """Return this process's environment without the variables that configure a Python.

    Parameters
    ----------
    methods
        The user's folder of methods; empty: the one in the environment, if any.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    brought = bundled_libraries()
    clean |= {LIBRARIES: brought} if brought else {}
    return clean | {METHODS_FOLDER: methods} if methods else clean


def bundled_libraries() -> str:
    """Return where Blender put the wheels of extensions if torch is among them, else nothing.

    In the form of the variable: "3.13:FOLDER". Another Python than Blender's ignores it.
    """
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for place in map(Path, sys.path):
        if ".local" in place.parts and (place / "torch").is_dir():
            return f"{version}:{place}"
    return ""
