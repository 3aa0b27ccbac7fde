"""Calibrate the surface's level per number of posed views, and write it to weights' headers.

    python tools/calibrate_levels.py WEIGHTS.safetensors ... --data DATASET ... [--views 2 4 8]

0 stands for one image without its camera, of weights with a network for these.

The data sets need eight views per shape, e.g. from `dataset ... --cameras levelform-round`. The
tensors of the files stay unchanged.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from levelform.backend.reconstructors import find_method
from levelform.backend.reconstructors.base import CALIBRATED, LEVEL_OF
from levelform.backend.reconstructors.storage import read_tensors, write_tensors
from levelform.backend.training.calibration import calibrate_views
from levelform.backend.training.samples import load_shapes
from levelform.backend.training.validation import choose_shapes


def main() -> int:
    """Calibrate the files; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--split", default="val", help="a split unseen in training")
    parser.add_argument("--shapes", type=int, default=60)
    parser.add_argument(
        "--views", type=int, nargs="+", default=CALIBRATED[1:], choices=(0, *CALIBRATED)
    )
    args = parser.parse_args()
    unseen = load_shapes(args.data, args.split)
    for path in args.weights:
        tensors, header, _ = read_tensors(path)
        model = find_method(header["method"]).load(path).eval()
        categories = model.weights.training["parts"]["main"]["data"].get("categories")
        known = [s for s in unseen if not categories or s.category in categories]
        found = calibrate_views(model, choose_shapes(known, args.shapes), counts=args.views)
        header["results"] |= {LEVEL_OF.format(n): each.level for n, each in found.items()}
        write_tensors(path, tensors, header)
        told = {views: asdict(each) for views, each in found.items()}
        sys.stdout.write(json.dumps({"file": path.name, "by views": told}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
