"""Put one trained part of a method into its bundled weights; all other tensors stay as they are.

    python tools/bundle_part.py RUN/best.safetensors --part unposed [--precision int8] [-o OUT]

The part's configuration entry, its training and its validation come from the run. Calibrate the
levels that depend on the part afterwards (`tools/calibrate_levels.py`).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from levelform.backend.reconstructors import bundled_weights, find_method
from levelform.backend.reconstructors.storage import (
    Precision,
    pack,
    read_tensors,
    unpack,
    write_tensors,
)


def bundle(run: Path, bundled: Path, part: str, precision: Precision, out: Path) -> int:
    """Write the bundled weights with a run's part; return the number of its tensors.

    Raises
    ------
    SystemExit
        If the run has no such part, or is of another method.
    """
    tensors, header, _ = read_tensors(bundled)
    trained, run_header, _ = read_tensors(run)
    cls = find_method(header["method"])
    own = {n: t for n, t in unpack(trained).items() if n.startswith(f"{part}.")}
    if run_header["method"] != header["method"] or not own or part not in cls.auxiliary:
        raise SystemExit(f"{run} has no part {part} of {header['method']}.")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(f"{part}.")}
    write_tensors(out, kept | pack(own, precision), _joined(header, run_header, part, cls))
    cls.load(out)  # refuses tensors that do not fit the configuration
    return len(own)


def _joined(header: dict[str, Any], run: dict[str, Any], part: str, cls: Any) -> dict[str, Any]:
    """Return the bundled file's header with what the run's header says of the part."""
    entry, _ = cls.auxiliary[part]
    configuration = header["configuration"] | {entry: run["configuration"][entry]}
    parts = header["training"]["parts"] | {part: run["training"]["parts"][part]}
    told = f"validation {part} "
    results = {n: v for n, v in header["results"].items() if not n.startswith(told)}
    results |= {n: v for n, v in run["results"].items() if n.startswith(told)}
    training = header["training"] | {"parts": parts}
    return header | {"configuration": configuration, "training": training, "results": results}


def main() -> int:
    """Do it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--part", required=True)
    parser.add_argument("--method", default="levelform")
    parser.add_argument("--precision", choices=("float16", "int8"), default="int8")
    parser.add_argument("-o", "--out", type=Path, help="default: in place of the bundled weights")
    args = parser.parse_args()
    bundled = bundled_weights(args.method)
    if bundled is None:
        raise SystemExit(f"{args.method} has no bundled weights.")
    count = bundle(args.run, bundled, args.part, args.precision, args.out or bundled)
    sys.stdout.write(f"{count} tensors of {args.part} put into {args.out or bundled}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
