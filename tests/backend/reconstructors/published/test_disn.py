"""Import of DISN's TensorFlow checkpoints, against the published formulas in plain loops."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors.disn import DISN
from setups.disn import look, picture


def authors_checkpoints(width=2):
    """Write variables with the published names and layouts, narrow."""
    generator = torch.Generator().manual_seed(9)

    def draw(*shape):
        return torch.randn(shape, generator=generator) * (1.5 / np.sqrt(np.prod(shape[:-1])))

    def vgg():
        state, channels = {}, 3
        for group, (count, factor) in enumerate([(2, 1), (2, 2), (3, 4), (3, 8), (3, 8)], start=1):
            for layer in range(1, count + 1):
                scope = f"vgg_16/conv{group}/conv{group}_{layer}"
                state[f"{scope}/weights"] = draw(3, 3, channels, factor * width)
                state[f"{scope}/biases"] = draw(factor * width, 1)[:, 0]
                channels = factor * width
        for name, shape in {
            "fc6": (2, 2, channels, 6),
            "fc7": (1, 1, 6, 6),
            "fc8": (1, 1, 6, 5),
        }.items():
            state[f"vgg_16/{name}/weights"] = draw(*shape)
            state[f"vgg_16/{name}/biases"] = draw(shape[-1], 1)[:, 0]
        return state

    sdf, cam = vgg(), vgg()
    for scope, features in (("sdfprediction", 5), ("sdfprediction_imgfeat", 23 * width)):
        sizes = {
            "fold1/conv1": (3, 4),
            "fold1/conv2": (4, 5),
            "fold1/conv3": (5, 6),
            "fold2/conv1": (6 + features, 7),
            "fold2/conv2": (7, 4),
            "fold2/conv5": (4, 1),
        }
        for name, (a, b) in sizes.items():
            sdf[f"{scope}/{name}/weights"], sdf[f"{scope}/{name}/biases"] = (
                draw(1, 1, a, b),
                draw(b, 1)[:, 0],
            )
            sdf[f"{scope}/{name}/weights/Adam"] = draw(1, 1, a, b)
    widths = {"scale": (64, 32, 1), "ortho6d": (512, 256, 6), "translation": (128, 64, 3)}
    for head, sizes in widths.items():
        for index, (a, b) in enumerate(zip((5, *sizes[:-1]), sizes, strict=True), start=1):
            cam[f"cameraprediction/{head}/fc{index}/weights"] = draw(a, b)
            cam[f"cameraprediction/{head}/fc{index}/biases"] = draw(b, 1)[:, 0]
    return sdf, cam


def straight_line(sdf, image, point, pixel):
    """Evaluate the published formulas for one point, by TensorFlow's rules, in plain loops."""

    def conv(x, name):  # SAME, stride 1
        kernel = sdf[f"{name}/weights"].permute(3, 2, 0, 1)
        return torch.nn.functional.conv2d(
            x, kernel, sdf[f"{name}/biases"], padding=kernel.shape[-1] // 2
        )

    def resized(x, size, i, j):
        n = x.shape[-1]
        y, z = min(i * n / size, n - 1), min(j * n / size, n - 1)
        a, b = int(y), int(z)
        c, d = min(a + 1, n - 1), min(b + 1, n - 1)
        fy, fz = y - a, z - b
        upper = (1 - fz) * x[0, :, a, b] + fz * x[0, :, a, d]
        return (1 - fy) * upper + fy * ((1 - fz) * x[0, :, c, b] + fz * x[0, :, c, d])

    side = image.shape[-1]
    bgr = image.flip(0)[None]
    rows = [torch.stack([resized(bgr, 64, i, j) for j in range(64)], 1) for i in range(64)]
    x = torch.stack(rows, 1)[None]
    local = []
    for group, count in enumerate([2, 2, 3, 3, 3], start=1):
        for layer in range(1, count + 1):
            x = conv(x, f"vgg_16/conv{group}/conv{group}_{layer}").relu()
        u, v = (min(max(float(p), 0.0), side - 1.0) for p in pixel)
        a, b = min(int(v), side - 2), min(int(u), side - 2)
        fv, fu = v - a, u - b
        upper = (1 - fu) * resized(x, side, a, b) + fu * resized(x, side, a, b + 1)
        lower = (1 - fu) * resized(x, side, a + 1, b) + fu * resized(x, side, a + 1, b + 1)
        local.append((1 - fv) * upper + fv * lower)
        x = torch.nn.functional.max_pool2d(x, 2)
    vector = (
        x[0].permute(1, 2, 0).reshape(-1) @ sdf["vgg_16/fc6/weights"].reshape(-1, 6)
        + sdf["vgg_16/fc6/biases"]
    ).relu()
    vector = (vector @ sdf["vgg_16/fc7/weights"][0, 0] + sdf["vgg_16/fc7/biases"]).relu()
    vector = vector @ sdf["vgg_16/fc8/weights"][0, 0] + sdf["vgg_16/fc8/biases"]
    total = 0.0
    for scope, features in (("sdfprediction", vector), ("sdfprediction_imgfeat", torch.cat(local))):
        y = point
        for name in ("fold1/conv1", "fold1/conv2", "fold1/conv3"):
            y = (y @ sdf[f"{scope}/{name}/weights"][0, 0] + sdf[f"{scope}/{name}/biases"]).relu()
        y = torch.cat([y, features])
        for name in ("fold2/conv1", "fold2/conv2", "fold2/conv5"):
            y = y @ sdf[f"{scope}/{name}/weights"][0, 0] + sdf[f"{scope}/{name}/biases"]
            y = y if name.endswith("5") else y.relu()
        total = total + y[0]
    return total / 10


def test_an_authors_checkpoint_reproduces_the_formula():
    sdf, cam = authors_checkpoints()
    model = DISN.import_checkpoint([sdf, cam]).eval()
    assert model.configuration.legacy
    camera = look(35, size=137, distance=3.0)
    seen = View(picture(137, 1.0), camera)
    framed = model.prepare([seen])
    field = model.decode(model.encode([seen]))
    points = torch.tensor([[0.2, -0.3, 0.4], [-0.5, 0.1, 0.2]])
    pixels, _ = framed.cameras[0].project(points)
    over_black = torch.where(framed.images[0, 3] > 0, framed.images[0, :3], 0.0)
    for point, pixel, actual in zip(points, pixels, field(points), strict=True):
        expected = straight_line(sdf, over_black, model.to_method(point[None])[0], pixel)
        torch.testing.assert_close(actual * model.scale, expected, rtol=1e-3, atol=1e-5)


def test_an_imported_camera_network_is_the_formula():
    sdf, cam = authors_checkpoints()
    model = DISN.import_checkpoint([sdf, cam]).eval()
    vector = torch.randn(5, generator=torch.Generator().manual_seed(1))

    class Given(torch.nn.Module):
        def forward(self, images):
            return vector[None], []

    model.camera.encoder = Given()

    def head(name):
        y = vector
        for index in (1, 2, 3):
            scope = f"cameraprediction/{name}/fc{index}"
            y = y @ cam[f"{scope}/weights"] + cam[f"{scope}/biases"]
            y = y if index == 3 else y.relu()
        return y

    b = head("ortho6d")
    x = b[:3] / b[:3].norm()
    z = torch.linalg.cross(x, b[3:])
    z = z / z.norm()
    columns = torch.stack([x, torch.linalg.cross(z, x), z], dim=1)  # M, rows times it
    translation = head("translation") + torch.tensor([-0.00193892, 0.00169222, 1.3949631])
    point = torch.tensor([0.3, 0.1, -0.2])
    expected = point @ (head("scale") * columns) + translation
    actual = model.camera(torch.zeros(1, 3, 64, 64))[0].detach()
    torch.testing.assert_close(actual[:, :3] @ point + actual[:, 3], expected)


def test_another_file_is_refused():
    with pytest.raises(RequestError, match="DISN"):
        DISN.import_checkpoint([{"weights": torch.zeros(1)}])
