"""Readers of posed images: camera files of several programs.

`read_posed_images` is the only entry point. Each format has a module that converts its file to a
`Listing`, whose entries use the keys of a `transforms.json`; `intrinsics` and `cameras.rigid_pose`
validate these for all formats. The content of a file determines its format.
"""

from .reading import CAMERA_FILES as CAMERA_FILES
from .reading import find_camera_file as find_camera_file
from .reading import read_posed_images as read_posed_images
from .types import PosedFiles as PosedFiles
from .types import PosedFrame as PosedFrame
from .views import views_of as views_of
