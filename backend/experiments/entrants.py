"""Methods under test: networks with weights, the visual hull, and baselines built from the training
shapes."""

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

EVERY = ""  # category key of weights for all categories
HULL = "visual-hull"
# Surface points for coarse volumes, as many as the bundled networks' training shapes store. Both
# shapes need the same number: sparser surfaces occupy fewer voxels.
COARSE_POINTS = 3_000


class Entrant(ABC):
    """A method for turning images into a field.

    Attributes
    ----------
    name : name on the command line
    title : name in tables
    settings : supported settings
    learned : whether it is a network, not a baseline
    coarse : whether it predicts a coarse volume of surface voxels
    """

    name: str
    title: str
    settings: tuple[Setting, ...]
    learned: bool
    coarse: bool = False

    def knows(self, category: str) -> bool:
        """Return whether it supports a category."""
        return True

    @abstractmethod
    def version(self, category: str) -> str:
        """Return a hash of everything except the images that affects results for a category."""

    @abstractmethod
    def field(self, shape: StoredShape, setting: Setting) -> Field:
        """Reconstruct a shape from its images.

        Raises
        ------
        LevelformError
            If the reconstruction fails.
        """

    def coarse_volume(self, shape: StoredShape) -> Tensor:
        """Return (28, 28, 28) bool in UCLID-Net's cube, from one posed image.

        Only for a `coarse` entrant.
        """
        raise RequestError(f"{self.title} has no coarse volume.", "Measure its field instead.")


class NetworkEntrant(Entrant):
    """A reconstructor: one network for all categories, or one per category.

    Parameters
    ----------
    models
        Networks by category, `EVERY` for all; in evaluation mode.
    """

    def __init__(self, models: Mapping[str, Reconstructor]) -> None:
        self.models = dict(models)
        first = next(iter(self.models.values()))
        self.name, self.title = first.spec.name, first.spec.title
        self.learned = first.spec.learned
        self.settings = settings_of(first)
        self.coarse = isinstance(first, UCLIDNet)

    def knows(self, category: str) -> bool:
        """Return whether there are weights for a category."""
        return EVERY in self.models or category in self.models

    def version(self, category: str) -> str:
        """Return the weights' hash."""
        return self.model_for(category).weights.hash

    def field(self, shape: StoredShape, setting: Setting) -> Field:
        """Reconstruct a shape from its images."""
        model = self.model_for(shape.category)
        options = {"camera": "estimated"} if setting.camera == "estimated" else {}
        return model.decode(model.encode(setting.images(shape), **options))

    def coarse_volume(self, shape: StoredShape) -> Tensor:
        """Return the voxels predicted as occupied."""
        model = self.model_for(shape.category)
        assert isinstance(model, UCLIDNet)
        return model.coarse_volume(model.encode(ONE.images(shape))).cpu()

    def model_for(self, category: str) -> Reconstructor:
        """Return the network of a category."""
        return self.models[category if category in self.models else EVERY]


class VoxelField(Field):
    """Trilinear interpolation of a stored occupancy, (32, 32, 32) bool [x, y, z]."""

    def __init__(self, grid: np.ndarray) -> None:
        self._grid = torch.from_numpy(grid.astype(np.float32))[None, None]

    def __call__(self, points: Tensor) -> Tensor:
        """Return one half minus the occupancy; points beyond the grid are outside."""
        places = (points / VOXEL_HALF).flip(1)[
            None, None, None
        ]  # grid_sample takes the last axis first
        taken = F.grid_sample(self._grid, places, mode="bilinear", align_corners=False)
        return 0.5 - taken.flatten()


def surface_voxels(shape: StoredShape) -> Tensor:
    """Return a shape's surface voxels in UCLID-Net's cube, (28, 28, 28) bool.

    A surface voxel contains at least one of the first `COARSE_POINTS` surface points.
    """
    points = torch.from_numpy(np.array(shape["surface.points"][:COARSE_POINTS]))
    return voxels_of(points.float() * (2 / OBJECT_SIDE), COARSE_VOXELS) > 0


class Known:
    """The training shapes in the form required by the baselines, computed on first use.

    Parameters
    ----------
    datasets
        The "train" splits.
    """

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.shapes = [shape for dataset in datasets for shape in dataset]
        self.hash = digest([identity(dataset) for dataset in datasets])

    @cached_property
    def neighbours(self) -> Neighbours:
        """The nearest-neighbour index for retrieval and the oracle."""
        return Neighbours(self.shapes)

    @cached_property
    def means(self) -> dict[str, np.ndarray]:
        """The mean shape of each category."""
        return mean_shapes(self.shapes)


class Baseline(Entrant):
    """A baseline of `data.baselines`; its 32^3 voxels are sampled at the same points as the others.

    The coarse volume of a retrieved training shape comes from that shape's true surface.

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
        """Return a training shape, or the mean of its category."""
        if self.name == "mean-shape":
            if shape.category not in self._known.means:
                raise WorkError(
                    f"The training data has no shape of the category {shape.category}.",
                    "Give training data of that category with --train.",
                )
            return VoxelField(self._known.means[shape.category])
        return VoxelField(self._known.neighbours.voxels(self._nearest(shape)))

    def coarse_volume(self, shape: StoredShape) -> Tensor:
        """Return the surface voxels of the retrieved training shape."""
        return surface_voxels(self._known.shapes[self._nearest(shape)])

    def _nearest(self, shape: StoredShape) -> int:
        """Return the index of the retrieved training shape."""
        neighbours = self._known.neighbours
        if self.name == "oracle":
            return neighbours.oracle(shape["voxels"][0])[0]
        return neighbours.retrieve(shape["views.images"][0])


BASELINES = {
    "retrieval": "Retrieval by silhouette",
    "oracle": "Oracle: the nearest training shape",
    "mean-shape": "Mean shape, category given",
}


# ---------------------------------------------------------------- loading networks


def bundled_files(method: str) -> dict[str, Path]:
    """Return a method's bundled weights by category."""
    whole = bundled_weights(method)
    if whole is not None:
        return {EVERY: whole}
    return dict(bundled_variants(method))


def weights_files(words: Iterable[str]) -> dict[str, dict[str, Path]]:
    """Parse words like "disn=a" and "sdf-srn:chair=b" into files by method and category.

    Raises
    ------
    RequestError
        If a word is malformed, or its file does not exist.
    """
    files: dict[str, dict[str, Path]] = {}
    for word in words:
        name, _, path = word.partition("=")
        method, _, category = name.partition(":")
        if not path or not Path(path).is_file():
            raise RequestError(
                f"{word!r} does not name a weights file.",
                "Write METHOD=FILE or METHOD:CATEGORY=FILE.",
            )
        files.setdefault(find_method(method).spec.name, {})[category] = Path(path)
    return files


def load_networks(
    names: Sequence[str] | None = None,
    *,
    overrides: Mapping[str, Mapping[str, Path]] | None = None,
    device: str = "auto",
) -> list[NetworkEntrant]:
    """Load networks, and the visual hull, for measuring.

    Parameters
    ----------
    names
        Methods; None: all methods with weights, and the visual hull.
    overrides
        Files replacing a method's bundled weights.
    """
    overrides = overrides or {}
    files = {name: overrides.get(name) or bundled_files(name) for name in methods()}
    if names is None:
        names = [name for name, paths in files.items() if paths or name == HULL]
    missing = [n for n in names if find_method(n).spec.needs_weights and not files[n]]
    if missing:
        raise RequestError(
            f"Weights of {', '.join(missing)} were not found.", "Name the files with --weights."
        )
    return [_network(name, files[name], pick_device(device)) for name in names]


def _network(name: str, files: Mapping[str, Path], device: torch.device) -> NetworkEntrant:
    cls = find_method(name)
    if not cls.spec.needs_weights:
        return NetworkEntrant({EVERY: cls().to(device).eval()})
    return NetworkEntrant({key: cls.load(path).to(device).eval() for key, path in files.items()})


# ---------------------------------------------------------------- data sets


def identity(dataset: Dataset) -> str:
    """Return the SHA-256, in hexadecimal, of a data set's provenance and its shards."""
    manifest = dataset.manifest
    return digest([manifest["provenance"], [entry["sha256"] for entry in manifest["shards"]]])


def digest(value: object) -> str:
    """Return the SHA-256, in hexadecimal, of a value's JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def open_dataset(word: str) -> tuple[str, Dataset]:
    """Open "DIR", with all its shapes, or "DIR:SPLIT"; return its name and the data set.

    Raises
    ------
    RequestError
        If the data set does not exist or is empty.
    """
    folder, _, split = word.rpartition(":")
    if Path(word).is_dir() or not folder:
        folder, split = word, ""
    dataset = Dataset(folder, split or None)
    if not len(dataset):
        raise RequestError(
            f"{word} has no shapes to measure on.", "Name another data set or split with --data."
        )
    return Path(folder).resolve().name, dataset
