"""Masks by their names, natural order, and what folders and headers say of images."""

import unicodedata
from itertools import permutations

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.image_files import (
    SUFFIXES,
    find_mask,
    image_file,
    image_size,
    list_images,
    natural_key,
    no_images,
)
from PIL import Image


def save(path, size=(4, 3)):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", size).save(path)
    return path


@pytest.mark.parametrize(
    "mask",
    [
        "images/masks/a.jpg",
        "images/masks/a.jpg.png",
        "images/masks/a.png",
        "masks/a.jpg",
        "masks/a.jpg.png",
        "masks/a.png",
        "masks/a.tif",
        "images/a.mask.png",
        "images/a_mask.png",
        "images/a.jpg.mask.png",
    ],
)
def test_a_mask_is_found_by_its_name(tmp_path, mask):
    image = save(tmp_path / "images" / "a.jpg")
    assert image_file(image).mask == ""
    result = save(tmp_path / mask)
    assert find_mask(image) == str(result)
    assert image_file(image).mask == str(result)


def test_a_named_mask_goes_before_one_beside_the_image(tmp_path):
    image = save(tmp_path / "a.png")
    save(tmp_path / "a_mask.png")
    named = save(tmp_path / "other" / "b.png")
    assert image_file(image, named).mask == str(named)


def test_a_mask_has_no_mask_and_another_folders_masks_are_not_ours(tmp_path):
    save(tmp_path / "masks" / "a.png")
    assert find_mask(tmp_path / "masks" / "a.png") == ""
    assert find_mask(save(tmp_path / "photos" / "a.png")) == ""
    assert find_mask(save(tmp_path / "images_2" / "a.png")) == str(tmp_path / "masks" / "a.png")


def test_a_folder_lists_its_images_in_natural_order_without_masks(tmp_path):
    names = ["view1.png", "view2.JPG", "view10.png", "view10_mask.png", "view2.mask.png"]
    for name in names:
        save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "folder.png").mkdir()
    save(tmp_path / "_mask.png")  # of no image: an image itself
    assert [path.name for path in list_images(tmp_path)] == ["_mask.png", *names[:3]]


def test_natural_order():
    names = ["a", "a1", "a01b", "a2", "a10", "b", "B2", "b10"]
    for some in permutations(["view2.png", "view10.png", "view1.png", "Cam 3"]):
        ordered = sorted(some, key=natural_key)
        assert ordered == ["Cam 3", "view1.png", "view2.png", "view10.png"]
    assert sorted(names, key=natural_key) == ["a", "a1", "a01b", "a2", "a10", "b", "B2", "b10"]
    composed, apart = (unicodedata.normalize(form, "é2") for form in ("NFC", "NFD"))
    assert natural_key(composed)[:-1] == natural_key(apart)[:-1]


def test_sizes_come_from_headers_and_refusals_name_the_formats(tmp_path):
    assert image_size(save(tmp_path / "a.tga", (37, 21))) == (37, 21)
    with pytest.raises(RequestError, match="does not exist"):
        image_size(tmp_path / "gone.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(RequestError, match="is empty"):
        image_size(tmp_path / "empty.png")
    save(tmp_path / "a.gif")
    with pytest.raises(RequestError, match=r"not a readable image.*PNG, JPEG, WebP, TIFF"):
        image_size(tmp_path / "a.gif")
    (tmp_path / "a.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 3 +X 4\n")
    with pytest.raises(RequestError, match="in the format HDR"):
        image_size(tmp_path / "a.hdr")
    with pytest.raises(RequestError, match="can't be opened"):
        image_size(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_allowed_suffix_is_one_that_is_read(tmp_path, suffix):
    assert image_size(save(tmp_path / f"a{suffix}", (9, 5))) == (9, 5)


def test_a_folder_of_a_phones_own_format_says_so(tmp_path):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    assert ".heic files, which are not read" in no_images(tmp_path).message
    (tmp_path / "IMG_1.HEIC").unlink()
    assert no_images(tmp_path, " and no cameras").message.endswith(
        "holds no images and no cameras."
    )
