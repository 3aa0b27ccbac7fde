"""Optional libraries: pycolmap finds cameras, PyAV reads videos. Both are imported on use."""

import importlib
import importlib.util
from typing import Any

from ..contract.errors import RequestError

INSTALL = (
    "Press Install Camera Finder in Levelform's preferences, or run `pip install "
    "'levelform[photos]'` with the backend's Python."
)


def check_solver() -> None:
    """Raise `RequestError` if pycolmap is not installed; does not import it."""
    if importlib.util.find_spec("pycolmap") is None:
        raise RequestError(
            "Cameras of photographs need the library pycolmap, which is not installed.", INSTALL
        )


def video_library() -> Any:
    """Return PyAV.

    Raises
    ------
    RequestError
        If it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise RequestError(
            "Videos need the library av, which is not installed.",
            f"{INSTALL} A folder of images needs pycolmap alone.",
        ) from error
