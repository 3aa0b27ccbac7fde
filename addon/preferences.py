"""The extension's preferences: which Python runs the backend, and how one is built."""

import os
from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

ROOT = __package__.rpartition(".")[0]  # the extension's own name, such as bl_ext.x.levelform


def _look_again(_preferences: Any, _context: bpy.types.Context) -> None:
    """Look at the candidates again after one was chosen."""
    from .interpreter import here
    from .session import live

    here.look()
    live.wake()


def _keep_at_most(_preferences: Any, _context: bpy.types.Context) -> None:
    """Tell the worker how much results may hold."""
    from .session import live

    live.keep_at_most(kept_bytes())


class LevelformPreferences(bpy.types.AddonPreferences):
    """What is the same for every file of this user."""

    bl_idname = ROOT

    python: StringProperty(
        name="Python",
        description="A Python 3.11 or later that has torch; when empty, the one that "
        "Install Backend made",
        subtype="FILE_PATH",
        update=_look_again,
    )
    device: EnumProperty(
        name="Compute On",
        description="What the backend computes on",
        items=(
            ("AUTO", "Automatic", "The graphics card if it can be used, else the processor"),
            ("CUDA", "NVIDIA Graphics Card", "CUDA"),
            ("MPS", "Apple Graphics", "Metal"),
            ("CPU", "Processor", "Works everywhere"),
        ),
    )
    build: EnumProperty(
        name="Build",
        description="Which build of torch to install",
        items=(
            ("CPU", "Processor", "Works everywhere; the smaller download"),
            ("CUDA", "NVIDIA Graphics Card", "Much faster with such a card; a large download"),
        ),
    )
    wheels: StringProperty(
        name="Wheels",
        description="A folder of wheels to install from, without the network; when empty, "
        "they are downloaded",
        subtype="DIR_PATH",
    )

    memory: IntProperty(
        name="Memory for Results",
        description="MiB that results may hold in the backend, so that Re-mesh runs nothing again; "
        "the oldest make room for new ones",
        default=2048,
        min=64,
        soft_max=16384,
        update=_keep_at_most,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw what was found, and the installation."""
        from . import panels

        panels.draw_preferences(self, context)


class _Defaults:
    python, device, build, wheels = "", "AUTO", "CPU", ""
    memory = 2048


def get() -> Any:
    """Return the preferences; where the extension was not enabled as one, their defaults."""
    addon = bpy.context.preferences.addons.get(ROOT)
    return _Defaults() if addon is None or addon.preferences is None else addon.preferences


def kept_bytes() -> int:
    """Return the bytes that kept results may hold together in the worker."""
    return int(get().memory) << 20


def python() -> str:
    """Return the interpreter that the user chose, as an absolute path; empty: none."""
    chosen = get().python
    return os.path.expanduser(bpy.path.abspath(chosen)) if chosen else ""


CLASSES = (LevelformPreferences,)
