"""`levelform methods`: list the methods, their requirements and their weights."""

import argparse
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..contract.errors import RequestError
from ..contract.options import PIPELINE
from ..contract.sheets import option_lines_of, pipeline_lines

if TYPE_CHECKING:
    from ..reconstructors import Reconstructor

HELP = "list the methods, their requirements and their weights"
COLUMNS = ("method", "views", "cameras", "fusion", "weights", "parameters")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the names of methods."""
    parser.add_argument(
        "name",
        nargs="*",
        metavar="NAME",
        help="only these methods, with each departure from the paper, what can be shown, and the "
        "level of the bundled weights",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Return the description of every method.

    Beside what the panel is told: "inputs", and for each of the "configurations" its learned
    "parameters", together and by network. "options" of the whole are those that every method takes;
    "problems" are those of the user's own methods. Of methods that were named also "departures"
    from the paper, the "recipes" of their training, and "surface", the level of the bundled
    weights' surface in the method's unit.
    """
    from ..reconstructors import find_method, methods
    from ..session import Session

    classes = methods()
    named = {name: find_method(name) for name in args.name}
    listed = Session().methods()
    sheets = [asdict(info) for info in listed.methods]
    return {
        "methods": [
            {**sheet, **_more(classes[sheet["name"]]), **_of_named(named.get(sheet["name"]))}
            for sheet in sheets
            if not named or sheet["name"] in named
        ],
        "options": [asdict(option) for option in PIPELINE],
        "problems": list(listed.problems),
    }


def _more(cls: type["Reconstructor"]) -> dict[str, Any]:
    """Return facts for the terminal beyond `protocol.MethodInfo`."""
    from ..reconstructors import parameters_by_part

    spec = cls.spec
    camera = "optional"
    if spec.needs_camera or spec.estimates_camera:
        camera = "estimated where missing" if spec.estimates_camera else "needed"
    counts = {name: parameters_by_part(spec.name, name) for name in cls.configurations}
    return {
        "inputs": {
            "least_views": spec.min_views,
            "most_views": spec.max_views,
            "camera": camera,
            "image_size": _image_size(cls),
        },
        "configurations": {
            name: {
                "parameters": sum(parts.values()),
                "parts": parts,
                "image_size": cls.configurations[name].framing.size,
            }
            for name, parts in counts.items()
        },
    }


def _of_named(cls: type["Reconstructor"] | None) -> dict[str, Any]:
    """Return what is told of a method that was named; nothing of the others."""
    if cls is None:
        return {}
    return {"departures": departures(cls), "recipes": recipes(cls), "surface": _surface(cls)}


def recipes(cls: type["Reconstructor"]) -> list[dict[str, Any]]:
    """Return preset, part, steps and source of each recipe that a method trains by."""
    return [
        {"preset": preset, "part": part, "steps": recipe.steps, "source": recipe.source}
        for preset, parts in cls.recipes.items()
        for part, recipe in parts.items()
    ]


def departures(cls: type["Reconstructor"]) -> list[str]:
    """Return the departures from the paper that a method's module lists, a paragraph each."""
    from importlib import import_module
    from inspect import cleandoc

    text = cleandoc(import_module(cls.__module__).__doc__ or "")
    _, heading, listed = text.partition("Departures\n----------\n")
    if not heading:
        return []
    paragraphs = listed.split("\n\n")[0].removeprefix("- ").split("\n- ")
    return [" ".join(paragraph.split()) for paragraph in paragraphs if paragraph]


def _surface(cls: type["Reconstructor"]) -> float | None:
    """Return the level of the bundled weights' surface, in the unit of the method's levels.

    For one view. None without bundled weights for all categories.
    """
    from ..fields.field import threshold
    from ..reconstructors import bundled_weights

    path = bundled_weights(cls.spec.name)
    if path is None or not cls.spec.needs_weights:
        return None
    model = cls.load(path)
    return threshold(model.level_unit, 0.0, model.level_shift)


def _image_size(cls: type["Reconstructor"]) -> int | None:
    """Return the side of the images that the bundled weights see; None: as they are.

    Without bundled weights, of those that training makes by default.
    """
    from ..reconstructors import bundled_variants, bundled_weights
    from ..reconstructors.storage import read_header

    files = [bundled_weights(cls.spec.name), *bundled_variants(cls.spec.name).values()]
    known = next((path for path in files if path is not None), None)
    if known is not None:
        with suppress(RequestError):  # a damaged file is reported when used
            entry = read_header(known).get("configuration")
            return cls.configuration_class.from_json(entry).framing.size
    compact = cls.configurations.get("compact")
    return None if compact is None else compact.framing.size


def show(result: dict[str, Any]) -> None:
    """Print a table, one paragraph per method, and the options common to all methods."""
    rows = [COLUMNS, *(_row(method) for method in result["methods"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    for method in result["methods"]:
        print(f"\n{method['name']}: {method['title']}")
        print(f"    {method['summary']}")
        if method["paper"]:
            print(f"    {method['paper']}")
        print("\n".join(option_lines_of(method)))
        print("\n".join(_named_lines(method)), end="")
    print("\n".join(pipeline_lines()))
    for sentence in result["problems"]:
        print(f"\n{sentence}")


def _named_lines(method: dict[str, Any]) -> list[str]:
    """Return lines of what a named method shows, its surface, and its departures."""
    if "departures" not in method:
        return []
    lines = []
    if method["surface"] is not None:
        unit = "the probability" if method["level_unit"] == "probability" else "the distance"
        lines.append(f"    surface of the bundled weights: at {unit} {method['surface']:.3g}")
    if method["shows"]:
        lines.append("    `levelform show` has:")
        lines += [f"      {spec['name']}: {spec['help']}" for spec in method["shows"]]
    if method["recipes"]:
        lines.append("    `levelform train --preset PRESET --part PART` trains as:")
        lines += [
            f"      {recipe['preset']} {recipe['part']}, {recipe['steps']:,} steps: "
            f"{recipe['source']}"
            for recipe in method["recipes"]
        ]
    if method["departures"]:
        lines.append("    departures from the paper:")
        lines += [f"      - {sentence}" for sentence in method["departures"]]
    return [*lines, ""]


def _row(method: dict[str, Any]) -> tuple[str, ...]:
    inputs = method["inputs"]
    least, most = inputs["least_views"], inputs["most_views"]
    views = f"{least}+" if most is None else str(least) if least == most else f"{least}-{most}"
    weights = "not needed"
    if method["needs_weights"]:
        weights = ", ".join(method["weights"]) or "none found"
    sizes = {n: _short(c["parameters"]) for n, c in method["configurations"].items()}
    parameters = ", ".join(f"{size} {name}" for name, size in sizes.items())
    return (
        method["name"],
        views,
        inputs["camera"],
        ", ".join(method["fusions"]) or "-",
        weights,
        parameters or "-",
    )


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M"
