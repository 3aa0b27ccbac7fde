"""Cameras of photographs with texture, by structure from motion (pycolmap, optional)."""

from .finding import PosedPhotographs as PosedPhotographs
from .finding import find_cameras as find_cameras
