"""Cameras from silhouettes: agreement, refinement, turntables and walks, on real objects.

Every row but those of the cost is the fraction of runs that succeed; the hull with the cameras
that were found is compared with the hull that the true cameras give. About 30 CPU minutes of one
core; `--part` runs some of it, `--keep FILE` keeps what was measured.
"""

import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial

import camera_subjects as subjects
import numpy as np
import torch
from camera_subjects import Subject, distance_for, hull_pair, look_at, on_sphere, photographed
from levelform.backend.cameras.checks import POINTS
from levelform.backend.cameras.refine import FINE_POINTS, refine_cameras
from levelform.backend.cameras.turntable import Turned, solve_turntable
from levelform.backend.cameras.walk import solve_walk
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes import trace_all
from levelform.backend.silhouettes.agreement import check
from levelform.backend.silhouettes.residual import Residual, Rig
from levelform.backend.silhouettes.rotations import rotation
from rows import KINDS, Row, RowKind, at_least, at_most
from timing import threads

SIZE = (320, 240)
FOCAL = 1.39
ELEVATIONS = (12.0, 40.0, 20.0, 58.0)
OBJECTS, TURNTABLES, WALKS, AGREEMENTS = 20, 40, 20, 100  # runs


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    for part in parts(kinds).values():
        yield from part()


def parts(kinds: Sequence[RowKind] = KINDS) -> dict[str, Callable[[], Iterator[Row]]]:
    """Return what can be measured alone, by name."""
    if not subjects.available():
        return {}
    counts = (agreement, refinement, coarse_refinement, turntable, disturbed_turntable, walk)
    known = (*(counts if "count" in kinds else ()), *((cost,) if "time" in kinds else ()))
    return {part.__name__.replace("_", "-"): single_threaded(part) for part in known}


def single_threaded(part: Callable[[], Iterator[Row]]) -> Callable[[], Iterator[Row]]:
    """Return a part of the bench that uses one thread."""

    def measured() -> Iterator[Row]:
        with threads(1):
            yield from part()

    return measured


def row(name: str, good: Sequence[bool], bar: float, note: str = "") -> Row:
    """Return the row of a fraction of runs."""
    told = f"{sum(good)} of {len(good)}" + (f"; {note}" if note else "")
    return at_least(f"cameras, {name}", float(np.mean(good)), None, bar, note=told)


# ---------------------------------------------------------------- sets of views


def eight(thing: Subject, size: tuple[int, int] = (SIZE[1], SIZE[1])) -> list[Camera]:
    """Return eight cameras once around at changing elevations."""
    distance = distance_for(thing, FOCAL, size, 1.2)
    return [
        look_at(
            on_sphere(2 * math.pi * k / 8 + 0.3, math.radians(ELEVATIONS[k % 4]), distance),
            np.zeros(3),
            FOCAL,
            size,
        )
        for k in range(8)
    ]


def disturbed(
    camera: Camera, rng: np.random.Generator, degrees: float, fraction: float, focal: float = 1.0
) -> Camera:
    """Return a camera turned about a random axis, moved by a fraction of its distance, zoomed."""
    axis, direction = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    pose = camera.world_from_camera.copy()
    pose[:3, :3] = pose[:3, :3] @ rotation(math.radians(degrees) * axis)
    pose[:3, 3] += direction * fraction * np.linalg.norm(camera.center)
    return replace(camera, world_from_camera=pose, fx=camera.fx * focal, fy=camera.fy * focal)


def posed(views: Sequence[View], cameras: Sequence[Camera]) -> list[View]:
    """Return views with other cameras."""
    return [replace(view, camera=camera) for view, camera in zip(views, cameras, strict=True)]


# ---------------------------------------------------------------- cost


def cost(runs: int = 20) -> Iterator[Row]:
    """What an evaluation of the residual and a check cost with eight right views, CPU seconds."""
    views = seen(0)
    outlines = [outline for outline in trace_all(views) if outline is not None]
    residual, rig = Residual(outlines), Rig.of([v.camera for v in views if v.camera is not None])
    each = partial(_seconds, runs)
    milliseconds = 1e3 * each(partial(residual, rig))
    for what, took, bar, unit in (
        ("an evaluation of the residual, 8 views", milliseconds, 15.0, "ms"),
        ("a check of 8 right views", each(partial(check, views)), 1.0, "s"),
    ):
        yield at_most(f"cameras, {what}", took, None, bar, kind="time", unit=unit)


def _seconds(runs: int, call: Callable[[], object]) -> float:
    """Return the median CPU seconds of a call."""
    took = []
    for _ in range(runs):
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return float(np.median(took))


# ---------------------------------------------------------------- agreement


def agreement(runs: int = AGREEMENTS) -> Iterator[Row]:
    """Whether one wrong view and a swapped pair are found, and right sets raise no alarm."""
    results = [wrong_run(index) for index in range(runs // 2)]
    yield row("a view off by 10 degrees is named", [r[0] for r in results], 0.95)
    yield row("a swapped pair is found", [r[1] for r in results], 0.95)
    yield row("a swapped pair, cameras off by 1 degree", [r[2] for r in results], 0.95)
    yield row("cameras off by 1 degree: no image is blamed", [r[3] for r in results], 0.95)
    note = "renders, mattes, JPEG edges in turn"
    right = [right_run(index) for index in range(runs)]
    yield row("no false alarm in right sets", right, 1.0, note)


def right_run(index: int) -> bool:
    """Return whether nothing is found wrong with right cameras."""
    return not check(worn(seen(index % len(subjects.available())), index)).disagrees


def wrong_run(index: int) -> tuple[bool, bool, bool, bool]:
    """Return whether a wrong view is named, a swapped pair is found, also with all cameras off by
    a degree, and no image is blamed where nothing is swapped."""
    rng = np.random.default_rng(index)
    views = seen(index % len(subjects.available()))
    cameras = [view.camera for view in views if view.camera is not None]
    number = int(rng.integers(8))
    wrong = [disturbed(c, rng, 10.0, 0.05) if i == number else c for i, c in enumerate(cameras)]
    named = check(posed(views, wrong)).suspects == (number,)
    pair = tuple(sorted(rng.choice(8, 2, replace=False).tolist()))
    exchanged, cure = exchange(views, pair), f"swap={pair[0]},{pair[1]}"
    off = [disturbed(camera, rng, 1.0, 0.0175) for camera in cameras]
    swapped, swapped_off = (best_cure(v) == cure for v in (exchanged, posed(exchanged, off)))
    return named, swapped, swapped_off, not best_cure(posed(views, off))


@cache
def seen(index: int) -> tuple[View, ...]:
    """Return the silhouettes of one of the objects from eight sides."""
    thing = subjects.nth(index)
    return tuple(photographed(thing, eight(thing)))


def best_cure(views: Sequence[View]) -> str:
    """Return the name of the best cure; empty without one."""
    cures = check(views).cures
    return cures[0].name if cures else ""


def exchange(views: Sequence[View], pair: tuple[int, ...]) -> list[View]:
    """Return the views with two images exchanged."""
    order = list(range(len(views)))
    order[pair[0]], order[pair[1]] = pair[1], pair[0]
    return [
        replace(view, image=views[source].image) for view, source in zip(views, order, strict=True)
    ]


def worn(views: Sequence[View], index: int) -> list[View]:
    """Return the views as renders, with the wobbly edge of a matte, or with JPEG's edges."""
    kind = index % 3
    if kind == 0:
        return list(views)
    spoil: Callable[[np.ndarray, np.random.Generator], np.ndarray] = wobbly if kind == 1 else jpeg
    rng = np.random.default_rng(index)
    result = []
    for view in views:
        alpha = torch.from_numpy(spoil(view.image[..., 3].numpy(), rng))
        result.append(replace(view, image=torch.cat([view.image[..., :3], alpha[..., None]], 2)))
    return result


def wobbly(alpha: np.ndarray, rng: np.random.Generator, pixels: float = 0.7) -> np.ndarray:
    """Return a silhouette whose outline moves in and out by `pixels` rms, correlated over three."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    inside = alpha >= 0.5
    distance = distance_transform_edt(inside) - distance_transform_edt(~inside)
    noise = gaussian_filter(rng.normal(size=alpha.shape), 3.0)
    moved = distance + pixels * noise / noise.std()
    return np.clip(moved + 0.5, 0, 1).astype(np.float32)


def jpeg(alpha: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Return a silhouette cut from a JPEG of quality 60 by its brightness."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.round(alpha * 255).astype(np.uint8)).save(file, "JPEG", quality=60)
    decoded = np.asarray(Image.open(file), np.float32) / 255
    return np.clip((decoded - 0.3) / 0.4, 0, 1).astype(np.float32)


# ---------------------------------------------------------------- refinement


def refinement(runs: int = OBJECTS) -> Iterator[Row]:
    """The hull of cameras refined from 1 degree against that of the true ones, of eight views."""
    yield refined("1 degree", 1.0, 0.02, runs)


def coarse_refinement(runs: int = OBJECTS) -> Iterator[Row]:
    """The same from 3 degrees, 5 % of the distance and of the focal length."""
    yield refined("3 degrees, 5 %, focal 5 %", 3.0, 0.03, runs)


def refined(name: str, degrees: float, allowed: float, runs: int) -> Row:
    """Return the row of refinements of cameras that are off by so much."""
    results = [refinement_run(index, degrees, allowed) for index in range(runs)]
    before, after = np.median([r[1:] for r in results], axis=0)
    note = f"median residual {before:.1f} to {after:.3f} px of 224"
    return row(f"refined from {name}: hull within {allowed}", [r[0] for r in results], 0.9, note)


def refinement_run(index: int, degrees: float, allowed: float) -> tuple[bool, float, float]:
    """Return whether the hull is nearly that of the true cameras, and the residuals."""
    thing, rng = subjects.nth(index), np.random.default_rng(index)
    fraction, focal = (0.0175, 1.0) if degrees < 2 else (0.05, 1.05)
    cameras = eight(thing)
    views = photographed(thing, cameras)
    given = [disturbed(camera, rng, degrees, fraction, focal) for camera in cameras]
    found = refine_cameras(trace_all(views, points=FINE_POINTS), given, focal=focal != 1.0)
    ours, best = hull_pair(thing, views, found.cameras, cameras)
    return ours >= best - allowed, float(found.before.mean()), float(found.after.mean())


# ---------------------------------------------------------------- turntables


def turntable(runs: int = TURNTABLES) -> Iterator[Row]:
    """Direction and hull of turntables: 8, 12, 24 steps, focal 1 to 5 widths, elevation 0 to 40."""
    results = [turntable_run(index) for index in range(runs)]
    yield row("turntable: direction", [r[0] for r in results], 1.0)
    yield row("turntable: hull within 0.03", [r[1] for r in results], 0.95)


def turntable_run(index: int) -> tuple[bool, bool]:
    """Return whether the direction is right, and the hull nearly that of the true cameras."""
    thing, rng = subjects.nth(index), np.random.default_rng(1000 + index)
    count, sign = (8, 12, 24)[index % 3], (1, -1)[int(rng.integers(2))]
    focal = math.exp(rng.uniform(0, math.log(5)))
    cameras = turned(thing, rng, np.arange(count) * 2 * math.pi / count * sign, focal)
    views = photographed(thing, cameras)
    found = solve_turntable(trace_all(views, points=POINTS))
    return found.ring.direction == sign, within(thing, views, found, cameras, 0.03)


def turned(
    thing: Subject,
    rng: np.random.Generator,
    angles: np.ndarray,
    focal: float,
    elevation: float = -1,
) -> list[Camera]:
    """Return the cameras of a turntable, the axis a little off the middle of the image."""
    lifted = math.radians(rng.uniform(0, 40) if elevation < 0 else elevation)
    distance = distance_for(thing, focal, SIZE, 1.25)
    start, roll = rng.uniform(0, 2 * math.pi), math.radians(rng.normal())
    target = np.array([0.0, 0.0, rng.uniform(-0.08, 0.08)])
    return [
        look_at(on_sphere(start + angle, lifted, distance), target, focal, SIZE, roll)
        for angle in angles
    ]


def within(
    thing: Subject, views: Sequence[View], found: Turned, true: Sequence[Camera], allowed: float
) -> bool:
    """Return whether the hull is nearly that of the true cameras."""
    ours, best = hull_pair(thing, views, found.cameras, true)
    return ours >= best - allowed


def disturbed_turntable(runs: int = OBJECTS // 2) -> Iterator[Row]:
    """Turntables of 12 that are not as the model says: another step, a bad mask, uneven angles."""
    results = [disturbed_run(index) for index in range(runs)]
    yield row("turntable of 27 degrees a step: within 0.3", [r[0] for r in results], 0.9)
    yield row("turntable, one bad mask: hull within 0.05", [r[1] for r in results], 0.9)
    yield row("turntable, angles uneven by 3: hull within 0.05", [r[2] for r in results], 0.9)


def disturbed_run(index: int) -> tuple[bool, bool, bool]:
    """Return whether a step, a bad mask (no good one is blamed) and uneven angles are solved."""
    thing, rng = subjects.nth(index), np.random.default_rng(2000 + index)
    cameras = turned(thing, rng, np.arange(12) * math.radians(27.0), 1.4, 20.0)
    found = solve_turntable(trace_all(photographed(thing, cameras), points=POINTS))
    step = math.degrees(np.ptp(found.ring.angles(found.numbers))) / np.ptp(found.ring.places)

    cameras = turned(thing, rng, np.arange(12) * math.radians(30.0), 1.4, 20.0)
    views = photographed(thing, cameras)
    number = int(rng.integers(12))
    found = solve_turntable(trace_all(blotted(views, number, rng), points=POINTS))
    masked = within(thing, views, found, cameras, 0.05)
    masked = masked and set(range(12)) - set(found.used) <= {number}

    angles = np.radians(np.arange(12) * 30.0 + rng.normal(size=12) * 3.0)
    cameras = turned(thing, rng, angles, 1.4, 20.0)
    views = photographed(thing, cameras)
    found = solve_turntable(trace_all(views, points=POINTS))
    return abs(step - 27.0) < 0.3, masked, within(thing, views, found, cameras, 0.05)


def blotted(views: Sequence[View], number: int, rng: np.random.Generator) -> list[View]:
    """Return the views with a blob of 14 pixels' radius at the edge of one silhouette."""
    alpha = views[number].image[..., 3].clone()
    edge = ((alpha > 0.4) & (alpha < 0.6)).nonzero()
    middle = edge[int(rng.integers(len(edge)))] if len(edge) else torch.tensor([60, 160])
    y, x = torch.meshgrid(*(torch.arange(n) for n in alpha.shape), indexing="ij")
    alpha[(y - middle[0]) ** 2 + (x - middle[1]) ** 2 < 14**2] = 1.0
    result = list(views)
    image = torch.cat([views[number].image[..., :3], alpha[..., None]], 2)
    result[number] = replace(views[number], image=image)
    return result


# ---------------------------------------------------------------- walks


def walk(runs: int = WALKS) -> Iterator[Row]:
    """Walks of 12 by hand, the focal length from the file or unknown."""
    results = [walk_run(index) for index in range(runs)]
    yield row("walk of 12, focal known: hull within 0.06", [r[0] for r in results], 0.9)
    yield row("walk of 12: hull within 0.06", [r[1] for r in results], 0.8)


def walk_run(index: int) -> tuple[bool, bool]:
    """Return whether the hull is nearly that of the true cameras, focal length known and not."""
    thing, rng = subjects.nth(index), np.random.default_rng(3000 + index)
    focal = rng.uniform(1.0, 1.6)
    cameras = walked(thing, rng, focal)
    views = photographed(thing, cameras)
    outlines = trace_all(views, points=POINTS)
    good = []
    for known in (focal, None):
        found = solve_walk(outlines, focal=known)
        ours, best = hull_pair(thing, views, found.cameras, cameras)
        good.append(ours >= best - 0.06)
    return good[0], good[1]


def walked(thing: Subject, rng: np.random.Generator, focal: float) -> list[Camera]:
    """Return the cameras of a walk.

    Standard deviations: azimuth 2.3 degrees, distance 5 %, look-at 8 % of the half side, roll 2
    degrees; elevations within 8 degrees of their middle.
    """
    distance = distance_for(thing, focal, SIZE, 1.4)
    middle, sign = rng.uniform(12, 32), (1, -1)[int(rng.integers(2))]
    return [
        look_at(
            on_sphere(
                sign * 2 * math.pi * k / 12 + math.radians(2.3 * rng.normal()),
                math.radians(middle + rng.uniform(-8, 8)),
                distance * (1 + 0.05 * rng.normal()),
            ),
            0.08 * 0.9 * rng.normal(size=3),
            focal,
            SIZE,
            math.radians(2.0 * rng.normal()),
        )
        for k in range(12)
    ]
