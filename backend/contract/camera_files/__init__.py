"""Readers of posed images: files that say where the cameras stood, of several programs.

`read_posed_images` is the one way in. A format is a module that turns its file into `Listing`:
entries with the words of a `transforms.json`, which `intrinsics` and `cameras.rigid_pose` check and
understand for all of them. Formats are told apart by their content.
"""

from .reading import CAMERA_FILES as CAMERA_FILES
from .reading import find_camera_file as find_camera_file
from .reading import read_posed_images as read_posed_images
from .types import PosedFiles as PosedFiles
from .types import PosedFrame as PosedFrame
from .views import views_of as views_of
