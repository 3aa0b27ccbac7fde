"""`levelform reconstruct`: reconstruct a mesh file from images."""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import checks, protocol
from ..contract.camera_files import find_camera_file, read_posed_images, views_of
from ..contract.camera_files.origin import moved
from ..contract.errors import RequestError
from ..contract.image_files import image_file, list_images, no_images
from ..contract.saved_words import KEEP_HELP, is_saved
from ..contract.settings import Settings
from ..contract.words import (
    CHECK_HELP,
    add_settings,
    add_view_choice,
    choose_views,
    parse_views,
    parse_volume,
    read_settings,
)
from . import progress
from ._masks import write_masks
from ._saved import write_continued

if TYPE_CHECKING:
    from ..geometry.meshes import Mesh
    from ..session import Session
    from ..ticket import Ticket

HELP = "reconstruct a mesh file from images"
JOB = "terminal"
MASKS_HELP = "write each image's mask there, and the image with its outline; -o may be left out"
OUT_HELP = "mesh file: .glb and .obj (+Y up, as their readers expect), .ply .stl .npz (+Z up)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the images, the output and all options of the panel."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="image files; or a folder; or a file of cameras: transforms.json (nerfstudio, "
        "instant-ngp), a COLMAP model, cameras.json (3D Gaussian Splatting), meta_data.json "
        "(sdfstudio), XML of Metashape, CSV of RealityScan",
    )
    parser.add_argument("-o", "--out", help=OUT_HELP)
    parser.add_argument("--keep", metavar="FILE", help=KEEP_HELP)
    parser.add_argument("--check", action="store_true", help=CHECK_HELP)
    parser.add_argument("--save-masks", metavar="FOLDER", help=MASKS_HELP)
    add_choices(parser)


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Declare the options that do not depend on the source."""
    add_view_choice(parser)
    parser.add_argument(
        "--volume",
        help="where the object is: x,y,z,side of a cube or 16 numbers of a matrix, row by row; "
        "default: what the transforms.json says, else around what the views see",
    )
    add_settings(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Reconstruct and write the mesh, or check the views; return the facts."""
    if args.check:
        return check_views(args)
    if args.save_masks and args.out is None:
        return save_masks(args)
    from ..geometry.mesh_files import check_format
    from ..geometry.writing import check_place
    from ..session import Session

    if args.out is None:
        raise RequestError("The output file is missing.", "Give -o FILE, or --check for none.")
    check_format(args.out)
    check_place(args.out)
    session = Session()
    choices = read_choices(args, session)
    check_finish(choices, args.out)
    if args.keep:
        check_place(args.keep)
    if is_saved(args.source):
        return write_continued(session, args, choices)
    with progress() as ticket:
        request = with_views(choices, args.source, args.views)
        masks = write_masks(session, request, args.save_masks, ticket) if args.save_masks else []
        stats = write_result(session, request, args.out, ticket, keep=args.keep)
    return {**stats, "out": str(args.out), **({"masks": masks} if masks else {})}


def read_choices(args: argparse.Namespace, session: "Session") -> protocol.Reconstruct:
    """Return the request without its views.

    Raises
    ------
    RequestError
        If a value does not fit its setting or the method.
    """
    chosen = read_settings(args, Settings()).check(session.methods().methods)
    volume = None if args.volume is None else parse_volume(args.volume)
    given = "" if volume is None else "user"
    return chosen.request(JOB, (), world_from_volume=volume, volume_from=given, front=args.front)


def with_views(
    choices: protocol.Reconstruct, sources: list[str], choice: str | None
) -> protocol.Reconstruct:
    """Return the request with the sources' views, and other facts of a camera file."""
    source = read_sources(sources, choice)
    given = choices.world_from_volume
    return replace(
        choices,
        views=source.views,
        world_from_volume=source.volume(given),
        volume_from=source.volume_from if given is None else choices.volume_from,
        world_offset=source.world_offset,
        remarks=source.remarks,
    )


def write_result(
    session: "Session",
    request: protocol.Reconstruct,
    out: str | Path,
    ticket: "Ticket",
    *,
    keep: str | None = None,
) -> dict[str, Any]:
    """Reconstruct and write the mesh in the camera file's world; return the facts.

    keep : a file to save the result to, to continue it later
    """
    request = replace(request, keep=JOB)
    try:
        last, stats = last_of(session.reconstruct(request, ticket))
        if keep:
            [*_] = session.save_code(protocol.SaveCode(JOB, JOB, keep), ticket)
            stats["kept"] = keep
        return write_last(session, request, last, stats, out, ticket)
    finally:
        session.forget(JOB)


def write_last(
    session: "Session",
    request: protocol.Reconstruct,
    last: protocol.MeshUpdate,
    stats: dict[str, Any],
    out: str | Path,
    ticket: "Ticket",
) -> dict[str, Any]:
    """Write the last mesh of the kept result `JOB`, textured if that was asked for."""
    from ..geometry.mesh_files import write_mesh

    if request.texture:
        stats = _write_textured(session, request, last, stats, out, ticket)
    else:
        write_mesh(mesh_in_world(last), out, world_offset=request.world_offset)
    return _in_file(stats, str(out))


def check_finish(choices: protocol.Reconstruct, out: str | Path) -> None:
    """Refuse, before any work, assets that can't be made outside Blender.

    Raises
    ------
    RequestError
        If quads were asked for, or a texture in a file that holds none.
    """
    from ..geometry.textured_files import check_texture_format

    if choices.quads:
        raise RequestError(
            "Quads are made by Blender's QuadriFlow, which the terminal does not have.",
            "Run `blender --command levelform reconstruct` with the same words, or leave --quads "
            "out.",
        )
    if choices.texture:
        check_texture_format(out)


def _write_textured(
    session: "Session",
    request: protocol.Reconstruct,
    last: protocol.MeshUpdate,
    stats: dict[str, Any],
    out: str | Path,
    ticket: "Ticket",
) -> dict[str, Any]:
    """Write a mesh with a texture; return its cost."""
    from ..geometry.meshes import Mesh
    from ..geometry.textured_files import TexturedMesh, write_textured

    assert request.texture is not None  # whoever calls has seen to that
    plain = Mesh(last.vertices, last.faces, last.normals)
    mesh, uvs, png = session.textured(JOB, plain, request.texture, ticket)
    shown = replace(last, vertices=mesh.vertices, faces=mesh.faces, normals=mesh.normals)
    whole = mesh_in_world(replace(shown, colors=None, seen=None))
    write_textured(TexturedMesh(whole, uvs, png), out, world_offset=request.world_offset)
    counts = {"vertices": len(mesh.vertices), "faces": len(mesh.faces)}
    return {**stats, **counts, "texture": request.texture}


def _in_file(stats: dict[str, Any], out: str) -> dict[str, Any]:
    """Return the stats in the coordinates of the file of cameras, with how `out` has them."""
    from ..geometry.mesh_files import offset_remark

    offset = stats["world_offset"]
    if not any(offset):
        return stats
    volume = np.array(stats["world_from_volume"])
    volume[:3, 3] += offset
    remarks = [*stats["remarks"], offset_remark(out)]
    return {**stats, "world_from_volume": volume.tolist(), "remarks": remarks}


def check_views(args: argparse.Namespace) -> dict[str, Any]:
    """Check whether the views agree, and search cures; reconstruct nothing."""
    from ..session import Session

    chosen = read_settings(args, Settings())
    with progress() as ticket:
        source = read_sources(args.source, args.views)
        request = protocol.CheckViews(JOB, source.views, chosen.background, chosen.cures)
        *_, event = Session().check_views(request, ticket)
        assert isinstance(event, protocol.ViewsChecked)  # the last one
    return checks.check_told(event, source.remarks)


def save_masks(args: argparse.Namespace) -> dict[str, Any]:
    """Write the masks of the images; reconstruct nothing."""
    from ..session import Session

    chosen = read_settings(args, Settings())
    with progress() as ticket:
        source = read_sources(args.source, args.views)
        request = chosen.request(JOB, source.views)
        masks = write_masks(Session(), request, args.save_masks, ticket)
    return {"masks": masks, "remarks": [remark for entry in masks for remark in entry["remarks"]]}


def show(result: dict[str, Any]) -> None:
    """Print the result in two lines and its remarks; of a check, a table of the views."""
    if "agree" in result:
        print("\n".join(checks.lines(result)))
        return
    if "out" not in result:
        print("\n".join([*(entry["mask"] for entry in result["masks"]), *result["remarks"]]))
        return
    closed = "watertight" if result["watertight"] else "not watertight"
    lines = [
        f"{result['out']}: {result['vertices']} vertices, {result['faces']} triangles, {closed}",
        f"{result['method']}, {result['views']} views, resolution {result['resolution']}, "
        f"{result['evaluations']} evaluations, {result['seconds']:.1f} s",
        *result["remarks"],
    ]
    print("\n".join(lines))


def last_of(events: Iterable[Any]) -> tuple[protocol.MeshUpdate, dict[str, Any]]:
    """Return the last mesh of a job, and its cost."""
    last, stats = None, {}
    for event in events:
        if isinstance(event, protocol.Finished):
            stats = event.stats
        elif isinstance(event, protocol.MeshUpdate):
            last = event
    assert last is not None  # a finished session has sent a mesh
    return last, stats


def mesh_in_world(update: protocol.MeshUpdate) -> "Mesh":
    """Return the update's mesh with its place and scale applied, +Z up."""
    from ..geometry.frames import apply
    from ..geometry.meshes import Mesh

    rotation = np.eye(4)
    rotation[:3, :3] = update.world_from_mesh[:3, :3]
    place = update.world_from_mesh @ np.diag([*[update.scale] * 3, 1.0])
    normals = None if update.normals is None else apply(rotation, update.normals)
    vertices = apply(place, update.vertices)
    return Mesh(vertices, update.faces, normals, update.colors, update.seen)


# ---------------------------------------------------------------- what the sources hold


@dataclass(frozen=True)
class InputSource:
    """The views to reconstruct from.

    views : images, with their cameras if known
    world_from_volume : (4, 4) the object's volume, if a file gives one
    volume_from : "file" if a file gives it, else empty
    remarks : sentences about the interpretation of the source
    world_offset : local origin of the views' world, see `PosedFiles`
    """

    views: tuple[protocol.ViewData, ...]
    world_from_volume: np.ndarray | None = None
    volume_from: str = ""
    remarks: tuple[str, ...] = ()
    world_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def volume(self, given: np.ndarray | None) -> np.ndarray | None:
        """Return the volume about the local origin: the given one, else the file's."""
        return self.world_from_volume if given is None else moved(given, self.world_offset)


def read_sources(sources: list[str], choice: str | None) -> InputSource:
    """Return the sources' views, and other facts of a camera file.

    Raises
    ------
    RequestError
        If a source is missing, unreadable, or does not combine with the others.
    """
    chosen = None if choice is None else parse_views(choice)
    paths = [Path(source) for source in sources]
    first = paths[0]
    if find_camera_file(first) is not None or first.suffix.lower() == ".json":
        if len(paths) > 1:
            raise RequestError(
                f"{first} comes with other sources.", "Give one file of cameras, or images."
            )
        posed = read_posed_images(first, choose=chosen)
        return InputSource(
            views_of(posed),
            posed.world_from_volume,
            posed.volume_from,
            posed.remarks,
            posed.world_offset,
        )
    if first.is_dir():
        paths = list_images(first)
        if not paths:
            raise no_images(first, " and no file of cameras")
    picked = [paths[index] for index in choose_views(len(paths), chosen)]
    return InputSource(
        tuple(protocol.ViewData(None, None, path.name, image_file(path)) for path in picked)
    )
