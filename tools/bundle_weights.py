"""Compress trained weights into assets/weights, and check that their IoU does not suffer.

    python tools/bundle_weights.py RUN/best.safetensors --data DATASET [--precision int8]
        [--part camera=RUN/best.safetensors] [--level]

With --level, the surface is calibrated on the validation split first. The tool measures the IoU on
that split before and after storing, prints both, and refuses a loss of more than `TOLERANCE`.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from levelform.backend.reconstructors import WEIGHTS_FOLDER, find_method
from levelform.backend.reconstructors.storage import read_tensors
from levelform.backend.training.calibration import calibrate
from levelform.backend.training.parts import take_part
from levelform.backend.training.samples import load_shapes
from levelform.backend.training.validation import choose_shapes, validate

TOLERANCE = 0.002  # of the mean IoU


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--precision", choices=("float16", "int8"), default="int8")
    parser.add_argument("--shapes", type=int, default=104)
    parser.add_argument("--part", nargs="+", default=[], metavar="NAME=WEIGHTS")
    parser.add_argument("--level", action="store_true", help="calibrate the surface's level")
    parser.add_argument("--suffix", default="", help="suffix of the file's name, for a category")
    return parser


def main() -> int:
    """Store and check the weights; return the exit status."""
    args = arguments().parse_args()
    header = read_tensors(args.weights)[1]
    cls = find_method(header["method"])
    full = cls.load(args.weights).eval()
    for word in args.part:
        part, _, path = word.partition("=")
        full = take_part(full, part, cls.load(path)).eval()
    categories = full.weights.training["parts"]["main"]["data"].get("categories")
    unseen = load_shapes(args.data, "val", categories=categories)
    shapes = choose_shapes(unseen, args.shapes)
    WEIGHTS_FOLDER.mkdir(parents=True, exist_ok=True)
    target = WEIGHTS_FOLDER / f"{cls.spec.name}{args.suffix}.safetensors"
    candidate = target.with_suffix(".candidate")
    results = dict(full.weights.results) | {"stored as": args.precision}
    if args.level:
        calibration = calibrate(full, shapes)
        results |= full.apply_calibration(calibration.level)
        results[f"validation {full.calibrated_on} iou"] = calibration.iou
        sys.stdout.write(json.dumps(asdict(calibration)) + "\n")
    before = validate(full, shapes).iou
    full.save(candidate, results=results, precision=args.precision)
    after = validate(cls.load(candidate).eval(), shapes).iou
    report = {"before": before, "after": after, "bytes": candidate.stat().st_size}
    sys.stdout.write(json.dumps(report | {"file": target.name}) + "\n")
    if before - after > TOLERANCE:
        candidate.unlink()
        sys.stderr.write("too much is lost; take --precision float16\n")
        return 1
    candidate.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
