"""Reads the extension's preferences; `ui/preferences.py` defines and draws them."""

import os
from typing import Any

import bpy

EXTENSION = __package__.rsplit(".", 2)[0]  # the extension's own name, such as bl_ext.x.levelform


class Defaults:
    """The preferences of an extension that was imported as a plain package."""

    python, device, build, wheels = "", "AUTO", "CPU", ""
    memory = 2048


def get() -> Any:
    """Return the preferences; their defaults if the extension is not enabled."""
    addon = bpy.context.preferences.addons.get(EXTENSION)
    return Defaults() if addon is None or addon.preferences is None else addon.preferences


def kept_bytes() -> int:
    """Return the memory limit of all kept results in the worker, in bytes."""
    return int(get().memory) << 20


def python() -> str:
    """Return the interpreter chosen by the user, as an absolute path; empty if none is chosen."""
    chosen = get().python
    return os.path.expanduser(bpy.path.abspath(chosen)) if chosen else ""
