"""The common output of `levelform methods` and `blender --command levelform methods`."""

from collections.abc import Mapping
from typing import Any

from .levels import LEVEL_UNITS
from .options import PIPELINE, Option, option_lines


def option_lines_of(method: Mapping[str, Any]) -> list[str]:
    """Return lines of what a method's level is and of its options; `method` is a sheet as JSON."""
    unit = LEVEL_UNITS[method["level_unit"]]
    lines = [f"    level: {unit.allowed}"]
    if method["options"]:
        options = [Option(**option) for option in method["options"]]
        lines += ["    options:", *option_lines(options, "      ")]
    return lines


def pipeline_lines() -> list[str]:
    """Return lines of the options that every method takes."""
    return ["", "options of every method:", *option_lines(PIPELINE, "      ")]
