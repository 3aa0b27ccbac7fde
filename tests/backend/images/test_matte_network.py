"""The matte's network in memory: known by its hash, kept, and asked once for an image."""

import hashlib

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.images import matte_network as module
from levelform.backend.images.matte_network import MatteNetwork, load
from levelform.backend.images.salient import SalientMask


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "u2netp.onnx"
    path.write_bytes(b"something else")
    with pytest.raises(RequestError, match="is not the expected file: its SHA-256 is"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(RequestError, match="0 tensors, not 238"):  # the hash fits alone
        load(path, hashlib.sha256(b"").hexdigest())


def test_the_same_image_is_asked_once(monkeypatch):
    asked = []

    def found(_network, image, _ticket):
        asked.append(image)
        return SalientMask(image[..., 0])

    monkeypatch.setattr(module, "salient_mask", found)
    monkeypatch.setattr(MatteNetwork, "_loaded", lambda _self: None)
    network = MatteNetwork()
    images = [torch.full((4, 4, 4), value / 20) for value in range(10)]
    for image in [*images, images[9], images[5]]:
        assert (network.mask(image).mask == image[..., 0]).all()
    assert len(asked) == 10
    network.mask(images[0])  # dropped: only the last few are kept
    assert len(asked) == 11
    network.forget()
    network.mask(images[0])
    assert len(asked) == 12
