"""`levelform doctor`: check whether this Python has what the backend needs."""

import argparse
from typing import Any

HELP = "check this Python for what the backend needs: torch, devices, libraries"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take nothing."""


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Examine this interpreter; see `doctor.examine`.

    Missing libraries are part of the answer, not a failure.
    """
    from ..doctor import examine

    return examine()


def show(result: dict[str, Any]) -> None:
    """Print one line per library and device, then the verdict."""
    print(f"Python {result['python']}  {result['executable']}")
    print(f"{result['platform']}")
    for name, version in sorted(result["libraries"].items(), key=lambda entry: entry[0].lower()):
        print(f"    {name:<18} {_state(name, version, result)}")
    for device in result["devices"]:
        memory = device["memory"]
        size = f", {memory / 2**30:.0f} GiB" if memory else ""
        print(f"    {device['name']:<18} {device['title']}{size}")
    if result["torch"]:
        print(f"    {'threads':<18} {result['threads']}")
    verdict = f"{result['problem']} {result['hint']}".strip()
    print(verdict or "The backend can run here.")


def _state(name: str, version: str | None, result: dict[str, Any]) -> str:
    if name in result["broken"]:
        return f"{version or ''} broken: {result['broken'][name]}".strip()
    if name in result["missing"]:
        return "missing"
    if name in result["lacking"]:
        return "missing (needed by some features)"
    return version or "installed, unknown version"
