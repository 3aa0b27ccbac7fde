"""Run the extension in a real Blender without a window; started by `make headless-test`.

`$BLENDER` is the command of a Blender; without it there is nothing to do. The built extension (in
`dist/`, or `$LEVELFORM_ZIP`) is installed into a fresh user folder. `$LEVELFORM_PYTHON` runs the
backend, by default the Python that runs this. What needs Blender's Python is in `inside.py`; a row
is printed for each check, and the exit status tells whether all hold. Words name the checks to run
(`exports from_files saving statuses scripts scenes frames depths`), all without any.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).with_name("inside.py")
SAMPLE = ROOT / "assets" / "sample" / "suzanne"
# Seconds for one run of Blender.
PATIENCE = float(os.environ.get("LEVELFORM_PATIENCE", "300"))
SUFFIXES = (".glb", ".ply", ".obj", ".stl", ".npz")
GOOD = 0.85  # IoU of the visual hull of the sample at 64 cells, .92, with some room
QUICK = ("--method", "visual-hull", "--resolution", "64")


@dataclass
class Blender:
    """A Blender's command, with a user folder of its own."""

    command: list[str]
    folder: Path
    rows: list[tuple[bool, str, str]] = field(default_factory=list)
    output: str = ""

    def run(self, *words: object) -> int:
        """Run it in the background; return its exit status and keep what it printed."""
        environment = {
            "LEVELFORM_PYTHON": sys.executable,
            **os.environ,
            "BLENDER_USER_RESOURCES": str(self.folder / "user"),
        }
        done = subprocess.run(
            [*self.command, "-b", *map(str, words)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            cwd=self.folder,
            check=False,
        )
        self.output = done.stdout
        return done.returncode

    def levelform(self, *words: object, blend: Path | None = None) -> tuple[int, dict[str, Any]]:
        """Run a command of the extension; return its exit status and its JSON object."""
        opened = [blend] if blend else []
        status = self.run(*opened, "--command", "levelform", *words, "--json")
        lines = [line for line in self.output.splitlines() if line.startswith("{")]
        return status, json.loads(lines[-1]) if lines else {}

    def script(self, step: str, *words: object, blend: Path | None = None) -> int:
        """Run a step of `inside.py`; return the exit status, not 0 if it raised."""
        opened = [blend] if blend else []
        return self.run(
            *opened, "--python-exit-code", 3, "--python", INSIDE, "--", step, self.folder, *words
        )

    def check(self, name: str, holds: bool, measured: object = "") -> None:
        """Print a row; where it does not hold, with the end of what Blender printed."""
        self.rows.append((holds, name, str(measured)))
        print(f"{'ok  ' if holds else 'FAIL'}  {name}: {measured}", flush=True)
        if not holds:
            print("      " + "\n      ".join(self.output.splitlines()[-12:]), flush=True)


def main() -> int:
    """Return the exit status: 0 if every check holds, or there is no Blender to run."""
    command = os.environ.get("BLENDER")
    if not command:
        print("headless-test: skipped, $BLENDER is not set to a Blender's command.")
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="levelform-headless-") as name:
        folder = Path(name)
        shutil.copytree(SAMPLE, folder / "sample")
        blender = Blender(shlex.split(command), folder)
        if install(blender):
            for checks in (exports, from_files, saving, statuses, scripts, scenes, frames, depths):
                if checks.__name__ in (sys.argv[1:] or [checks.__name__]):
                    checks(blender)
        blender.run("--version")
        version = blender.output.strip().partition("\n")[0]
    failed = sum(not holds for holds, _, _ in blender.rows)
    seconds = time.monotonic() - started
    good = len(blender.rows) - failed
    print(f"headless-test: {good} hold, {failed} fail ({version}, {seconds:.0f} s)")
    return 1 if failed else 0


# ---------------------------------------------------------------- checks


def install(blender: Blender) -> bool:
    """Install the built extension as a user does."""
    package = os.environ.get("LEVELFORM_ZIP") or next((ROOT / "dist").glob("levelform-*.zip"), None)
    if package is None:
        blender.check("the extension is built", False, "run `make package`")
        return False
    # Where Blender can read it, whatever it sees of this machine.
    copy = shutil.copy(package, blender.folder)
    words = ("--command", "extension", "install-file", "-r", "user_default", "-e", copy)
    status = blender.run(*words)
    blender.check("the extension is installed", status == 0, f"exit {status}")
    return status == 0


def exports(blender: Blender) -> None:
    """Every format, of the cameras of an opened .blend."""
    for suffix in SUFFIXES:
        out = blender.folder / f"scene{suffix}"
        blend = blender.folder / "sample" / "suzanne.blend"
        status, facts = blender.levelform("reconstruct", "-o", out, *QUICK, blend=blend)
        check_mesh(blender, f"{suffix} from a .blend", status, out)
        if status == 0:
            written = facts.get("out") == str(out)
            blender.check(f"{suffix} is named in the JSON", written, facts.get("out"))
    rows = (blender.folder / "scene.obj").read_text().splitlines()
    count = len(next(row for row in rows if row.startswith("v ")).split()) - 1
    blender.check("the .obj has colours", count == 6, f"{count} numbers a vertex")


def from_files(blender: Blender) -> None:
    """A folder of posed images, and one image, without any scene."""
    for suffix in SUFFIXES:
        out = blender.folder / f"files{suffix}"
        words = ("reconstruct", blender.folder / "sample", "-o", out, *QUICK)
        check_mesh(blender, f"{suffix} from a folder", blender.levelform(*words)[0], out)
    out, image = blender.folder / "one.glb", blender.folder / "sample" / "images" / "0.png"
    words = ("reconstruct", image, "--method", "levelform", "-o", out, "--resolution", "32")
    status, facts = blender.levelform(*words)
    holds = status == 0 and out.exists() and facts["faces"] > 100
    blender.check(".glb from one image", holds, f"exit {status}, {facts.get('faces')} faces")


def saving(blender: Blender) -> None:
    """`--save` writes a .blend that has the object."""
    saved, blend = blender.folder / "saved.blend", blender.folder / "sample" / "suzanne.blend"
    status, _ = blender.levelform("reconstruct", "--save", saved, *QUICK, blend=blend)
    blender.check("--save ends well", status == 0 and saved.exists(), f"exit {status}")
    status = blender.script("saved", blend=saved)
    blender.check("the saved .blend has the object", status == 0, last(blender))


def statuses(blender: Blender) -> None:
    """2 where the request is wrong, found before the work or by the worker; no file is left."""
    blend = blender.folder / "sample" / "suzanne.blend"
    wrong = {
        "a word for a number": ("reconstruct", "--resolution", "many"),
        "a file that is missing": ("reconstruct", "/nowhere/transforms.json"),
        "a format that is not known": ("reconstruct", "-o", blender.folder / "mesh.fbx"),
        "a folder that is missing": ("reconstruct", "-o", "/nowhere/mesh.glb"),
        "a command that is not known": ("dance",),
    }
    for name, words in wrong.items():
        status, facts = blender.levelform(*words, blend=blend)
        blender.check(f"status 2: {name}", status == facts.get("status") == 2, f"exit {status}")
    words = ("reconstruct", "--volume", "1.5,0,1,0.2", "-o", blender.folder / "none.glb")
    status, facts = blender.levelform(*words, blend=blend)
    holds = status == facts.get("status") == 2
    blender.check("status 2: nothing in the volume", holds, f"exit {status}")
    left = (blender.folder / "none.glb").exists()
    blender.check("work that fails leaves no file", not left, left)


def scripts(blender: Blender) -> None:
    """`from bl_ext.user_default.levelform import api`, registered and not, and its exports."""
    blend = blender.folder / "sample" / "suzanne.blend"
    status = blender.script("api", blend=blend)
    blender.check("api in a script", status == 0, last(blender))
    for suffix in SUFFIXES:
        check_mesh(blender, f"{suffix} by a script", status, blender.folder / f"api{suffix}")
        mirrored = blender.folder / f"mirrored{suffix}"
        holds = mirrored.exists() and signed_volume(mirrored) > 0
        blender.check(f"{suffix} of a mirrored object is right side out", holds)
    status = blender.run(
        "--factory-startup", "--python-exit-code", 3, "--python", INSIDE, "--", "disabled", "-"
    )
    blender.check("api where the extension is disabled", status == 0, last(blender))


def scenes(blender: Blender) -> None:
    """What the scene may hold besides cameras with images, and another render size."""
    blend = blender.folder / "sample" / "suzanne.blend"
    for step, remark in (
        ("bare", "Shot has no image and was left out."),
        ("excluded", "Shot has no image and was left out."),
        ("resized", ""),
        ("hidden", ""),
    ):
        changed, out = blender.folder / f"{step}.blend", blender.folder / f"{step}.glb"
        if blender.script(step, changed, blend=blend):
            blender.check(f"{step}: the scene is made", False, last(blender))
            continue
        status, facts = blender.levelform("reconstruct", "-o", out, *QUICK, blend=changed)
        check_mesh(blender, f"{step}: a mesh", status, out)
        said = facts.get("remarks", [])
        blender.check(f"{step}: the remark", not remark or remark in said, "; ".join(said))


def frames(blender: Blender) -> None:
    """One camera that moves, with an image sequence or a movie."""
    for kind in ("sequence", "movie"):
        made, out = blender.folder / f"{kind}.blend", blender.folder / f"{kind}.glb"
        if blender.script(kind, made):
            blender.check(f"{kind}: the scene is made", False, last(blender))
            continue
        words = ("reconstruct", "--frames", "8", "-o", out, *QUICK)
        status, facts = blender.levelform(*words, blend=made)
        check_mesh(blender, f"{kind}: a mesh", status, out)
        blender.check(f"{kind}: eight views", facts.get("views") == 8, facts.get("views"))


def depths(blender: Blender) -> None:
    """Renders of the scene with their Z pass, into UCLID-Net."""
    status = blender.script("depth")
    blender.check("renders with depth go to UCLID-Net", status == 0, last(blender))


# ---------------------------------------------------------------- meshes


def check_mesh(blender: Blender, name: str, status: int, path: Path) -> None:
    """Check that a run ended well and wrote the sample's shape, where it stands."""
    if status or not path.exists():
        blender.check(name, False, f"exit {status}, {'a file' if path.exists() else 'no file'}")
        return
    solid_iou, volume = iou(path), signed_volume(path)
    measured = f"IoU {solid_iou:.3f}, signed volume {volume:.2f}"
    blender.check(name, solid_iou > GOOD and volume > 0, measured)


def signed_volume(path: Path) -> float:
    """Return a mesh file's volume, below zero if it is inside out."""
    from levelform.backend.data.meshes import read_asset

    mesh = read_asset(path).mesh
    a, b, c = mesh.vertices[mesh.faces].astype(np.float64).swapaxes(0, 1)
    return float((a * np.cross(b, c)).sum() / 6)


def iou(path: Path) -> float:
    """Return the IoU of a mesh file and the sample's true shape, in the sample's world."""
    from levelform.backend.data.meshes import read_asset

    mesh = read_asset(path).mesh
    matrix = np.array(json.loads((SAMPLE / "transforms.json").read_text())["world_from_volume"])
    with np.load(SAMPLE / "truth.npz") as ground_truth:
        real = ground_truth["vertices"] @ matrix[:3, :3].T + matrix[:3, 3], ground_truth["faces"]
    low = np.minimum(real[0].min(0), mesh.vertices.min(0))
    high = np.maximum(real[0].max(0), mesh.vertices.max(0))
    points = np.random.default_rng(0).uniform(low, high, (20_000, 3))
    a, b = inside(*real, points), inside(mesh.vertices, mesh.faces, points)
    return float((a & b).sum() / (a | b).sum())


def inside(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    import igl

    faces = np.ascontiguousarray(faces, np.int64)
    winding = igl.fast_winding_number(np.ascontiguousarray(vertices, np.float64), faces, points)
    return np.abs(np.asarray(winding)) > 0.5  # inside out counts as inside: see `signed_volume`


def last(blender: Blender) -> str:
    """Return what a step of `inside.py` said, else the last line that Blender printed."""
    lines = [line for line in blender.output.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("inside:")]
    return (said or lines or [""])[-1]


if __name__ == "__main__":
    sys.exit(main())
