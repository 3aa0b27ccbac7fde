"""What is measured: networks with their weights, the visual hull, and the baselines that know the
training shapes."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError, WorkError
from ..data.baselines import Neighbours, mean_shapes
from ..data.format import VOXEL_HALF, Dataset, StoredShape
from ..encoders.lifting import voxels_of
from ..fields import Field
from ..geometry.frames import OBJECT_SIDE
from ..reconstructors import (
    Reconstructor,
    bundled_variants,
    bundled_weights,
    find_method,
    methods,
    pick_device,
)
from ..reconstructors.uclid_net import VOXELS as COARSE_VOXELS
from ..reconstructors.uclid_net import UCLIDNet
from .settings import ONE, Setting, settings_of

EVERY = ""  # the category of weights that are for all of them
HULL = "visual-hull"
# As many surface points as the bundled networks' training shapes keep. The same number of the true
# and of the answered shape: a surface of fewer points lacks voxels.
COARSE_POINTS = 3_000


class Entrant(ABC):
    """Something that turns images into a field.

    Attributes
    ----------
    name : as a user types it
    title : as a table shows it
    settings : what it can be asked
    learned : a network, not a baseline
    coarse : it has a coarse volume: voxels that it says the surface runs through
    """

    name: str
    title: str
    settings: tuple[Setting, ...]
    learned: bool
    coarse: bool = False

    def knows(self, category: str) -> bool:
        """Say whether it is meant for a category."""
        return True

    @abstractmethod
    def version(self, category: str) -> str:
        """Return a hash of all that its answers for a category depend on but the images."""

    @abstractmethod
    def field(self, shape: StoredShape, setting: Setting) -> Field:
        """Return what it makes of a shape's images.

        Raises
        ------
        LevelformError
            If it makes nothing of them.
        """

    def coarse_volume(self, shape: StoredShape) -> Tensor:
        """Return (28, 28, 28) bool of UCLID-Net's cube, from one image and its camera.

        Only of an entrant that is `coarse`.
        """
        raise NotImplementedError(f"{self.title} has no coarse volume")


class NetworkEntrant(Entrant):
    """A reconstructor; one network for everything, or one for each category.

    Parameters
    ----------
    models
        By category, `EVERY` for all; in evaluation mode.
    """

    def __init__(self, models: Mapping[str, Reconstructor]) -> None:
        self.models = dict(models)
        first = next(iter(self.models.values()))
        self.name, self.title = first.spec.name, first.spec.title
        self.learned = first.spec.needs_weights
        self.settings = settings_of(first)
        self.coarse = isinstance(first, UCLIDNet)

    def knows(self, category: str) -> bool:
        """Say whether there are weights for a category."""
        return EVERY in self.models or category in self.models

    def version(self, category: str) -> str:
        """Return the weights' hash."""
        return self._model(category).weights.hash

    def field(self, shape: StoredShape, setting: Setting) -> Field:
        """Reconstruct."""
        model = self._model(shape.category)
        options = {"camera": "estimated"} if setting.camera == "estimated" else {}
        return model.decode(model.encode(setting.images(shape), **options))

    def coarse_volume(self, shape: StoredShape) -> Tensor:
        """Return the voxels that the network takes for occupied."""
        model = self._model(shape.category)
        assert isinstance(model, UCLIDNet)
        return model.coarse_volume(model.encode(ONE.images(shape))).cpu()

    def _model(self, category: str) -> Reconstructor:
        return self.models[category if category in self.models else EVERY]


class VoxelField(Field):
    """A stored occupancy, (32, 32, 32) bool [x, y, z], between whose cells is interpolated."""

    def __init__(self, grid: np.ndarray) -> None:
        self._grid = torch.from_numpy(grid.astype(np.float32))[None, None]

    def __call__(self, points: Tensor) -> Tensor:
        """Return one half minus the occupancy; nothing is inside beyond the grid."""
        places = (points / VOXEL_HALF).flip(1)[None, None, None]  # the last axis comes first
        taken = F.grid_sample(self._grid, places, mode="bilinear", align_corners=False)
        return 0.5 - taken.flatten()


def surface_voxels(shape: StoredShape) -> Tensor:
    """Return (28, 28, 28) bool: voxels of UCLID-Net's cube that a shape's surface runs through.

    Those that hold any of its first `COARSE_POINTS` surface points.
    """
    points = torch.from_numpy(np.array(shape["surface.points"][:COARSE_POINTS]))
    return voxels_of(points.float() * (2 / OBJECT_SIDE), COARSE_VOXELS) > 0


class Known:
    """The training shapes as the baselines know them; made when first asked.

    Parameters
    ----------
    datasets
        Their "train" splits.
    """

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.shapes = [shape for dataset in datasets for shape in dataset]
        self.hash = digest([identity(dataset) for dataset in datasets])

    @cached_property
    def neighbours(self) -> Neighbours:
        """For retrieval and the oracle."""
        return Neighbours(self.shapes)

    @cached_property
    def means(self) -> dict[str, np.ndarray]:
        """The mean shape of each category."""
        return mean_shapes(self.shapes)


class Baseline(Entrant):
    """A baseline of `data.baselines`: its 32^3 voxels are asked at the same points as the others.

    The coarse volume of one that answers with a training shape is of that shape's true surface.

    Parameters
    ----------
    kind
        "retrieval", "oracle" or "mean-shape".
    """

    learned = False
    settings = (ONE,)

    def __init__(self, kind: str, known: Known) -> None:
        self.name, self.title, self._known = kind, BASELINES[kind], known
        self.coarse = kind != "mean-shape"

    def version(self, category: str) -> str:
        """Return the hash of the training shapes."""
        return self._known.hash

    def field(self, shape: StoredShape, setting: Setting) -> Field:
        """Return a training shape, or the mean of them."""
        if self.name == "mean-shape":
            if shape.category not in self._known.means:
                raise WorkError(f"There is no training shape of the category {shape.category}.")
            return VoxelField(self._known.means[shape.category])
        return VoxelField(self._known.neighbours.voxels(self._nearest(shape)))

    def coarse_volume(self, shape: StoredShape) -> Tensor:
        """Return the voxels that the surface of the answered training shape runs through."""
        return surface_voxels(self._known.shapes[self._nearest(shape)])

    def _nearest(self, shape: StoredShape) -> int:
        """Return the index of the training shape that it answers with."""
        neighbours = self._known.neighbours
        if self.name == "oracle":
            return neighbours.oracle(shape["voxels"][0])[0]
        return neighbours.retrieve(shape["views.images"][0])


BASELINES = {
    "retrieval": "Retrieval by silhouette",
    "oracle": "Oracle: the nearest training shape",
    "mean-shape": "Mean shape, category given",
}


# ---------------------------------------------------------------- finding them


def bundled_files(method: str) -> dict[str, Path]:
    """Return the weights of a method that come with Levelform, by category."""
    whole = bundled_weights(method)
    if whole is not None:
        return {EVERY: whole}
    return dict(bundled_variants(method))


def weights_files(words: Iterable[str]) -> dict[str, dict[str, Path]]:
    """Return files by method and category of words like "disn=a" and "sdf-srn:chair=b".

    Raises
    ------
    RequestError
        If a word is no such thing, or names no file.
    """
    files: dict[str, dict[str, Path]] = {}
    for word in words:
        name, _, path = word.partition("=")
        method, _, category = name.partition(":")
        if not path or not Path(path).is_file():
            raise RequestError(
                f"{word!r} names no weights.", "Write METHOD=FILE or METHOD:CATEGORY=FILE."
            )
        files.setdefault(find_method(method).spec.name, {})[category] = Path(path)
    return files


def load_networks(
    names: Sequence[str] | None = None,
    *,
    overrides: Mapping[str, Mapping[str, Path]] | None = None,
    device: str = "auto",
) -> list[NetworkEntrant]:
    """Return networks ready to be measured, the visual hull among them.

    Parameters
    ----------
    names
        Methods; None: all that have weights, and the visual hull.
    overrides
        Files that take the place of a method's bundled ones.
    """
    overrides = overrides or {}
    files = {name: overrides.get(name) or bundled_files(name) for name in methods()}
    if names is None:
        names = [name for name, paths in files.items() if paths or name == HULL]
    missing = [n for n in names if find_method(n).spec.needs_weights and not files[n]]
    if missing:
        raise RequestError(
            f"There are no weights of {', '.join(missing)}.", "Name them with --weights."
        )
    return [_network(name, files[name], pick_device(device)) for name in names]


def _network(name: str, files: Mapping[str, Path], device: torch.device) -> NetworkEntrant:
    cls = find_method(name)
    if not cls.spec.needs_weights:
        return NetworkEntrant({EVERY: cls().to(device).eval()})
    return NetworkEntrant({key: cls.load(path).to(device).eval() for key, path in files.items()})


# ---------------------------------------------------------------- data sets


def identity(dataset: Dataset) -> str:
    """Return the SHA-256, in hexadecimal, of how a data set was made and of its shards' bytes."""
    manifest = dataset.manifest
    return digest([manifest["provenance"], [entry["sha256"] for entry in manifest["shards"]]])


def digest(value: object) -> str:
    """Return the SHA-256, in hexadecimal, of a value as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def open_dataset(word: str) -> tuple[str, Dataset]:
    """Return the name and the shapes of "DIR", all of them, or of "DIR:SPLIT".

    Raises
    ------
    RequestError
        If there is no such data set, or it is empty.
    """
    folder, _, split = word.rpartition(":")
    if Path(word).is_dir() or not folder:
        folder, split = word, ""
    dataset = Dataset(folder, split or None)
    if not len(dataset):
        raise RequestError(f"{word} has no shapes to measure on.")
    return Path(folder).resolve().name, dataset
