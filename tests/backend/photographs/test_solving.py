"""The solver's job: pairs, groups of images, copies; and a process that can be ended."""

import sys
import time

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import JobCancelled, WorkError
from levelform.backend.photographs import solving
from levelform.backend.photographs.solver import epipolar
from levelform.backend.photographs.sources import copy_images
from levelform.backend.ticket import Ticket
from PIL import Image

PLAN = {"Features": 1.0, "Matches": 1.0, "Cameras": 1.0}


def test_few_images_are_matched_with_each_other():
    assert len(solving.pairs_of(24)) == 24 * 23 // 2


def test_many_images_are_matched_along_their_order():
    pairs = solving.pairs_of(200)
    assert len(pairs) < 200 * 199 // 8
    assert {(i, i + 1) for i in range(199)} <= set(pairs)
    assert (0, 199) in pairs  # the walk closes
    assert all(one < other for one, other in pairs)


def run(code, report=None, cancelled=None):
    ticket = Ticket(report, cancelled)
    ticket.plan(PLAN)
    solving._run([sys.executable, "-c", code], ticket)


def test_progress_of_the_process_is_reported_stage_by_stage():
    seen = []
    code = (
        "import time\n"
        "for stage in ('Features', 'Matches', 'Cameras'):\n"
        "    print('noise', flush=True)\n"
        '    print(\'{"stage": "%s", "fraction": 0.5}\' % stage, flush=True)\n'
        "    time.sleep(0.2)\n"
    )
    run(code, lambda step: seen.append((step.stage, step.overall)))
    assert list(dict(seen)) == ["Features", "Matches", "Cameras"]
    assert [overall for _, overall in seen] == sorted(overall for _, overall in seen)


def test_a_cancel_kills_the_process(tmp_path):
    alive = tmp_path / "alive"
    code = (
        f"import time, pathlib\nwhile True: pathlib.Path({str(alive)!r}).touch(); time.sleep(.01)"
    )
    with pytest.raises(JobCancelled):
        run(code, cancelled=alive.exists)
    alive.unlink()
    time.sleep(0.2)
    assert not alive.exists()


def test_an_error_of_the_process_is_told():
    with pytest.raises(WorkError, match="no such luck"):
        run("raise SystemExit('no such luck')")


def test_copies_keep_stored_pixels_masks_and_groups(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [(60, 40), (60, 40), (40, 60)]
    paths = []
    for index, (width, height) in enumerate(sizes):
        pixels = rng.integers(0, 255, (height, width, 4), np.uint8)
        pixels[..., 3] = 255
        pixels[: height // 2, :, 3] = 0
        path = tmp_path / f"{index}.png"
        Image.fromarray(pixels).save(path)
        paths.append(path)
    folder = tmp_path / "work"
    folder.mkdir()
    copied = copy_images(paths, folder, Ticket())
    assert copied.groups() == [[0, 1], [2]]
    assert copied.cut_out
    assert copied.masked
    mask = np.asarray(Image.open(copied.masks / "00000.png.png"))
    assert (mask[:20] == 0).all()
    assert (mask[20:] == 255).all()
    shown = np.asarray(Image.open(copied.folder / "00000.png").convert("RGB"))
    assert (shown[:20] == shown[0, 0]).all()  # plain where it is transparent
    silhouette = copied.images[0].silhouette
    assert silhouette is not None
    assert float(silhouette[:20].max()) == 0.0
    assert torch.all(silhouette[20:] == 1)


def test_the_epipolar_distance_is_zero_for_matches_of_one_point():
    rng = np.random.default_rng(0)
    points = rng.uniform((-1, -1, 4), (1, 1, 6), (50, 3))
    angle = 0.2
    relative = np.array(
        [
            [np.cos(angle), 0, np.sin(angle), 0.5],
            [0, 1, 0, 0.1],
            [-np.sin(angle), 0, np.cos(angle), 0.2],
        ]
    )
    other = points @ relative[:, :3].T + relative[:, 3]
    first, second = points / points[:, 2:], other / other[:, 2:]
    np.testing.assert_allclose(epipolar(first, second, relative), 0, atol=1e-12)
    moved = second + np.array([0, 0.01, 0])
    assert np.median(epipolar(first, moved, relative)) == pytest.approx(0.007, abs=0.002)
