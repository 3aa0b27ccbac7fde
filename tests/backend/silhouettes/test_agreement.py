"""Who is wrong and what helps: every mistake that people make, and none where there is none."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.silhouettes import apply_cures, check
from levelform.backend.silhouettes.agreement import same_image

FLIP_YZ = np.diag([1.0, -1.0, -1.0, 1.0])
MIRROR_Y, MIRROR_Z = np.diag([1.0, -1.0, 1.0, 1.0]), np.diag([1.0, 1.0, -1.0, 1.0])


def file_poses_changed(views, change):
    """Return views whose file would have had other matrices (OpenGL's axes)."""
    return [
        replace(
            view,
            camera=replace(
                view.camera,
                world_from_camera=change(view.camera.world_from_camera @ FLIP_YZ) @ FLIP_YZ,
            ),
        )
        for view in views
    ]


def cured(views, agreement):
    """Return the largest residual after the first cure."""
    after = apply_cures(views, [agreement.cures[0].name])
    values = check(after.views, after.left_out)
    assert not values.disagrees
    return max(value for value in values.residuals if value is not None)


def test_right_views_agree(sample):
    agreement = check(sample)
    assert not agreement.disagrees
    assert agreement.mean < 0.01
    assert max(agreement.residuals) < 0.05


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_right_views_agree(sample, count):
    assert not check(sample[:count]).disagrees


def test_a_single_view_and_views_without_cameras_say_nothing(suzanne):
    assert check(suzanne[:1]).residuals == (None,)
    unposed = [replace(view, camera=None) for view in suzanne]
    assert check(unposed).residuals == (None,) * 8
    assert not check(unposed).disagrees
    mixed = check([*unposed[:2], *suzanne[2:]])
    assert mixed.residuals[:2] == (None, None)
    assert max(mixed.residuals[2:]) < 0.05


def test_an_empty_silhouette_is_not_compared(suzanne):
    empty = [replace(suzanne[0], image=suzanne[0].image * 0), *suzanne[1:]]
    agreement = check(empty)
    assert agreement.residuals[0] is None
    assert not agreement.disagrees


@pytest.mark.parametrize("pair", [(2, 5), (0, 1), (6, 7)])
def test_swapped_images_are_found(sample, reordered, pair):
    order = list(range(8))
    order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
    views = reordered(sample, order)
    agreement = check(views)
    assert agreement.cures[0].name == f"swap={pair[0]},{pair[1]}"
    assert agreement.suspects == pair
    assert min(agreement.residuals[i] for i in pair) > 0.5
    assert max(r for i, r in enumerate(agreement.residuals) if i not in pair) < 0.05
    assert cured(views, agreement) < 0.05


@pytest.mark.slow
def test_all_swaps_are_found(sample, reordered):
    for pair in itertools.combinations(range(8), 2):
        order = list(range(8))
        order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
        assert check(reordered(sample, order)).cures[0].name == f"swap={pair[0]},{pair[1]}"


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 0], "shift=-1"),
        ([6, 7, 0, 1, 2, 3, 4, 5], "shift=2"),
        ([7, 6, 5, 4, 3, 2, 1, 0], "reverse"),
        ([2, 1, 0, 7, 6, 5, 4, 3], "reverse=2"),
    ],
)
def test_images_in_another_order_are_found(suzanne, reordered, order, name):
    views = reordered(suzanne, order)
    agreement = check(views)
    assert agreement.cures[0].name == name
    assert cured(views, agreement) < 0.05


@pytest.mark.parametrize("degrees", [2.0, 5.0, 10.0])
def test_a_rotated_camera_is_found(sample, rotated, degrees):
    views = rotated(sample, 3, degrees)
    agreement = check(views)
    assert agreement.cures[0].name == "leave-out=3"
    assert agreement.suspects == (3,)
    assert agreement.residuals[3] > 1.0
    assert cured(views, agreement) < 0.05


@pytest.mark.slow
def test_every_view_is_found_in_every_direction(sample, rotated):
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.6, -0.8, 0.0))
    for index, axis in itertools.product(range(8), axes):
        agreement = check(rotated(sample, index, 5.0, axis))
        assert agreement.cures[0].name == f"leave-out={index}"


def test_two_rotated_cameras_are_found(suzanne, rotated):
    views = rotated(rotated(suzanne, 3, 6.0), 6, -5.0, (1.0, 0.0, 0.0))
    assert check(views).cures[0].name == "leave-out=3,6"


def test_one_image_at_two_cameras_is_found(sample, reordered):
    agreement = check(reordered(sample, [0, 1, 2, 2, 4, 5, 6, 7]))
    assert agreement.cures[0].name == "leave-out=3"
    assert agreement.twins == {3: 2}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda pose: pose @ FLIP_YZ, "opencv"),
        (np.linalg.inv, "world-to-camera"),
        (lambda pose: np.linalg.inv(pose @ FLIP_YZ), "opencv-world-to-camera"),
        (lambda pose: MIRROR_Y @ pose @ MIRROR_Y, "mirror-y"),
        (lambda pose: MIRROR_Z @ pose @ MIRROR_Z, "mirror-z"),
    ],
)
def test_matrices_of_another_convention_are_found_and_set_right(sample, change, name):
    views = file_poses_changed(sample, change)
    agreement = check(views)
    assert agreement.cures[0].name == f"convention={name}"
    right = apply_cures(views, [f"convention={name}"]).views
    for view, ground_truth in zip(right, sample, strict=True):
        np.testing.assert_allclose(
            view.camera.world_from_camera, ground_truth.camera.world_from_camera, atol=1e-9
        )


@pytest.mark.parametrize(
    ("axes", "name"),
    [((0, 1), "upside-down"), ((0,), "flip-images"), ((1,), "mirror-images")],
)
def test_images_that_all_are_flipped_are_found(sample, axes, name):
    views = [replace(view, image=view.image.flip(axes)) for view in sample]
    agreement = check(views)
    assert agreement.cures[0].name == f"convention={name}"
    assert cured(views, agreement) < 0.05


@pytest.mark.parametrize(("axes", "name"), [((0, 1), "upside-down=4"), ((1,), "mirror=4")])
def test_one_image_that_is_flipped_is_found(sample, axes, name):
    views = list(sample)
    views[4] = replace(views[4], image=views[4].image.flip(axes))
    agreement = check(views)
    assert [cure.name for cure in agreement.cures] == [name, "leave-out=4"]


def test_a_lathes_views_agree_in_any_order(photograph, aim):
    """A ball's silhouettes from around it are alike: nothing is wrong, whoever has which."""
    from levelform.backend.geometry.cameras import Camera
    from levelform.backend.geometry.views import View

    views = []
    for degrees in range(0, 360, 60):
        angle = np.radians(degrees)
        place = (3 * np.cos(angle), 3 * np.sin(angle), 1.0)
        camera = Camera(aim(place, (0, 0, 0)), 150, 150, 64, 64, 128, 128)
        y, x = np.mgrid[:128, :128] + 0.5
        import torch

        _, directions = camera.rays(torch.from_numpy(np.stack([x, y], -1)))
        offset = torch.from_numpy(camera.center)
        square = (directions**2).sum(-1)
        along = directions @ offset
        alpha = (along**2 - square * ((offset**2).sum() - 0.64) > 0).float()
        views.append(View(alpha[..., None].expand(-1, -1, 4).clone(), camera, str(degrees)))
    assert not check(views).disagrees
    order = [3, 0, 5, 1, 4, 2]
    swapped = [replace(v, image=views[i].image) for v, i in zip(views, order, strict=True)]
    assert not check(swapped).disagrees


def wobbly(image, rng, pixels):
    """Return an image whose outline wobbles by so many pixels, correlated over three."""
    import torch
    from scipy.ndimage import gaussian_filter, map_coordinates

    alpha = image[..., 3].numpy()
    shift = [gaussian_filter(rng.normal(size=alpha.shape), 3) for _ in range(2)]
    where = np.mgrid[: alpha.shape[0], : alpha.shape[1]].astype(float)
    where += [s * pixels / s.std() for s in shift]
    bent = map_coordinates(alpha, where, order=1, mode="nearest").astype(np.float32)
    return torch.cat([image[..., :3], torch.from_numpy(bent)[..., None]], -1)


def test_rough_mattes_are_no_disagreement(sample):
    rng = np.random.default_rng(0)
    hard, bent = [], []
    for view in sample:
        alpha = (view.image[..., 3:] >= 0.5).float()
        import torch

        hard.append(replace(view, image=torch.cat([view.image[..., :3], alpha], -1)))
        bent.append(replace(view, image=wobbly(view.image, rng, 0.5)))
    assert not check(hard).disagrees
    assert not check(bent).disagrees


def test_one_image_is_known_again_whatever_lies_between(suzanne):
    again = (suzanne[2].image * 255).round() / 255
    assert same_image(suzanne[2], replace(suzanne[3], image=again))
    assert not same_image(suzanne[2], suzanne[3])


@pytest.fixture
def slightly_off():
    """The function that turns and moves every camera a little: one degree, 1.75 %."""
    from scipy.spatial.transform import Rotation

    def change(views, seed):
        rng = np.random.default_rng(seed)
        result = []
        for view in views:
            axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
            pose = view.camera.world_from_camera.copy()
            pose[:3, :3] @= Rotation.from_rotvec(np.radians(1.0) * axis).as_matrix()
            pose[:3, 3] += 0.0175 * np.linalg.norm(pose[:3, 3]) * way
            result.append(replace(view, camera=replace(view.camera, world_from_camera=pose)))
        return result

    return change


def test_a_swap_is_found_among_cameras_that_are_all_off(studio, slightly_off, reordered):
    cameras = studio.around(8)
    views = slightly_off(
        [replace(v, camera=c) for v, c in zip(studio.views_of(cameras), cameras, strict=True)], 3
    )
    agreement = check(reordered(views, [0, 1, 5, 3, 4, 2, 6, 7]))
    assert agreement.cures[0].name == "swap=2,5"
    assert agreement.suspects == (2, 5)


def test_cameras_that_are_all_off_are_said_to_be_and_no_image_is_blamed(sample, slightly_off):
    from levelform.backend.silhouettes.report import agreement_remark

    agreement = check(slightly_off(sample, 1))
    assert agreement.disagrees
    assert not agreement.cures
    assert not agreement.suspects
    assert agreement.refitted < 0.3 < 1.0 < agreement.mean
    words = agreement_remark(agreement, [view.name for view in sample])
    assert "a little off" in words
    assert "--refine" in words
