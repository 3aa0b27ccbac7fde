"""`blender [FILE] --command levelform ...`: the terminal's words, in Blender without a window.

Exit status: 0 done, 1 the work failed, 2 the request was wrong, as in the terminal. `--json` prints
one JSON object on standard output. Without SOURCE the opened scene's cameras are reconstructed.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

import bpy
import numpy as np

from ...backend.contract import streams
from ...backend.contract.batch import Item
from ...backend.contract.camera_files import find_camera_file
from ...backend.contract.checks import check_told, lines
from ...backend.contract.errors import LevelformError, RequestError
from ...backend.contract.options import PIPELINE
from ...backend.contract.protocol import Progress
from ...backend.contract.settings import Settings
from ...backend.contract.sheets import option_lines_of, pipeline_lines
from ...backend.contract.words import (
    CHECK_HELP,
    VIEWS_HELP,
    add_settings,
    choose_views,
    parse_views,
    parse_volume,
    read_settings,
)
from .. import api
from ..data import dataset_render
from ..jobs.requests import (
    DEFAULT_NAME,
    absolute,
    begin,
    begin_check,
    checked,
    panel_frames,
    scene_settings,
)
from ..jobs.results import PROVENANCE
from ..jobs.session import Running, live
from ..scene.export import check_output, export_mesh, save_scene
from ..scene.views import ViewSource, folder_source, given_source, scene_source
from ..scene.windows import in_window
from .answers import answers_alone
from .batch import add_batch, run_batch

COMMAND = "levelform"
INTERRUPTED = 130
_BAR = 30  # characters of the progress bar


def main(arguments: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    words = [word for word in arguments if word not in ("--json", "--debug")]
    as_json, debug = "--json" in arguments, "--debug" in arguments
    streams.mend_streams()
    with answers_alone() if as_json else nullcontext(sys.stdout) as out:
        try:
            return _run(words, out, as_json=as_json)
        except BrokenPipeError:  # the reader of the output has gone, as `head` does
            return 1
        except LevelformError as error:
            if debug:
                raise
            return _fail(error, error.exit_status, out, as_json=as_json)
        except KeyboardInterrupt:
            return _fail(LevelformError("Stopped."), INTERRUPTED, out, as_json=as_json)


def _run(words: Sequence[str], out: TextIO, *, as_json: bool) -> int:
    """Do what the words say and print the result, or each one as it comes."""
    args = _parser().parse_args(words)
    with in_window():  # not while objects of a batch are made: a .blend may be opened for each
        result = args.run(args)
    several, status = isinstance(result, Iterator), 0
    for answer in result if several else [result]:
        text = streams.json_text(answer) if as_json else args.show(answer)
        streams.answer(partial(print, text, file=out), out)
        status = answer.get("status", 0) if several else 0
    return status


def _fail(error: LevelformError, status: int, out: TextIO, *, as_json: bool) -> int:
    """Say what went wrong in one line, and in one JSON object where that was asked for."""
    streams.complain(f"{COMMAND}: {' '.join(str(error).split())}")
    if as_json:
        told = {"error": error.message, "hint": error.hint, "status": status}
        with suppress(LevelformError, BrokenPipeError):  # nobody listens: the status alone
            streams.answer(partial(print, streams.json_text(told), file=out), out)
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
        description="Turns images into meshes.",
        epilog="Everywhere: --json prints one JSON object; --debug shows tracebacks.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    reconstruct = commands.add_parser("reconstruct", help="turn images into a mesh")
    _add_source(reconstruct)
    _add_object(reconstruct)
    reconstruct.set_defaults(run=_reconstruct, show=_show_reconstruct)
    add_batch(commands, _add_object, _batch)
    dataset = commands.add_parser("dataset", help="render images to train on")
    render = dataset.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "render", help="images and cameras of the scene's meshes, or of a folder of mesh files"
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
        help="image files; or a file of cameras (transforms.json, a COLMAP model, ...), or its "
        "folder; default: the scene's cameras",
    )
    parser.add_argument("-o", "--out", help="mesh file to write: .glb .ply .obj .stl .npz")
    parser.add_argument("--save", metavar="BLEND", help="save the scene with the mesh as a .blend")
    parser.add_argument("--check", action="store_true", help=CHECK_HELP)
    parser.add_argument("--name", default=DEFAULT_NAME, help="of the new object")


def _add_object(parser: argparse.ArgumentParser) -> None:
    """Which of an object's views count, where it is, and how it is made."""
    add_settings(parser)
    parser.add_argument("--views", help=VIEWS_HELP)
    parser.add_argument(
        "--frames",
        help="of the scene's cameras whose image is a sequence or a movie: how many (8), or which "
        "(1,5,9 or 1-48:6), each a view; default: the current frame",
    )
    parser.add_argument(
        "--front",
        type=float,
        metavar="DEGREES",
        help="where the object's front looks, about +Z from -Y, where no volume is given",
    )
    parser.add_argument(
        "--volume",
        help="where the object is: the name of an Empty, x,y,z,side of a cube or 16 numbers of a "
        "matrix, row by row; default: what the scene or the source says, else what the views see",
    )


# ---------------------------------------------------------------- reconstruct


def _reconstruct(args: argparse.Namespace) -> dict[str, Any]:
    """Reconstruct, then write and save what was asked for. Or check the views."""
    if args.check:
        return _check_views(args)
    for path in filter(None, (args.out, args.save)):
        check_output(path)
    scene = bpy.context.scene
    settings, volume = _settings(args, scene), _volume(args, scene)
    source = _source(args.source, scene, _views(args.views), args.frames)
    running = begin(source, settings, volume=volume, front=args.front, name=args.name)
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


def _check_views(args: argparse.Namespace) -> dict[str, Any]:
    scene = bpy.context.scene
    source = _source(args.source, scene, _views(args.views), args.frames)
    running = begin_check(source, _settings(args, scene))
    with _Bar() as bar:
        for _ in live.drive(running):
            bar.show(running.job.progress)
    assert running.job.checked is not None  # `drive` raises where there is none
    return check_told(running.job.checked, source.remarks)


def _show_reconstruct(result: dict[str, Any]) -> str:
    if "agree" in result:
        return "\n".join(lines(result))
    closed = "watertight" if result["watertight"] else "not watertight"
    where = ", ".join(result[key] for key in ("out", "save") if key in result) or result["object"]
    return (
        f"{where}: {result['vertices']} vertices, {result['faces']} triangles, {closed}\n"
        f"{result['method']}, {result['views']} views, resolution {result['resolution']}, "
        f"{result['evaluations']} evaluations, {result['seconds']:.1f} s"
        + "".join(f"\n{remark}" for remark in result.get("remarks", ()))
    )


def _source(
    words: list[str],
    scene: bpy.types.Scene,
    choice: list[int] | int | None,
    frames: str | None,
) -> ViewSource:
    """Return the source with the views that were chosen: so many spread evenly, or by index."""
    if not words:
        return _chosen(scene_source(scene, frames=frames or panel_frames(scene)), choice)
    if frames:
        raise RequestError("Frames are of the scene's cameras.", "Leave out --frames or SOURCE.")
    paths = [Path(absolute(word)) for word in words]
    first = paths[0]
    named = find_camera_file(first) is not None or first.suffix.lower() == ".json"
    if not named and not first.is_dir():
        return _chosen(given_source(paths, None, scene), choice)
    if len(paths) > 1:
        raise RequestError(
            f"{first} comes with other sources.", "Give one file of cameras, or images."
        )
    return folder_source(first, choose=choice)


def _chosen(source: ViewSource, choice: list[int] | int | None) -> ViewSource:
    chosen = choose_views(len(source.views), choice)
    return replace(source, views=tuple(source.views[index] for index in chosen))


def _views(words: str | None) -> list[int] | int | None:
    """Return which views: "8" is how many, "0,2,5" and "3," which."""
    return None if words is None else parse_views(words)


def _settings(args: argparse.Namespace, scene: bpy.types.Scene) -> Settings:
    """Return the scene's settings if its cameras are the source, with what was given in words."""
    base = Settings() if args.source else scene_settings(scene)
    return checked(read_settings(args, base))


def _volume(
    args: argparse.Namespace, scene: bpy.types.Scene
) -> bpy.types.Object | np.ndarray | None:
    words = args.volume
    if words is None:
        return None if args.source else scene.levelform.volume
    if words in scene.objects:
        return scene.objects[words]
    if not words[:1].isdigit() and words[:1] not in "+-.":
        raise RequestError(
            f"The scene has no object {words!r} to be the volume.", "Give x,y,z,side of a cube."
        )
    return parse_volume(words)


class _Bar:
    """A progress bar on a terminal's error stream; nothing into a pipe."""

    def __init__(self) -> None:
        self._drawn = ""

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._drawn:
            self._write("\r" + " " * len(self._drawn) + "\r")
            self._drawn = ""

    def show(self, progress: Progress | None, title: str = "") -> None:
        """Draw where the job stands, after a title such as "Model 2 of 5"."""
        if progress is None or not streams.is_terminal(sys.stderr):
            return
        bar = "#" * round(_BAR * progress.overall)
        stage = f"{title}: {progress.stage}" if title else progress.stage
        line = f"{stage:<18} {progress.overall:4.0%} |{bar:<{_BAR}}|"
        if line != self._drawn:
            self._drawn = line
            self._write("\r" + line)

    def _write(self, text: str) -> None:
        stream = streams.Forgiving()
        stream.write(text)
        stream.flush()


# ---------------------------------------------------------------- batch


def _batch(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    live.ask_methods()  # so that what no method takes is refused before any work
    with _Bar() as bar:
        for line in run_batch(args, _settings(args, bpy.context.scene), _begin_item, bar):
            bar.clear()
            yield line


def _begin_item(args: argparse.Namespace, item: Item, source: ViewSource) -> Running:
    scene = bpy.context.scene
    settings, volume = _settings(args, scene), _volume(args, scene)
    return begin(_chosen(source, args.views), settings, volume=volume, name=item.name)


# ---------------------------------------------------------------- dataset


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    """What the terminal's `dataset render` has too, and the scene's collections."""
    defaults = dataset_render.RenderSettings()
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="folder of mesh files, or one")
    parser.add_argument("out", metavar="OUT", help="folder of the images")
    parser.add_argument("--collection", help="without SOURCE: of these objects alone")
    parser.add_argument("--engine", choices=dataset_render.ENGINES, default=defaults.engine)
    parser.add_argument("--views", type=int, default=defaults.views, help="images of each shape")
    parser.add_argument("--size", type=int, default=defaults.size, help="pixels along a side")
    parser.add_argument("--cameras", default=defaults.cameras, help="range of cameras")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--samples", type=int, default=defaults.samples, help="of a pixel")
    parser.add_argument(
        "--passes", nargs="*", default=(), metavar="PASS", help="depth, normals, albedo; or all"
    )


def _render_dataset(args: argparse.Namespace) -> dict[str, Any]:
    names = [
        entry.name for entry in fields(dataset_render.RenderSettings) if entry.name != "passes"
    ]
    passes = dataset_render.PASSES if args.passes == [] else tuple(args.passes)
    settings = dataset_render.RenderSettings(**{n: getattr(args, n) for n in names}, passes=passes)
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
    return {
        "methods": [asdict(method) for method in api.methods()],
        "options": [asdict(option) for option in PIPELINE],
        "problems": list(live.method_problems),
    }


def _show_methods(result: dict[str, Any]) -> str:
    lines = []
    for method in result["methods"]:
        lines += [f"{method['name']}  {method['title']}", f"    {method['summary']}"]
        lines += option_lines_of(method)
    return "\n".join([*lines, *pipeline_lines(), *result["problems"]])


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
