"""Cutting objects out: IoU of masks of props over busy and plain backgrounds, and the time.

Wants the weights of U2-Netp (`levelform weights get u2netp`) and a folder of folders of meshes in
$LEVELFORM_PROPS; without them there are no rows. The images are rendered once into the system's
temporary folder (850 MB).
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
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
SECONDS = 10.0  # a picture, one thread


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    folder = os.environ.get(PROPS, "")
    if not folder or not matte_network.available:
        return
    for busy, name in ((True, "busy"), (False, "plain")):
        ious, seconds = [], []
        for example in kept_examples(CACHE, Path(folder), busy=busy):
            iou, spent = measure(example)
            ious.append(iou)
            seconds.append(spent)
        note = f"median {np.median(ious):.3f}, {sum(i < 0.8 for i in ious)} of {len(ious)} < .8"
        if "count" in kinds:
            mean = float(np.mean(ious))
            yield at_least(f"matte, {name}: mean IoU", mean, None, BARS[name], note=note)
        if "time" in kinds:
            middle = float(np.median(seconds))
            yield at_most(
                f"matte, {name}: CPU seconds a picture", middle, None, SECONDS, kind="time"
            )


def measure(example: Example) -> tuple[float, float]:
    """Return the IoU of the mask that is found with the true one, and the CPU seconds."""
    image = torch.cat([example.image, torch.ones_like(example.mask)[..., None]], -1)
    start = time.process_time()
    found = matte(image, Background("auto"), name=example.name)
    seconds = time.process_time() - start
    return mask_iou(found.image[..., 3], example.mask), seconds
