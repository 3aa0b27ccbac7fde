"""Images to what a network reads: files, backgrounds, and images with cameras to views."""

from .matte import MODES as MODES
from .matte import has_alpha as has_alpha
from .matte import matte as matte
from .reading import LONGEST as LONGEST
from .reading import read_image as read_image
from .views import fit_camera as fit_camera
from .views import to_camera as to_camera
from .views import to_image as to_image
from .views import to_view as to_view
