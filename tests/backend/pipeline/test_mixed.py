"""Images some of which have no camera: the others are used, and the sentence names those."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.contract.default_method import AUTO
from levelform.backend.geometry.images import shrink
from levelform.backend.pipeline.mixed import without_unposed
from levelform.backend.session import Session
from levelform.backend.silhouettes import Cured
from levelform.backend.ticket import Ticket
from setups.small_fit import on_a_small_grid


@pytest.fixture(autouse=True)
def small(monkeypatch):
    on_a_small_grid(monkeypatch)


@pytest.fixture
def views(photograph, cameras):
    return [
        replace(shrink(photograph(camera), 48), name=f"cam {index}")
        for index, camera in enumerate(cameras)
    ]


def mixed(views, *unposed):
    return Cured(tuple(replace(v, camera=None) if i in unposed else v for i, v in enumerate(views)))


def test_images_without_cameras_are_left_out_and_named(views):
    cured, told = without_unposed(mixed(views, 1, 3), "fit", chosen=True)
    assert cured.numbers == [0, 2, 4]
    assert told == (
        "cam 1 and cam 3 have no cameras and were not used. Find Cameras finds cameras for them.",
    )


@pytest.mark.parametrize(
    ("method", "chosen", "unposed"),
    [("fit", True, ()), ("levelform", True, (0, 1, 2, 3, 4)), ("levelform", False, (0,))],
)
def test_where_all_are_of_use_nothing_changes(views, method, chosen, unposed):
    given = mixed(views, *unposed)
    assert without_unposed(given, method, chosen=chosen) == (given, ())


@pytest.mark.parametrize("method", [AUTO, "visual-hull"])
def test_a_job_uses_the_posed_ones(views, method):
    data = tuple(
        protocol.ViewData(view.image.numpy(), None if i == 2 else view.camera.to_data(), f"cam {i}")
        for i, view in enumerate(views)
    )
    options = {"steps": 4, "correct": False} if method == AUTO else {}
    job = protocol.Reconstruct(
        "j", method, data, np.eye(4), 32, device="cpu", color=False, options=options
    )
    *_, end = Session().reconstruct(job, Ticket())
    assert end.stats["views"] == 4
    assert end.stats["method"] == ("fit" if method == AUTO else method)
    assert sum("cam 2 has no camera" in remark for remark in end.stats["remarks"]) == 1
    assert [check["name"] for check in end.stats["views_checked"]] == [f"cam {i}" for i in range(5)]
