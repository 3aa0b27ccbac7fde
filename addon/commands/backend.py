"""`methods` and `doctor`: the methods of the backend, and the Pythons that can run it."""

import argparse
from dataclasses import asdict
from typing import Any

from ...backend.contract.options import PIPELINE
from ...backend.contract.sheets import option_lines_of, pipeline_lines
from .. import api
from ..jobs.session import live


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add both commands."""
    methods = commands.add_parser("methods", help="list the methods and what each needs")
    methods.set_defaults(run=_methods, show=_show_methods)
    doctor = commands.add_parser("doctor", help="show what the backend has and what it lacks")
    doctor.set_defaults(run=_doctor, show=_show_doctor)


def _methods(_args: argparse.Namespace) -> dict[str, Any]:
    return {
        "methods": [asdict(method) for method in api.methods()],
        "options": [asdict(option) for option in PIPELINE],
        "problems": list(live.method_problems),
    }


def _show_methods(result: dict[str, Any]) -> str:
    lines = []
    for method in result["methods"]:
        lines += [f"{method['name']}  {method['title']}", f"    {method['summary']}"]
        lines += option_lines_of(method)
    return "\n".join([*lines, *pipeline_lines(), *result["problems"]])


def _doctor(_args: argparse.Namespace) -> dict[str, Any]:
    return api.doctor()


def _show_doctor(result: dict[str, Any]) -> str:
    lines = []
    for check in result["candidates"]:
        mark = "*" if check["used"] else " "
        lines.append(f"{mark} {check['source']}: {check['executable']}")
        lines.append(f"    {check['problem'] or 'has everything'} {check['hint']}".rstrip())
        versions = (f"{name} {version}" for name, version in check["libraries"].items() if version)
        lines.append(f"    Python {check['python']}, {', '.join(versions)}")
        if check["devices"]:
            lines.append(f"    computes on {', '.join(check['devices'])}")
    if not result["usable"]:
        lines.append("No Python can run the backend: install it from Blender.")
    return "\n".join(lines)
