"""`levelform evaluate PRED REF`: compare a mesh with the true one, by a paper's protocol."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import RequestError
from . import progress

if TYPE_CHECKING:
    import numpy as np

    from ..data.format import StoredShape
    from ..data.meshes import Solid
    from ..metrics import ProtocolScores

HELP = "compare meshes with true ones by a paper's protocol; or measure the baselines of a data set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "prediction", metavar="PRED", help="a mesh file, or a folder of them; or a data set"
    )
    parser.add_argument(
        "reference",
        metavar="REF",
        nargs="?",
        help="the true mesh; or a folder with the same names, one sub-folder a class",
    )
    parser.add_argument("--protocol", default="levelform", help="a method's name, or levelform")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--fit", action="store_true", help="first align PRED's bounding box with REF's"
    )
    parser.add_argument(
        "--baselines",
        action="store_true",
        help="PRED is a data set: measure retrieval, oracle neighbor and mean shape on it",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure one pair, all pairs of two folders, or the baselines of a data set."""
    from ..metrics import PROTOCOLS

    if args.baselines:
        return _baselines(args.prediction)
    if args.reference is None:
        raise RequestError("REF, the mesh to compare with, is missing.", "Name the true mesh.")
    if args.protocol not in PROTOCOLS:
        raise RequestError(
            f"{args.protocol!r} is not a protocol.", f"Choose one of {', '.join(PROTOCOLS)}."
        )
    prediction, reference = Path(args.prediction), Path(args.reference)
    if prediction.is_dir() != reference.is_dir():
        raise RequestError(
            "PRED and REF must both be files, or both be folders.",
            "Give two files, or two folders.",
        )
    head = {
        "protocol": args.protocol,
        "definition": PROTOCOLS[args.protocol].definition,
        "frame": PROTOCOLS[args.protocol].frame,
        "seed": args.seed,
    }
    if prediction.is_dir():
        return head | _folders(prediction, reference, args)
    measured = _pair(prediction, reference, args)
    return head | {"objects": 1, "empty": int(measured.empty), "metrics": measured.values}


def show(result: dict[str, Any]) -> None:
    """Print the numbers, one per line."""
    if "baselines" in result:
        for name, numbers in result["baselines"].items():
            sys.stdout.write(f"{name:12s} IoU {numbers['iou']:.4f}\n")
        return
    sys.stdout.write(f"{result['protocol']}: {result['definition']}\n")
    sys.stdout.write(f"{result['objects']} objects, {result['empty']} without a surface\n")
    for name, value in result["metrics"].items():
        sys.stdout.write(f"  {name:22s} {value:.6g}\n")
    for name in result.get("missing", ()):
        sys.stdout.write(f"  no prediction for {name}\n")


def _pair(prediction: Path, reference: Path, args: argparse.Namespace) -> "ProtocolScores":
    from ..geometry.frames import from_box
    from ..metrics import evaluate

    ground_truth = _solid(reference)
    shape = _solid_or_nothing(prediction)
    if args.fit and shape is not None:
        import numpy as np

        side = float(np.ptp(ground_truth.bounds, axis=0).max())
        middle = np.mean(ground_truth.bounds, axis=0)
        matrix = from_box(shape.vertices, side)
        matrix[:3, 3] += middle
        shape = shape.in_frame(matrix)
    return evaluate(shape, ground_truth, args.protocol, seed=args.seed)


def _solid(path: Path) -> "Solid":
    from ..data.meshes import Solid, mend, read_asset

    return Solid(mend(read_asset(path).mesh)[0], path.name)


def _solid_or_nothing(path: Path) -> "Solid | None":
    """Return the predicted solid; None if the file holds no surface."""
    from ..data.meshes import NoSurface

    try:
        return _solid(path)
    except NoSurface:
        return None


def _folders(prediction: Path, reference: Path, args: argparse.Namespace) -> dict[str, Any]:
    from ..data.meshes import find_assets
    from ..metrics import average

    ground_truths = {_stem(path, reference): path for path in find_assets(reference)}
    predictions = {_stem(path, prediction): path for path in find_assets(prediction)}
    pairs = sorted(ground_truths.keys() & predictions.keys())
    if not pairs:
        raise RequestError(
            f"No mesh in {prediction} has the name of one in {reference}.",
            "Name the predictions as the references.",
        )
    rows, objects = [], {}
    with progress() as ticket:
        for index, name in enumerate(pairs):
            ticket.advance(index / len(pairs))
            measured = _pair(predictions[name], ground_truths[name], args)
            rows.append((str(Path(name).parent), measured))
            objects[name] = measured.values
    headline, by_class = average(rows, args.protocol)
    return {
        "objects": len(pairs),
        "empty": sum(measured.empty for _, measured in rows),
        "missing": sorted(ground_truths.keys() - predictions.keys()),
        "metrics": headline,
        "by_class": by_class,
        "by_object": objects,
    }


def _stem(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def _baselines(root: str) -> dict[str, Any]:
    from ..data.baselines import evaluate_baselines
    from ..data.format import Dataset

    train, test = Dataset(root, "train"), Dataset(root, "test")
    if not len(train) or not len(test):
        raise RequestError(
            f"{root} has no shapes in its train or its test split.",
            "Convert the data set with both splits.",
        )
    return {
        "dataset": root,
        "train": len(train),
        "test": len(test),
        "baselines": evaluate_baselines(train, test, hull=_hull),
    }


def _hull(shape: "StoredShape") -> "np.ndarray | None":
    """Return the visual hull of a shape's views on the format's grid; None if it is empty."""
    import torch

    from ..contract.errors import LevelformError
    from ..data.format import VOXEL_HALF, VOXELS
    from ..reconstructors import load_reconstructor

    if "views.poses" not in shape:
        return None
    model = load_reconstructor("visual-hull", device="cpu")
    ticks = (torch.arange(VOXELS) + 0.5) / VOXELS * 2 * VOXEL_HALF - VOXEL_HALF
    points = torch.cartesian_prod(ticks, ticks, ticks)
    try:
        field = model.decode(model.encode([shape.view(i) for i in range(shape.view_count)]))
    except LevelformError:
        return None
    return (field(points) < 0).numpy().reshape((VOXELS,) * 3)
