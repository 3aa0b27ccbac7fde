"""The bundled sample: eight cameras around an empty place, each with its image."""

import shutil
from pathlib import Path

from ...backend.contract.errors import WorkError

SAMPLE = "suzanne"


def bundled_folder() -> Path:
    """Return the folder of the sample within the extension."""
    return Path(__file__).resolve().parents[2] / "assets" / "sample" / SAMPLE


def copied(folder: Path) -> Path:
    """Return the sample's .blend in a user's folder; copy it there if it is missing.

    The extension's own folder is replaced when it is updated, and with it what is saved there.

    Raises
    ------
    WorkError
        If it can't be copied.
    """
    own, target = bundled_folder(), folder / SAMPLE
    file = target / f"{SAMPLE}.blend"
    if file.exists():
        return file
    partial = folder / f"{SAMPLE}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)  # without its .blend
        shutil.copytree(own, partial)
        partial.rename(target)
    except OSError as error:
        raise WorkError(
            f"The sample could not be copied to {folder}: {error.strerror or error}.",
            "Check that the disk has space and that the folder can be written.",
        ) from error
    return file
