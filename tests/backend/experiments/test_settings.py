"""What each network can be asked follows from what it has."""

import pytest
import torch
from levelform.backend.data.format import Dataset
from levelform.backend.experiments.settings import ESTIMATED, ONE, UNPOSED, Setting, settings_of
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.training.parts import with_part


def test_images_come_with_or_without_their_cameras(data):
    shape = Dataset(data)[0]
    assert [view.camera is None for view in Setting(2, "none").images(shape)] == [True, True]
    taken = Setting(3).images(shape)
    assert all(view.camera is not None for view in taken)
    assert torch.equal(taken[1].image, shape.view(1).image)
    assert str(Setting(2, "none")) == "2 views, unposed"


@pytest.mark.parametrize("method", ["deep-meta-functionals", "tdgn", "sdf-srn"])
def test_without_need_of_a_camera_images_may_be_unposed(network, method):
    settings = settings_of(network(method))
    assert settings == (*(Setting(count) for count in (1, 2, 4, 8)), UNPOSED)


@pytest.mark.parametrize("method", ["disn", "levelform"])
def test_a_camera_network_is_asked_only_where_there_is_one(network, method):
    bare = network(method)
    assert UNPOSED not in settings_of(bare)
    assert ESTIMATED not in settings_of(bare)
    grown = settings_of(with_part(bare, "camera", seed=0))
    assert {ONE, ESTIMATED, UNPOSED} <= set(grown)


def test_the_visual_hull_is_asked_with_cameras_alone():
    settings = settings_of(load_reconstructor("visual-hull", device="cpu"))
    assert {setting.camera for setting in settings} == {"given"}
