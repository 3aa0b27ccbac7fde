"""An operator that opens the file browser and begins a job with the chosen files."""

import bpy
from bpy.props import CollectionProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ..jobs.session import busy
from . import Starter, refuse

IMAGES = "*.png;*.jpg;*.jpeg;*.webp;*.tif;*.tiff;*.bmp;*.tga"
VIDEOS = "*.mp4;*.mov;*.m4v;*.avi;*.mkv;*.webm"


class FromFiles(Starter, ImportHelper):
    """A starter whose button opens the file browser, which calls `execute`."""

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, busy())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, which calls `execute`."""
        return ImportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin the job, and leave it to the timer in a window."""
        work = self.run if bpy.app.background else self._start_and_wake
        return self._attempt(work, context)

    def paths(self) -> list[str]:
        """Return the chosen files, or the folder if none was chosen in it."""
        names = [file.name for file in self.files if file.name]
        if names:
            return [bpy.path.native_pathsep(self.directory + name) for name in names]
        return [self.filepath or self.directory]
