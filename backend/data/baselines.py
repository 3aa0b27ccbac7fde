"""Retrieval and mean-shape baselines (after Tatarchenko et al., CVPR 2019, "What do single-view 3D
reconstruction networks learn?").

They answer with a training shape or with the mean of many. All predictions are (32, 32, 32)
occupancies of the format's grid. The fourth baseline, the visual hull, is a reconstructor.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..contract.errors import RequestError
from .format import VOXELS, Dataset, StoredShape, unpack_voxels

ONES = np.array([value.bit_count() for value in range(256)], np.uint8)  # bits set in each byte
FEATURE_SIZE = 24  # side of the thumbnails that are compared, in pixels


def image_feature(image: np.ndarray) -> np.ndarray:
    """Return the feature of an image, (F,) float32: a square thumbnail of the object.

    Alpha has four times the weight of a colour, since the outline says more about the shape.

    Parameters
    ----------
    image : (H, W, 4) uint8, straight alpha
    """
    from PIL import Image

    alpha = image[..., 3] > 127
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if len(rows) == 0:
        return np.zeros(FEATURE_SIZE**2 * 4, np.float32)
    middle = np.array([rows[0] + rows[-1] + 1, columns[0] + columns[-1] + 1]) / 2
    half = max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) / 2
    weight = image[..., 3:].astype(np.float32) / 255
    flat = np.concatenate([image[..., :3] * weight, image[..., 3:]], -1).round().astype(np.uint8)
    box = (middle[1] - half, middle[0] - half, middle[1] + half, middle[0] + half)
    size = (FEATURE_SIZE, FEATURE_SIZE)
    small = Image.fromarray(flat).resize(
        size, Image.Resampling.BOX, box=_inside(box, image.shape[:2])
    )
    values = np.asarray(small, np.float32) / 255
    return (values * [1.0, 1.0, 1.0, 4.0]).astype(np.float32).reshape(-1)


def _inside(box: tuple[float, ...], shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Return the box moved and cut so that it lies inside an image of `shape`, (H, W)."""
    height, width = shape
    return max(box[0], 0.0), max(box[1], 0.0), min(box[2], width), min(box[3], height)


class Neighbours:
    """Training shapes to answer with.

    Parameters
    ----------
    shapes
        With `voxels`, and with images for retrieval.
    views
        Maximum number of images indexed per shape.
    """

    def __init__(self, shapes: Sequence[StoredShape], *, views: int = 24) -> None:
        if not shapes:
            raise RequestError(
                "The data set holds no training shapes.", "Use a data set with a train split."
            )
        self.shapes = list(shapes)
        self.packed = np.stack([shape["voxels"][0] for shape in shapes])
        self._owner: list[int] = []
        features = []
        for index, shape in enumerate(shapes):
            for image in shape["views.images"][:views] if "views.images" in shape else ():
                features.append(image_feature(image))
                self._owner.append(index)
        self.features = np.stack(features) if features else np.zeros((0, 0), np.float32)
        self._squares = (self.features**2).sum(1)

    def retrieve(self, image: np.ndarray) -> int:
        """Return the index of the training shape whose image is nearest to `image`, (H, W, 4)."""
        if not len(self.features):
            raise RequestError(
                "The training shapes have no images to retrieve by.",
                "Convert the data set with views.",
            )
        feature = image_feature(image)
        distances = self._squares - 2 * (self.features @ feature)  # less the image's own square
        return self._owner[int(distances.argmin())]

    def oracle(self, packed: np.ndarray) -> tuple[int, float]:
        """Return the index of the training shape with the highest IoU with the truth, and that IoU.

        `packed` : (4096,) uint8, `voxels` of the true shape
        """
        both = ONES[self.packed & packed].sum(1, dtype=np.int64)
        either = ONES[self.packed | packed].sum(1, dtype=np.int64)
        scores = both / np.maximum(either, 1)
        best = int(scores.argmax())
        return best, float(scores[best])

    def voxels(self, index: int) -> np.ndarray:
        """Return the occupancy, (32, 32, 32) bool, of a training shape."""
        return unpack_voxels(self.packed[index])


def mean_shapes(shapes: Sequence[StoredShape]) -> dict[str, np.ndarray]:
    """Return the mean shape of each category, (32, 32, 32) bool.

    The mean occupancy is thresholded for the highest mean IoU with the shapes.
    """
    means = {}
    for category in sorted({shape.category for shape in shapes}):
        own = [unpack_voxels(s["voxels"]) for s in shapes if s.category == category]
        means[category] = _best_cut(np.stack(own))
    return means


def _best_cut(grids: np.ndarray) -> np.ndarray:
    flat = grids.reshape(len(grids), -1).astype(np.float32)
    fraction = flat.mean(0)
    best, best_score = fraction >= 0.5, -1.0
    for cut in np.arange(1, 20) / 20:
        candidate = fraction >= cut
        both = flat @ candidate
        either = flat.sum(1) + candidate.sum() - both
        score = float((both / np.maximum(either, 1)).mean())
        if score > best_score:
            best, best_score = candidate, score
    return best.reshape((VOXELS,) * 3)


def evaluate_baselines(
    train: Dataset,
    test: Dataset,
    *,
    view: int = 0,
    hull: Callable[[StoredShape], np.ndarray | None] | None = None,
) -> dict[str, dict]:
    """Return the mean voxel IoU of each baseline on the test shapes, over classes and by class.

    Parameters
    ----------
    view
        Image of each test shape used for retrieval.
    hull
        Function of a shape that returns the visual hull of its views, (32, 32, 32) bool, or None;
        passed in because `data` does not import reconstructors.
    """
    neighbours, means = Neighbours(train.shapes), mean_shapes(train.shapes)
    scores: dict[str, dict[str, list[float]]] = {}

    def note(name: str, shape: StoredShape, value: float) -> None:
        scores.setdefault(name, {}).setdefault(shape.category, []).append(value)

    for shape in test:
        ground_truth = unpack_voxels(shape["voxels"])
        note("oracle", shape, neighbours.oracle(shape["voxels"][0])[1])
        if shape.category in means:
            note("mean-shape", shape, _iou(means[shape.category], ground_truth))
        if hull is not None:
            guess = hull(shape)
            if guess is not None:
                note("visual-hull", shape, _iou(guess, ground_truth))
        if shape.view_count > view and len(neighbours.features):
            index = neighbours.retrieve(shape["views.images"][view])
            note("retrieval", shape, _iou(neighbours.voxels(index), ground_truth))
    return {name: _summary(groups) for name, groups in scores.items()}


def _summary(groups: dict[str, list[float]]) -> dict:
    by_class = {name: float(np.mean(values)) for name, values in sorted(groups.items())}
    return {"iou": float(np.mean(list(by_class.values()))), "by_class": by_class}


def _iou(first: np.ndarray, second: np.ndarray) -> float:
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0
