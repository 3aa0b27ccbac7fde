"""Run every command of docs/papers.md once, on the sample: `python tools/try_papers.py`.

The placeholders become small things: images of the sample chair, a data set of a few procedural
shapes, weights trained for two steps. A line for each command tells whether it ended well, its CPU
seconds, and its files; the exit status is that of the worst. `--only WORD...` runs those with a
word in them, `--keep DIR` keeps their files.
"""

import argparse
import contextlib
import io
import json
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from levelform.backend import cli

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "papers.md"
SAMPLE = ROOT / "assets" / "sample" / "chair"
CONTENTS = ("--size", "64", "--views", "8", "--cameras", "levelform", "--passes", "depth", "--mesh",
            "--points", "uniform=1000", "near=1000", "--surface", "1000")  # fmt: skip
MOVING = ("--views", "2", "--size", "64", "--cameras", "levelform", "--points", "uniform=900",
          "near=900", "--surface", "20")  # fmt: skip
TINY = ("--count", "1", "--size", "32", "--points", "uniform=200", "--surface", "20")
QUICK = {
    "train": ("--steps", "2", "--batch", "2", "--validation-shapes", "1", "--validate-every", "2"),
    "animate": ("--resolution", "32", "--moments", "3"),
    "morph": ("--resolution", "32", "--steps", "3"),
    "show": ("--resolution", "32"),
    "reconstruct": ("--resolution", "32"),
    "protocol": ("--limit", "1", "--resolution", "32"),
    "claims": ("--steps", "4", "--seeds", "1", "--shapes", "2", "--batch", "2",
               "--category", "chair"),
}  # fmt: skip
SKIPPED = {
    "--imagenet": "needs torchvision's file of VGG-16",
    "--from pascal3d-crops": "needs PASCAL3D+",
}
BIG = {  # without --big
    "--preset paper": "a network of the published size",
    "--preset 3d-cnn": "a network of the published size",
    "--views 2 --fusion sum": "300 steps of seconds each come before its last phase",
}


def commands() -> list[str]:
    """Return the commands of the page, each once, in its order."""
    listed = re.findall(r"`(levelform [^`]*)`", PAGE.read_text())
    return [c for c in dict.fromkeys(listed) if not re.search(r"NAME|show$", c)]


def arguments(command: str, place: Path, weights: str) -> list[str]:
    """Return the words of a command, with placeholders replaced, and with quick settings."""
    images = SAMPLE / "images"
    names = {
        "IMAGE.png": images / "0.png",
        "photo.jpg": images / "0.png",
        "A.png": images / "0.png",
        "B.png": images / "4.png",
        "frames/": place / "frames",
        "transforms.json": SAMPLE / "transforms.json",
        "SHAPES": place / "shapes",
        "MOVING": place / "moving",
        "W.safetensors": weights,
    }
    _, *words = shlex.split(command)
    words = [
        re.sub("W.safetensors", weights, w) if "=" in w else str(names.get(w, w)) for w in words
    ]
    for option in ("-o", "--out", "--figures"):
        if option in words:
            at = words.index(option) + 1
            words[at] = str(place / "made" / f"{abs(hash(command)) % 10**6}-{words[at]}")
    kind = words[1] if words[0] == "experiments" else words[0]
    if kind == "claims":
        words += ["-o", str(place / "made" / "claims.md")]
    if words[:2] == ["dataset", "synthesize"]:
        return [*words[:2], str(place / "made" / "data"), *words[3:], *TINY]
    return [*words, *QUICK.get(kind, ()), *(["--device", "cpu"] if kind != "dataset" else [])]


def run(words: list[str]) -> dict:
    """Run a command in this process; return its `--json` output, with its "status"."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        status = cli.main([*words, "--json"])
    told = json.loads(out.getvalue() or "{}")
    return {**told, "status": status}


def prepared(place: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the names and words of the commands' prerequisites."""
    still = ["dataset", "synthesize", str(place / "shapes"), "--categories", "chair"]
    yield "shapes", [*still, "--count", "20", *CONTENTS]
    moving = ["dataset", "synthesize", str(place / "moving"), "--categories", "lid"]
    yield "moving", [*moving, "--count", "12", *MOVING]
    time_weights = ["train", "deep-meta-functionals", "--data", str(place / "moving")]
    time_weights += ["--out", str(place / "time"), "--set", "coordinates=4"]
    yield "weights of time", [*time_weights, *QUICK["train"], "--device", "cpu"]


def weights_for(command: str, place: Path) -> str:
    """Return the weights that a command's W.safetensors stands for."""
    if "animate" in command:
        return str(place / "time" / "last.safetensors")
    for method in ("deep-meta-functionals", "disn", "uclid-net", "tdgn"):
        if method in command:
            return str(ROOT / "assets" / "weights" / f"{method}.safetensors")
    return str(ROOT / "assets" / "weights" / "sdf-srn-chair.safetensors")


def reason_to_skip(command: str, *, big: bool) -> str:
    """Return why a command is left out; empty: it is run."""
    reasons = SKIPPED if big else SKIPPED | BIG
    return next((why for word, why in reasons.items() if word in command), "")


def tried(command: str, place: Path) -> tuple[bool, str]:
    """Run a command; return whether it ended well, and a line about it."""
    begun = time.process_time()
    try:
        told = run(arguments(command, place, weights_for(command, place)))
    except Exception as error:  # an error of ours is a row too
        told = {"status": 3, "error": f"{type(error).__name__}: {error}"}
    seconds = time.process_time() - begun
    good = told["status"] == 0
    said = told.get("error", "") if not good else ""
    return good, f"{'ok  ' if good else 'FAIL'} {seconds:6.1f} s  {command}  {said}".rstrip()


def main() -> int:
    """Run the commands; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD")
    parser.add_argument("--big", action="store_true", help="networks of the published size, too")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    args = parser.parse_args()
    worst = 0
    with tempfile.TemporaryDirectory() as temporary:
        place = args.keep or Path(temporary)
        (place / "made").mkdir(parents=True, exist_ok=True)
        frames = place / "frames"
        frames.mkdir(exist_ok=True)
        for index in (0, 1):
            (frames / f"{index}.png").write_bytes((SAMPLE / "images" / f"{index}.png").read_bytes())
        for name, words in prepared(place):
            told = run(words)
            print(f"made {name}: {told.get('error', 'ok')}", flush=True)
        for command in commands():
            if args.only and not any(word in command for word in args.only):
                continue
            why = reason_to_skip(command, big=args.big)
            if why:
                print(f"--           {command}  {why}", flush=True)
                continue
            good, line = tried(command, place)
            worst |= not good
            print(line, flush=True)
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
