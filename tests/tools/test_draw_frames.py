"""The figures of docs/frames.md show the code's frames, and the page shows the figures."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from levelform.backend.geometry.frames import OBJECT_SIDE, scale_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "frames.md").read_text()


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("draw_frames", ROOT / "tools" / "draw_frames.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named(direction):
    """Return the axis that a direction lies on, such as -z."""
    axis = int(np.abs(direction).argmax())
    return f"{'-' if direction[axis] < 0 else '+'}{'xyz'[axis]}"


def test_the_page_states_the_axes_and_sides_of_the_networks(tool):
    rows = {
        line.split("|")[1].strip().split(";")[0]: line
        for line in PAGE.splitlines()
        if line.startswith("| ")
    }
    for title, frame in tool.method_frames().items():
        row = next(row for name, row in rows.items() if name.lower() == title.lower())
        right, front, up = (frame[:3, :3] @ d for d in ((1, 0, 0), (0, -1, 0), (0, 0, 1)))
        _, _, axes, side, *_ = row.split("|")
        assert axes.strip() == ", ".join(map(named, (right, front, up)))
        above, _, below = side.strip().split(" ")[0].rstrip(":").partition("/")
        assert OBJECT_SIDE * scale_of(frame) == pytest.approx(float(above) / float(below or 1))


def test_every_figure_is_on_the_page(tool):
    for name in tool.FIGURES:
        assert f"](images/{name})" in PAGE
        assert (ROOT / "docs" / "images" / name).exists()


def test_an_arrow_ends_where_the_camera_sees_it(tool):
    image = np.asarray(tool.camera_figure(200))
    red = np.abs(image.astype(int) - tool.COLORS["x"]).sum(-1) < 30
    blue = np.abs(image.astype(int) - tool.COLORS["z"]).sum(-1) < 30
    for half in (slice(0, 200), slice(200, 400)):
        assert red[:, half].sum() > 50
        assert blue[:, half].sum() > 50
    # z towards the viewer on disk, away in the maths: left below the centre, right above it.
    rows = [np.nonzero(blue[:, half])[0].mean() for half in (slice(0, 200), slice(200, 400))]
    assert rows[0] > rows[1] + 10
