"""The extension's preferences: the Python that runs the backend, and its installation."""

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..backend_setup.interpreter import here
from ..backend_setup.user_preferences import EXTENSION, kept_bytes
from ..jobs.session import live
from .panels_backend import draw_preferences


def _look_again(_preferences: Any, _context: bpy.types.Context) -> None:
    """Check the candidates again after one was chosen."""
    here.look()
    live.wake()


def _keep_at_most(_preferences: Any, _context: bpy.types.Context) -> None:
    """Send the memory limit of results to the worker."""
    live.keep_at_most(kept_bytes())


def _restart(_preferences: Any, _context: bpy.types.Context) -> None:
    """Restart the worker, which loads methods when it starts."""
    live.restart()


class LevelformPreferences(bpy.types.AddonPreferences):
    """Settings for all files of this user."""

    bl_idname = EXTENSION

    python: StringProperty(
        name="Python",
        description="A Python 3.11 or later with torch; if empty, the one made by Install Backend",
        subtype="FILE_PATH",
        update=_look_again,
    )
    device: EnumProperty(
        name="Compute On",
        description="The device on which the backend computes",
        items=(
            ("AUTO", "Automatic", "The graphics card if it is usable, else the processor"),
            ("CUDA", "NVIDIA Graphics Card", "CUDA"),
            ("MPS", "Apple Graphics", "Metal"),
            ("CPU", "Processor", "Works everywhere"),
        ),
    )
    build: EnumProperty(
        name="Build",
        description="The build of torch to install",
        items=(
            (
                "AUTO",
                "Automatic",
                "That of this computer's graphics card or processor",
            ),
            ("CPU", "Processor", "Works everywhere; a smaller download. On macOS, Metal too"),
            ("CUDA", "NVIDIA Graphics Card", "Much faster with such a card; a large download"),
            ("ROCM", "AMD Graphics Card", "ROCm, on Linux; a large download"),
        ),
    )
    system_certs: BoolProperty(
        name="System Certificates",
        description="Trust the certificates that this computer trusts, as behind a proxy that "
        "inspects connections",
    )
    wheels: StringProperty(
        name="Wheels",
        description="A folder of wheels to install from, without the network; if empty, "
        "they are downloaded",
        subtype="DIR_PATH",
    )

    methods: StringProperty(
        name="Own Methods",
        description="A folder of Python files, each a reconstruction method of your own; they are "
        "loaded when the backend starts, and run with your rights. If empty, the folder in the "
        "environment variable LEVELFORM_METHODS is used",
        subtype="DIR_PATH",
        update=_restart,
    )
    memory: IntProperty(
        name="Memory for Results",
        description="MiB of results that the backend keeps for Re-mesh; beyond it, the oldest are "
        "dropped",
        default=2048,
        min=64,
        soft_max=16384,
        update=_keep_at_most,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the candidates and the installation."""
        draw_preferences(self, context)


CLASSES = (LevelformPreferences,)
