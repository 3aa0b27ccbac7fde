"""U2-Netp against the paper's figures written out line by line, with random weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from levelform.backend.contract.errors import RequestError
from levelform.backend.images.u2netp import U2NetP, standardized

# Figure 5 of the paper: inputs of each block, and the height of its U (4F: dilations).
BLOCKS = ["7", "6", "5", "4", "4F", "4F", "4F", "4", "5", "6", "7"]
INPUTS = [3, 64, 64, 64, 64, 64, 128, 128, 128, 128, 128]


def published(seed: int = 0) -> dict[str, np.ndarray]:
    """Return random weights under the names and in the order of the published file."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}

    def add(name: str, *shape: int) -> None:
        scale = 1.4 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1
        tensors[name] = (rng.normal(size=shape) * scale).astype(np.float32)

    for index in range(6):
        add(f"side{index + 1}.weight", 1, 64, 3, 3)
        add(f"side{index + 1}.bias", 1)
    add("outconv.weight", 1, 6, 1, 1)
    add("outconv.bias", 1)
    name = 1967
    for kind, inputs in zip(BLOCKS, INPUTS, strict=True):
        height = int(kind[0])
        channels = [(inputs, 64), (64, 16), *[(16, 16)] * (height - 1)]
        channels += [*[(32, 16)] * (height - 2), (32, 64)]
        for before, after in channels:
            add(str(name), after, before, 3, 3)
            add(str(name + 1), after)
            name += 3
    return tensors


def straight(tensors: dict[str, np.ndarray], x: torch.Tensor) -> torch.Tensor:
    """Return the network's logits, the paper's figures 2 (e) and 5 written out."""
    numbered = iter([torch.from_numpy(v) for n, v in tensors.items() if n.isdigit()])

    def unit(x, dilation=1):
        weight, bias = next(numbered), next(numbered)
        return F.relu(F.conv2d(x, weight, bias, padding=dilation, dilation=dilation))

    def like(x, other):
        return F.interpolate(x, size=other.shape[2:], mode="bilinear")

    def rsu(x, height):
        entered = unit(x)
        downs = [unit(entered)]
        for _ in range(height - 2):
            downs.append(unit(F.max_pool2d(downs[-1], 2, ceil_mode=True)))
        x = unit(downs[-1], 2)
        for down in reversed(downs):
            x = unit(torch.cat((like(x, down), down), 1))
        return x + entered

    def rsu4f(x):
        entered = unit(x)
        one = unit(entered, 1)
        two = unit(one, 2)
        three = unit(two, 4)
        four = unit(three, 8)
        back = unit(torch.cat((four, three), 1), 4)
        back = unit(torch.cat((back, two), 1), 2)
        return unit(torch.cat((back, one), 1), 1) + entered

    pooled = x
    encoded = []
    for kind in BLOCKS[:6]:
        encoded.append(rsu4f(pooled) if kind == "4F" else rsu(pooled, int(kind)))
        pooled = F.max_pool2d(encoded[-1], 2, ceil_mode=True)
    decoded = [encoded[5]]
    for kind, skip in zip(BLOCKS[6:], reversed(encoded[:5]), strict=True):
        both = torch.cat((like(decoded[-1], skip), skip), 1)
        decoded.append(rsu4f(both) if kind == "4F" else rsu(both, int(kind)))
    tensor = {name: torch.from_numpy(value) for name, value in tensors.items()}
    maps = []
    for index, output in enumerate(reversed(decoded)):
        side = f"side{index + 1}"
        seen = F.conv2d(output, tensor[f"{side}.weight"], tensor[f"{side}.bias"], padding=1)
        maps.append(like(seen, x))
    return F.conv2d(torch.cat(maps, 1), tensor["outconv.weight"], tensor["outconv.bias"])


@pytest.mark.parametrize("size", [(64, 64), (72, 50)])
def test_the_network_is_the_papers_figure(size):
    tensors = published()
    network = U2NetP().eval()
    network.fill(tensors)
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = straight(tensors, images)
        assert expected.std() > 1e-3
        torch.testing.assert_close(network(images), expected, atol=1e-5, rtol=1e-5)


def test_it_has_the_published_size():
    network = U2NetP()
    assert len(list(network.units())) == 112
    # 1,131,181 in the paper's code, which counts scales and offsets of batch norms.
    assert sum(p.numel() for p in network.parameters()) == 1_125_485


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("1967"), "237 tensors, not 238"),
        (lambda t: t.pop("side3.bias"), "237 tensors"),
        (lambda t: t.update({"1970": np.zeros((16, 3, 3, 3), "f")}), "1970 of the shape"),
        (lambda t: t["1968"].fill(np.nan), "not finite in 1968"),
    ],
)
def test_other_weights_are_refused(change, words):
    tensors = published()
    change(tensors)
    with pytest.raises(RequestError, match=words):
        U2NetP().fill(tensors)


def test_images_are_standardized_by_their_brightest_value():
    images = torch.zeros(2, 3, 4, 4)
    images[0, :, 0, 0] = 0.5
    images[1, 2, 1, 1] = 1.0
    seen = standardized(images)
    assert seen[0, 0, 0, 0] == pytest.approx((1 - 0.485) / 0.229)
    assert seen[1, 2, 1, 1] == pytest.approx((1 - 0.406) / 0.225)
    assert seen[1, 1, 0, 0] == pytest.approx(-0.456 / 0.224)
    assert standardized(torch.zeros(1, 3, 2, 2)).isfinite().all()
