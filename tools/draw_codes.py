"""Draw codes in the plane by t-SNE: `python tools/draw_codes.py codes.npz -o codes.png`.

The file is that of `levelform codes METHOD --data SHAPES -o codes.npz` or of `experiments
protocol --codes`. A point is an object, a colour its category: figure 3 of Deep Meta Functionals,
figure 7 of TDGN. Below, the mean norm of each category's codes, as in TDGN's figure 8.
"""

import argparse
from pathlib import Path

import numpy as np
from levelform.backend.geometry.writing import written_whole
from PIL import Image, ImageDraw

SIDE, LINE, BORDER, DOT = 420, 16, 14, 3  # pixels
STEPS, EXAGGERATED = 600, 150  # of the descent, and of its first part
RATE, MOMENTUM, EXAGGERATION = 10.0, 0.8, 6.0
PERPLEXITY = 15.0
COLORS = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#000000",
    "#ee7733", "#009988", "#882255", "#999933", "#332288",
)  # fmt: skip


def main() -> None:
    """Read the codes, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("codes", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    with np.load(args.codes) as stored:
        codes, categories = stored["codes"], stored["categories"]
    picture = drawn(embedded(codes), codes, [str(name) for name in categories])
    with written_whole(args.out) as partial:
        picture.save(partial, "PNG", optimize=True)


def neighbours(codes: np.ndarray, perplexity: float = PERPLEXITY) -> np.ndarray:
    """Return t-SNE's joint probabilities, (N, N), their sum 1.

    The bandwidth of each point is found by bisection, so that the entropy of its neighbours is that
    of `perplexity` equal ones (van der Maaten and Hinton, 2008).
    """
    squared = np.square(codes).sum(1)
    distances = np.maximum(squared[:, None] + squared - 2 * codes @ codes.T, 0)
    distances /= distances.mean()
    conditional = np.zeros_like(distances)
    for index, row in enumerate(distances):
        others = np.delete(row, index)
        low, high = 1e-4, 1e4
        for _ in range(40):
            beta = np.sqrt(low * high)
            weights = np.exp(-beta * (others - others.min()))
            weights /= weights.sum()
            entropy = -(weights * np.log(weights + 1e-300)).sum()
            low, high = (beta, high) if entropy > np.log(perplexity) else (low, beta)
        conditional[index] = np.insert(weights, index, 0.0)
    return (conditional + conditional.T) / (2 * len(codes))


def embedded(codes: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Return codes (N, D) as points of the plane, (N, 2), by t-SNE."""
    codes = codes.astype(np.float64)
    perplexity = min(PERPLEXITY, max(2.0, (len(codes) - 1) / 3))
    joint = neighbours(codes, perplexity)
    points = np.random.default_rng(seed).normal(0, 1e-2, (len(codes), 2))
    speed = np.zeros_like(points)
    for step in range(STEPS):
        target = joint * (EXAGGERATION if step < EXAGGERATED else 1.0)
        apart = points[:, None] - points
        near = 1 / (1 + np.square(apart).sum(-1))
        np.fill_diagonal(near, 0)
        pull = (target - near / near.sum()) * near
        gradient = 4 * (pull[..., None] * apart).sum(1)
        speed = MOMENTUM * speed - RATE * gradient
        points = points + speed
        points -= points.mean(0)
    return points


def drawn(points: np.ndarray, codes: np.ndarray, categories: list[str]) -> Image.Image:
    """Return the picture: points, the names of their categories, and the codes' mean norms."""
    names = sorted(set(categories))
    image = Image.new("RGB", (SIDE, SIDE + LINE * (1 + len(names) // 2)), "white")
    pen = ImageDraw.Draw(image)
    low, high = points.min(0), points.max(0)
    places = BORDER + (points - low) / np.maximum(high - low, 1e-9) * (SIDE - 2 * BORDER)
    for (x, y), name in zip(places, categories, strict=True):
        color = COLORS[names.index(name) % len(COLORS)]
        pen.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=color)
    norms = np.linalg.norm(codes, axis=1)
    for index, name in enumerate(names):
        mean = norms[[one == name for one in categories]].mean()
        left, top = BORDER + index % 2 * SIDE // 2, SIDE + index // 2 * LINE
        pen.text((left, top), f"{name}, norm {mean:.3g}", fill=COLORS[index % len(COLORS)])
    return image


if __name__ == "__main__":
    main()
