"""Weights fetched on request: contents, sources and local paths.

They lie in one folder of the user's, which Blender's versions and the terminal share:
`$LEVELFORM_WEIGHTS`, else the system's folder for data of programs.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import RequestError
from .variables import WEIGHTS_FOLDER


@dataclass(frozen=True)
class PublishedWeights:
    """A file that its authors publish.

    Attributes
    ----------
    method : the method of the weights
    file : its name
    url : where it is fetched from; the address names one revision, so its content never changes
    page : where a person reads about it
    size : bytes
    sha256 : in hexadecimal
    license, authors : as published
    needs : bytes that remain when it is stored for Levelform, in half precision
    """

    method: str
    file: str
    url: str
    page: str
    size: int
    sha256: str
    license: str
    authors: str
    needs: int

    @property
    def rights(self) -> str:
        """License and authors."""
        return f"license {self.license}, {self.authors}"

    @property
    def sentence(self) -> str:
        """The description shown before fetching."""
        return (
            f"{self.file}, {megabytes(self.size)}, from {host_of(self.url)}; {self.rights}; "
            f"SHA-256 {self.sha256}."
        )


_REVISION = "c1cf7716aed5aa6c1c5e174657791ef0e1327bde"

# Size and SHA-256 are those that several public projects pin for this revision; they were not
# computed from the file here. The hub states its own hash before it sends the file, and one that
# differs is refused (`backend/downloads.py`).
TRIPOSR = PublishedWeights(
    method="triposr",
    file="model.ckpt",
    url=f"https://huggingface.co/stabilityai/TripoSR/resolve/{_REVISION}/model.ckpt",
    page="https://huggingface.co/stabilityai/TripoSR",
    size=1_677_246_742,
    sha256="429e2c6b22a0923967459de24d67f05962b235f79cde6b032aa7ed2ffcd970ee",
    license="MIT",
    authors="copyright (c) 2024 Tripo AI & Stability AI; image encoder: DINO, Apache-2.0, Facebook",
    needs=852_100_000,
)

PUBLISHED = {weights.method: weights for weights in (TRIPOSR,)}


def weights_folder() -> Path:
    """Return the folder of fetched weights, which may not exist yet.

    Raises
    ------
    RequestError
        If `$LEVELFORM_WEIGHTS` is not an absolute path.
    """
    named = os.environ.get(WEIGHTS_FOLDER, "")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_absolute():
            raise RequestError(
                f"{WEIGHTS_FOLDER} is {named!r}, which is not an absolute path.",
                "Name the folder of weights by its whole path.",
            )
        return folder
    return _data_folder() / "levelform" / "weights"


def _data_folder() -> Path:
    """Return the system's folder for data of programs."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def weights_path(method: str) -> Path:
    """Return where the fetched weights of a method lie, if they do."""
    return weights_folder() / f"{method}.safetensors"


def installed_weights(method: str) -> Path | None:
    """Return the fetched weights of a method; None if there are none."""
    try:
        path = weights_path(method)
    except RequestError:
        return None
    return path if path.is_file() else None


def megabytes(count: int) -> str:
    """Return a number of bytes in words."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def host_of(url: str) -> str:
    """Return the host's name in an address."""
    return url.partition("://")[2].partition("/")[0].partition(":")[0]
