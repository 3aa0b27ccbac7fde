"""The terminal's commands, run by path from wherever this package's folder is and is called.

Blender starts the long-running ones with it: `python -I backend/terminal.py train ...`. The folder
that holds this one becomes the package `levelform`, as for the worker.
"""

import importlib
import importlib.util
import os
import sys


def main() -> int:
    """Run the command that the arguments name; return its exit status."""
    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        "levelform_launch", os.path.join(here, "launch.py")
    )
    assert spec is not None
    assert spec.loader is not None
    launch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(launch)
    launch.load_package()
    cli = importlib.import_module("levelform.backend.cli")  # of the package just loaded
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
