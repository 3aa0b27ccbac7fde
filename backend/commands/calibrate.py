"""`levelform calibrate WEIGHTS`: move the surface to the level that fits unseen shapes best."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from . import progress

HELP = "move the surface of trained weights to the level that fits unseen shapes best"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("weights", metavar="WEIGHTS", help="a file that `levelform train` wrote")
    parser.add_argument("--data", nargs="+", required=True, metavar="DIR", help="data sets")
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="the calibrated weights")
    parser.add_argument("--categories", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--validation-shapes", type=int, default=104, metavar="COUNT")
    parser.add_argument("--device", default="auto")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Calibrate on the validation split, write the weights, return the level and both IoUs."""
    from ..geometry.writing import check_place
    from ..reconstructors import find_method, pick_device
    from ..reconstructors.storage import read_tensors
    from ..training.calibration import calibrate
    from ..training.samples import load_shapes
    from ..training.validation import choose_shapes

    out = Path(args.out)
    if out.suffix != ".safetensors":
        raise RequestError(f"{out.name} is not a .safetensors file.", "Give another --out.")
    check_place(out)
    header = read_tensors(args.weights)[1]
    if header.get("kind") != "weights":
        raise RequestError(
            f"{args.weights} does not hold weights.", "Name a file written by `levelform train`."
        )
    model = find_method(header["method"]).load(args.weights)
    model = model.to(pick_device(args.device)).eval()
    unseen = load_shapes(args.data, "val", categories=args.categories)
    with progress() as ticket:
        calibration = calibrate(model, choose_shapes(unseen, args.validation_shapes), ticket=ticket)
    results = {**model.weights.results, **model.apply_calibration(calibration.level)}
    results[f"validation {model.calibrated_on} iou"] = calibration.iou
    model.save(out, results=results)
    return {
        "method": header["method"],
        "measure": model.calibrated_on,
        "level": calibration.level,
        "iou": calibration.iou,
        "before": calibration.before,
        "out": str(out),
    }


def show(result: dict[str, Any]) -> None:
    """Print the level and its effect."""
    sys.stdout.write(
        f"{result['method']}: level moved by {result['level']:.4g}, "
        f"{result['measure']} IoU {result['before']:.4f} -> {result['iou']:.4f}\n"
        f"wrote {result['out']}\n"
    )
