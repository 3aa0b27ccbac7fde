"""The matte's network in memory, and the masks that it found last."""

import hashlib
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.matte_weights import COMMAND, SHA256, has_matte_weights, matte_weights_path
from ..ticket import Ticket
from .onnx_file import read_initializers
from .salient import SalientMask, salient_mask
from .u2netp import U2NetP

KEPT = 8  # masks, so that a job need not find what the panel has shown


class MatteNetwork:
    """Loads U2-Netp when it is first needed; keeps it and the last masks."""

    def __init__(self) -> None:
        self._network: tuple[Path, float, U2NetP] | None = None
        self._masks: OrderedDict[bytes, SalientMask] = OrderedDict()

    @property
    def available(self) -> bool:
        """Whether its weights are installed."""
        return has_matte_weights()

    def mask(self, image: Tensor, ticket: Ticket | None = None) -> SalientMask:
        """Return the mask of the object that stands out in an image, (H, W, 4).

        Raises
        ------
        RequestError
            If the weights are missing or damaged.
        """
        network = self._loaded()
        key = hashlib.sha1(image[..., :3].numpy().tobytes()).digest()
        if key not in self._masks:
            self._masks[key] = salient_mask(network, image, ticket)
        self._masks.move_to_end(key)
        while len(self._masks) > KEPT:
            self._masks.popitem(last=False)
        return self._masks[key]

    def forget(self) -> None:
        """Release the network and the masks."""
        self._network = None
        self._masks.clear()

    def _loaded(self) -> U2NetP:
        path = matte_weights_path()
        if not path.is_file():
            raise RequestError(f"The weights of U2-Netp are missing: {path}.", f"Run `{COMMAND}`.")
        changed = path.stat().st_mtime
        if self._network is None or self._network[:2] != (path, changed):
            self._masks.clear()
            self._network = (path, changed, load(path))
        return self._network[2]


def load(path: Path, sha256: str = SHA256) -> U2NetP:
    """Return the network with the weights of an ONNX file of the expected hash.

    Raises
    ------
    RequestError
        If the file can't be read, or is another one.
    """
    try:
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RequestError(
            f"{path} can't be read: {error.strerror}.", f"Run `{COMMAND}`."
        ) from error
    if actual != sha256:
        raise RequestError(
            f"{path} is not the expected file: its SHA-256 is {actual}.",
            f"Delete it and run `{COMMAND}`.",
        )
    network = U2NetP().eval()
    network.fill(read_initializers(path))
    for parameter in network.parameters():  # convolutions take 20 % less time
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


matte_network = MatteNetwork()
