"""Published data sets in their own layouts; each reader's module says which files it expects."""

from . import occupancy as occupancy
from . import photos as photos
from . import shapenet as shapenet
from .base import READERS, Reader
from .binvox import read_binvox

__all__ = ["READERS", "Reader", "read_binvox"]
