"""The data set format: sharded, memory-mapped, checksummed; see docs/datasets.md."""

from .dataset import Dataset, StoredShape, read_splits
from .record import SCHEMA, VOXEL_HALF, VOXELS, Record, pack_voxels, unpack_voxels
from .verify import verify
from .writer import AGAIN, DatasetWriter, split_of

__all__ = [
    "AGAIN",
    "SCHEMA",
    "VOXELS",
    "VOXEL_HALF",
    "Dataset",
    "DatasetWriter",
    "Record",
    "StoredShape",
    "pack_voxels",
    "read_splits",
    "split_of",
    "unpack_voxels",
    "verify",
]
