"""The mask of what stands out: looks, pieces and doubts, with a plain rule as the network."""

import pytest
import torch
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.images.salient import firmness, look, salient_mask, surroundings
from levelform.backend.images.u2netp import MEAN, STD, U2NetP
from levelform.backend.ticket import Ticket


class Reddish(torch.nn.Module):
    """Sees what is red; counts its looks."""

    looks = 0

    def forward(self, images):
        self.looks += 1
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
        colors = images * std + mean
        return 40 * (colors[:, :1] - colors[:, 1:2] - 0.3)


def scene(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (240, 320)) -> torch.Tensor:
    """Return grey noise with red boxes: top, left, height, width."""
    noise = torch.rand(*size, 1, generator=torch.Generator().manual_seed(0))
    image = (0.4 + 0.2 * noise).expand(-1, -1, 3).clone()
    for top, left, height, width in boxes:
        image[top : top + height, left : left + width] = torch.tensor([0.9, 0.1, 0.1])
    return image


def test_the_object_is_found_to_a_pixel():
    image = scene((60, 100, 120, 90))
    salient = salient_mask(Reddish(), image)
    true = torch.zeros(240, 320, dtype=torch.bool)
    true[60:180, 100:190] = True
    wrong = (salient.mask > 0.5) != true
    assert wrong.sum() <= 0.02 * true.sum()
    assert salient.doubts == ()
    assert salient.mask[100, 150] == 1
    assert salient.mask[20, 20] == 0


def test_pieces_apart_are_left_out_and_said():
    image = scene((60, 60, 120, 90), (80, 240, 80, 60))
    salient = salient_mask(Reddish(), image)
    assert (salient.mask[60:180, 60:150] > 0.5).float().mean() > 0.95
    assert not (salient.mask[:, 220:] > 0.5).any()
    assert "other things stand out" in salient.doubts[0]


def test_an_empty_and_a_full_mask_are_doubtful():
    assert salient_mask(Reddish(), scene()).doubts == ("no object stands out in the image",)
    whole = salient_mask(Reddish(), scene((0, 0, 240, 320)))
    assert "fill the whole image" in whole.doubts[0]


def test_two_looks_that_agree_are_enough():
    network = Reddish()
    salient_mask(network, scene((60, 100, 120, 90)))
    assert network.looks == 3  # the third is at the object's surroundings

    class OneSided(Reddish):
        """Sees only the left half of what it looks at."""

        def forward(self, images):
            seen = super().forward(images)
            return torch.where(torch.arange(seen.shape[3]) < seen.shape[3] // 2, seen, -12.0)

    network = OneSided()
    salient_mask(network, scene((60, 100, 120, 90)))
    assert network.looks == 5


def test_a_mask_that_depends_on_the_cut_is_doubtful():
    image = scene((60, 100, 120, 90))
    image[60:180, 190:220] = torch.tensor([0.6, 0.3, 0.3])  # a probability of one half

    salient = salient_mask(Reddish(), image)
    assert salient.doubts == ("its outline is uncertain against this background",)
    soft = torch.full((10, 10), 0.5)
    soft[:, :5] = 1
    assert firmness(soft) == 0.5
    assert firmness(torch.zeros(10, 10)) == 0


def test_large_holes_are_doubtful():
    image = scene((60, 100, 120, 90))
    image[80:160, 120:160] = image[:80, :40]
    salient = salient_mask(Reddish(), image)
    assert not (salient.mask[90:150, 125:155] > 0.5).any()
    assert "large holes" in salient.doubts[0]


def test_looks_keep_the_image_the_right_way_round():
    seen = look(Reddish(), scene((10, 20, 30, 40)), (240, 320))
    assert seen.shape == (240, 320)
    assert seen[20, 40] > 0.9
    assert seen[20, 280] < 0.1


def test_surroundings_stay_in_the_image():
    mask = torch.zeros(50, 80)
    assert surroundings(mask, 0.1) is None
    mask[0:20, 60:80] = 1
    rows, columns = surroundings(mask, 0.1)
    assert (rows, columns) == (slice(0, 23), slice(57, 80))


def test_a_cancelled_ticket_stops_between_looks():
    network = Reddish()
    with pytest.raises(JobCancelled):
        salient_mask(network, scene(), Ticket(cancelled=lambda: network.looks == 2))
    assert network.looks == 2


def test_the_real_network_gives_a_mask_of_the_images_size():
    salient = salient_mask(U2NetP().eval(), scene(size=(90, 160)))
    assert salient.mask.shape == (90, 160)
    assert salient.mask.isfinite().all()
