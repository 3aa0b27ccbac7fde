"""From a field to a mesh: sparsely, coarse to fine, nothing missed silently."""

from .cleanup import clean as clean
from .stream import FieldSamples as FieldSamples
from .stream import extract as extract
from .stream import stream as stream
from .types import Cleanup as Cleanup
from .types import ExtractedMesh as ExtractedMesh
from .types import ExtractionStats as ExtractionStats
from .types import MeshBlock as MeshBlock
