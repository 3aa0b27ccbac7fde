"""`levelform doctor`: what this Python has of what the backend needs."""

import argparse
from typing import Any

HELP = "say what this Python has of what the backend needs: torch, devices, libraries"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take nothing."""


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Examine the interpreter that runs this; see `doctor.examine` for what is returned.

    What is missing is part of the answer, not a failure.
    """
    from ..doctor import examine

    return examine()


def show(result: dict[str, Any]) -> None:
    """Print a line a library and a line a device, and the verdict last."""
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
        return "missing (not needed by everything)"
    return version or "there, of unknown version"
