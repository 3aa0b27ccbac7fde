"""DISN's shape interpolation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors.disn import COMPACT, DISN
from levelform.backend.reconstructors.figures.disn import interpolate


def tiny(**changes):
    """Build a network of the paper's shape, small enough for a test."""
    torch.manual_seed(0)
    config = replace(
        COMPACT,
        framing=replace(COMPACT.framing, size=24),
        picture=32,
        width=4,
        hidden=8,
        features=10,
        point_widths=(6, 8, 10),
        decoder_widths=(12, 7),
        symmetry=False,  # what the streams say, unless a test is about it
    )
    model = DISN(replace(config, **changes)).eval()
    for stream in (model.sdf.global_stream, model.sdf.local_stream):
        for layer in [] if stream is None else [*stream.points, *stream.decoder]:
            if isinstance(layer, torch.nn.Linear):  # biases start at 0, where a lost one is unseen
                torch.nn.init.normal_(layer.bias)
    return model


def look(azimuth, *, size=40, distance=3.2, orthographic=False):
    """Return a camera that looks at the volume's centre, its image drawn by a formula."""
    a = np.radians(azimuth)
    away = np.array([np.sin(a), -np.cos(a), 0.4])
    away /= np.linalg.norm(away)
    right = np.cross(-away, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(-away, right), -away], axis=1)
    pose[:3, 3] = distance * away
    focal = 0.4 * size if orthographic else 42 / 36 * size
    return Camera(pose, focal, focal, size / 2, size / 2, size, size, orthographic)


def picture(size=40, phase=0.0):
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    alpha = ((0.8 - x**2 - y**2) * 8).clamp(0, 1)
    return torch.stack(
        [0.5 + 0.4 * torch.sin(3 * x + phase), 0.5 + 0.4 * y, x * y + 0.5, alpha], -1
    )


def view(azimuth=20.0, **options):
    camera = look(azimuth, **options)
    return View(picture(camera.width, azimuth), camera, name=f"at {azimuth:g}")


@pytest.mark.parametrize(("one", "other"), [(1, 1), (2, 3)])
def test_interpolation_of_several_views_starts_and_ends_at_the_objects(one, other):
    model = tiny()
    first = model.encode([view(50 * i) for i in range(one)])
    second = model.encode([view(50 * i + 200) for i in range(other)])
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for weight, end in ((0.0, first), (1.0, second)):
        blended = model.decode(interpolate(model, first, second, weight))
        torch.testing.assert_close(blended(points), model.decode(end)(points), rtol=0, atol=1e-5)


def test_interpolation_goes_from_one_object_to_the_other():
    model = tiny()
    first, second = model.encode([view(0)]), model.encode([view(90), view(200)])
    points = torch.rand(200, 3) - 0.5  # seen by every view
    ends = [model.decode(code)(points) for code in (first, second)]
    for weight, end in ((0.0, ends[0]), (1.0, ends[1])):
        blended = model.decode(interpolate(model, first, second, weight))
        torch.testing.assert_close(blended(points), end, rtol=0, atol=1e-5)
    middle = model.decode(interpolate(model, first, second, 0.5))(points)
    assert (middle - ends[0]).abs().max() > 1e-4


def test_views_fused_by_the_maximum_are_refused():
    model = tiny()
    code = model.encode([view()], fusion="max")
    with pytest.raises(RequestError, match="mean"):
        interpolate(model, code, code, 0.5)
