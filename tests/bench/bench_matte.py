"""Cutting objects out: IoU of masks of props over busy and plain backgrounds, doubts, and the time.

Wants the weights of U2-Netp (`levelform weights get u2netp`) and a folder of folders of meshes in
$LEVELFORM_PROPS; without them there are no rows. The images are rendered once into the system's
temporary folder (850 MB).
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from levelform.backend.contract.protocol import Background
from levelform.backend.images.matte import matte
from levelform.backend.images.matte_network import matte_network
from levelform.backend.images.salient import mask_iou
from matte_images import Example, kept_examples
from rows import KINDS, Row, RowKind, at_least, at_most

PROPS = "LEVELFORM_PROPS"
CACHE = Path(tempfile.gettempdir()) / "levelform-mattes"
BARS = {"busy": 0.95, "plain": 0.97}
GOOD, BAD = 0.95, 0.85  # IoU
FALSE, TOLD = 0.15, 0.8  # fraction of good masks called doubtful at most, of bad ones at least
SECONDS = 10.0  # a picture, one thread


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    folder = os.environ.get(PROPS, "")
    if not folder or not matte_network.available:
        return
    for busy, name in ((True, "busy"), (False, "plain")):
        measured = [measure(each) for each in kept_examples(CACHE, Path(folder), busy=busy)]
        if "count" in kinds:
            yield from counts(name, measured)
        if "time" in kinds:
            middle = float(np.median([each.seconds for each in measured]))
            yield at_most(
                f"matte, {name}: CPU seconds a picture", middle, None, SECONDS, kind="time"
            )


@dataclass(frozen=True)
class Measured:
    """The IoU of a mask with the true one, its CPU seconds, and whether it says it is doubtful."""

    iou: float
    seconds: float
    doubtful: bool


def counts(name: str, measured: Sequence[Measured]) -> Iterator[Row]:
    """Yield the rows of masks before one kind of background: IoU, and what doubts tell."""
    ious = [each.iou for each in measured]
    note = f"median {np.median(ious):.3f}, {sum(i < 0.8 for i in ious)} of {len(ious)} < .8"
    yield at_least(f"matte, {name}: mean IoU", float(np.mean(ious)), None, BARS[name], note=note)
    good, bad = (
        [each for each in measured if each.iou >= GOOD],
        [e for e in measured if e.iou < BAD],
    )
    false, told = (sum(each.doubtful for each in group) for group in (good, bad))
    note = f"{false} of {len(good)} of IoU >= {GOOD:g}"
    yield at_most(
        f"matte, {name}: good masks called doubtful",
        false / max(len(good), 1),
        None,
        FALSE,
        note=note,
    )
    note = f"{told} of {len(bad)} of IoU < {BAD:g}"
    yield at_least(
        f"matte, {name}: bad masks called doubtful",
        told / len(bad) if bad else 1.0,
        None,
        TOLD,
        note=note,
    )


def measure(example: Example) -> Measured:
    """Return how good the mask of an image is."""
    image = torch.cat([example.image, torch.ones_like(example.mask)[..., None]], -1)
    start = time.process_time()
    matted = matte(image, Background("auto"), name=example.name)
    seconds = time.process_time() - start
    return Measured(mask_iou(matted.image[..., 3], example.mask), seconds, bool(matted.doubts))
