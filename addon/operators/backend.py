"""Installs, repairs and removes the backend; starts and stops it; copies its log."""

import os
from collections.abc import Mapping
from typing import ClassVar

import bpy

from ..backend_setup import interpreter, user_preferences
from ..backend_setup.interpreter import here
from ..jobs.session import busy, live
from . import ReportingOperator, refuse


def _install_problem() -> str:
    """Return why no installation can begin; empty if one can."""
    if here.installing is not None:
        return "An installation is running."
    if not user_preferences.get().wheels and not bpy.app.online_access:
        return (
            "Blender is not allowed to use the network. "
            "Allow Online Access in Preferences > System, or choose a folder of wheels."
        )
    return ""


def _managed_problem() -> str:
    """Return why there is nothing to repair or remove; empty if there is."""
    if here.installing is not None:
        return "An installation is running."
    folder = interpreter.managed_folder()
    return "" if os.path.isdir(folder) else "Levelform has not installed a backend."


class _Installer(ReportingOperator):
    """An operator that begins an installation, and waits for its end in a script.

    Attributes
    ----------
    parts : what `begin_install` is told
    changes : whether it changes an installed backend rather than makes one
    """

    parts: ClassVar[Mapping[str, bool]] = {}
    changes: ClassVar[bool] = False

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, (_managed_problem() if cls.changes else "") or _install_problem())

    def start(self, _context: bpy.types.Context) -> None:
        """Begin the installation."""
        if self.changes:
            live.shutdown()  # its files are in use while the worker runs
        here.begin_install(**self.parts)
        live.wake()

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._attempt(self.start, context)

    def run(self, context: bpy.types.Context) -> None:
        self.start(context)
        here.finish()


class LEVELFORM_OT_install_backend(_Installer, bpy.types.Operator):
    """Build a separate Python with torch for Levelform, in the extension's folder"""

    bl_idname = "levelform.install_backend"
    bl_label = "Install Backend"
    bl_options = {"INTERNAL"}

    @classmethod
    def description(
        cls, _context: bpy.types.Context, _properties: bpy.types.OperatorProperties
    ) -> str:
        return f"{cls.__doc__}. {' '.join(here.told())}"


class LEVELFORM_OT_trust_system(_Installer, bpy.types.Operator):
    """Trust the certificates that this computer trusts, and try again"""

    bl_idname = "levelform.trust_system"
    bl_label = "Use System Certificates"
    bl_options = {"INTERNAL"}

    def start(self, context: bpy.types.Context) -> None:
        user_preferences.get().system_certs = True
        super().start(context)


class LEVELFORM_OT_repair_backend(_Installer, bpy.types.Operator):
    """Reinstall missing and broken parts of the backend"""

    bl_idname = "levelform.repair_backend"
    bl_label = "Repair"
    bl_options = {"INTERNAL"}

    parts: ClassVar[Mapping[str, bool]] = {"repair": True}
    changes: ClassVar[bool] = True


class LEVELFORM_OT_install_camera_finder(_Installer, bpy.types.Operator):
    """Add pycolmap and av to the backend (about 75 MB), which find the cameras of photographs and
    read videos"""

    bl_idname = "levelform.install_camera_finder"
    bl_label = "Install Camera Finder"
    bl_options = {"INTERNAL"}

    parts: ClassVar[Mapping[str, bool]] = {"photographs": True}
    changes: ClassVar[bool] = True


class LEVELFORM_OT_remove_backend(ReportingOperator, bpy.types.Operator):
    """Delete the backend installed by Levelform"""

    bl_idname = "levelform.remove_backend"
    bl_label = "Remove"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, _managed_problem())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def run(self, _context: bpy.types.Context) -> None:
        live.shutdown()
        here.remove()
        live.wake()


class LEVELFORM_OT_cancel_install(bpy.types.Operator):
    """Stop the installation; downloads are kept for the next attempt"""

    bl_idname = "levelform.cancel_install"
    bl_label = "Cancel Installation"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if here.installing else "No installation is running.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        here.installing.cancel()
        live.wake()
        return {"FINISHED"}


class LEVELFORM_OT_check_backend(ReportingOperator, bpy.types.Operator):
    """Thoroughly check every Python that could run the backend, which takes a few seconds"""

    bl_idname = "levelform.check_backend"
    bl_label = "Check"
    bl_options = {"INTERNAL"}

    def invoke(self, _context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        here.look(quick=False)
        live.wake()
        return {"FINISHED"}

    def run(self, _context: bpy.types.Context) -> None:
        interpreter.doctor()


class LEVELFORM_OT_start_backend(ReportingOperator, bpy.types.Operator):
    """Start the backend now, so that the first job does not wait for it"""

    bl_idname = "levelform.start_backend"
    bl_label = "Start"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "The backend is running already." if live.worker_state != "off" else "")

    def run(self, _context: bpy.types.Context) -> None:
        live.start_worker()


class LEVELFORM_OT_unload_backend(ReportingOperator, bpy.types.Operator):
    """Make the backend release its memory; results can't be re-meshed afterwards"""

    bl_idname = "levelform.unload_backend"
    bl_label = "Free Memory"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        off = "The backend is not running." if live.worker_state == "off" else ""
        return refuse(cls, busy() or off)

    def run(self, _context: bpy.types.Context) -> None:
        live.unload()


class LEVELFORM_OT_stop_backend(ReportingOperator, bpy.types.Operator):
    """Stop the backend; it starts again with the next job"""

    bl_idname = "levelform.stop_backend"
    bl_label = "Stop"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "The backend is not running." if live.worker_state == "off" else "")

    def run(self, _context: bpy.types.Context) -> None:
        live.shutdown()
        live.wake()


class LEVELFORM_OT_copy_log(bpy.types.Operator):
    """Copy the last log lines of the backend, or of its installation, to the clipboard"""

    bl_idname = "levelform.copy_log"
    bl_label = "Copy Log"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        installation = here.installation
        parts = [live.log_tail(), installation.log(200) if installation else ""]
        context.window_manager.clipboard = "\n".join(filter(None, parts)) or "(nothing)"
        self.report({"INFO"}, "The log is on the clipboard")
        return {"FINISHED"}


class LEVELFORM_OT_open_preferences(bpy.types.Operator):
    """Open the extension's preferences"""

    bl_idname = "levelform.open_preferences"
    bl_label = "Preferences"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=user_preferences.EXTENSION)
        return {"FINISHED"}


CLASSES = (
    LEVELFORM_OT_install_backend,
    LEVELFORM_OT_trust_system,
    LEVELFORM_OT_repair_backend,
    LEVELFORM_OT_install_camera_finder,
    LEVELFORM_OT_remove_backend,
    LEVELFORM_OT_cancel_install,
    LEVELFORM_OT_check_backend,
    LEVELFORM_OT_start_backend,
    LEVELFORM_OT_unload_backend,
    LEVELFORM_OT_stop_backend,
    LEVELFORM_OT_copy_log,
    LEVELFORM_OT_open_preferences,
)
