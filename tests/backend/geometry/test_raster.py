"""The depth buffer against a loop over pixels and triangles."""

import torch
from levelform.backend.geometry.raster import rasterize


def slow(corners: torch.Tensor, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the nearest triangle (-1: none) and its nearness at each sample, front faces only."""
    owner = torch.full((height, width), -1)
    best = torch.zeros(height, width)
    for number, triangle in enumerate(corners.double()):
        (ax, ay, an), (bx, by, bn), (cx, cy, cn) = triangle.tolist()
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= 0:
            continue
        for row in range(height):
            for column in range(width):
                x, y = column + 0.5, row + 0.5
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                near = u * an + v * bn + (1 - u - v) * cn
                if min(u, v, 1 - u - v) >= 0 and near > best[row, column]:
                    best[row, column], owner[row, column] = near, number
    return owner, best


def test_random_triangles_agree_with_the_slow_way():
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(60, 3, 3, generator=generator) * torch.tensor([26.0, 22.0, 1.0])
    corners += torch.tensor([-3.0, -3.0, 0.2])
    cover = rasterize(corners, torch.zeros(60, dtype=torch.long), views=1, height=16, width=20)
    owner, best = slow(corners, 16, 20)
    actual = torch.full((16 * 20,), -1)
    actual[cover.sample] = cover.triangle
    assert torch.equal(actual.view(16, 20), owner)
    torch.testing.assert_close(cover.nearness, best.view(-1)[cover.sample], atol=1e-5, rtol=1e-4)


def test_a_closed_sheet_has_no_holes_and_no_doubles():
    """A jittered grid of triangles that share edges covers every sample of its inside once."""
    generator = torch.Generator().manual_seed(1)
    axis = torch.arange(9.0) * 5 - 4
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    grid[1:-1, 1:-1] += torch.rand(7, 7, 2, generator=generator) * 3
    grid = torch.cat([grid, torch.ones(9, 9, 1)], -1)
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    pieces = [torch.stack([a, b, c], -2), torch.stack([a, c, d], -2)]
    corners = torch.cat([p.reshape(-1, 3, 3) for p in pieces])
    whole = torch.zeros(32 * 32)
    for triangle in corners:
        cover = rasterize(
            triangle[None], torch.zeros(1, dtype=torch.long), views=1, height=32, width=32
        )
        whole[cover.sample] += 1
    assert torch.equal(whole, torch.ones(32 * 32))


def test_views_do_not_touch_each_other():
    corners = torch.tensor([[[1.0, 1, 1], [1, 7, 1], [7, 7, 1]]])
    twice = corners.repeat(2, 1, 1) + torch.tensor([0.0, 0, 0])
    both = rasterize(twice, torch.tensor([0, 2]), views=3, height=8, width=8)
    one = rasterize(corners, torch.tensor([0]), views=1, height=8, width=8)
    assert both.sample.tolist() == [*one.sample.tolist(), *(one.sample + 128).tolist()]
    assert both.triangle.tolist() == [0] * len(one.sample) + [1] * len(one.sample)
