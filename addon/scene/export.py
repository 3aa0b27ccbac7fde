"""Writes meshes and scenes to files, completely or not at all; for scripts and the command line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.errors import RequestError, WorkError
from ...backend.contract.materials import material_text
from .textures import texture_of
from .windows import in_window

MESH_SUFFIXES = (".glb", ".ply", ".obj", ".stl", ".npz")
SCENE_SUFFIX = ".blend"
TEXTURED_SUFFIXES = (".glb", ".obj", SCENE_SUFFIX)


def check_output(path: str | PathLike[str], *, textured: bool = False) -> None:
    """Refuse a file that can't be written, before any work.

    Raises
    ------
    RequestError
        If the format is unknown or can't hold the texture to write, or the folder is missing or not
        writable.
    """
    target = Path(path)
    known = (*MESH_SUFFIXES, SCENE_SUFFIX)
    if target.suffix.lower() not in known:
        raise RequestError(
            f"{target.name} has no format that can be written.", f"Use one of {' '.join(known)}."
        )
    if textured:
        check_textured(target)
    if not target.parent.is_dir():
        raise RequestError(
            f"The folder {target.parent} for {target.name} does not exist.",
            "Create it, or choose another place.",
        )
    if not os.access(target.parent, os.W_OK | os.X_OK) or target.is_dir():
        raise _not_allowed(target)


def check_textured(path: str | PathLike[str]) -> None:
    """Raise `RequestError` if files of a suffix hold no texture."""
    name, suffix = Path(path).name, Path(path).suffix.lower()
    if suffix not in TEXTURED_SUFFIXES:
        raise RequestError(
            f"{name}: a {suffix} file does not hold a texture.",
            f"Use one of {' '.join(TEXTURED_SUFFIXES)}, or leave the texture out.",
        )


def export_mesh(target: bpy.types.Object, path: str | PathLike[str]) -> str:
    """Write an object's mesh in world coordinates; return the file's path.

    Modifiers are applied, and triangles are counter-clockwise seen from outside, even if the object
    has a negative scale. .glb, .ply, .obj and .stl are written by Blender's exporters; .npz
    holds `vertices`, `faces` and, if there are any, `colors` (linear RGBA per vertex).

    Raises
    ------
    RequestError
        As `check_output`, and if the object is not a mesh.
    WorkError
        If the disk is full, or the exporter fails.
    """
    check_output(path)
    if target.type != "MESH":
        raise RequestError(f"{target.name} is not a mesh.", "Convert it first (Object > Convert).")
    image = texture_of(target)
    if image is not None and Path(path).suffix.lower() == ".obj":
        _write_material(Path(path), image)
    with _whole(Path(path)) as partial, in_window(), _stand_in(target) as copy:
        if partial.suffix == ".npz":
            np.savez(partial, **_arrays(copy))
        else:
            with _alone(copy):
                _EXPORTERS[partial.suffix](str(partial))
        if image is not None and partial.suffix == ".obj":
            _name_material(partial, Path(path).stem)
    return str(path)


def _write_material(path: Path, image: bpy.types.Image) -> None:
    """Write the texture and the material of an .obj beside it."""
    with _whole(path.with_suffix(".png")) as partial:
        partial.write_bytes(_png_of(image, partial))
    with _whole(path.with_suffix(".mtl")) as partial:
        partial.write_text(material_text(path.stem, path.with_suffix(".png").name), "utf-8")


def _png_of(image: bpy.types.Image, scratch: Path) -> bytes:
    """Return the bytes of a texture's PNG file: as it is packed, or as Blender saves it."""
    if image.packed_file is not None:
        return bytes(image.packed_file.data)
    image.save(filepath=str(scratch), save_copy=True)
    return scratch.read_bytes()


def _name_material(path: Path, name: str) -> None:
    """Make an .obj file without materials refer to the material file beside it."""
    text = path.read_text("utf-8")
    path.write_text(f"mtllib {name}.mtl\nusemtl {name}\n{text}", "utf-8")


def save_scene(path: str | PathLike[str]) -> str:
    """Save everything as a .blend without changing the open file; return its path."""
    check_output(path)
    with _whole(Path(path)) as partial, in_window():
        bpy.ops.wm.save_as_mainfile(filepath=str(partial), copy=True, relative_remap=True)
    return str(path)


_EXPORTERS = {
    ".glb": lambda path: bpy.ops.export_scene.gltf(
        filepath=path, export_format="GLB", use_selection=True, export_apply=True
    ),
    ".ply": lambda path: bpy.ops.wm.ply_export(
        filepath=path, export_selected_objects=True, export_triangulated_mesh=True
    ),
    ".obj": lambda path: bpy.ops.wm.obj_export(
        filepath=path,
        export_selected_objects=True,
        export_triangulated_mesh=True,
        export_materials=False,  # they would be a second file
        export_colors=True,  # sRGB after the coordinates, like the terminal's writer
    ),
    ".stl": lambda path: bpy.ops.wm.stl_export(filepath=path, export_selected_objects=True),
}


@contextmanager
def _stand_in(target: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """Provide a visible object with the target's name, and its mesh with modifiers applied.

    Its matrix is the target's without mirroring, which is applied to the mesh: most readers ignore
    that a negative scale reverses the winding of triangles.
    """
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = target.evaluated_get(depsgraph)
    mesh = bpy.data.meshes.new_from_object(
        evaluated, preserve_all_data_layers=True, depsgraph=depsgraph
    )
    world = evaluated.matrix_world.copy()
    if world.to_3x3().determinant() < 0:
        mirror = Matrix.Diagonal((-1.0, 1.0, 1.0, 1.0))
        mesh.transform(mirror)
        mesh.flip_normals()
        world = world @ mirror
    copy = bpy.data.objects.new(target.name, mesh)
    try:
        with _name_lent(target, copy), _name_lent(target.data, mesh):
            bpy.context.scene.collection.objects.link(copy)
            copy.matrix_world = world
            bpy.context.view_layer.update()
            yield copy
    finally:
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(mesh)


@contextmanager
def _name_lent(owner: bpy.types.ID, borrower: bpy.types.ID) -> Iterator[None]:
    """Temporarily give a data-block the name of another, since formats write names."""
    name = owner.name
    if owner.library is None:  # the name of a linked block can't be changed
        owner.name = "Levelform original"
    borrower.name = name
    try:
        yield
    finally:
        borrower.name = "Levelform copy"
        if owner.library is None:
            owner.name = name


def _arrays(target: bpy.types.Object) -> dict[str, np.ndarray]:
    mesh = target.data
    mesh.calc_loop_triangles()
    vertices = np.zeros((len(mesh.vertices), 3), np.float32)
    mesh.vertices.foreach_get("co", vertices.ravel())
    faces = np.zeros((len(mesh.loop_triangles), 3), np.int32)
    mesh.loop_triangles.foreach_get("vertices", faces.ravel())
    world = np.array(target.matrix_world, np.float64)
    arrays = {
        "vertices": (vertices @ world[:3, :3].T + world[:3, 3]).astype(np.float32),
        "faces": faces,
    }
    if mesh.color_attributes and mesh.color_attributes[0].domain == "POINT":
        colors = np.zeros((len(vertices), 4), np.float32)
        mesh.color_attributes[0].data.foreach_get("color", colors.ravel())
        arrays["colors"] = colors
    return arrays


@contextmanager
def _alone(target: bpy.types.Object) -> Iterator[None]:
    """Select only one object for Blender's exporters, and restore the selection."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    before = [obj for obj in layer.objects if obj.select_get()]
    for obj in before:
        obj.select_set(False)
    target.select_set(True)
    layer.objects.active = target
    try:
        yield
    finally:
        target.select_set(False)
        layer.objects.active = active
        for obj in before:
            obj.select_set(True)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Provide a path beside `target` to write to; move it into place if the block succeeds."""
    # The suffix stays last and in lower case: otherwise exporters append their own.
    partial = target.with_name(f".levelform-{os.getpid()}{target.suffix.lower()}")
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WorkError(
                f"{target} could not be written: the disk is full.",
                "Free some space, or choose another place.",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise _not_allowed(target) from error
        raise WorkError(
            f"{target} could not be written: {error.strerror or error}.",
            "Choose another folder, or free some space.",
        ) from error
    except RuntimeError as error:  # raised by an operator that fails
        raise WorkError(
            f"{target} could not be written: {str(error).strip()}", "Try another format."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _not_allowed(target: Path) -> RequestError:
    return RequestError(
        f"You may not write to {target}: permission denied.", "Choose another place."
    )
