"""`blender [FILE] --command levelform ...`: the terminal's words, in Blender without a window.

Exit status: 0 done, 1 the work failed, 2 the request was wrong, as in the terminal. `--json` prints
one JSON object on standard output. Without SOURCE the opened scene's cameras are reconstructed.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NoReturn

import bpy
import numpy as np

from ..backend.contract import streams
from ..backend.contract.errors import LevelformError, RequestError
from ..backend.contract.protocol import Background, Progress
from . import api, dataset_render
from .export import check_output, export_mesh, save_scene
from .requests import DEFAULT_NAME, Settings, absolute, begin, parse_options, scene_settings
from .results import PROVENANCE
from .session import live
from .transforms import FILE_NAME
from .views import Source, folder_source, given_source, scene_source

COMMAND = "levelform"
INTERRUPTED = 130
_BAR = 30  # characters of the progress bar


def main(arguments: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    words = [word for word in arguments if word not in ("--json", "--debug")]
    as_json, debug = "--json" in arguments, "--debug" in arguments
    streams.mend_streams()
    try:
        args = _parser().parse_args(words)
        result = args.run(args)
        text = streams.json_text(result) if as_json else args.show(result)
        streams.answer(lambda: print(text))
    except BrokenPipeError:  # the reader of the output has gone, as `head` does
        return 1
    except LevelformError as error:
        if debug:
            raise
        return _fail(error, error.exit_status, as_json=as_json)
    except KeyboardInterrupt:
        return _fail(LevelformError("Stopped."), INTERRUPTED, as_json=as_json)
    return 0


def _fail(error: LevelformError, status: int, *, as_json: bool) -> int:
    """Say what went wrong in one line, and in one JSON object where that was asked for."""
    streams.complain(f"{COMMAND}: {' '.join(str(error).split())}")
    if as_json:
        told = {"error": error.message, "hint": error.hint, "status": status}
        with suppress(LevelformError, BrokenPipeError):  # nobody listens: the status alone
            streams.answer(lambda: print(streams.json_text(told)))
    return status


# ---------------------------------------------------------------- the words


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line each."""

    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:].rstrip(".") + "."
        raise RequestError(sentence, f"See `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    program = f"{Path(sys.argv[0]).name} --command {COMMAND}"
    parser = _Parser(
        prog=program,
        description="Turns pictures into meshes.",
        epilog="Everywhere: --json prints one JSON object; --debug shows tracebacks.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    reconstruct = commands.add_parser("reconstruct", help="turn pictures into a mesh")
    _add_source(reconstruct)
    _add_choices(reconstruct)
    reconstruct.set_defaults(run=_reconstruct, show=_show_reconstruct)
    dataset = commands.add_parser("dataset", help="render pictures to train on")
    render = dataset.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "render", help="pictures and cameras of the scene's meshes, or of a folder of mesh files"
    )
    _add_dataset(render)
    render.set_defaults(run=_render_dataset, show=_show_dataset)
    methods = commands.add_parser("methods", help="list the methods and what each needs")
    methods.set_defaults(run=_methods, show=_show_methods)
    doctor = commands.add_parser("doctor", help="say what the backend finds and what it misses")
    doctor.set_defaults(run=_doctor, show=_show_doctor)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE",
        help=f"picture files; or a {FILE_NAME}, or its folder; default: the scene's cameras",
    )
    parser.add_argument("-o", "--out", help="mesh file to write: .glb .ply .obj .stl .npz")
    parser.add_argument("--save", metavar="BLEND", help="save the scene with the mesh as a .blend")
    parser.add_argument("--views", help="how many views (8), or which (0,2,5 or 3,)")
    parser.add_argument(
        "--volume",
        help="where the object is: the name of an Empty, x,y,z,side of a cube or 16 numbers of a "
        "matrix, row by row; default: what the scene or the source says, else what the views see",
    )


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """What the panel has too; the scene's settings count where its cameras are the source."""
    parser.add_argument("--method", help="see `methods`")
    parser.add_argument("--weights", help="file of weights; default: those of the method")
    parser.add_argument("--resolution", type=int, help="cells along the longest side")
    parser.add_argument("--level", type=float, help="distance from, or probability of, the surface")
    parser.add_argument("--device", help="auto, cpu, cuda, mps")
    parser.add_argument("--seed", type=int, help="of whatever the method draws")
    parser.add_argument(
        "--color", action=argparse.BooleanOptionalAction, default=None, help="colour the mesh"
    )
    parser.add_argument(
        "--background",
        help="of pictures without alpha: auto, corner, alpha, or a colour as #rrggbb",
    )
    parser.add_argument(
        "--tolerance", type=float, help="how near the background's colour is (0 to 1)"
    )
    parser.add_argument("--hull", action="store_true", help="keep inside the visual hull")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method or of the extraction; may be repeated",
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="of the new object")


# ---------------------------------------------------------------- reconstruct


def _reconstruct(args: argparse.Namespace) -> dict[str, Any]:
    """Reconstruct, then write and save what was asked for."""
    for path in filter(None, (args.out, args.save)):
        check_output(path)
    scene = bpy.context.scene
    settings, volume = _settings(args, scene), _volume(args, scene)
    source = _chosen(_source(args.source, scene), args.views)
    running = begin(source, settings, volume=volume, name=args.name)
    with _Bar() as bar:
        for _ in live.drive(running):
            bar.show(running.job.progress)
    outcome = running.outcome
    assert outcome is not None  # `drive` raises where there is none
    result = {**outcome[PROVENANCE].to_dict(), "object": outcome.name}
    if args.out:
        result["out"] = export_mesh(outcome, args.out)
    if args.save:
        result["save"] = save_scene(args.save)
    return result


def _show_reconstruct(result: dict[str, Any]) -> str:
    closed = "watertight" if result["watertight"] else "not watertight"
    where = ", ".join(result[key] for key in ("out", "save") if key in result) or result["object"]
    return (
        f"{where}: {result['vertices']} vertices, {result['faces']} triangles, {closed}\n"
        f"{result['method']}, {result['views']} views, resolution {result['resolution']}, "
        f"{result['evaluations']} evaluations, {result['seconds']:.1f} s"
    )


def _source(words: list[str], scene: bpy.types.Scene) -> Source:
    if not words:
        return scene_source(scene)
    paths = [Path(absolute(word)) for word in words]
    first = paths[0]
    if first.suffix != ".json" and not first.is_dir():
        return given_source(paths, None, scene)
    if len(paths) > 1:
        raise RequestError(
            f"{first} comes with other sources.", f"Give one {FILE_NAME}, or pictures."
        )
    return folder_source(first)


def _chosen(source: Source, words: str | None) -> Source:
    """Return the source with the views that were asked for: so many spread evenly, or by index."""
    if words is None:
        return source
    count = len(source.views)
    try:
        numbers = [int(word) for word in words.split(",") if word.strip()]
    except ValueError as error:
        raise RequestError(
            f"The views are numbers, not {words!r}.", "Give how many (8), or which (0,2,5)."
        ) from error
    if "," not in words:
        if not 1 <= numbers[0] <= count:
            raise RequestError(f"{words} views were asked for; there are {count}.")
        numbers = [index * count // numbers[0] for index in range(numbers[0])]
    if any(not 0 <= number < count for number in numbers):
        raise RequestError(f"The views are 0 to {count - 1}, not {words}.")
    return replace(source, views=tuple(source.views[number] for number in numbers))


def _settings(args: argparse.Namespace, scene: bpy.types.Scene) -> Settings:
    """Return the scene's settings if its cameras are the source, with what was given in words."""
    base = Settings() if args.source else scene_settings(scene)
    fields = ("method", "weights", "resolution", "level", "device", "seed", "color")
    given = {name: getattr(args, name) for name in fields if getattr(args, name) is not None}
    options = {
        **base.options,
        **parse_options(args.option),
        **({"hull": True} if args.hull else {}),
    }
    background = _background(args, base.background)
    return replace(base, **given, options=options, background=background)


def _background(args: argparse.Namespace, base: Background) -> Background:
    tolerance = base.tolerance if args.tolerance is None else args.tolerance
    words = args.background
    if words is None:
        return replace(base, tolerance=tolerance)
    if words in ("auto", "alpha", "corner"):
        return Background(mode=words, tolerance=tolerance)
    try:
        red, green, blue = bytes.fromhex(words.removeprefix("#"))
    except ValueError as error:
        raise RequestError(
            f"{words!r} is no background.", "Give auto, corner, alpha, or a colour as #rrggbb."
        ) from error
    color = (red / 255, green / 255, blue / 255)
    return Background(mode="color", color=color, tolerance=tolerance)


def _volume(
    args: argparse.Namespace, scene: bpy.types.Scene
) -> bpy.types.Object | np.ndarray | None:
    words = args.volume
    if words is None:
        return None if args.source else scene.levelform.volume
    if words in scene.objects:
        return scene.objects[words]
    try:
        numbers = [float(word) for word in words.replace(",", " ").split()]
    except ValueError as error:
        raise RequestError(
            f"The scene has no object {words!r} to be the volume.", "Give x,y,z,side of a cube."
        ) from error
    if len(numbers) == 16:
        return np.array(numbers).reshape(4, 4)
    if len(numbers) != 4:
        raise RequestError(
            f"The volume is 4 or 16 numbers, not {len(numbers)}.", "Give x,y,z,side of a cube."
        )
    matrix = np.diag([*[numbers[3] / 2] * 3, 1.0])
    matrix[:3, 3] = numbers[:3]
    return matrix


class _Bar:
    """A progress bar on a terminal's error stream; nothing into a pipe."""

    def __init__(self) -> None:
        self._drawn = ""

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._write("\r" + " " * len(self._drawn) + "\r")

    def show(self, progress: Progress | None) -> None:
        """Draw where the job stands."""
        if progress is None or not streams.is_terminal(sys.stderr):
            return
        bar = "#" * round(_BAR * progress.overall)
        line = f"{progress.stage:<18} {progress.overall:4.0%} |{bar:<{_BAR}}|"
        if line != self._drawn:
            self._drawn = line
            self._write("\r" + line)

    def _write(self, text: str) -> None:
        stream = streams.Forgiving()
        stream.write(text)
        stream.flush()


# ---------------------------------------------------------------- dataset


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    """What the terminal's `dataset render` has too, and the scene's collections."""
    defaults = dataset_render.Settings()
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="folder of mesh files, or one")
    parser.add_argument("out", metavar="OUT", help="folder of the pictures")
    parser.add_argument("--collection", help="without SOURCE: of these objects alone")
    parser.add_argument("--engine", choices=dataset_render.ENGINES, default=defaults.engine)
    parser.add_argument("--views", type=int, default=defaults.views, help="pictures of each shape")
    parser.add_argument("--size", type=int, default=defaults.size, help="pixels along a side")
    parser.add_argument("--cameras", default=defaults.cameras, help="range of cameras")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--samples", type=int, default=defaults.samples, help="of a pixel")
    parser.add_argument(
        "--passes", nargs="*", default=(), metavar="PASS", help="depth, normals, albedo; or all"
    )


def _render_dataset(args: argparse.Namespace) -> dict[str, Any]:
    names = [entry.name for entry in fields(dataset_render.Settings) if entry.name != "passes"]
    passes = dataset_render.PASSES if args.passes == [] else tuple(args.passes)
    settings = dataset_render.Settings(**{n: getattr(args, n) for n in names}, passes=passes)
    if args.source:
        targets = dataset_render.targets_of_folder(absolute(args.source))
    else:
        targets = dataset_render.targets_of_collection(_collection(args.collection))
    out = absolute(args.out)
    outcome = dataset_render.Outcome(out, settings.views)
    with _Bar() as bar:
        for step in dataset_render.render_dataset(targets, out, settings):
            outcome.take(step)
            overall = step.progress(settings.views)
            bar.show(Progress("", step.name, step.index, step.count, overall, overall))
    return outcome.to_json()


def _collection(name: str | None) -> bpy.types.Collection:
    if name is None:
        return bpy.context.scene.collection
    found = bpy.data.collections.get(name)
    if found is None:
        known = ", ".join(collection.name for collection in bpy.data.collections)
        raise RequestError(f"There is no collection {name!r}.", f"There are: {known or 'none'}.")
    return found


def _show_dataset(result: dict[str, Any]) -> str:
    left = [f"left out: {name}: {reason}" for name, reason in result["skipped"].items()]
    return "\n".join(
        [f"{result['out']}: {result['shapes']} shapes, {result['views']} views", *left]
    )


# ---------------------------------------------------------------- methods, doctor


def _methods(_args: argparse.Namespace) -> dict[str, Any]:
    return {"methods": [asdict(method) for method in api.methods()]}


def _show_methods(result: dict[str, Any]) -> str:
    lines = (f"{m['name']}  {m['title']}\n    {m['summary']}" for m in result["methods"])
    return "\n".join(lines)


def _doctor(_args: argparse.Namespace) -> dict[str, Any]:
    return api.doctor()


def _show_doctor(result: dict[str, Any]) -> str:
    lines = []
    for found in result["candidates"]:
        mark = "*" if found["used"] else " "
        lines.append(f"{mark} {found['source']}: {found['executable']}")
        lines.append(f"    {found['problem'] or 'has everything'} {found['hint']}".rstrip())
        versions = (f"{name} {version}" for name, version in found["libraries"].items() if version)
        lines.append(f"    Python {found['python']}, {', '.join(versions)}")
        if found["devices"]:
            lines.append(f"    computes on {', '.join(found['devices'])}")
    if not result["usable"]:
        lines.append("No Python was found that can run the backend: install it from Blender.")
    return "\n".join(lines)


# ---------------------------------------------------------------- registration

_handles: list[Any] = []


def register() -> None:
    """Make `--command levelform` known to Blender."""
    _handles.append(bpy.utils.register_cli_command(COMMAND, main))


def unregister() -> None:
    """Take it back."""
    while _handles:
        bpy.utils.unregister_cli_command(_handles.pop())
