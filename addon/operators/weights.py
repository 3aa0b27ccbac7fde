"""Fetches published weights, takes them from a file, and removes them."""

from typing import TYPE_CHECKING

import bpy

from ...backend.contract.errors import LevelformError
from ...backend.contract.weights import PUBLISHED, megabytes
from ..data import weights_fetch
from ..data.weights_fetch import fetching, problem, ticker
from ..scene.wording import told
from . import ReportingOperator, refuse

PRECISIONS = (
    ("float16", "Half Precision", "Nearly the published result"),
    ("int8", "8 Bits", "Half the space on the disk and in memory, slightly less exact"),
)


class _WeightsReporter(ReportingOperator):
    """A reporter whose errors the panel of weights shows."""

    def note(self, error: LevelformError) -> None:
        fetching.failure = error


class _Getter(_WeightsReporter):
    """An operator that starts the process, and waits for its end in a script."""

    if TYPE_CHECKING:

        def begin(self) -> None:
            """Start the process."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start, and return at once if there is a window."""
        return self._attempt(self.run if bpy.app.background else self._start_and_wake, context)

    def run(self, _context: bpy.types.Context) -> None:
        self.begin()
        fetching.wait()

    def _start_and_wake(self, _context: bpy.types.Context) -> None:
        self.begin()
        ticker.wake()


class LEVELFORM_OT_get_weights(_Getter, bpy.types.Operator):
    """Fetch the authors' trained weights from their model hub"""

    bl_idname = "levelform.get_weights"
    bl_label = "Get Weights"
    bl_options = {"REGISTER"}

    method: bpy.props.StringProperty(default="triposr", options={"HIDDEN", "SKIP_SAVE"})
    precision: bpy.props.EnumProperty(name="Store as", items=PRECISIONS)

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, " ".join(problem(next(iter(PUBLISHED)))).strip())

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        title = f"Get {megabytes(PUBLISHED[self.method].size)}"
        return context.window_manager.invoke_props_dialog(
            self, width=520, title=title, confirm_text="Get"
        )

    def draw(self, _context: bpy.types.Context) -> None:
        for line in facts_of(self.method):
            self.layout.label(text=line)
        self.layout.prop(self, "precision")

    def begin(self) -> None:
        fetching.begin(self.method, precision=self.precision)


class LEVELFORM_OT_choose_weights(_Getter, bpy.types.Operator):
    """Take the authors' trained weights from a file that was downloaded by hand"""

    bl_idname = "levelform.choose_weights"
    bl_label = "Choose File..."
    bl_options = {"REGISTER"}

    method: bpy.props.StringProperty(default="triposr", options={"HIDDEN", "SKIP_SAVE"})
    precision: bpy.props.EnumProperty(name="Store as", items=PRECISIONS)
    filepath: bpy.props.StringProperty(
        description="The downloaded file", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    filter_glob: bpy.props.StringProperty(default="*.ckpt;*.pt;*.pth", options={"HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, " ".join(problem(next(iter(PUBLISHED)), file="-")).strip())

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def begin(self) -> None:
        file = bpy.path.abspath(self.filepath)
        fetching.begin(self.method, file=file, precision=self.precision)


class LEVELFORM_OT_cancel_weights(bpy.types.Operator):
    """Stop; what has come is kept for the next attempt"""

    bl_idname = "levelform.cancel_weights"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if fetching.running else "No weights are being fetched.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        fetching.stop()
        return {"FINISHED"}


class LEVELFORM_OT_remove_weights(_WeightsReporter, bpy.types.Operator):
    """Delete the fetched weights from the disk"""

    bl_idname = "levelform.remove_weights"
    bl_label = "Remove"
    bl_options = {"INTERNAL"}

    method: bpy.props.StringProperty(default="triposr", options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def run(self, _context: bpy.types.Context) -> None:
        size = weights_fetch.remove(self.method)
        self.report({"INFO"}, told("{} are free again", megabytes(size)))


def facts_of(method: str) -> tuple[str, ...]:
    """Return lines about the file to fetch: contents, authors, size, hash."""
    known = PUBLISHED[method]
    return (
        f"{known.file}, {megabytes(known.size)}, from {known.page}",
        *(f"{line[:1].upper()}{line[1:]}" for line in known.rights.split("; ")),
        f"SHA-256 {known.sha256}",
        f"It is converted, and {megabytes(known.needs)} (half precision) remain on the disk.",
    )


CLASSES = (
    LEVELFORM_OT_get_weights,
    LEVELFORM_OT_choose_weights,
    LEVELFORM_OT_cancel_weights,
    LEVELFORM_OT_remove_weights,
)
