"""Cameras of photographs with texture, by structure from motion (pycolmap, optional)."""

from .finding import Found as Found
from .finding import find_cameras as find_cameras
