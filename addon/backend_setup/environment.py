"""The environment of the processes that run another Python. Knows no `bpy`."""

import os


def clean_environment() -> dict[str, str]:
    """Return this process's environment without the variables that configure a Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
