"""Backgrounds to alpha: plain ones, those that shade off, and what is said where there is none."""

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import Background
from levelform.backend.images.matte import FAINT, TORN, corrected, matte, matte_by_color
from levelform.backend.images.matte_network import MatteNetwork
from levelform.backend.images.salient import SalientMask, mask_iou


def on_white(object_color=(0.8, 0.1, 0.1)):
    image = torch.ones(60, 60, 4)
    image[15:45, 20:40, :3] = torch.tensor(object_color)
    return image


@pytest.mark.parametrize(
    "background", [Background("corner"), Background("color", color=(1.0, 1.0, 1.0))]
)
def test_a_plain_background_becomes_transparent(background):
    alpha = matte(on_white(), background).image[..., 3]
    want = torch.zeros(60, 60)
    want[15:45, 20:40] = 1.0
    assert torch.equal(alpha, want)


def test_alpha_that_is_there_is_kept():
    image = on_white()
    image[0, 0, 3] = 0.0
    assert matte(image, Background("corner")).image is image
    assert matte(on_white(), Background("alpha")).image[..., 3].min() == 1


def test_tolerance_is_the_distance_at_which_the_object_begins():
    image = on_white((0.85, 1.0, 1.0))
    for tolerance, inside in ((0.1, True), (0.2, False)):
        alpha = matte(image, Background("corner", tolerance=tolerance)).image[30, 30, 3]
        assert bool(alpha > 0.5) == inside


def test_a_highlight_stays_and_a_hole_opens():
    image = on_white()
    image[30, 30, :3] = 1.0  # one white pixel
    image[18:26, 22:30, :3] = 1.0  # a white window
    alpha = matte(image, Background("corner")).image[..., 3]
    assert float(alpha[30, 30]) == 1
    assert float(alpha[20, 25]) == 0


def test_corners_that_differ_are_told():
    image = on_white()
    image[:10, :10, :3] = 0.0
    with pytest.raises(RequestError, match="photo: the image's corners differ"):
        matte(image, Background("corner"), name="photo")
    with pytest.raises(RequestError, match="'magic' is not a background mode"):
        matte(image, Background("magic"))


# ---------------------------------------------------------------- a smooth background


def before_a_slope(noise=0.0, *, cut_off=False):
    """Return a disc before a background that shades off, and the disc's mask."""
    size = 96
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, size),) * 2, indexing="ij")
    slope = torch.stack([0.75 - 0.15 * y, 0.7 - 0.1 * y + 0.1 * x, 0.65 + 0.1 * x * x], -1)
    mask = (x - 0.1) ** 2 + (y - (0.7 if cut_off else 0.0)) ** 2 < 0.25
    color = torch.where(mask[..., None], torch.tensor([0.2, 0.3, 0.1]), slope)
    generator = torch.Generator().manual_seed(0)
    color = (color + noise * torch.randn(color.shape, generator=generator)).clamp(0, 1)
    return torch.cat([color, torch.ones(size, size, 1)], -1), mask


@pytest.mark.parametrize("cut_off", [False, True])
@pytest.mark.parametrize("noise", [0.0, 0.015])
def test_a_background_that_shades_off_is_found_and_removed(noise, cut_off):
    image, mask = before_a_slope(noise, cut_off=cut_off)
    alpha = matte(image, Background("auto")).image[..., 3]
    wrong = (alpha > 0.5) != mask
    assert wrong.float().mean() < 0.002
    assert matte(image, Background("auto")).image.shape == image.shape


def test_a_border_without_a_background_is_said():
    generator = torch.Generator().manual_seed(0)
    image = torch.cat([torch.rand(64, 64, 3, generator=generator), torch.ones(64, 64, 1)], -1)
    with pytest.raises(RequestError, match="photo: the image's border shows no plain background"):
        matte(image, Background("auto"), name="photo")


def test_alpha_goes_before_any_background():
    image, mask = before_a_slope()
    cut = torch.cat([image[..., :3], mask.float()[..., None]], -1)
    assert matte(cut, Background("auto")).image is cut


def test_masks_are_corrected_as_asked():
    alpha = torch.zeros(40, 60)
    alpha[5:35, 5:35] = 1
    alpha[4, 5:35] = 0.4
    alpha[15:25, 15:25] = 0
    alpha[10:20, 45:55] = 1
    alpha[9, 45:55] = 0.3
    assert corrected(alpha, Background()) is alpha
    alone = corrected(alpha, Background(largest=True))
    assert (alone[:, :40] == alpha[:, :40]).all()
    assert not alone[:, 40:].any()
    whole = corrected(alpha, Background(fill_holes=True))
    assert (whole[15:25, 15:25] == 1).all()
    assert (whole[:, 40:] == alpha[:, 40:]).all()
    both = corrected(alpha, Background(largest=True, fill_holes=True))
    assert (both > 0.5).sum() == 30 * 30


def test_without_weights_a_busy_border_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("LEVELFORM_WEIGHTS", str(tmp_path))
    image = torch.rand(64, 64, 4, generator=torch.Generator().manual_seed(0))
    image[..., 3] = 1
    with pytest.raises(RequestError, match="levelform weights get u2netp"):
        matte(image, Background("auto"), name="photo")
    with pytest.raises(RequestError, match="weights of U2-Netp are missing"):
        matte(image, Background("object"), name="photo")


def with_network(monkeypatch, network_mask, doubts=()):
    """Let a mask stand for what the network finds; return the images that it is asked about."""
    asked = []

    def mask(_network, image, _ticket=None):
        asked.append(image)
        return SalientMask(network_mask.float(), doubts)

    monkeypatch.setattr(MatteNetwork, "available", True)
    monkeypatch.setattr(MatteNetwork, "mask", mask)
    return asked


def test_a_plain_background_needs_no_network(monkeypatch):
    image, mask = before_a_slope()
    asked = with_network(monkeypatch, torch.zeros_like(mask))
    assert matte(image, Background("auto")).source == "background"
    assert asked == []


def faint():
    """Return an object whose lower half has nearly the background's color, and its mask."""
    image = torch.full((96, 96, 4), 0.7)
    image[..., 3] = 1
    image[20:48, 30:70, :3] = torch.tensor([0.2, 0.3, 0.6])
    image[48:76, 30:70, :3] = torch.tensor([0.66, 0.7, 0.74])
    mask = torch.zeros(96, 96, dtype=torch.bool)
    mask[20:76, 30:70] = True
    return image, mask


def test_masks_that_depend_on_the_tolerance_are_doubtful(monkeypatch):
    image, _ = faint()
    monkeypatch.setattr(MatteNetwork, "available", False)
    matted = matte(image, Background("auto"))
    assert matted.doubts == (FAINT,)


def test_the_network_decides_between_masks_that_depend_on_the_tolerance(monkeypatch):
    image, mask = faint()
    loose = torch.nn.functional.avg_pool2d(mask[None].float(), 5, 1, 2)[0] > 0.4
    with_network(monkeypatch, loose)
    matted = matte(image, Background("auto"))
    assert matted.source == "background"
    assert matted.doubts == ()
    assert mask_iou(matted.image[..., 3], mask.float()) > 0.97  # its outline is the image's


def test_masks_that_nothing_confirms_are_doubtful(monkeypatch):
    image, _ = faint()
    other = torch.zeros(96, 96)
    other[60:90, 5:50] = 1
    with_network(monkeypatch, other)
    matted = matte(image, Background("auto"))
    assert matted.source == "network"
    assert matted.doubts == (FAINT,)


def test_a_mask_in_many_pieces_is_told():
    """Specks far from the border's color, as a wall's texture has."""
    image = torch.full((128, 128, 4), 0.5)
    image[..., 3] = 1.0
    image[50:70, 50:70, :3] = 0.9
    assert not matte(image, Background("auto")).doubts
    image[8:120:8, 8:120:8, :3] = 0.9
    assert matte(image, Background("auto")).doubts == (TORN,)
    assert not matte(image, Background("color", color=(0.5, 0.5, 0.5))).doubts  # as the artist says


def test_a_torn_mask_is_left_to_the_network(monkeypatch):
    image = torch.full((128, 128, 4), 0.5)
    image[..., 3] = 1.0
    image[50:70, 50:70, :3] = image[8:120:8, 8:120:8, :3] = 0.9
    matted = SalientMask(torch.zeros(128, 128), ("other things stand out as well",))
    monkeypatch.setattr(MatteNetwork, "available", True)
    monkeypatch.setattr(MatteNetwork, "mask", lambda *_: matted)
    told = matte(image, Background("auto"))
    assert told.source == "network"
    assert told.doubts == matted.doubts


@pytest.mark.parametrize("mode", ["auto", "corner", "color"])
def test_sheets_keep_their_outlines_hollow(mode):
    image = torch.ones(120, 120, 4)
    image[20:100, 20:100, :3] = 0.0
    image[22:98, 22:98, :3] = 1.0
    background = Background(mode, color=(1.0, 1.0, 1.0))
    assert matte(image, background).image[60, 60, 3] == 1
    sheet = matte_by_color(image, background)
    assert sheet.image[60, 60, 3] == 0
    assert sheet.image[21, 60, 3] == 1
    assert sheet.doubts == ()
