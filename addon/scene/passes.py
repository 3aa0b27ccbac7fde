"""Writes the channels of one render to the files of a training image."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from ...backend.contract.errors import WorkError
from ...backend.contract.srgb import srgb_from_linear
from .exr import write_png

PASSES = ("depth", "normals", "albedo")


def write_images(
    folder: Path,
    stem: str,
    channels: dict[str, np.ndarray],
    *,
    reach: float,
    passes: Collection[str],
) -> dict[str, str]:
    """Write the channels of one render; return the paths for a frame of `transforms.json`.

    Parameters
    ----------
    channels : (H, W) float32, by their full names, as `Studio.shoot` returns them
    reach : depth beyond the subject: at the background, Cycles writes 1e10, EEVEE the far plane
    passes : which of `PASSES` to write beside the image
    """
    combined = stacked(channels, "Combined", "RGBA")
    alpha = combined[..., 3:].clip(0, 1)
    color = combined[..., :3] / np.maximum(alpha, 1e-6)  # Blender's alpha is premultiplied
    depth = next(v for k, v in channels.items() if k.rpartition(".")[0].endswith("Depth"))
    depth = np.where((alpha[..., 0] > 0) & (depth < reach), depth, 0).astype(np.float32)
    frame = {"file_path": f"{stem}.png"}
    _write_bytes(
        folder / frame["file_path"],
        np.concatenate([_srgb(color), alpha], -1) * 255,
    )
    if "depth" in passes:
        frame["depth_file_path"] = f"{stem}_depth.npy"
        np.save(folder / frame["depth_file_path"], depth, allow_pickle=False)
    if "normals" in passes:
        frame["normal_file_path"] = f"{stem}_normal.png"
        normal = _unit(stacked(channels, "Normal", "XYZ")) * (depth > 0)[..., None]
        _write_bytes(folder / frame["normal_file_path"], normal * 127 + 128)
    if "albedo" in passes:
        frame["albedo_file_path"] = f"{stem}_albedo.png"
        name = "DiffCol" if any(".DiffCol." in f".{key}" for key in channels) else "Diffuse Color"
        _write_bytes(
            folder / frame["albedo_file_path"],
            _srgb(stacked(channels, name, "RGB")) * 255,
        )
    return frame


def stacked(channels: dict[str, np.ndarray], name: str, letters: str) -> np.ndarray:
    """Return a pass, (H, W, letters), whatever the view layer's name."""
    return np.stack([_channel(channels, f"{name}.{letter}") for letter in letters], -1)


def _channel(channels: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return a pass's channel, whatever the view layer's name."""
    for key, values in channels.items():
        if key == name or key.endswith(f".{name}"):
            return values
    raise WorkError(f"Blender's render has no channel {name}.", f"It has {', '.join(channels)}.")


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.maximum(length, 1e-6), 0)


def _srgb(linear: np.ndarray) -> np.ndarray:
    return srgb_from_linear(linear.clip(0, 1))


def _write_bytes(path: Path, values: np.ndarray) -> None:
    write_png(path, np.round(values).astype(np.uint8))
