"""The first reconstructor: from views to a hull, and a clear word about bad ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fields.silhouettes import PADDING
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.images import resized
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors.visual_hull import VisualHull

TAKEN = []


@pytest.fixture
def views(photograph, cameras):
    """The test object from its five cameras, photographed once."""
    if not TAKEN:
        TAKEN.extend(photograph(c, name=f"cam {i}") for i, c in enumerate(cameras))
    return list(TAKEN)


def with_alpha(view, alpha):
    image = view.image.clone()
    image[..., 3] = alpha
    return replace(view, image=image)


def spheres(points):
    """The distance to the photographed object."""
    parts = [((0.25, -0.1, 0.1), 0.45), ((-0.4, 0.2, -0.25), 0.35), ((0.0, 0.15, 0.55), 0.3)]
    return torch.stack([(points - torch.tensor(c)).norm(dim=1) - r for c, r in parts]).amin(0)


def grid(side=40):
    line = (torch.arange(side) + 0.5) / side * 2 - 1
    return torch.cartesian_prod(line, line, line)


def test_hull_holds_the_object_and_reprojects_onto_its_silhouettes(views):
    model = VisualHull()
    field = model.decode(model.encode(views))
    points = grid()
    value, ground_truth = field(points), spheres(points)
    assert float(value[ground_truth < -0.01].max()) < 0
    for view in views:
        size = 40
        steps = (np.arange(size) + 0.5) / size
        x, y = np.meshgrid(steps * view.camera.width, steps * view.camera.height)
        pixels = torch.from_numpy(np.stack([x, y], -1).reshape(-1, 2)).float().floor() + 0.5
        origins, directions = view.camera.rays(pixels)
        directions = directions / directions.norm(dim=1, keepdim=True)
        depth = torch.linspace(-1.2, 1.2, 161)
        ahead = -(origins * directions).sum(1)
        spots = origins[:, None] + (ahead[:, None] + depth)[..., None] * directions[:, None]
        seen = (field(spots.reshape(-1, 3)).reshape(len(pixels), -1) < 0).any(1)
        column = pixels.long()
        mask = view.image[column[:, 1], column[:, 0], 3] > 0.5
        iou = float((seen & mask).sum() / (seen | mask).sum())
        assert iou > 0.97, view.name


def test_code_can_be_saved_and_gives_the_same_field(views, tmp_path):
    model = VisualHull()
    code = model.encode(views[:3])
    code.save(tmp_path / "code.safetensors")
    again = model.decode(type(code).load(tmp_path / "code.safetensors"))
    points = grid(16)
    assert torch.equal(model.decode(code)(points), again(points))


def test_codes_of_the_same_cameras_blend(views):
    model = VisualHull()
    thick = [
        with_alpha(v, torch.nn.functional.max_pool2d(v.image[..., 3][None], 9, 1, 4)[0])
        for v in views
    ]
    first, second = model.encode(views), model.encode(thick)
    volume = [
        int((model.decode(code)(grid(32)) < 0).sum())
        for code in (first, first.lerp(second, 0.5), second)
    ]
    assert volume[0] < volume[1] < volume[2]


def test_large_images_are_made_smaller_without_moving_the_edge(cameras):
    camera = cameras[0]
    factor = 1200 // camera.width
    large = resized(camera, width=factor * camera.width, height=factor * camera.height)
    y, x = torch.meshgrid(
        torch.arange(large.height) + 0.5, torch.arange(large.width) + 0.5, indexing="ij"
    )
    disc = ((x - 0.47 * large.width).hypot(y - 0.55 * large.height) < 0.31 * large.width).float()
    image = disc.expand(1, 4, -1, -1)
    averaged = torch.nn.functional.avg_pool2d(image, factor)[0].permute(1, 2, 0)
    model = VisualHull()
    small_code = model.encode([View(averaged, camera)])
    large_code = model.encode([View(image[0].permute(1, 2, 0), large)])
    assert max(large_code.tensors["distance_0"].shape) == 1024 + 2 * PADDING
    points = grid(32)
    a, b = model.decode(small_code)(points), model.decode(large_code)(points)
    near = a.abs() < 0.004  # where the distances of both are exact
    assert int(near.sum()) > 100
    pixels = (a - b)[near].abs() * camera.fx / 3
    assert float(pixels.quantile(0.9)) < 0.1
    assert float(pixels.max()) < 1.0


# ---------------------------------------------------------------- bad views


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        (0.0, "cam 1: the silhouette is empty"),
        (0.3, "cam 1: the silhouette is empty"),
        (1.0, "cam 1: the image has no transparent background"),
        (0.8, "cam 1: the silhouette fills the whole image"),
        (float("nan"), "cam 1: the image's alpha holds numbers that are not finite"),
    ],
)
def test_a_bad_silhouette_is_named(views, alpha, words):
    with pytest.raises(RequestError, match=words):
        VisualHull().encode([views[0], with_alpha(views[1], alpha)])


def test_no_alpha_offers_a_background(views):
    with pytest.raises(RequestError) as failure:
        VisualHull().encode([with_alpha(views[0], 1.0)])
    assert "corners" in failure.value.hint
    assert "chosen color" in failure.value.hint


def test_no_views_and_no_camera_are_refused(views):
    with pytest.raises(RequestError, match="at least 1 view"):
        VisualHull().encode([])
    with pytest.raises(RequestError, match="needs a camera for every image; cam 0 has none"):
        VisualHull().encode([replace(views[0], camera=None)])


def discs(aim, centers, size=48):
    """Return views from around of discs, centred at these pixels; the volume is in every frame."""
    views = []
    for index, (x, y) in enumerate(centers):
        angle = 2 * np.pi * index / len(centers)
        pose = aim((4 * np.cos(angle), 4 * np.sin(angle), 0.5), (0, 0, 0))
        column, row = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
        alpha = (np.hypot(column - x, row - y) < 5).astype(np.float32)
        image = torch.from_numpy(np.repeat(alpha[..., None], 4, 2))
        camera = Camera(pose, size, size, size / 2, size / 2, size, size)
        views.append(View(image, camera, f"cam {index}"))
    return views


@pytest.mark.parametrize("guilty", range(4))
def test_the_view_that_disagrees_is_named(aim, guilty):
    centers = [(24, 24)] * 4
    assert VisualHull().encode(discs(aim, centers))
    centers[guilty] = (24, 9)  # looks as if the object stood higher
    with pytest.raises(RequestError, match=f"cam {guilty} disagrees with the others"):
        VisualHull().encode(discs(aim, centers))


def test_a_volume_beside_the_object_is_told(views, aim):
    away = np.eye(4)
    away[:3, 3] = (0, 0, 40.0)
    moved = [replace(v, camera=v.camera.in_frame(away)) for v in views]
    seeing = []
    for view in moved:  # cameras whose frames hold the volume, with the object at their edge
        camera = view.camera
        pose = aim(camera.center, (0, 0, 0))
        alpha = torch.zeros(64, 64)
        alpha[2:6, 2:6] = 1.0
        image = torch.cat([torch.zeros(64, 64, 3), alpha[..., None]], -1)
        seeing.append(replace(view, image=image, camera=Camera(pose, 200, 200, 32, 32, 64, 64)))
    with pytest.raises(RequestError, match="do not overlap in the volume"):
        VisualHull().encode(seeing)
