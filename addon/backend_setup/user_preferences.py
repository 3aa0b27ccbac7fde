"""Reads the extension's preferences; `ui/preferences.py` defines and draws them."""

import os
from typing import Any

import bpy

EXTENSION = __package__.rsplit(".", 2)[0]  # the extension's own name, such as bl_ext.x.levelform


class Defaults:
    """The preferences of an extension that was imported as a plain package."""

    python, device, build, wheels = "", "AUTO", "AUTO", ""
    system_certs = False
    methods = ""
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
    return _absolute(get().python)


def methods_folder() -> str:
    """Return the folder of the user's own methods, as an absolute path; empty if none is chosen."""
    return _absolute(get().methods)


def _absolute(chosen: str) -> str:
    return os.path.expanduser(bpy.path.abspath(chosen)) if chosen else ""
