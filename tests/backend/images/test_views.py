"""Views from files: masks, mirrored images, and the same view whether pixels or a file was sent."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.image_files import image_file
from levelform.backend.contract.protocol import Background, CameraData, ImageFile, ViewData
from levelform.backend.images import Notes, to_image, to_view
from levelform.backend.images.decoding import as_stored
from PIL import Image


def camera_data(width=40, height=30, **changes):
    values = {"fl_x": 50.0, "fl_y": 55.0, "cx": 21.0, "cy": 14.0, "w": width, "h": height}
    return CameraData(np.eye(4), **{**values, **changes})


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (30, 40, 4), np.uint8)


@pytest.fixture
def path(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_a_file_its_bytes_and_its_pixels_are_one_view(path, pixels):
    packed = ImageFile("a.png", np.frombuffer(path.read_bytes(), np.uint8))
    views = [
        to_view(ViewData(data, camera_data(), "v", file), Background())
        for data, file in ((pixels, None), (None, image_file(path)), (None, packed))
    ]
    assert torch.equal(views[0].image, views[1].image)
    assert torch.equal(views[0].image, views[2].image)


@pytest.mark.parametrize("mirrored", [(True, False), (False, True), (True, True)])
def test_a_mirrored_file_is_flipped(path, pixels, mirrored):
    across, down = (-1 if flip else 1 for flip in mirrored)
    want = to_view(ViewData(pixels[::down, ::across].copy(), None, "v"), Background())
    view = to_view(ViewData(None, None, "v", image_file(path), mirrored), Background())
    assert torch.equal(view.image, want.image)


def test_a_mask_goes_before_the_alpha_and_the_background(path, tmp_path):
    mask = np.zeros((30, 40), np.uint8)
    mask[5:20, 7:30] = 255
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    data = ViewData(None, camera_data(), "v", image_file(path))
    notes = Notes()
    view = to_view(data, Background("auto"), notes)
    np.testing.assert_array_equal(view.image[..., 3].numpy(), mask / np.float32(255))
    assert notes.remarks() == ("v: the mask was used instead of the image's own alpha.",)


def test_a_mask_of_another_size_is_resized_or_refused(path, tmp_path):
    mask = np.zeros((60, 80), np.uint8)
    mask[10:40, 14:60] = 255
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    data = ViewData(None, camera_data(), "v", image_file(path))
    alpha = to_view(data, Background()).image[..., 3].numpy()
    np.testing.assert_array_equal(alpha > 0.5, mask[::2, ::2] > 0)
    Image.fromarray(mask[:50]).save(tmp_path / "a_mask.png")
    with pytest.raises(RequestError, match=r"a_mask\.png is 80 x 50, .* its image, 40 x 30"):
        to_view(data, Background())


def test_an_empty_mask_is_said(path, tmp_path):
    Image.new("L", (40, 30)).save(tmp_path / "a_mask.png")
    with pytest.raises(RequestError, match=r"a_mask\.png is black all over"):
        to_view(ViewData(None, None, "v", image_file(path)), Background())


# ---------------------------------------------------------------- orientation tags


def tagged(path, pixels, orientation):
    """Save pixels with a tag that says how to turn them upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_without_a_camera_an_image_is_turned_upright(tmp_path, pixels, orientation):
    path = tagged(tmp_path / "a.png", as_stored(pixels, orientation), orientation)
    notes = Notes()
    view = to_view(ViewData(None, None, "v", image_file(path)), Background(), notes)
    assert np.array_equal(view.image.numpy(), pixels / np.float32(255))
    assert notes.remarks() == ()


def test_a_posed_image_keeps_its_pixels_and_says_so(tmp_path, pixels):
    path = tagged(tmp_path / "a.png", pixels, 3)
    notes = Notes()
    for name in "abcde":
        data = ViewData(None, camera_data(), name, image_file(path))
        view = to_view(data, Background(), notes)
        assert np.array_equal(view.image.numpy(), pixels / np.float32(255))
    (remark,) = notes.remarks()
    assert remark.startswith("a, b, c and 2 more: the file's orientation tag was not applied")


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_camera_for_the_upright_image_is_refused_by_the_name_of_the_tag(
    tmp_path, pixels, orientation
):
    path = tagged(tmp_path / "a.png", as_stored(pixels, orientation), orientation)
    data = ViewData(None, camera_data(), "v", image_file(path))
    with pytest.raises(RequestError, match=f"30 x 40, .* 40 x 30: .*Orientation {orientation} "):
        to_view(data, Background())


@pytest.mark.parametrize("stored", [False, True])
def test_a_mask_of_an_image_that_is_turned(tmp_path, pixels, stored):
    """Of the upright image, or of the pixels as they are stored, by its size."""
    path = tagged(tmp_path / "a.png", as_stored(pixels, 6), 6)
    mask = np.zeros((30, 40), np.uint8)
    mask[3:9, 20:38] = 255
    Image.fromarray(as_stored(mask, 6) if stored else mask).save(tmp_path / "a_mask.png")
    view = to_view(ViewData(None, None, "v", image_file(path)), Background())
    np.testing.assert_array_equal(view.image[..., 3].numpy() * 255, mask)


# ---------------------------------------------------------------- kinds of masks


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA", "alpha alone", "16 bits", "P"])
def test_masks_of_every_kind(path, tmp_path, mode):
    mask = np.zeros((30, 40), np.uint8)
    mask[5:20, 7:30] = 255
    grey = Image.fromarray(mask)
    if mode == "alpha alone":  # as tools that cut objects out write it
        made = Image.new("RGBA", grey.size, (0, 0, 0, 0))
        made.putalpha(grey)
    elif mode == "16 bits":
        made = Image.fromarray(mask.astype(np.uint16) * 257)
    else:
        made = grey.convert(mode)
    made.save(tmp_path / "a_mask.png")
    view = to_view(ViewData(None, None, "v", image_file(path)), Background("auto"))
    np.testing.assert_array_equal(view.image[..., 3].numpy() * 255, mask)


def test_a_mask_that_hides_nothing_is_said_and_not_used(path, tmp_path, pixels):
    Image.new("L", (40, 30), 255).save(tmp_path / "a_mask.png")
    notes = Notes()
    view = to_view(ViewData(None, None, "v", image_file(path)), Background(), notes)
    assert np.array_equal(view.image.numpy(), pixels / np.float32(255))
    assert notes.remarks()[0].startswith("v: the mask is white all over")


# ---------------------------------------------------------------- pixels and cameras


def test_a_view_of_bytes_and_one_of_floats_are_the_same():
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40, 4), np.uint8)
    views = [
        to_view(ViewData(data, camera_data(), "v"), Background())
        for data in (pixels, (pixels / 255).astype(np.float32))
    ]
    torch.testing.assert_close(views[0].image, views[1].image)
    assert views[0].camera.fx == 50


def test_a_camera_is_fitted_to_an_image_of_another_size():
    data = camera_data(400, 300)

    def fitted(width, height):
        pixels = np.zeros((height, width, 4), np.uint8)
        return to_view(ViewData(pixels, data, "v"), Background()).camera

    camera = fitted(100, 75)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (12.5, 13.75, 5.25, 3.5)
    assert fitted(57, 43).width == 57  # rounded sizes
    with pytest.raises(
        RequestError, match="v: the image is 100 x 100, its camera is for 400 x 300"
    ):
        fitted(100, 100)


def test_a_view_is_read_no_larger_than_it_is_needed(path):
    data = ViewData(None, camera_data(), "v", image_file(path))
    view = to_view(data, Background(), longest=20)
    assert view.image.shape[:2] == (15, 20)
    camera = view.camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (25, 27.5, 10.5, 7)


def test_bad_pixels_and_cameras_name_their_view():
    with pytest.raises(RequestError, match=r"v: an image is \(height, width, 4\), not \(3, 3\)"):
        to_image(np.zeros((3, 3)), name="v")
    with pytest.raises(RequestError, match="v: the image holds numbers that are not finite"):
        to_image(np.full((3, 3, 4), np.nan, np.float32), name="v")
    bad = camera_data()
    bad.transform_matrix[0, 3] = np.inf
    with pytest.raises(RequestError, match=r"Cam\.7: .*not finite"):
        to_view(ViewData(np.zeros((30, 40, 4), np.uint8), bad, "Cam.7"), Background())
