"""Rings of cameras in files."""

import numpy as np
import pytest
from levelform.backend.contract.camera_files import read_posed_images
from levelform.backend.contract.drawings import ring
from levelform.backend.contract.errors import RequestError
from levelform.backend.rigs import write_ring
from PIL import Image


def test_a_ring_takes_the_images_of_a_folder_in_natural_order(tmp_path):
    (tmp_path / "photos").mkdir()
    for index in (10, 2, 1):
        Image.new("RGB", (60, 40 + index)).save(tmp_path / "photos" / f"view{index}.png")
    told = write_ring(ring(3), tmp_path / "t.json", images=tmp_path / "photos")
    posed = read_posed_images(told["out"])
    assert [frame.path.name for frame in posed.frames] == ["view1.png", "view2.png", "view10.png"]
    assert [frame.camera.h for frame in posed.frames] == [41, 42, 50]
    np.testing.assert_allclose(posed.world_from_volume, np.eye(4))


def test_a_number_that_differs_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (60, 40)).save(tmp_path / "photos" / "a.png")
    with pytest.raises(RequestError, match="1 images for 3 cameras"):
        write_ring(ring(3), tmp_path / "t.json", images=tmp_path / "photos")
    with pytest.raises(RequestError, match="does not exist"):
        write_ring(ring(3), tmp_path / "t.json", images=tmp_path / "nothing")
