"""The environment variables of processes that run another Python. Does not use `bpy`."""

import os

from ...backend.contract.variables import METHODS_FOLDER


def clean_environment(methods: str = "") -> dict[str, str]:
    """Return this process's environment without the variables that configure a Python.

    Parameters
    ----------
    methods
        The user's folder of methods; empty: the one in the environment, if any.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return clean | {METHODS_FOLDER: methods} if methods else clean
