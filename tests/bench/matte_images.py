"""Images to cut objects out of: props over busy and plain backgrounds, with the true masks.

    python tests/bench/matte_images.py PROPS OUT

Every prop is drawn once over one of 20 busy backgrounds (scenes of other props on a table in a
room, textures, gradients) and once over a plain one, with a soft shadow below it in both. The
renderer is the dataset tools' own, with four samples a pixel side, so masks are exact.
"""

import argparse
import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from levelform.backend.data.meshes import read_asset
from levelform.backend.data.render.cameras import look_at
from levelform.backend.data.render.lights import sample_lights
from levelform.backend.data.render.render import render_mesh
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.frames import OBJECT_SIDE
from levelform.backend.geometry.meshes import Mesh
from torch import Tensor
from torch.nn.functional import interpolate

WIDTH, HEIGHT = 768, 576
PROPS, BUSY = 60, 20
SAMPLES = 3
LEAST_FILL, MOST_FILL = 0.45, 0.8  # of the image's height or width that the prop takes
LEAST_SIDE = 0.12  # props thinner than this fraction of their longest side are left out


@dataclass(frozen=True)
class Example:
    """One prop over one background.

    name : of the prop
    background : "scene", "texture", "gradient" or "plain"
    image : (H, W, 3) sRGB in [0, 1]
    mask : (H, W) in [0, 1]
    """

    name: str
    background: str
    image: Tensor
    mask: Tensor


def kept_examples(
    kept: Path, folder: Path, *, busy: bool, seed: int = 0, count: int = PROPS
) -> Iterator[Example]:
    """Yield `examples`; each is rendered once and kept in a folder.

    Parameters
    ----------
    kept
        Of the files. Delete it after a change of the props or of what draws them.
    """
    kept.mkdir(parents=True, exist_ok=True)
    kind = "busy" if busy else "plain"
    files = [kept / f"{kind}-{seed}-{index:02d}.npz" for index in range(count)]
    there = {index for index, file in enumerate(files) if file.exists()}
    made = examples(folder, busy=busy, seed=seed, count=count, without=there)
    for index, file in enumerate(files):
        if index in there:
            yield _read(file)
        else:
            example = next(made)
            _write(file, example)
            yield example


def _read(file: Path) -> Example:
    with np.load(file) as parts:
        image, mask = (torch.from_numpy(parts[name]) for name in ("image", "mask"))
        return Example(str(parts["name"]), str(parts["background"]), image, mask)


def _write(file: Path, example: Example) -> None:
    """Write beside the file and move into place, so that a file is whole."""
    parts = {"image": example.image.numpy(), "mask": example.mask.numpy()}
    beside = file.with_suffix(".part.npz")
    np.savez(beside, name=example.name, background=example.background, **parts)
    beside.replace(file)


def examples(
    folder: Path, *, busy: bool, seed: int = 0, count: int = PROPS, without: Container[int] = ()
) -> Iterator[Example]:
    """Yield `count` props of a folder of meshes, each over a background, except some by number."""
    paths = chosen(folder, count, seed)
    behind = list(backgrounds(folder, seed)) if busy else []
    for index, path in enumerate(paths):
        if index in without:
            continue
        rng = np.random.default_rng([seed, index, 1])
        prop = drawn(path, rng)
        kind, plate = behind[index % len(behind)] if behind else ("plain", plain(rng))
        mask = prop[..., 3]
        under = plate * (1 - 0.45 * shadow(mask))[..., None]
        image = torch.lerp(under, prop[..., :3], mask[..., None])
        noise = torch.from_numpy(rng.normal(0, 0.008, image.shape).astype(np.float32))
        yield Example(f"{path.parent.name}/{path.stem}", kind, (image + noise).clamp(0, 1), mask)


def chosen(folder: Path, count: int, seed: int) -> list[Path]:
    """Return props of all subfolders in turn, in a seeded order, without thin ones."""
    rng = np.random.default_rng([seed, 2])
    kinds = [sorted(sub.glob("*.gl*")) for sub in sorted(folder.iterdir()) if sub.is_dir()]
    kinds = [list(rng.permutation(np.array(kind, object))) for kind in kinds if kind]
    result: list[Path] = []
    while len(result) < count and any(kinds):
        for kind in kinds:
            if kind and len(result) < count and _solid(path := kind.pop()):
                result.append(path)
    return result


def _solid(path: Path) -> bool:
    size = np.ptp(read_asset(path).mesh.vertices, 0)
    return bool(size.min() > LEAST_SIDE * size.max())


def normalized(path: Path, rng: np.random.Generator) -> Mesh:
    """Return a prop as the object frame has it, coloured where its file has no colours."""
    mesh = read_asset(path).mesh
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    vertices = (mesh.vertices - (low + high) / 2) * (OBJECT_SIDE / (high - low).max())
    colors = mesh.colors
    if colors is None or path.parent.name == "base-meshes":
        colors = np.tile(np.append(rng.uniform(0.03, 0.85, 3), 1.0), (len(vertices), 1))
    return Mesh(vertices.astype(np.float32), mesh.faces, None, colors.astype(np.float32))


def drawn(path: Path, rng: np.random.Generator) -> Tensor:
    """Return a prop, (H, W, 4), near the middle of the image, seen from slightly above."""
    mesh = normalized(path, rng)
    pose = look_at(rng.uniform(0, 360), rng.uniform(5, 40), rng.uniform(4, 8))
    plain_camera = Camera(pose, 1000.0, 1000.0, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    pixels, _ = plain_camera.project(torch.from_numpy(mesh.vertices))
    low, high = pixels.amin(0), pixels.amax(0)
    scale = rng.uniform(LEAST_FILL, MOST_FILL) / float(
        ((high - low) / torch.tensor([WIDTH, HEIGHT])).max()
    )
    free = (torch.tensor([WIDTH, HEIGHT]) - (high - low) * scale) / 2
    shift = torch.from_numpy(rng.uniform(-0.7, 0.7, 2)) * free
    middle = (torch.tensor([WIDTH, HEIGHT]) / 2 - (low + high) / 2) * scale + shift
    center = torch.tensor([WIDTH, HEIGHT]) / 2 + middle
    camera = Camera(
        pose, 1000 * scale, 1000 * scale, float(center[0]), float(center[1]), WIDTH, HEIGHT
    )
    return render_mesh(
        mesh, [camera], sample_lights(1, int(rng.integers(1 << 30))), samples=SAMPLES
    ).rgba[0]


def shadow(mask: Tensor) -> Tensor:
    """Return (H, W) in [0, 1]: a soft shadow under the mask's lower edge."""
    from scipy.ndimage import gaussian_filter

    solid = mask.numpy() > 0.5
    rows = np.flatnonzero(solid.any(1))
    foot = np.zeros(solid.shape, np.float32)
    depth = max((rows[-1] - rows[0]) // 6, 4)
    columns = np.flatnonzero(solid[rows[-1] - depth : rows[-1] + 1].any(0))
    foot[rows[-1] - depth // 2 : rows[-1] + depth // 2, columns[0] : columns[-1] + 1] = 1
    return torch.from_numpy(gaussian_filter(foot, depth / 2))


# ---------------------------------------------------------------- backgrounds


def backgrounds(folder: Path, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Yield busy backgrounds, (H, W, 3), each with its kind: 8 scenes, 7 textures, 5 gradients."""
    others = chosen(folder, 400, seed + 1)[PROPS:]
    for index in range(BUSY):
        rng = np.random.default_rng([seed, index, 3])
        if index < 8:
            yield "scene", scene(others, rng)
        elif index < 15:
            yield "texture", texture(index - 8, rng)
        else:
            yield "gradient", gradient(rng)


def scene(others: Sequence[Path], rng: np.random.Generator) -> Tensor:
    """Return a table before a wall with a dozen props on it, out of focus."""
    parts = []
    for _ in range(12):
        prop = normalized(others[int(rng.integers(len(others)))], rng)
        size = rng.uniform(0.35, 0.8)
        vertices = prop.vertices * size
        vertices = vertices @ _turned(rng.uniform(0, 2 * math.pi)).T
        place = np.array([rng.uniform(-3.5, 3.5), rng.uniform(1.0, 4.5), -vertices[:, 2].min()])
        parts.append(Mesh((vertices + place).astype(np.float32), prop.faces, None, prop.colors))
    table, wall = rng.uniform(0.1, 0.6, 3), rng.uniform(0.15, 0.8, 3)
    parts += [_sheet(table, 0.0, rng, standing=False), _sheet(wall, 5.0, rng, standing=True)]
    pose = look_at(rng.uniform(-12, 12), rng.uniform(8, 25), 7.0, target=(0, 0.5, 0.5))
    camera = Camera(pose, WIDTH * 1.1, WIDTH * 1.1, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    lights = sample_lights(1, int(rng.integers(1 << 30)))
    view = render_mesh(_joined(parts), [camera], lights, samples=2).rgba[0]
    return blurred(view[..., :3], rng.uniform(1.0, 3.0))


def _turned(angle: float) -> np.ndarray:
    sin, cos = math.sin(angle), math.cos(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def _sheet(color: np.ndarray, depth: float, rng: np.random.Generator, *, standing: bool) -> Mesh:
    """Return a patterned plane of many small quads: the floor, or a wall `depth` behind."""
    steps = np.linspace(-12, 12, 121)
    x, y = np.meshgrid(steps, steps)
    pattern = 1 + 0.25 * np.sign(np.sin(x * rng.uniform(1, 6)) * np.sin(y * rng.uniform(1, 6)))
    flat = np.zeros_like(x)
    place = (x, flat + depth, y) if standing else (x, y, flat)
    index = np.arange(len(steps) ** 2).reshape(len(steps), -1)
    a, b, c, d = (
        part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1])
    )
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    colors = np.concatenate([pattern.reshape(-1, 1) * color, np.ones((x.size, 1))], 1)
    return Mesh(
        np.stack([part.ravel() for part in place], 1).astype(np.float32),
        faces.astype(np.int32),
        None,
        colors.clip(0, 1).astype(np.float32),
    )


def _joined(parts: Sequence[Mesh]) -> Mesh:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = [part.faces + start for part, start in zip(parts, starts, strict=False)]
    colors = [part.colors for part in parts if part.colors is not None]
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate(faces).astype(np.int32),
        None,
        np.concatenate(colors),
    )


def texture(kind: int, rng: np.random.Generator) -> Tensor:
    """Return checks, stripes, bricks, dots, wood, cloth or clouds in two or three colours."""
    x, y = np.meshgrid(np.arange(WIDTH) / HEIGHT, np.arange(HEIGHT) / HEIGHT)
    angle, scale = rng.uniform(0, math.pi), rng.uniform(5, 14)
    u = (x * math.cos(angle) + y * math.sin(angle)) * scale
    v = (y * math.cos(angle) - x * math.sin(angle)) * scale
    row = np.floor(v)
    soft = clouds(rng, 6)
    value = (
        lambda: (np.floor(u) + row) % 2,
        lambda: np.sin(2 * math.pi * u) > 0.2,
        lambda: ((u + 0.5 * (row % 2)) % 1 > 0.08) & (v % 1 > 0.12),
        lambda: np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.3,
        lambda: 0.5 + 0.5 * np.sin(2 * math.pi * (u * 0.7 + 3 * soft)),
        lambda: 0.5 + 0.25 * (np.sin(40 * u) + np.sin(40 * v)),
        lambda: soft,
    )[kind]()
    first, second = rng.uniform(0.05, 0.95, (2, 3))
    mixed = first + (second - first) * np.asarray(value, np.float64)[..., None]
    return torch.from_numpy((mixed * (0.8 + 0.4 * clouds(rng, 3))[..., None]).astype("f")).clamp(
        0, 1
    )


def gradient(rng: np.random.Generator) -> Tensor:
    """Return three colours that blend into each other, with a spot of light."""
    colors = torch.from_numpy(rng.uniform(0.05, 0.95, (1, 3, 2, 2)).astype(np.float32))
    plate = interpolate(colors, size=(HEIGHT, WIDTH), mode="bicubic", align_corners=True)
    plate = plate[0].permute(1, 2, 0)
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    spot = np.exp(-(((x - rng.uniform(0, WIDTH)) ** 2 + (y - rng.uniform(0, HEIGHT)) ** 2) / 6e4))
    return (plate + torch.from_numpy((0.3 * spot).astype(np.float32))[..., None]).clamp(0, 1)


def plain(rng: np.random.Generator) -> Tensor:
    """Return one colour, slightly darker to one side."""
    color = torch.from_numpy(rng.uniform(0.3, 0.95, 3).astype(np.float32))
    fall = torch.linspace(1.0, float(rng.uniform(0.9, 1.0)), HEIGHT)[:, None, None]
    return (color * fall).expand(HEIGHT, WIDTH, 3).contiguous()


def clouds(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Return (H, W) smooth noise in [0, 1]."""
    coarse = torch.from_numpy(rng.uniform(0, 1, (1, 1, cells, cells)).astype(np.float32))
    fine = interpolate(coarse, size=(HEIGHT, WIDTH), mode="bicubic", align_corners=True)
    return fine[0, 0].clamp(0, 1).numpy()


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Return an image, (H, W, 3), with a Gaussian blur."""
    from scipy.ndimage import gaussian_filter

    return torch.from_numpy(gaussian_filter(image.numpy(), (sigma, sigma, 0)))


def main() -> None:
    """Write the images, and their masks beside them."""
    from PIL import Image

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("props", type=Path, help="folder of folders of meshes")
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=PROPS)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for busy in (True, False):
        for index, example in enumerate(examples(args.props, busy=busy, count=args.count)):
            stem = f"{'busy' if busy else 'plain'}-{index:02d}-{example.background}"
            for suffix, pixels in (("", example.image), ("-mask", example.mask)):
                array = (pixels.numpy() * 255 + 0.5).astype(np.uint8)
                Image.fromarray(array).save(args.out / f"{stem}{suffix}.png")


if __name__ == "__main__":
    main()
