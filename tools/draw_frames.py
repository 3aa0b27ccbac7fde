"""Draw the figures of docs/frames.md: `python tools/draw_frames.py -o docs/images`.

Every axis and length in them comes from the code that computes with it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from levelform.backend.contract.cameras import FLIP_YZ
from levelform.backend.data.render import look_at, render_shapes
from levelform.backend.data.shapes import sample_shape
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.frames import OBJECT_SIDE, scale_of
from levelform.backend.reconstructors.published import (
    deep_meta_functionals,
    disn,
    occupancy_network,
    uclid_net,
)
from levelform.backend.reconstructors.sdf_srn import SDFSRN
from PIL import Image, ImageDraw, ImageFont

COLORS = {"x": (200, 40, 50), "y": (60, 140, 40), "z": (40, 90, 210)}
INK, PAPER, FAINT = (40, 40, 40), (245, 245, 245), (165, 165, 165)
FONT = ImageFont.load_default(15)
CUBE = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
EDGES = [(i, j) for i in range(8) for j in range(i) if bin(i ^ j).count("1") == 1]


class Figure:
    """An image seen by a camera, on which points of the object frame are drawn.

    Parameters
    ----------
    camera
        Posed in the frame of what is drawn.
    background
        (H, W, 3) uint8; None: blank paper.
    """

    def __init__(self, camera: Camera, background: np.ndarray | None = None) -> None:
        self.camera = camera
        size = (camera.width, camera.height)
        self.image = Image.new("RGB", size, PAPER)
        if background is not None:
            self.image = Image.fromarray(background)
        self._pen = ImageDraw.Draw(self.image)

    def at(self, point: Sequence[float]) -> tuple[float, float]:
        """Return the pixel position of a point."""
        pixels, _ = self.camera.project(torch.tensor([list(point)], dtype=torch.float64))
        x, y = pixels[0].tolist()
        return x, y

    def line(self, start: Sequence[float], end: Sequence[float], color=INK, width: int = 2) -> None:
        """Draw a segment between two points."""
        self._pen.line([self.at(start), self.at(end)], fill=color, width=width)

    def arrow(self, start: np.ndarray, end: np.ndarray, color, label: str) -> None:
        """Draw an arrow between two points, with a label at its tip."""
        (x0, y0), (x1, y1) = self.at(start), self.at(end)
        along = np.array([x1 - x0, y1 - y0])
        along = along / max(float(np.linalg.norm(along)), 1e-9)
        across = np.array([-along[1], along[0]])
        tip = np.array([x1, y1])
        self._pen.line([(x0, y0), (x1, y1)], fill=color, width=3)
        wings = [tip - 11 * along + 5 * across, tip - 11 * along - 5 * across]
        self._pen.polygon([(x1, y1), *(tuple(w) for w in wings)], fill=color)
        self.write(tuple(tip + 12 * along), label, color)

    def axes(self, frame: np.ndarray, length: float) -> None:
        """Draw the axes of a frame, (4, 4) to the figure's frame, `length` long in the figure."""
        origin = frame[:3, 3]
        for axis, (name, color) in enumerate(COLORS.items()):
            direction = frame[:3, axis] / np.linalg.norm(frame[:3, axis])
            self.arrow(origin, origin + length * direction, color, name)

    def box(self, corners: np.ndarray, color=FAINT) -> None:
        """Draw the edges of a box, (8, 3) corners in the order of `CUBE`."""
        for i, j in EDGES:
            self.line(corners[i], corners[j], color, 1)

    def write(self, where: tuple[float, float], text: str, color=INK, anchor: str = "mm") -> None:
        """Write at a pixel position."""
        self._pen.text(where, text, fill=color, font=FONT, anchor=anchor)


def chair_figure(size: int = 320) -> Figure:
    """Return a figure of a chair in the object frame, seen from its front right."""
    shape = sample_shape("chair", 4)
    pose = look_at(35.0, 24.0, 6.2)
    camera = Camera(pose, 1.6 * size, 1.6 * size, size / 2, size / 2, size, size)
    rgba = render_shapes(shape.batch, [camera], samples=3).rgba[0].numpy()
    color = rgba[..., :3] * rgba[..., 3:] + np.array(PAPER) / 255 * (1 - rgba[..., 3:])
    color = 0.55 * color + 0.45 * np.array(PAPER) / 255  # pale, so that lines stand out
    return Figure(camera, (color.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def camera_figure(size: int = 320) -> Image.Image:
    """Return a camera with Blender's axes beside the same camera with those of the maths."""
    blender = np.eye(4)
    panels = []
    for title, axes in (
        ("on disk: x right, y up, looks along -z", blender),
        ("in the maths: x right, y down, looks along z", blender * FLIP_YZ),
    ):
        eye = np.array([2.4, 1.9, 3.4])
        figure = Figure(_from(eye, np.array([0.1, 0.0, -0.4]), size))
        frame = 0.7 * np.array([(-1, -0.75, -2), (1, -0.75, -2), (1, 0.75, -2), (-1, 0.75, -2)])
        for i in range(4):
            figure.line((0, 0, 0), frame[i], FAINT, 1)
            figure.line(frame[i], frame[(i + 1) % 4])
        figure.axes(axes, 1.0)
        figure.write((size / 2, 14), title)
        panels.append(figure.image)
    return _row(panels)


def _from(eye: np.ndarray, target: np.ndarray, size: int) -> Camera:
    """Return a camera at `eye` that looks at `target`, with +Y up in the image."""
    ahead = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], 1)
    pose[:3, 3] = eye
    return Camera(pose, 1.35 * size, 1.35 * size, size / 2, size / 2, size, size)


def volume_figure() -> Image.Image:
    """Return the volume with the object in it: its axes, its front, its lengths."""
    figure = chair_figure(420)
    figure.box(CUBE)
    figure.axes(np.eye(4), 1.35)
    figure.arrow(np.array([0, -0.9, -0.9]), np.array([0, -1.6, -0.9]), INK, "front")
    figure.write((210, 14), f"volume [-1, 1]^3, the object's longest side {OBJECT_SIDE:g}")
    return figure.image


def pixel_figure(columns: int = 4, rows: int = 3, side: int = 80) -> Image.Image:
    """Return a grid of pixels with positions of corners and centres."""
    width, height = columns * side + 130, rows * side + 80
    image = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(image)
    left, top = 70, 50
    for x in range(columns + 1):
        pen.line([(left + x * side, top), (left + x * side, top + rows * side)], fill=FAINT)
        pen.text((left + x * side, top - 12), f"{x}", INK, FONT, anchor="mm")
    for y in range(rows + 1):
        pen.line([(left, top + y * side), (left + columns * side, top + y * side)], fill=FAINT)
        pen.text((left - 14, top + y * side), f"{y}", INK, FONT, anchor="mm")
    for y in range(rows):
        for x in range(columns):
            px, py = left + (x + 0.5) * side, top + (y + 0.5) * side
            pen.ellipse([px - 3, py - 3, px + 3, py + 3], fill=COLORS["z"])
            pen.text((px, py + 16), f"({x + 0.5}, {y + 0.5})", INK, FONT, anchor="mm")
    pen.text((left + columns * side + 14, top - 12), "x", COLORS["x"], FONT, anchor="lm")
    pen.text((left - 14, top + rows * side + 18), "y", COLORS["y"], FONT, anchor="mm")
    return image


def method_frames() -> dict[str, np.ndarray]:
    """Return method_from_volume, (4, 4), of the papers' weights by title."""
    with torch.device("meta"):  # no memory for the weights
        shapenet, pascal = (
            SDFSRN(SDFSRN.configurations[name]) for name in ("paper", "paper-pascal3d")
        )
    return {
        "Occupancy network": occupancy_network.FRAME,
        "SDF-SRN, ShapeNet": shapenet.method_from_volume,
        "SDF-SRN, PASCAL3D+": pascal.method_from_volume,
        "UCLID-Net": uclid_net.FRAME,
        "DISN": disn.FRAME,
        "Deep Meta Functionals": deep_meta_functionals.FRAME,
    }


def method_figure() -> Image.Image:
    """Return the axes of each paper's frame around the same chair, with its longest side there."""
    panels = []
    for title, frame in method_frames().items():
        figure = chair_figure()
        figure.axes(np.linalg.inv(frame), 1.2)
        figure.write((160, 14), title)
        side = OBJECT_SIDE * scale_of(frame)
        figure.write((160, 306), f"longest side {side:.4g}")
        panels.append(figure.image)
    return _column([_row(panels[:3]), _row(panels[3:])])


def _row(images: Sequence[Image.Image]) -> Image.Image:
    return Image.fromarray(np.concatenate([np.asarray(image) for image in images], 1))


def _column(images: Sequence[Image.Image]) -> Image.Image:
    return Image.fromarray(np.concatenate([np.asarray(image) for image in images], 0))


FIGURES = {
    "frame-camera.png": camera_figure,
    "frame-volume.png": volume_figure,
    "frame-pixels.png": pixel_figure,
    "frame-methods.png": method_figure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/images"), metavar="DIR")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        draw().quantize(64).save(out / name, optimize=True)
        print(f"wrote {out / name}")


if __name__ == "__main__":
    main()
