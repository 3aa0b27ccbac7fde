"""The extension's preferences: which Python runs the backend, and how one is built."""

from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..backend_setup.interpreter import here
from ..backend_setup.user_preferences import EXTENSION, kept_bytes
from ..jobs.session import live
from . import panels


def _look_again(_preferences: Any, _context: bpy.types.Context) -> None:
    """Look at the candidates again after one was chosen."""
    here.look()
    live.wake()


def _keep_at_most(_preferences: Any, _context: bpy.types.Context) -> None:
    """Tell the worker how much results may hold."""
    live.keep_at_most(kept_bytes())


def _restart(_preferences: Any, _context: bpy.types.Context) -> None:
    """Start the worker again: it loads methods when it starts."""
    live.restart()


class LevelformPreferences(bpy.types.AddonPreferences):
    """What is the same for every file of this user."""

    bl_idname = EXTENSION

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

    methods: StringProperty(
        name="Own Methods",
        description="A folder of Python files, each a reconstruction method of your own; they are "
        "loaded when the backend starts and run with your rights. When empty, the environment "
        "variable LEVELFORM_METHODS may name one",
        subtype="DIR_PATH",
        update=_restart,
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
        panels.draw_preferences(self, context)


CLASSES = (LevelformPreferences,)
