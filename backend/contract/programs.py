"""Programs on the PATH, never one that lies in the current folder.

Windows looks into the current folder first, and a PATH may name it; what somebody downloaded there
must not run in place of the program. Standard library only.
"""

import shutil
from pathlib import Path


def on_path(name: str) -> str | None:
    """Return the path of a program that the PATH has; None for none, or one in the current folder.

    A folder of the PATH that happens to be the current one does not count either.
    """
    path = shutil.which(name)
    if path is None or Path(path).absolute().parent == Path.cwd():
        return None
    return path
