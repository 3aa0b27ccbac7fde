"""Average one part of two weights files, such as a network before and after more training.

    python tools/average_weights.py LATER.safetensors EARLIER.safetensors --part several -o OUT

All other tensors and the header are the later file's, as are tensors of the part that the earlier
network did not have yet. The measured validation of the part is
dropped, because it was not measured of the mean; calibrate the levels afterwards.
"""

import argparse
import sys
from pathlib import Path

import torch
from levelform.backend.reconstructors.storage import pack, read_tensors, unpack, write_tensors


def average(later: Path, earlier: Path, part: str, out: Path, fraction: float = 0.5) -> int:
    """Write the mean of weights, `fraction` of it the earlier ones; return the number of tensors.

    Raises
    ------
    SystemExit
        If the later file lacks tensors of the part, or has them in another shape.
    """
    tensors, header, _ = read_tensors(later)
    others, _, sha256 = read_tensors(earlier)
    new, old = unpack(tensors), unpack(others)
    names = [name for name in old if name.startswith(f"{part}.")]
    if not names or any(name not in new or old[name].shape != new[name].shape for name in names):
        raise SystemExit(f"{later} does not hold the tensors of {part} that {earlier} holds.")
    mean = {name: torch.lerp(new[name], old[name], fraction) for name in names}
    header["training"]["parts"][part] |= {"averaged_with": sha256, "fraction": fraction}
    measured = f"validation {part} "
    header["results"] = {k: v for k, v in header["results"].items() if not k.startswith(measured)}
    write_tensors(out, dict(tensors) | pack(mean, "float16"), header)
    return len(names)


def main() -> int:
    """Do it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("later", type=Path)
    parser.add_argument("earlier", type=Path)
    parser.add_argument("--part", required=True)
    parser.add_argument("--fraction", type=float, default=0.5, help="weight of the earlier file")
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    count = average(args.later, args.earlier, args.part, args.out, args.fraction)
    sys.stdout.write(f"{count} tensors of {args.part} averaged into {args.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
