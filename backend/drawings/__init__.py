"""Drawings of an object from fixed sides become images with orthographic cameras."""

from .cameras import Drawings as Drawings
from .cameras import make_drawings as make_drawings
