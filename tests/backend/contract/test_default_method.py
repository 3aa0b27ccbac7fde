"""Which method is used where none is named."""

import pytest
from levelform.backend.contract.default_method import (
    AUTO,
    default_method,
    first_for_unposed,
    method_for,
    reason,
)
from levelform.backend.contract.protocol import ViewData
from levelform.backend.contract.weights import WEIGHTS_FOLDER


@pytest.mark.parametrize(
    ("posed", "unposed", "name", "why"),
    [
        (0, 1, "levelform", "no image has a camera"),
        (1, 0, "levelform", "only one image has a camera"),
        (2, 0, "levelform", "only 2 images have cameras"),
        (3, 0, "fit", "all 3 images have cameras"),
        (3, 1, "fit", "3 of 4 images have cameras"),
        (1, 4, "levelform", "only one image has a camera"),
    ],
)
def test_the_views_choose(posed, unposed, name, why):
    chosen = default_method(posed, unposed)
    assert chosen.name == name
    assert chosen.why == f"No method was named: {name} was used because {why}."


def test_one_image_of_anything_takes_the_large_network_once_it_is_installed(tmp_path, monkeypatch):
    monkeypatch.setenv(WEIGHTS_FOLDER, str(tmp_path))
    assert default_method(0, 1).name == "levelform"
    assert first_for_unposed() == "ensemble"
    assert first_for_unposed(weights=True) == "levelform"
    (tmp_path / "triposr.safetensors").touch()
    chosen = default_method(0, 1)
    assert chosen.name == first_for_unposed() == "triposr"
    assert chosen.why.endswith("because the image has no camera and its weights are installed.")
    assert default_method(0, 2).name == "levelform"
    assert default_method(1, 0).name == "levelform"
    assert default_method(3, 0).name == "fit"


def test_a_named_method_stays_and_needs_no_reason():
    views = (ViewData(None, None, "photo"),)
    assert method_for("disn", views) == "disn"
    assert reason("disn", views) == ()
    assert method_for(AUTO, views) == "levelform"
    assert "levelform" in reason(AUTO, views)[0]
