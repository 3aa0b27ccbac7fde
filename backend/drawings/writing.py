"""Write drawings as images with a `transforms.json`, and show how a sheet was cut."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract.cameras import to_frame
from ..contract.drawings import SIZE
from ..geometry.writing import check_place, written_whole
from ..images.reading import read_image
from .cameras import Drawings

COLORS = ((214, 69, 65), (58, 124, 190), (70, 150, 80), (190, 120, 30), (130, 80, 170))
FULL = 255


def write_drawings(drawings: Drawings, out: str | Path) -> dict[str, Any]:
    """Write each drawing as a PNG beside `out`, then `out`, a `transforms.json`; return the facts.

    The images lie in a folder named after `out`; the object's volume is in the file.

    Raises
    ------
    RequestError
        If the place can't be written to.
    """
    from PIL import Image

    target = Path(out)
    check_place(target)
    folder = target.parent / f"{target.stem}-drawings"
    folder.mkdir(exist_ok=True)
    frames = []
    for name, piece, camera in zip(
        drawings.names, drawings.pieces, drawings.evened.cameras, strict=True
    ):
        path = folder / f"{name}.png"
        with written_whole(path) as partial:
            Image.fromarray(_bytes(piece.image)).save(partial, "PNG")
        frames.append({"file_path": f"{folder.name}/{path.name}", **to_frame(camera)})
    volume = np.diag([*[max(drawings.evened.sides) / SIZE] * 3, 1.0])
    content = {"world_from_volume": volume.tolist(), "frames": frames}
    with written_whole(target) as partial:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return {**facts(drawings), "out": str(target)}


def facts(drawings: Drawings) -> dict[str, Any]:
    """Return the facts as plain values."""
    views = [
        {
            "name": name,
            "box": [round(float(value), 2) for value in piece.on_sheet],
            "stretched": round(factor, 4),
        }
        for name, piece, factor in zip(
            drawings.names, drawings.pieces, drawings.evened.stretched, strict=True
        )
    ]
    return {
        "views": views,
        "sides": [round(float(side), 4) for side in drawings.evened.sides],
        "residual": round(drawings.disagreement, 3),
        "remarks": list(drawings.remarks),
    }


def write_preview(drawings: Drawings, sheet: str | Path, out: str | Path) -> None:
    """Write the sheet with a frame and a name at each drawing; separate drawings form a row.

    Raises
    ------
    RequestError
        If the place can't be written to.
    """
    from PIL import Image, ImageDraw

    check_place(out)
    base = read_image(sheet, turned=True)
    preview = Image.fromarray(_bytes(_on_grey(base)))
    pen = ImageDraw.Draw(preview)
    thick = max(max(preview.size) // 400, 1)
    for index, (name, piece) in enumerate(zip(drawings.names, drawings.pieces, strict=True)):
        color = COLORS[index % len(COLORS)]
        pen.rectangle(piece.on_sheet, outline=color, width=thick)
        pen.text((piece.on_sheet[0] + 2 * thick, piece.on_sheet[1] + 2 * thick), name, fill=color)
    with written_whole(out) as partial:
        preview.save(partial, "PNG")


def _on_grey(image: Tensor) -> Tensor:
    alpha = image[..., 3:]
    return torch.cat([image[..., :3] * alpha + 0.6 * (1 - alpha), torch.ones_like(alpha)], 2)


def _bytes(image: Tensor) -> np.ndarray:
    """Return an image as (H, W, 4) uint8."""
    return (image.clamp(0, 1) * FULL).round().to(torch.uint8).numpy()
