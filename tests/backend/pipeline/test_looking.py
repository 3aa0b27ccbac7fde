"""Views that agree or do not: checks, cures, the volume."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError
from levelform.backend.pipeline.reading import THUMBNAIL_SIDE
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from setups.jobs import request


def swapped(views, a, b):
    """Return the views with the images of two exchanged."""
    order = list(range(len(views)))
    order[a], order[b] = order[b], order[a]
    return tuple(
        replace(view, image=views[source].image) for view, source in zip(views, order, strict=True)
    )


@pytest.fixture
def square(photograph, aim):
    """Six views of the test object with images of one size, in the world."""
    from levelform.backend.geometry.cameras import Camera

    result = []
    for index in range(6):
        angle, height = index, (-1.2, 0.4, 1.5)[index % 3]
        place = (3 * np.cos(angle), 3 * np.sin(angle), height)
        camera = Camera(aim(place, (0.0, 0.0, 0.1)), 120, 120, 48, 48, 96, 96)
        view = photograph(camera)
        result.append(protocol.ViewData(view.image.numpy(), camera.to_data(), f"v{index}"))
    return tuple(result)


def test_right_views_are_covered_and_have_no_remark(square):
    events = list(Session().reconstruct(request(square, world_from_volume=None), Ticket()))
    assert isinstance(events[0], protocol.ViewsChecked)
    assert [check.name for check in events[0].views] == [f"v{i}" for i in range(6)]
    assert events[0].remark == ""
    stats = events[-1].stats
    assert stats["remarks"] == []
    assert stats["cures"] == []
    assert all(view["residual"] < 0.05 for view in stats["views_checked"])
    assert all(view["covered"] > 0.96 for view in stats["views_checked"])
    assert all(view["iou"] > 0.93 for view in stats["views_checked"])


def test_a_job_names_what_disagrees_and_takes_the_cure(square):
    wrong = swapped(square, 1, 4)
    job = request(wrong, world_from_volume=None)
    stats = list(Session().reconstruct(job, Ticket()))[-1].stats
    assert stats["remarks"][0].endswith("and the views agree (--cure swap=1,4).")
    assert min(view["covered"] for view in stats["views_checked"]) < 0.95
    again = replace(job, cures=(stats["cures"][0]["name"],))
    stats = list(Session().reconstruct(again, Ticket()))[-1].stats
    assert stats["remarks"] == []
    assert stats["cured"] == ["swap=1,4"]
    assert min(view["covered"] for view in stats["views_checked"]) > 0.96


def test_a_view_that_is_left_out_keeps_its_place_in_the_list(square):
    job = request(square, world_from_volume=None, cures=("leave-out=2",))
    stats = list(Session().reconstruct(job, Ticket()))[-1].stats
    assert stats["views"] == 5
    assert len(stats["views_checked"]) == 6
    assert stats["views_checked"][2]["remark"] == "Left out."
    assert stats["views_checked"][2]["covered"] is None
    assert stats["views_checked"][3]["covered"] > 0.96


def test_a_check_alone_reconstructs_nothing(square):
    ask = protocol.CheckViews("j", swapped(square, 0, 3))
    (event,) = Session().check_views(ask, Ticket())
    assert [cure.name for cure in event.cures] == ["swap=0,3"]
    (event,) = Session().check_views(replace(ask, cures=("swap=0,3",)), Ticket())
    assert event.cures == ()


def test_a_check_tells_the_outlines_that_the_images_do_not_show(square):
    views = [replace(view, image=view.image.copy()) for view in square]
    opaque = views[1].image  # a plain background in place of the alpha
    opaque[opaque[..., 3] < 0.5] = 1.0
    opaque[..., 3] = 1.0
    ask = protocol.CheckViews("j", tuple(views), protocol.Background("auto"))
    masks, checked = Session().check_views(ask, Ticket())
    assert isinstance(checked, protocol.ViewsChecked)
    assert [mask.name for mask in masks.masks] == [views[1].name]
    assert max(masks.masks[0].shown.shape) <= THUMBNAIL_SIDE
    assert 0.02 < (masks.masks[0].mask > 127).mean() < 0.9


def test_the_volume_is_estimated_from_the_cured_views(square):
    ask = protocol.EstimateVolume("j", square, cures=("leave-out=0",))
    (fewer,) = Session().estimate_volume(ask, Ticket())
    (direct,) = Session().estimate_volume(replace(ask, views=square[1:], cures=()), Ticket())
    np.testing.assert_array_equal(
        fewer.placement.world_from_volume, direct.placement.world_from_volume
    )


def test_cameras_that_look_away_are_refused_with_the_cure(square):
    away = []
    for view in square:
        pose = view.camera.transform_matrix @ np.diag([1.0, -1.0, -1.0, 1.0])
        away.append(replace(view, camera=replace(view.camera, transform_matrix=pose)))
    with pytest.raises(RequestError, match=r"--convention opencv"):
        list(Session().reconstruct(request(tuple(away)), Ticket()))
