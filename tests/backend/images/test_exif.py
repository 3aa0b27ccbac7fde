"""The focal length in a file, from the field of view of its diagonal."""

import pytest
from levelform.backend.contract.protocol import ImageFile
from levelform.backend.images.exif import EXIF, FOCAL_IN_35MM, focal_in_diagonals
from PIL import Image


def photo(path, focal):
    """Write a JPEG that gives this equivalent focal length; None: no EXIF."""
    image, exif = Image.new("RGB", (40, 30)), Image.Exif()
    if focal is not None:
        exif.get_ifd(EXIF)[FOCAL_IN_35MM] = focal
    image.save(path, exif=exif)
    return ImageFile(str(path))


def test_a_normal_lens(tmp_path):
    assert focal_in_diagonals(photo(tmp_path / "a.jpg", 43)) == pytest.approx(0.9938, abs=1e-3)
    assert focal_in_diagonals(photo(tmp_path / "b.jpg", 26)) == pytest.approx(26 / 43.267, abs=1e-3)


@pytest.mark.parametrize("focal", [None, 0])
def test_nothing_known(tmp_path, focal):
    assert focal_in_diagonals(photo(tmp_path / "a.jpg", focal)) is None
