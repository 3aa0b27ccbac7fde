"""What a person is told: sentences that name the view and the option, and none without a cause."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.silhouettes import Review, apply_cures
from levelform.backend.silhouettes.report import labels, walls_reached

CUBE = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


def ball(radius, center=(0.0, 0.0, 0.0)):
    """Return a coarse ball, cut off by the volume's walls."""
    from scipy.spatial import ConvexHull

    rng = np.random.default_rng(0)
    points = rng.normal(size=(800, 3))
    points = points / np.linalg.norm(points, axis=1, keepdims=True) * radius + center
    points = points.clip(-1, 1) if np.abs(center).max() < 0.9 else points
    return points.astype(np.float32), ConvexHull(points).simplices.astype(np.int32)


def review(views, cures=()):
    return Review(apply_cures(views, cures))


def test_right_views_have_no_remark(sample):
    reviewed = review(sample)
    assert reviewed.remark == ""
    event = reviewed.event("j")
    assert all(check.remark == "" for check in event.views)
    assert event.cures == ()
    assert event.remark == ""


@pytest.mark.parametrize(
    ("spoil", "remark", "named"),
    [
        (
            lambda views, reordered, _: reordered(views, [0, 1, 5, 3, 4, 2, 6, 7]),
            "The images of 2.png and 5.png seem to be swapped. Swap the images of 2.png and "
            "5.png, and the views agree (--cure swap=2,5).",
            {2: "Seems to have the image of 5.png.", 5: "Seems to have the image of 2.png."},
        ),
        (
            lambda views, reordered, _: reordered(views, [1, 2, 3, 4, 5, 6, 7, 0]),
            "The images seem to belong to other cameras: their order is shifted. Give every "
            "camera the image of the previous one, and the views agree (--cure shift=-1).",
            {},
        ),
        (
            lambda views, reordered, _: reordered(views, [0, 1, 2, 2, 4, 5, 6, 7]),
            "3.png has the same image as 2.png, but another camera. Leave out 3.png, and the "
            "others agree (--leave-out 3).",
            {3: "Has the same image as 2.png."},
        ),
    ],
)
def test_the_view_and_the_option_are_named(suzanne, reordered, rotated, spoil, remark, named):
    reviewed = review(spoil(suzanne, reordered, rotated))
    assert reviewed.remark == remark
    remarks = {i: c.remark for i, c in enumerate(reviewed.event("j").views) if c.remark}
    assert remarks == named


def test_a_rotated_camera_is_named_with_its_pixels(suzanne, rotated):
    reviewed = review(rotated(suzanne, 3, 5.0))
    assert reviewed.remark.startswith(
        "3.png disagrees with the other views: its outline misses their silhouettes by "
    )
    assert reviewed.remark.endswith("Leave out 3.png, and the others agree (--leave-out 3).")
    assert reviewed.event("j").views[3].remark.startswith("Disagrees with the other views by ")
    assert reviewed.event("j").cures[0].sentence == "Leave out 3.png."


def test_cures_that_were_asked_for_silence_the_remark(suzanne, rotated):
    reviewed = review(rotated(suzanne, 3, 5.0), ["leave-out=3"])
    assert reviewed.remark == ""
    assert reviewed.event("j").views[3].remark == "Left out."
    assert reviewed.event("j").views[3].residual is None


def test_views_of_one_name_are_told_apart(suzanne):
    views = [replace(suzanne[0], name="a"), replace(suzanne[1], name="a"), suzanne[2]]
    assert labels(views) == ["a (view 0)", "a (view 1)", "2.png"]


def test_an_error_about_the_views_says_what_is_known_of_them(suzanne, reordered):
    swapped = review(reordered(suzanne, [0, 1, 5, 3, 4, 2, 6, 7]))
    with pytest.raises(RequestError, match="swapped"), swapped.explaining():
        raise RequestError("The views see no common point.", "Check them.")
    with pytest.raises(RequestError, match="Check them"), review(suzanne).explaining():
        raise RequestError("The views see no common point.", "Check them.")


def stats(views, mesh, **changes):
    """Return the stats of a job whose volume is the sample's world scaled to hold the mesh."""
    how = {"box": CUBE, "volume_from": "user", "hull": False, **changes}
    return review(views).stats(views, *mesh, **how)


def test_the_surface_at_a_wall_is_told(suzanne):
    assert walls_reached(*ball(0.9), CUBE) == []
    assert walls_reached(*ball(0.9, (0.4, 0.0, -0.4)), CUBE) == ["+X", "-Z"]
    told = stats(suzanne, ball(0.9, (0.4, 0.0, 0.0)), volume_from="file")["remarks"]
    assert any("reaches the wall of the volume that the file gives (+X)" in r for r in told)


def test_a_volume_of_a_file_is_told_only_where_it_matters(suzanne):
    small, whole = ball(0.1), ball(0.9)
    assert any(
        "10 times as large" in r for r in stats(suzanne, small, volume_from="file")["remarks"]
    )
    for mesh, volume_from in ((small, "user"), (whole, "file"), (small, "estimate")):
        told = stats(suzanne, mesh, volume_from=volume_from)["remarks"]
        assert not any("times as large" in remark for remark in told)


def test_a_silhouette_at_its_images_border_is_told(suzanne):
    view = suzanne[1]
    camera = replace(view.camera, height=90)
    views = [suzanne[0], replace(view, image=view.image[:90], camera=camera), *suzanne[2:]]
    told = stats(views, ball(0.9))["remarks"]
    assert any("The silhouette of 1.png meets the image's border" in r for r in told)
    assert not any("border" in remark for remark in stats(suzanne, ball(0.9))["remarks"])


def test_what_a_result_leaves_of_a_silhouette_is_told_of_hulls(suzanne):
    thin = ball(0.7, (0.0, 0.0, 0.96))  # in the middle of the object, in the world
    told = stats(suzanne, thin, hull=True, box=((-9, -9, -9), (9, 9, 9)))
    assert any("covers only" in remark for remark in told["remarks"])
    assert all(0.1 < view["covered"] < 0.85 for view in told["views_checked"])
    quiet = stats(suzanne, thin, hull=False, box=((-9, -9, -9), (9, 9, 9)))
    assert quiet["remarks"] == []
