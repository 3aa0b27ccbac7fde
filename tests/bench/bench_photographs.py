"""Cameras of photographs: textured scenes rendered by Cycles, found by structure from motion.

The scenes are rendered once into the system's temporary folder (some minutes), and each takes about
a minute of one core.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import camera_subjects
import numpy as np
from levelform.backend.contract.errors import WorkError
from levelform.backend.photographs import find_cameras
from levelform.backend.photographs.library import check_solver
from rows import KINDS, Row, RowKind, at_least, at_most

CACHE = Path(tempfile.gettempdir()) / "levelform-photographs"
AROUND = ("room", "room_birdhouse", "room_bucket", "plain_object")  # texture around the object
ALONE = ("turntable",)  # a textured object before a plain background
BOXED = ("room", "room_birdhouse", "room_bucket")  # the object has a texture
REFUSED = ("turntable_12", "plain")


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure every scene; all rows are counts."""
    for part in parts(kinds).values():
        yield from part()


def parts(kinds: Sequence[RowKind] = KINDS) -> dict[str, Callable[[], Iterator[Row]]]:
    """Return what can be measured alone, by name."""
    if "count" not in kinds or not camera_subjects.available():
        return {}
    result: dict[str, Callable[[], Iterator[Row]]] = {}
    for name in (*AROUND, *ALONE):
        result[name] = partial(found, name, 0.1 if name in AROUND else 0.3)
    for name in REFUSED:
        result[name] = partial(refused, name)
    return {**result, "masks": partial(masked, "room_bucket")}


def render(names: Sequence[str]) -> None:
    """Render the scenes that are not there yet."""
    missing = [name for name in names if not (CACHE / name / "truth.json").exists()]
    if missing:
        script = Path(__file__).with_name("photograph_scenes.py")
        words = [sys.executable, str(script), str(camera_subjects.PROPS), str(CACHE)]
        subprocess.run([*words, "--only", *missing], check=True, stdout=subprocess.DEVNULL)


def solve(name: str, masks: str = "auto") -> tuple[dict, Path]:
    """Return the facts of a scene, rendered if it is not there, and the file that was written."""
    check_solver()
    render([name])
    out = CACHE / f"{name}.json"
    folder = CACHE / name / "images"
    with_masks = folder.parent / "masks"
    shutil.rmtree(with_masks, ignore_errors=True)
    if masks == "given":
        shutil.copytree(folder.parent / "silhouettes", with_masks)
    try:
        return find_cameras([folder], out), out
    finally:
        shutil.rmtree(with_masks, ignore_errors=True)


def poses(frames: Sequence[dict]) -> dict[str, np.ndarray]:
    """Return world_from_camera by the name of the image."""
    return {Path(f["file_path"]).name: np.array(f["transform_matrix"]) for f in frames}


def similarity(mine: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Return rotation, scale and translation that align my positions, (N, 3), with the true ones.

    Umeyama, "Least-squares estimation of transformation parameters", PAMI 1991.
    """
    a, b = mine - mine.mean(0), true - true.mean(0)
    left, values, right = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.linalg.det(left @ right)])
    rotation = left @ np.diag(sign) @ right
    scale = float((values * sign).sum() / (a**2).sum())
    return rotation, scale, true.mean(0) - scale * rotation @ mine.mean(0)


def errors(out: Path, truth: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return (N,) rotation errors in degrees, and position errors in % of the distance."""
    mine, true = poses(json.loads(out.read_text())["frames"]), poses(truth["frames"])
    names = sorted(mine)
    a, b = (np.array([group[name] for name in names]) for group in (mine, true))
    rotation, scale, shift = similarity(a[:, :3, 3], b[:, :3, 3])
    turns = rotation @ a[:, :3, :3] @ b[:, :3, :3].transpose(0, 2, 1)
    angles = np.arccos(((np.trace(turns, axis1=1, axis2=2) - 1) / 2).clip(-1, 1))
    moved = scale * a[:, :3, 3] @ rotation.T + shift - b[:, :3, 3]
    distance = np.median(np.linalg.norm(b[:, :3, 3], axis=1))
    return np.degrees(angles), 100 * np.linalg.norm(moved, axis=1) / distance


def found(name: str, bar: float) -> Iterator[Row]:
    """Compare the cameras of a scene with the true ones."""
    told, out = solve(name)
    truth = json.loads((CACHE / name / "truth.json").read_text())
    turned, moved = errors(out, truth)
    note = f"reprojection {told['error']:.2f} px of 800, position {moved.max():.2f} %"
    placed = told["placed"] / told["images"]
    yield at_least(f"photographs, {name}: placed", placed, None, 1.0, note=f"of {told['images']}")
    worst = float(turned.max())
    yield at_most(f"photographs, {name}: rotation", worst, None, bar, unit="degrees", note=note)
    if name in BOXED:
        yield box(f"{name}: object's box, without masks", told, out, truth)


def refused(name: str) -> Iterator[Row]:
    """Say whether a scene that can't be solved is refused rather than answered wrongly."""
    try:
        solve(name)
        said = "answered"
    except WorkError as error:
        said = error.message
    yield at_least(f"photographs, {name}: refused", float(said != "answered"), None, 1.0, note=said)


def masked(name: str) -> Iterator[Row]:
    """Compare the object's box with the true one where there are masks."""
    told, out = solve(name, masks="given")
    truth = json.loads((CACHE / name / "truth.json").read_text())
    yield box(f"{name}: object's box", told, out, truth)


def box(name: str, told: dict, out: Path, truth: dict) -> Row:
    """Compare the sides of the object's box with the true ones."""
    mine, true = poses(json.loads(out.read_text())["frames"]), poses(truth["frames"])
    names = sorted(mine)
    a, b = (np.array([group[n][:3, 3] for n in names]) for group in (mine, true))
    scale = similarity(a, b)[1]
    sides = np.sort(np.ptp(np.array(told["box"]), axis=0) * scale)
    wanted = np.sort(np.ptp(np.array(truth["box"]), axis=0))
    off = float(np.abs(sides / wanted - 1).max())
    note = f"{np.round(sides, 3)} against {np.round(wanted, 3)} m, by {told['box_from']}"
    return at_most(f"photographs, {name}", off, None, 0.05, note=note)
