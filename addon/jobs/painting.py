"""Textures and quads: jobs that give a reconstruction a new surface, coloured from its images."""

import uuid
from collections.abc import Callable, Mapping
from math import pi, radians
from typing import Any

import bpy

from ...backend.contract.errors import RequestError, WorkError
from ...backend.contract.protocol import MeshData, Paint, Painted
from ...backend.contract.settings import QUADS, TEXTURE, Settings
from ..scene import meshes, shading, surfaces, textures
from ..scene.provenance import PROVENANCE
from ..scene.surfaces import MeshSurface
from .results import Deleted, Handle, Result
from .running import Running
from .session import live
from .targets import remesh_problem

TEXTURED = "texture"  # in an object's provenance: pixels along a side of its texture
TEXTURED_FACES = 100_000  # maximum triangles of a mesh to unwrap; larger ones are simplified first
SHARP_ANGLE = radians(180)  # all edges smooth


class Repainted(Result):
    """A job that gives an object a new surface, or its own surface new colours.

    Nothing changes until it has finished.

    Parameters
    ----------
    surface : the surface to colour and texture
    reshaped : the surface has other faces than the object's mesh
    sharp_angle : radians; edges of a new surface are sharp where faces meet at this angle or more
    """

    promise = "The images are being blended"
    selects = False

    def __init__(
        self,
        job: str,
        target: bpy.types.Object,
        surface: MeshSurface,
        label: str,
        *,
        reshaped: bool,
        sharp_angle: float = SHARP_ANGLE,
    ) -> None:
        super().__init__(job, bpy.context.scene)
        self.label = label
        self._object = Handle.of(target)
        self._surface, self._reshaped, self._sharp_angle = surface, reshaped, sharp_angle
        self._painted: Painted | None = None

    def _show(self, update: Any) -> bool:
        self._painted = update
        return True

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Put the new surface on the object, with its colours and its texture."""
        target, painted = self.object, self._painted
        if target is None:
            raise Deleted
        if painted is None:
            raise WorkError("The backend sent no colors.", "Try once more.")
        if target.mode != "OBJECT":
            raise WorkError("The object is being edited.", "Leave Edit Mode, and try once more.")
        before = target.data
        mesh = self._mesh(before)
        _fill_colors(mesh, painted)
        old = [known for known in before.materials if known is not None]
        if painted.texture is not None:
            name = f"{target.name} Texture"
            image = textures.packed_image(name, painted.texture)
            textures.use_material(mesh, textures.texture_material(name, image))
        elif self._reshaped:
            textures.use_material(mesh, None)
        name = before.name
        target.data = mesh
        if not before.users:
            bpy.data.meshes.remove(before)
            mesh.name = name
        for material in old:
            textures.remove_unused(material)
        shading.show("TEXTURE" if painted.texture is not None else "VERTEX")
        return super().finish(provenance)

    def discard(self) -> None:
        """Nothing was changed."""
        self._newest = None

    def _mesh(self, before: bpy.types.Mesh) -> Any:
        """Return a new mesh with the surface; all except faces is copied from the old one."""
        surface = self._surface
        if self._reshaped:
            mesh = bpy.data.meshes.new(before.name)
            for material in before.materials:
                mesh.materials.append(material)
            surfaces.fill_mesh(mesh, surface)
            if self._sharp_angle < pi:
                mesh.set_sharp_from_angle(angle=self._sharp_angle)
        elif len(before.loops) != len(surface.corners):
            raise WorkError("The mesh was changed in the meantime.", "Try once more.")
        else:
            mesh = before.copy()
        if surface.uvs is not None:
            surfaces.fill_uvs(mesh, surface.uvs)
        return mesh


def _fill_colors(mesh: bpy.types.Mesh, painted: Painted) -> None:
    attribute: Any = mesh.color_attributes.get(meshes.COLOR_ATTRIBUTE)
    if attribute is not None:
        mesh.color_attributes.remove(attribute)
    meshes.fill_colors(mesh, painted.colors)
    meshes.fill_seen(mesh, painted.seen)


# ---------------------------------------------------------------- jobs


def begin_texture(
    target: bpy.types.Object, size: int | None = None, *, faces: int = TEXTURED_FACES
) -> Running:
    """Begin to unwrap a reconstruction and to bake its texture.

    Parameters
    ----------
    size : pixels along a side; None: 2048
    faces : maximum triangles of a mesh to unwrap; larger ones are simplified first

    Raises
    ------
    RequestError
        If the object is not a reconstruction, is being edited, or the size is out of range.
    WorkError
        If Blender can't unwrap it.
    """
    size = TEXTURE.read(2048 if size is None else size, "The texture")
    facts = _facts_of(target)
    target.data.calc_loop_triangles()
    reshaped = len(target.data.loop_triangles) > faces
    surface = surfaces.surface_of(target, most=faces, texture=size)
    return _begin(target, surface, facts, "Texture", size, reshaped=reshaped)


def begin_quads(
    target: bpy.types.Object, count: int, *, sharp_angle: float = SHARP_ANGLE
) -> Running:
    """Begin to rebuild a reconstruction as quads; its texture, if any, is baked again.

    Parameters
    ----------
    count : about how many quads
    sharp_angle : radians; edges are sharp where faces meet at this angle or more; pi: none is

    Raises
    ------
    RequestError
        If the object is not a reconstruction, is being edited, or the count is out of range.
    WorkError
        If QuadriFlow made no quads.
    """
    count = QUADS.read(count, "The number of quads")
    facts = _facts_of(target)
    size = facts.get(TEXTURED) if textures.texture_of(target) is not None else None
    surface = surfaces.surface_of(target, quads=count, texture=size)
    facts["quads"] = len(surface.starts)
    return _begin(target, surface, facts, "Quads", size, reshaped=True, sharp_angle=sharp_angle)


def then_finish(settings: Settings) -> Callable[[bpy.types.Object], Running] | None:
    """Return a function that begins the requested quads and texture of a mesh; None if none are."""
    quads, texture = settings.quads, settings.texture
    if quads is None and texture is None:
        return None

    def begin(target: bpy.types.Object) -> Running:
        if quads is None:
            return begin_texture(target, texture)
        facts = _facts_of(target)
        surface = surfaces.surface_of(target, quads=quads, texture=texture)
        facts["quads"] = len(surface.starts)
        return _begin(target, surface, facts, "Quads", texture, reshaped=True)

    return begin


def then_texture(before: Mapping[str, Any]) -> Callable[[bpy.types.Object], Running] | None:
    """Return a function that bakes an object's texture again; None if it had none."""
    size = before.get(TEXTURED)
    return None if size is None else lambda target: begin_texture(target, int(size))


def _begin(
    target: bpy.types.Object,
    surface: MeshSurface,
    facts: dict[str, Any],
    label: str,
    size: int | None,
    **how: Any,
) -> Running:
    uvs = None if surface.uvs is None else surface.uvs[surface.triangle_corners]
    job = uuid.uuid4().hex
    mesh = MeshData(surface.vertices, surface.triangles)
    request = Paint(job, facts["keep"], mesh, uvs, size or 0)
    result = Repainted(job, target, surface, label, **how)
    facts |= {"vertices": len(surface.vertices), "faces": len(surface.starts)}
    return live.begin(request, result, facts)


def _facts_of(target: bpy.types.Object) -> dict[str, Any]:
    """Return an object's provenance; raise `RequestError` if its mesh can't be replaced."""
    problem = remesh_problem(target)
    if problem:
        raise RequestError(problem)
    if live.running is not None:
        raise RequestError("Levelform is busy.", "Wait for the job, or cancel it (Esc).")
    return target[PROVENANCE].to_dict()
