"""Several equal views against one: the same field, and the price of the views alone."""

from collections.abc import Iterator

import torch
from decoders import chosen_block, image
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Reconstructor, load_reconstructor, methods
from levelform.backend.reconstructors.uclid_net import UCLIDNet
from rows import Row, at_most
from timing import interleave

VIEWS = 8
OCCUPIED = 0.06  # share of UCLID-Net's voxels that a shape occupies


def models(configuration: str = "compact") -> Iterator[Reconstructor]:
    """Give every network with random weights that make its field depend on the image."""
    for name, cls in methods().items():
        if cls.recipes:
            yield enliven(load_reconstructor(name, "random", "cpu", configuration=configuration))


def enliven(model: Reconstructor) -> Reconstructor:
    """Draw the weights that start at one value; give UCLID-Net as many voxels as a shape has."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim and parameter.unique().numel() == 1:
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
        if isinstance(model, UCLIDNet):
            _occupy(model)
    return model


def _occupy(model: UCLIDNet) -> None:
    """Make the network sure of a share `OCCUPIED` of the voxels of an image, and of no other."""
    grid = model.encode([image()]).tensors["grid"][None]
    logits = model.network.occupancy_logits(grid).flatten().sort().values
    cut = round(len(logits) * (1 - OCCUPIED))
    between, sure = (logits[cut - 1] + logits[cut]) / 2, 30 / logits.std()
    head = model.network.decoder_occupancy
    assert head.bias is not None
    head.weight *= sure
    head.bias.copy_(sure * (head.bias - between))


def agreements() -> Iterator[Row]:
    """Yield goal 20's exact part for every method."""
    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for model in models():
        one = model.decode(model.encode([image()]))(points)
        several = model.decode(model.encode([image()] * VIEWS))(points)
        difference = ((several - one).abs().max() / one.abs().max().clamp(min=1)).item()
        yield at_most(f"20 {model.spec.title}: {VIEWS} equal views = 1", difference, None, 1e-5)


def times() -> Iterator[Row]:
    """Yield goal 20: V views may cost V encoders and 1.15 of one decoder."""
    view = image()
    points = torch.rand(32_768, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for model in models():

        def run(views: list[View], model: Reconstructor = model) -> None:
            field = model.decode(model.encode(views))
            for part in points.split(chosen_block(field)):
                field(part)

        def encode(model: Reconstructor = model) -> None:
            model.encode([view])

        best = interleave(
            {"encode": encode, "one": lambda: run([view]), "all": lambda: run([view] * VIEWS)},
            rounds=3,
        )
        decode = best["one"] - best["encode"]
        allowed = VIEWS * best["encode"] + 1.15 * decode
        name = f"20 {model.spec.title}: {VIEWS} views / ({VIEWS} encoders + 1.15 decode)"
        note = f"encoder {best['encode']:.3f}, decode {decode:.3f}"
        yield at_most(name, best["all"], allowed, 1.0, kind="time", unit="s", note=note)
