"""`levelform reconstruct`: pictures in, a mesh file out."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import protocol
from ..contract.errors import RequestError
from . import progress

if TYPE_CHECKING:
    from ..geometry.meshes import Mesh
    from ..session import Session
    from ..ticket import Ticket

HELP = "turn pictures into a mesh file"
JOB = "terminal"
MODES = ("auto", "alpha", "corner")
OUT_HELP = "mesh file: .glb and .obj (+Y up, as their readers expect), .ply .stl .npz (+Z up)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the pictures, the output and every choice that the panel offers."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="picture files; or a transforms.json (nerfstudio, instant-ngp), or a folder",
    )
    parser.add_argument("-o", "--out", required=True, help=OUT_HELP)
    parser.add_argument("--method", default="visual-hull", help="see `levelform methods`")
    parser.add_argument("--weights", help="a file, or the category of bundled ones")
    parser.add_argument("--resolution", type=int, default=128, help="cells along the longest side")
    parser.add_argument("--level", type=float, help="distance from, or probability of, the surface")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--views", help="how many views (8), or which (0,2,5 or 3,)")
    parser.add_argument("--seed", type=int, default=0, help="of whatever the method draws")
    parser.add_argument(
        "--color", action=argparse.BooleanOptionalAction, default=True, help="colour the mesh"
    )
    parser.add_argument(
        "--background",
        default="auto",
        help="of pictures without alpha: auto (what the border shows), corner, alpha (there is "
        "none), or a colour as #rrggbb",
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.1, help="how near the background's colour is (0 to 1)"
    )
    parser.add_argument(
        "--volume",
        help="where the object is: x,y,z,side of a cube or 16 numbers of a matrix, row by row; "
        "default: what the transforms.json says, else around what the views see",
    )
    parser.add_argument(
        "--front",
        type=float,
        metavar="DEGREES",
        help="where the object's front looks, about +Z from -Y, where no volume is given; "
        "default: what a network needs is found from the images",
    )
    parser.add_argument(
        "--hull", action="store_true", help="keep the result inside the visual hull"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method or of the extraction; may be repeated",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Reconstruct and write the mesh; return what it cost and where it is."""
    from ..geometry.mesh_files import check_format, write_mesh
    from ..geometry.writing import check_place
    from ..session import Session

    check_format(args.out)
    check_place(args.out)
    background = parse_background(args.background, args.tolerance)
    options = {**parse_options(args.option), **({"hull": True} if args.hull else {})}
    volume = None if args.volume is None else parse_volume(args.volume)
    session = Session()
    with progress() as ticket:
        views, told = read_sources(args.source, args.views)
        request = protocol.Reconstruct(
            job=JOB,
            method=args.method,
            views=views,
            world_from_volume=told if volume is None else volume,
            volume_from="file" if volume is None else "user",
            front=args.front,
            resolution=args.resolution,
            level=args.level,
            weights=args.weights,
            color=args.color,
            seed=args.seed,
            device=args.device,
            background=background,
            options=options,
        )
        mesh, stats = _reconstruct(session, request, ticket)
        write_mesh(mesh, args.out)
    return {**stats, "out": str(args.out)}


def show(result: dict[str, Any]) -> None:
    """Print the result in two lines."""
    closed = "watertight" if result["watertight"] else "not watertight"
    lines = [
        f"{result['out']}: {result['vertices']} vertices, {result['faces']} triangles, {closed}",
        f"{result['method']}, {result['views']} views, resolution {result['resolution']}, "
        f"{result['evaluations']} evaluations, {result['seconds']:.1f} s",
        *result["remarks"],
    ]
    print("\n".join(lines))


def _reconstruct(
    session: "Session", request: protocol.Reconstruct, ticket: "Ticket"
) -> tuple["Mesh", dict[str, Any]]:
    """Return the last mesh in the world's frame, and what it cost."""
    last, stats = None, {}
    for event in session.reconstruct(request, ticket):
        if isinstance(event, protocol.Finished):
            stats = event.stats
        elif isinstance(event, protocol.MeshUpdate):
            last = event
    assert last is not None  # a session that finishes has sent a mesh
    return mesh_in_world(last), stats


def mesh_in_world(update: protocol.MeshUpdate) -> "Mesh":
    """Return the update's mesh with its place and scale applied, +Z up."""
    from ..geometry.frames import apply
    from ..geometry.meshes import Mesh

    turn = np.eye(4)
    turn[:3, :3] = update.world_from_mesh[:3, :3]
    place = update.world_from_mesh @ np.diag([*[update.scale] * 3, 1.0])
    normals = None if update.normals is None else apply(turn, update.normals)
    return Mesh(apply(place, update.vertices), update.faces, normals, update.colors)


# ---------------------------------------------------------------- what the words mean


def read_sources(
    sources: list[str], choice: str | None
) -> tuple[tuple[protocol.ViewData, ...], np.ndarray | None]:
    """Return the views that the sources hold, and the volume where a file says it.

    Raises
    ------
    RequestError
        If a source is missing, can't be read, or does not go with the others.
    """
    from ..data.pictures import SUFFIXES, read_picture
    from ..data.transforms import NAME, choose_frames, read_transforms

    chosen = None if choice is None else parse_views(choice)
    paths = [Path(source) for source in sources]
    first = paths[0]
    if first.suffix == ".json" or (first / NAME).is_file():
        if len(paths) > 1:
            raise RequestError(
                f"{first} comes with other sources.", "Give one transforms.json, or pictures."
            )
        posed = read_transforms(first, choose=chosen)
        return posed.views, posed.world_from_volume
    if first.is_dir():
        paths = sorted(path for path in first.iterdir() if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise RequestError(
                f"The folder {first} holds no pictures and no {NAME}.", "Name another folder."
            )
    picked = [paths[index] for index in choose_frames(len(paths), chosen)]
    views = [protocol.ViewData(read_picture(path).numpy(), None, path.name) for path in picked]
    return tuple(views), None


def parse_views(text: str) -> list[int] | int:
    """Return which views: "8" is how many, "0,2,5" and "3," which."""
    try:
        if "," not in text:
            return int(text)
        return [int(word) for word in text.split(",") if word.strip()]
    except ValueError as error:
        raise RequestError(
            f"The views are numbers, not {text!r}.", "Give how many (8), or which (0,2,5)."
        ) from error


def parse_background(text: str, tolerance: float) -> protocol.Background:
    """Return the background that a word or a colour, #rrggbb, means."""
    if text in MODES:
        return protocol.Background(mode=text, tolerance=tolerance)
    digits = text.removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError as error:
        raise RequestError(
            f"{text!r} is no background.", "Give auto, corner, alpha, or a colour as #rrggbb."
        ) from error
    color = (red / 255, green / 255, blue / 255)
    return protocol.Background(mode="color", color=color, tolerance=tolerance)


def parse_volume(text: str) -> np.ndarray:
    """Return (4, 4) world_from_volume of "x,y,z,side", or of 16 numbers row by row."""
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError as error:
        raise RequestError(f"The volume is numbers, not {text!r}.", "Give x,y,z,side.") from error
    if len(numbers) == 16:
        return np.array(numbers).reshape(4, 4)
    if len(numbers) != 4:
        raise RequestError(
            f"The volume is 4 or 16 numbers, not {len(numbers)}.", "Give x,y,z,side of a cube."
        )
    matrix = np.diag([*[numbers[3] / 2] * 3, 1.0])
    matrix[:3, 3] = numbers[:3]
    return matrix


def parse_options(words: list[str]) -> dict[str, Any]:
    """Return NAME=VALUE words as a dictionary; values are read as JSON where they are that."""
    import json

    options = {}
    for word in words:
        name, found, value = word.partition("=")
        if not found or not name:
            raise RequestError(f"{word!r} is no option.", "Give NAME=VALUE.")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options
