"""UCLID-Net's 3D decoder for inference: norms folded, in bfloat16 where the processor has it."""

from collections.abc import Iterator

import torch
from levelform.backend.encoders.decoder3d import Decoder3D
from levelform.backend.encoders.folding import Folded, folded, has_bfloat16
from levelform.backend.reconstructors import bundled_weights, load_reconstructor
from levelform.backend.reconstructors.networks.uclid_net import GRIDS
from levelform.backend.reconstructors.uclid_net import PAPER, UCLIDNet
from rows import Row, at_least, at_most
from timing import interleave
from torch import Tensor


def decoder() -> tuple[Decoder3D, list[Tensor]]:
    """Return the published decoder, norms with statistics as after training, and its input."""
    torch.manual_seed(0)
    deepest, side = PAPER.deep + 2, PAPER.skip + 2
    network = Decoder3D(deepest=deepest, side=side, stages=PAPER.stages, outputs=40).eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    channels = [PAPER.deep + 2] + [PAPER.skip + 2] * 3
    shapes = [(1, c, n, n, n) for c, n in zip(channels, GRIDS, strict=True)]
    return network, [torch.randn(shape) for shape in shapes]


def agreements() -> Iterator[Row]:
    """Yield that folding changes nothing, and what bfloat16 changes of trained occupancies."""
    network, grids = decoder()
    with torch.no_grad():
        expected, actual = network(grids), folded(network)(grids)
    difference = ((actual - expected).abs().max() / expected.abs().max()).item()
    yield at_most("12 UCLID-Net: folded decoder = as trained", difference, None, 1e-5)
    if bundled_weights("uclid-net") is not None:
        yield _occupancy_change()


def _occupancy_change() -> Row:
    """Return how far the occupied voxels of bfloat16 are from those of float32, 1 - IoU."""
    from equal_views import image

    model = load_reconstructor("uclid-net", device="cpu")
    assert isinstance(model, UCLIDNet)
    grids, network = model.lift([image()]), model.network
    solids = []
    for dtype in (torch.float32, torch.bfloat16):
        with torch.no_grad():
            grid = Folded(network.decoder_3D)(dtype)([g.to(dtype) for g in grids]).float()
            solids.append(model.occupied(network.occupancy_logits(grid)[0].sigmoid()))
    one, other = solids
    change = 1 - ((one & other).sum() / (one | other).sum().clamp(min=1)).item()
    return at_most("12 UCLID-Net: bf16 occupancy, 1 - IoU with float32", change, None, 0.002)


def times() -> Iterator[Row]:
    """Yield goal 12; without instructions for bfloat16 the folded decoder in float32."""
    network, grids = decoder()
    dtype = torch.bfloat16 if has_bfloat16() else torch.float32
    twin = Folded(network)
    twin(dtype)

    def inference() -> None:
        packed = [g.to(dtype, memory_format=torch.channels_last_3d) for g in grids]
        twin(dtype)(packed)

    best = interleave({"trained": lambda: network(grids), "inference": inference}, rounds=6)
    ours, anchor = 1e3 * best["inference"], 1e3 * best["trained"]
    if has_bfloat16():
        name, bar, note = "12 UCLID-Net: decoder as trained / bf16, folded", 2.0, ""
    else:
        name, bar = "12 UCLID-Net: decoder as trained / float32, folded", 1.0
        note = "this processor has no instructions for bf16, for which the bar is 2"
    yield at_least(name, ours, anchor, bar, kind="time", unit="ms", note=note)
