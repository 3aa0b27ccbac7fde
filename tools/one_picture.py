"""Make docs/one-picture.md: ten images of kinds that artists use, and their results.

    python tools/one_picture.py PROPS

PROPS is a folder of folders of meshes to render; a seed pairs props and kinds, and no result is
left out. The weights of U2-Netp have to be installed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from levelform.backend.contract.cameras import from_frame
from levelform.backend.contract.errors import LevelformError
from levelform.backend.contract.image_files import image_file
from levelform.backend.contract.protocol import (
    Background,
    Finished,
    MeshUpdate,
    Reconstruct,
    ViewData,
    ViewMasks,
)
from levelform.backend.data.render.cameras import look_at
from levelform.backend.data.render.render import render_mesh
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.images import resized
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "bench"))
import matte_images  # noqa: E402

SEED = 20
SAMPLE = sorted((ROOT / "assets/sample/chair/images").iterdir())[0]
TILE = 240  # pixels along a side of a tile of the strips
RESOLUTION = 64


@dataclass(frozen=True)
class Kind:
    """A kind of image that artists drop.

    name, words : of the file, and for the page
    make : the image of a prop (H, W, 4) and a busy and a plain background (H, W, 3), in [0, 1]
    suffix, orientation : of the file, and its EXIF tag
    """

    name: str
    words: str
    make: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    suffix: str = ".png"
    orientation: int = 1


def over(prop: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Return a prop before a background, with its soft shadow."""
    dark = matte_images.shadow(torch.from_numpy(prop[..., 3].copy())).numpy()
    under = behind * (1 - 0.45 * dark[..., None])
    return under + (prop[..., :3] - under) * prop[..., 3:]


def pencil(prop: np.ndarray, _busy: np.ndarray, _plain: np.ndarray) -> np.ndarray:
    """Return a line drawing: dark where brightness or the mask change."""
    from scipy.ndimage import gaussian_filter, sobel

    grey = gaussian_filter(prop[..., :3].mean(2) * prop[..., 3] + 2 * prop[..., 3], 1.0)
    edges = np.hypot(sobel(grey, 0), sobel(grey, 1))
    return np.repeat(1 - 0.9 * (edges / 0.5).clip(0, 1)[..., None], 3, 2)


def cut(prop: np.ndarray, _busy: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Return an image that ends in the middle third of the object."""
    columns = np.flatnonzero((prop[..., 3] > 0.5).any(0))
    edge = columns[0] + (columns[-1] - columns[0]) // 4
    return over(prop, plain)[:, edge:]


def tall(prop: np.ndarray, busy: np.ndarray, _plain: np.ndarray) -> np.ndarray:
    """Return a crop as narrow as the object."""
    columns = np.flatnonzero((prop[..., 3] > 0.5).any(0))
    return over(prop, busy)[:, max(columns[0] - 12, 0) : columns[-1] + 12]


def large(prop: np.ndarray, busy: np.ndarray, _plain: np.ndarray) -> np.ndarray:
    """Return the image at 48 megapixels."""
    image = Image.fromarray((over(prop, busy) * 255).clip(0, 255).astype(np.uint8))
    return np.asarray(image.resize((8000, 6000), Image.Resampling.BICUBIC)) / np.float32(255)


KINDS = (
    Kind("phone", "phone photograph, stored rotated (EXIF)", lambda p, b, _: over(p, b), ".jpg", 6),
    Kind("sweep", "product shot on a sweep, soft shadow", lambda p, _, c: over(p, c), ".jpg"),
    Kind("cut", "object cut off by the frame", cut, ".jpg"),
    Kind("table", "busy table", lambda p, b, _: over(p, b), ".jpg"),
    Kind("pale", "low contrast", lambda p, _, c: 0.75 * c + 0.25 * over(p, c), ".jpg"),
    Kind("drawing", "line drawing", pencil),
    Kind("transparent", "transparent PNG", lambda p, _b, _c: p),
    Kind("tall", "tall crop", tall, ".jpg"),
    Kind("large", "48 megapixels", large, ".jpg"),
    Kind("grey", "grey", lambda p, b, _: over(p, b).mean(2, keepdims=True).repeat(3, 2), ".jpg"),
)


def write_image(kind: Kind, pixels: np.ndarray, folder: Path) -> Path:
    """Write an image as its kind is stored."""
    image = Image.fromarray((pixels.clip(0, 1) * 255 + 0.5).astype(np.uint8))
    path = folder / f"{kind.name}{kind.suffix}"
    if kind.orientation == 6:  # displayed after a quarter turn clockwise
        exif = Image.Exif()
        exif[0x0112] = 6
        image.transpose(Image.Transpose.ROTATE_90).save(path, quality=92, exif=exif)
    elif kind.suffix == ".jpg":
        image.save(path, quality=92)
    else:
        image.save(path)
    return path


def request_for(path: Path) -> Reconstruct:
    """Return the request of an image with default settings."""
    return Reconstruct(
        "picture",
        "auto",
        (ViewData(None, None, path.name, image_file(path)),),
        resolution=RESOLUTION,
        background=Background("auto"),
    )


def reconstruct(session: Session, path: Path) -> dict[str, Any]:
    """Reconstruct an image with default settings; return the result, or the error."""
    result: dict[str, Any] = {}
    started = time.process_time()
    try:
        for event in session.reconstruct(request_for(path), Ticket()):
            if isinstance(event, ViewMasks):
                result["mask"] = event.masks[0]
            elif isinstance(event, MeshUpdate):
                result["mesh"] = event
            elif isinstance(event, Finished):
                result["stats"] = event.stats
    except LevelformError as error:
        result["error"] = str(error)
    result["seconds"] = time.process_time() - started
    return result


def tile(pixels: np.ndarray) -> Image.Image:
    """Return an image in the middle of a white tile."""
    image = Image.fromarray(pixels).convert("RGB")
    image.thumbnail((TILE, TILE))
    whole = Image.new("RGB", (TILE, TILE), "white")
    whole.paste(image, ((TILE - image.width) // 2, (TILE - image.height) // 2))
    return whole


def strip(shown: np.ndarray, result: dict[str, Any]) -> Image.Image:
    """Return the image, its mask, and the mesh from its camera and from the side."""
    tiles = [tile(shown)]
    if "mask" in result:
        tiles.append(tile(result["mask"].shown))
    if "mesh" in result and result.get("stats", {}).get("cameras"):
        update = result["mesh"]
        mesh = Mesh(update.vertices, update.faces, update.normals, update.colors)
        camera = Camera.from_data(from_frame(result["stats"]["cameras"][0]))
        factor = TILE / max(camera.width, camera.height)
        small = resized(
            camera, width=round(camera.width * factor), height=round(camera.height * factor)
        )
        side = Camera(look_at(60, 25, 5.0), 2.0 * TILE, 2.0 * TILE, TILE / 2, TILE / 2, TILE, TILE)
        for each in (small, side):
            view = render_mesh(mesh, [each]).rgba[0]
            white = view[..., :3] * view[..., 3:] + 1 - view[..., 3:]
            tiles.append(tile((white * 255).byte().numpy()))
    whole = Image.new("RGB", (TILE * 4, TILE), "white")
    for index, part in enumerate(tiles):
        whole.paste(part, (index * TILE, 0))
    return whole


HEAD = """# One picture

Ten images of kinds that artists use, with their results. None was selected by hand: a seed draws
the props from our data sets, the images are rendered with the data sets' tools, and no result is
left out. Each strip shows the image, its mask (the background is dark), the mesh from the estimated
camera, and the mesh from the side.

Made by `python tools/one_picture.py PROPS` at resolution {resolution}, with default settings.
Seconds are CPU seconds of one thread, without loading the networks.
"""


def section(kind: Kind, name: str, result: dict[str, Any]) -> str:
    """Return the page's part about an image."""
    title = f"## {kind.words[0].upper()}{kind.words[1:]}"
    lines = [title, f"![{kind.words}](one-picture/{kind.name}.jpg)"]
    told = [f"Prop: {name}."]
    if "mask" in result:
        source = {"network": "U2-Netp", "alpha": "the image's alpha"}.get(
            result["mask"].source, "the plain background"
        )
        doubt = result["mask"].doubt
        said = f"; it was said to be doubtful: {doubt}" if doubt else ""
        told.append(f"Mask from {source}{said}.")
    stats = result.get("stats")
    if stats:
        told.append(
            f"Method {stats['method']}, silhouette {stats.get('silhouette_iou', 0):.2f}"
            f"{', adjusted to the mask' if stats.get('adjusted') else ''}, "
            f"{stats['faces']:,} triangles, {result['seconds']:.0f} s."
        )
    if "error" in result:
        told.append(f"Refused: {result['error']}")
    return "\n\n".join([*lines, " ".join(told)])


MEASURED = "## What was measured"  # the page below is written by hand


def by_hand(page: Path) -> str:
    """Return the part of an earlier page that is written by hand."""
    text = page.read_text() if page.exists() else ""
    return text[text.index(MEASURED) :] if MEASURED in text else ""


def main() -> None:
    """Make the images, the strips and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("props", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    (args.out / "one-picture").mkdir(parents=True, exist_ok=True)
    paths = matte_images.chosen(args.props, len(KINDS), SEED)
    busy = [plate.numpy() for _, plate in matte_images.backgrounds(args.props, SEED)]
    parts = [HEAD.format(resolution=RESOLUTION)]
    session = Session()
    list(session.reconstruct(request_for(SAMPLE), Ticket()))  # loads the networks
    with tempfile.TemporaryDirectory() as scratch:
        for index, (kind, path) in enumerate(zip(KINDS, paths, strict=True)):
            rng = np.random.default_rng([SEED, index])
            prop = matte_images.drawn(path, rng).numpy()
            pixels = kind.make(prop, busy[index % 8], matte_images.plain(rng).numpy())
            result = reconstruct(session, write_image(kind, pixels, Path(scratch)))
            shown = (pixels[::8, ::8] if kind.name == "large" else pixels).clip(0, 1)
            drawn = strip((shown * 255).astype(np.uint8), result)
            drawn.save(args.out / "one-picture" / f"{kind.name}.jpg", quality=85)
            parts.append(section(kind, f"{path.parent.name}/{path.stem}", result))
            sys.stderr.write(f"{kind.name}: {parts[-1].splitlines()[-1]}\n")
    page = args.out / "one-picture.md"
    text = "\n\n".join([*parts, by_hand(page).rstrip()]).replace("\n\n\n", "\n\n")
    page.write_text(text.rstrip() + "\n")


if __name__ == "__main__":
    main()
