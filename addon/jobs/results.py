"""The object that shows a job's mesh during the job, and is kept or removed at its end.

Undo, deletion, renaming, Edit Mode and file load may happen between any two updates, so no
references to Blender's data are stored: data-blocks are looked up by `session_uid` at each use.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bpy

from ...backend.contract.cameras import from_frame
from ...backend.contract.protocol import Exhibit, MeshUpdate
from ..scene import gallery, ground, meshes, shading, sight
from ..scene.cameras import add_camera
from ..scene.provenance import PROVENANCE
from ..scene.views import ImageLike, blender_image

CAMERAS = "levelform_cameras"  # names of the cameras that a method estimated for its images
DRAFT = "levelform_draft"  # the job's name, on an object of an unfinished job


class Deleted(Exception):  # noqa: N818 - the user's decision, not an error
    """The user deleted the job's object or scene."""


@dataclass(frozen=True)
class Handle:
    """Identifies a data-block across undo and renaming."""

    uid: int
    name: str

    @classmethod
    def of(cls, block: bpy.types.ID) -> "Handle":
        """Return the handle of a data-block."""
        return cls(block.session_uid, block.name)

    def find(self, blocks: Any) -> Any:
        """Return the data-block among `blocks` (such as `bpy.data.objects`); None if it is gone."""
        named = blocks.get(self.name)
        if named is not None and named.session_uid == self.uid:
            return named
        return next((block for block in blocks if block.session_uid == self.uid), None)


class Result(ABC):
    """Displays the meshes of one job.

    Attributes
    ----------
    job : name of the job
    label : name of the undo step
    promise : the panel's text before the first mesh
    selects : whether to select the object when the job has finished
    undoes : whether the finished job is an undo step of its own
    shown : number of meshes shown so far
    last : the last mesh shown
    exhibits : the exhibits received so far, for a job that shows
    """

    label = ""
    promise = "The first mesh will appear in a moment"
    selects = True
    undoes = True

    def __init__(self, job: str, scene: bpy.types.Scene) -> None:
        self.job = job
        self.shown = 0
        self._undone = False  # undone since the last mesh, so a missing object was not deleted
        self._scene = Handle.of(scene)
        self._object: Handle | None = None
        self._newest: MeshUpdate | None = None  # not shown yet
        self.last: MeshUpdate | None = None
        self.exhibits: list[Exhibit] = []

    @property
    def scene(self) -> bpy.types.Scene | None:
        """The scene of the job, looked up now; None if it is gone."""
        return self._scene.find(bpy.data.scenes)

    @property
    def object(self) -> bpy.types.Object | None:
        """The object, looked up now; None before the first mesh and after it was deleted."""
        obj = self._object.find(bpy.data.objects) if self._object else None
        return obj if obj is not None and obj.users_scene else None

    @property
    def hidden(self) -> frozenset[int]:
        """The objects that the job has hidden, by `session_uid`."""
        return frozenset()

    @property
    def waiting(self) -> bool:
        """Whether a mesh has arrived that is not shown yet, e.g. because its object is edited."""
        return self._newest is not None

    def offer(self, update: MeshUpdate) -> None:
        """Accept the newest mesh; `flush` shows it."""
        self._newest = update

    def after_undo(self) -> None:
        """Note that an undo or redo may have removed the object; `flush` restores it."""
        self._undone = True
        self._newest = self._newest or self.last

    def flush(self) -> bool:
        """Show the newest mesh, unless its object is being edited; return whether it was shown.

        Raises
        ------
        Deleted
            If the user deleted the object or its scene.
        WorkError
            If the mesh is invalid; nothing is changed.
        """
        if self._newest is None or not self._show(self._newest):
            return False
        self.last, self._newest = self._newest, None
        self._undone = False
        self.shown += 1
        return True

    def check(self) -> None:
        """Raise `Deleted` if the user deleted the object since it was last shown."""
        if self.shown and not self._undone and self.object is None:
            raise Deleted

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Keep the mesh and store its provenance on the object; return the object."""
        obj = self.object
        if obj is None:
            raise Deleted
        obj[PROVENANCE] = dict(provenance)
        return obj

    @abstractmethod
    def discard(self) -> None:
        """Restore the scene as it was before the job."""

    @abstractmethod
    def _show(self, update: MeshUpdate) -> bool:
        """Show a mesh; return false while its object is being edited."""


class Added(Result):
    """A job that adds an object to the scene's collection of results."""

    label = "Reconstruct"

    def __init__(
        self,
        job: str,
        name: str,
        scene: bpy.types.Scene,
        images: Sequence[ImageLike] = (),
        arrange: Callable[[bpy.types.Object], object] | None = None,
        renamed: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(job, scene)
        self._renamed = renamed  # its name by the method, which the job chooses
        self._arrange = arrange  # moves the finished object, before its undo step
        self._grounded = arrange is on_ground  # then its first mesh is moved too
        self._name = name
        self._images = images
        self._mesh: Handle | None = None
        self._hidden: list[Handle] = []  # earlier results at the same place
        self._materials = {material.session_uid for material in bpy.data.materials}

    @property
    def hidden(self) -> frozenset[int]:
        """The earlier results at the same place, by `session_uid`."""
        return frozenset(handle.uid for handle in self._hidden)

    def _show(self, update: MeshUpdate) -> bool:
        obj = self.object
        if obj is None:
            if self._object is not None and not self._undone:
                raise Deleted
            self._add(update)
            return True
        if not meshes.refill(obj, update):
            return False
        if self.last is None or (update.world_from_mesh != self.last.world_from_mesh).any():
            meshes.place(obj, update)  # the first mesh stands elsewhere
        if update.colors is not None:
            _show_colors(obj)
        return True

    def _add(self, update: MeshUpdate) -> None:
        scene = self.scene
        if scene is None:
            raise Deleted
        added = meshes.new_object(self._name, update, gallery.make_collection(scene))
        added[DRAFT] = self.job
        self._object, self._mesh = Handle.of(added), Handle.of(added.data)
        hidden: Sequence[bpy.types.Object] = ()
        if self._grounded:
            hidden = on_ground(added)
        elif self._arrange is None:  # otherwise it will move away from other results
            hidden = gallery.hide_earlier(added, scene)
        self._hidden += [Handle.of(thing) for thing in hidden]
        if update.colors is not None:
            _show_colors(added)
        sight.frame_if_unseen(added)

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Keep the object, no longer a draft; add the cameras that the method estimated."""
        told = dict(provenance)
        frames = told.pop("cameras", ())
        obj = super().finish(told)
        obj.pop(DRAFT, None)
        if self._renamed is not None and obj.name.startswith(self._name):  # not the artist's name
            obj.name = self._renamed(str(told.get("method", "")))
        if self._grounded and self.last is not None:
            meshes.place(obj, self.last)  # back where its cameras stand, to be moved with them
            bpy.context.view_layer.update()
        placed = [self._place(obj, frame) for frame in frames]
        if placed:
            obj[CAMERAS] = [camera.name for camera in placed]
        if self._arrange is not None:
            self._move(obj, self._arrange)
        return obj

    def _move(self, obj: bpy.types.Object, arrange: Callable[[bpy.types.Object], None]) -> None:
        """Move the object, and note the earlier results that it hides."""
        shown = [r for r in gallery.results_of(obj.users_scene[0]) if gallery.is_shown(r)]
        arrange(obj)
        self._hidden += [Handle.of(result) for result in shown if not gallery.is_shown(result)]

    def _place(self, obj: bpy.types.Object, frame: Mapping[str, Any]) -> bpy.types.Object:
        """Add the camera that the method estimated for a view, with its image as background."""
        index = int(frame["view"])
        image = blender_image(self._images[index]) if index < len(self._images) else None
        name = f"{obj.name} Camera"
        data = from_frame(frame)
        camera = add_camera(name, data, image, obj.users_collection[0])
        scene = self.scene
        if scene is not None and scene.camera is None:
            scene.camera = camera
        return camera

    def discard(self) -> None:
        """Remove the object, its mesh, and the material if this job created it."""
        self._newest = None
        obj = self._object.find(bpy.data.objects) if self._object else None
        if obj is not None:
            _leave_edit_mode(obj)
            bpy.data.objects.remove(obj)
        mesh = self._mesh.find(bpy.data.meshes) if self._mesh else None
        if mesh is not None and not mesh.users:
            bpy.data.meshes.remove(mesh)
        for material in list(bpy.data.materials):
            if not material.users and self._brought(material):
                bpy.data.materials.remove(material)
        for earlier in self._hidden:
            thing = earlier.find(bpy.data.objects)
            if thing is not None:
                gallery.show(thing, True)
        gallery.remove_empty_collection(self.scene)

    def _brought(self, material: bpy.types.Material) -> bool:
        name = material.name.partition(".")[0]
        return name == meshes.MATERIAL and material.session_uid not in self._materials


class Replaced(Result):
    """A job that replaces an object's mesh; the old mesh is kept until the job has finished."""

    label = "Re-mesh"

    def __init__(self, job: str, target: bpy.types.Object, scene: bpy.types.Scene) -> None:
        super().__init__(job, scene)
        self._object = Handle.of(target)
        self._draft: Handle | None = None
        self._before: Handle | None = None

    def _show(self, update: MeshUpdate) -> bool:
        obj = self.object
        if obj is None:
            raise Deleted
        if obj.mode != "OBJECT":
            return False
        if self._draft is None or obj.data.session_uid != self._draft.uid:
            self._put_aside(obj)
        return meshes.refill(obj, update)

    def _put_aside(self, obj: bpy.types.Object) -> None:
        self._before = Handle.of(obj.data)
        obj.data = obj.data.copy()
        self._draft = Handle.of(obj.data)

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Keep the new mesh under the old name; other users of the old mesh keep it."""
        obj = super().finish(provenance)
        before = self._before.find(bpy.data.meshes) if self._before else None
        if before is not None and not before.users:
            name = before.name
            bpy.data.meshes.remove(before)
            obj.data.name = name
        return obj

    def discard(self) -> None:
        """Give the object its old mesh back."""
        self._newest = None
        before = self._before.find(bpy.data.meshes) if self._before else None
        draft = self._draft.find(bpy.data.meshes) if self._draft else None
        obj = self.object
        if before is None or draft is None:
            return
        if obj is not None and obj.data == draft:
            _leave_edit_mode(obj)
            obj.data = before
        if not draft.users:
            bpy.data.meshes.remove(draft)


class MeshlessResult(Result):
    """The answer of a job that shows no mesh, and changes nothing before it has finished."""

    selects = False

    def discard(self) -> None:
        """Do nothing: an unfinished job has changed nothing."""

    def _show(self, update: Any) -> bool:
        return True


class Checked(MeshlessResult):
    """A check of the views, which changes no object."""

    label = "Check Views"
    promise = "The marks will appear in a moment"

    def finish(self, provenance: Mapping[str, Any]) -> Any:
        """Return the scene, which stores the result of the check."""
        if self.scene is None:
            raise Deleted
        return self.scene


def _show_colors(target: bpy.types.Object) -> None:
    """Give an object the material of colours, and have viewports show them."""
    if not target.data.materials:
        target.data.materials.append(meshes.color_material())
    shading.show("VERTEX")


def on_ground(thing: bpy.types.Object) -> list[bpy.types.Object]:
    """Put a result onto the ground at the 3D cursor, with its cameras, and in sight.

    Returns the earlier results that it hides.
    """
    names = thing.get(CAMERAS, ())
    cameras = [bpy.data.objects[name] for name in names if name in bpy.data.objects]
    hidden = ground.stand(thing, cameras)
    sight.frame_if_unseen(thing)
    return hidden


def estimated_camera(target: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the camera that a method estimated for the image of an object; None if it is gone."""
    names = target.get(CAMERAS, ()) if target is not None else ()
    cameras = (bpy.data.objects.get(name) for name in names)
    return next((camera for camera in cameras if camera is not None), None)


def _leave_edit_mode(edited: bpy.types.Object) -> None:
    """Return to Object Mode: the mesh of an object must not change while it is edited."""
    if edited.mode != "OBJECT":
        with bpy.context.temp_override(active_object=edited, object=edited):
            bpy.ops.object.mode_set(mode="OBJECT")


def remove_drafts(jobs: set[str]) -> int:
    """Remove drafts of ended jobs that undo or redo brought back; return their number."""
    drafts = [obj for obj in bpy.data.objects if obj.get(DRAFT) in jobs]
    for obj in drafts:
        mesh = obj.data
        bpy.data.objects.remove(obj)
        if mesh is not None and not mesh.users:
            bpy.data.meshes.remove(mesh)
    return len(drafts)
