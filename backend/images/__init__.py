"""Image files to views: decoding, masks, backgrounds, framing and reprojection."""

from .matte import MODES as MODES
from .matte import has_alpha as has_alpha
from .matte import matte as matte
from .reading import LONGEST as LONGEST
from .reading import read_image as read_image
from .reading import read_mask as read_mask
from .views import Notes as Notes
from .views import check_proportions as check_proportions
from .views import to_camera as to_camera
from .views import to_image as to_image
from .views import to_view as to_view
