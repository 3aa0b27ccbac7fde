"""Start an image encoder from ImageNet weights, as the papers do: a torchvision state dict."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..contract.errors import RequestError
from ..reconstructors import Reconstructor, read_checkpoint

# torchvision's fully connected layers of VGG-16, which are convolutions here.
VGG_LAYERS = {"classifier.0.": "fc6.", "classifier.3.": "fc7."}


def start_from_imagenet(model: Reconstructor, path: str | Path) -> int:
    """Copy the weights of a torchvision ResNet-18 or VGG-16 into a network's image encoder.

    The last linear layer, whose thousand outputs are ImageNet's classes, stays as it is.

    Returns
    -------
    How many tensors were taken.

    Raises
    ------
    RequestError
        If the method has no image encoder, or no tensor of the file fits it, or one fits by name
        and not by size.
    """
    if not model.image_encoder:
        raise RequestError(
            f"{model.spec.title} has no image encoder that starts from ImageNet.",
            "Leave --imagenet out.",
        )
    content = read_checkpoint(path)
    lent = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    own = model.get_submodule(model.image_encoder).state_dict()
    taken = _fitting(lent, own)
    if not taken:
        raise RequestError(
            f"No tensor of {Path(path).name} fits the image encoder of {model.spec.title}.",
            "Give torchvision's state dict of the same network and width, with --preset paper.",
        )
    prefix = model.image_encoder
    state = model.state_dict() | {f"{prefix}.{name}": value for name, value in taken.items()}
    model.fill(state, source=Path(path).name)
    return len(taken)


def _fitting(lent: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names and sizes fit, but those of the last layer."""
    taken = {}
    for name, value in lent.items():
        ours = name
        for theirs, layer in VGG_LAYERS.items():
            ours = ours.replace(theirs, layer)
        wanted = own.get(ours)
        if wanted is None or ours.startswith(("fc.", "fc8.", "classifier.")):
            continue
        if value.numel() == wanted.numel():
            taken[ours] = value.reshape(wanted.shape).to(wanted.dtype)
    convolutions = [name for name in taken if taken[name].ndim == 4]
    return taken if convolutions else {}
