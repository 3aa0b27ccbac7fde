"""*Render Images* in a window: one camera after the other, while Blender stays usable.

Each image is a render of Blender's own, as by F12: it runs in a thread, `Esc` cancels it, and the
status bar shows its progress. A timer begins the next one. The scene's settings are other than the
artist's only while a render runs.
"""

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...backend.contract.errors import LevelformError, RequestError
from ..jobs.session import live
from ..scene.images import layers_render, packed_render, render_failure, set_to_render
from ..scene.temporary import values_set
from ..scene.windows import in_window, redraw
from ..scene.wording import told

TICK = 0.1  # seconds between two looks at the running render


class CameraRendering:
    """The only renders of cameras in this Blender's window."""

    def __init__(self) -> None:
        self.finished: bool | None = None  # of the running render; None before its end
        self._cameras: list[str] = []
        self._paths: Sequence[str] = ()
        self._scene = ""
        self._next = 0
        self._settings = ExitStack()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._path = ""

    @property
    def running(self) -> bool:
        """Whether images are being rendered."""
        return bool(self._cameras)

    @property
    def title(self) -> str:
        """Which image is being rendered, such as "Image 2 of 8"."""
        return told("Image {} of {}", max(self._next, 1), max(len(self._cameras), 1))

    @property
    def progress(self) -> float:
        """The part of the images that is there, 0 to 1."""
        return max(self._next - 1, 0) / max(len(self._cameras), 1)

    def begin(
        self, scene: bpy.types.Scene, cameras: Sequence[bpy.types.Object], paths: Sequence[str] = ()
    ) -> None:
        """Begin to render from cameras.

        Parameters
        ----------
        paths : OpenEXR files with depth, one a camera; empty: images packed into the .blend

        Raises
        ------
        RequestError
            If something is being rendered, or Blender can't begin.
        """
        if self.running or bpy.app.is_job_running("RENDER"):
            raise RequestError("Blender is rendering.", "Wait until it has finished.")
        self.__init__()
        self._scene, self._cameras = scene.name, [camera.name for camera in cameras]
        self._paths = tuple(paths)
        self._folder = tempfile.TemporaryDirectory(prefix="levelform-")
        try:
            self._render()
        except BaseException:
            self.abandon()
            raise

    def advance(self) -> bool:
        """Take a finished render and begin the next; return whether there is more to do."""
        if not self.running or self.finished is None or bpy.app.is_job_running("RENDER"):
            return self.running
        try:
            self._settings.close()
            if not self.finished:  # Esc: the images so far are kept
                self._end()
                return False
            self._take()
            if self._next == len(self._cameras):
                self._end()
                return False
            self._render()
        except LevelformError as error:
            self._end()
            live.failure = error
        return self.running

    def abandon(self) -> None:
        """Stop after what is there, and restore the scene's settings."""
        self._settings.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._cameras, self._folder = [], None

    def wake(self) -> None:
        """Start the timer that goes on."""
        if not bpy.app.timers.is_registered(_on_timer):
            bpy.app.timers.register(_on_timer, first_interval=TICK, persistent=True)

    def _render(self) -> None:
        """Begin the render of the next camera that is still there."""
        scene = bpy.data.scenes.get(self._scene)
        camera = bpy.data.objects.get(self._cameras[self._next])
        if scene is None or camera is None:
            raise render_failure(self._cameras[self._next], "it was removed.")
        assert self._folder is not None  # it was begun
        own = os.path.join(self._folder.name, "render.png")
        self._path = self._paths[self._next] if self._paths else own
        self._next, self.finished = self._next + 1, None
        view = bpy.context.preferences.view
        self._settings.enter_context(values_set([(view, "render_display_type", "NONE")]))
        self._settings.enter_context(
            set_to_render(scene, camera, self._path, layers=bool(self._paths))
        )
        try:
            bpy.ops.render.render("INVOKE_DEFAULT", write_still=True, scene=scene.name)
        except RuntimeError as error:
            raise render_failure(camera.name, str(error).strip()) from error

    def _take(self) -> None:
        """Give the camera the image of its finished render."""
        name = self._cameras[self._next - 1]
        camera = bpy.data.objects.get(name)
        if not os.path.exists(self._path):
            raise render_failure(name, "it wrote no file.")
        image = layers_render(self._path) if self._paths else packed_render(name, self._path)
        if camera is not None:
            camera.levelform_camera.image = image

    def _end(self) -> None:
        """End, with one step of undo for all images."""
        self.abandon()
        if bpy.ops.ed.undo_push.poll():  # pyright: ignore[reportCallIssue]
            bpy.ops.ed.undo_push(message="Render Images")


rendering = CameraRendering()


def _on_timer() -> float | None:
    with in_window():
        more = rendering.advance()
    redraw()
    return TICK if more else None


@persistent
def _on_complete(*_: Any) -> None:
    """Only note it: Blender may call this from the render's thread."""
    rendering.finished = True


@persistent
def _on_cancel(*_: Any) -> None:
    rendering.finished = False


@persistent
def _on_load(*_: Any) -> None:
    rendering.abandon()


_HANDLERS = (
    ("render_complete", _on_complete),
    ("render_cancel", _on_cancel),
    ("load_pre", _on_load),
)


def register() -> None:
    """Listen to renders and file load."""
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Stop, and listen no more."""
    rendering.abandon()
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
