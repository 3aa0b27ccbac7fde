"""DISN: the TensorFlow checkpoints `SDF_DISN` and, as a second file, `cam_DISN`."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ...encoders.vgg import GROUPS
from ...geometry.frames import OBJECT_SIDE, shapenet_frame
from .files import require
from .network import PublishedNetwork
from .tensorflow import kernel, matrix

STREAM_SCOPES = {"global_stream": "sdfprediction", "local_stream": "sdfprediction_imgfeat"}
# The authors normalise by centroid and farthest point, which is at 1; a typical object's farthest
# point is two thirds of its longest side away.
FRAME = shapenet_frame(OBJECT_SIDE / 1.2)


def published_network(checkpoints: Sequence[Mapping[str, Any]]) -> PublishedNetwork:
    """Return the SDF network and, where its file is given, the camera network."""
    variables = dict(checkpoints[0])
    require(variables, ["vgg_16/fc8/weights", "sdfprediction/fold1/conv1/weights"], what="DISN")
    state = {f"sdf.vgg.{k}": v for k, v in _vgg_state(variables).items()}
    for stream, scope in STREAM_SCOPES.items():
        state |= {f"sdf.{stream}.{k}": v for k, v in _stream_state(variables, scope).items()}
    if len(checkpoints) > 1:
        state |= _camera_state(dict(checkpoints[1]))
    changes = {**_sizes(variables), "legacy": True, "camera": len(checkpoints) > 1}
    return PublishedNetwork(state, changes=changes, frame=FRAME)


def _sizes(variables: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the configuration's sizes, from the shapes of variables."""
    fc6, fc8 = variables["vgg_16/fc6/weights"], variables["vgg_16/fc8/weights"]
    fold1 = [variables[f"sdfprediction/fold1/conv{i}/weights"].shape[-1] for i in (1, 2, 3)]
    fold2 = [variables[f"sdfprediction/fold2/conv{i}/weights"].shape[-1] for i in (1, 2)]
    return {
        "picture": 32 * fc6.shape[0],
        "width": variables["vgg_16/conv1/conv1_1/weights"].shape[-1],
        "hidden": fc6.shape[-1],
        "features": fc8.shape[-1],
        "point_widths": tuple(fold1),
        "decoder_widths": tuple(fold2),
    }


def _vgg_state(variables: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of `VGG16`, whose layers are numbered as torchvision's, from TF-slim's."""
    state, index = {}, 0
    for group, count in enumerate(GROUPS, start=1):
        for layer in range(1, count + 1):
            scope = f"vgg_16/conv{group}/conv{group}_{layer}"
            state[f"features.{index}.weight"] = kernel(variables[f"{scope}/weights"])
            state[f"features.{index}.bias"] = variables[f"{scope}/biases"]
            index += 2  # a convolution and its ReLU
        index += 1  # the pooling after a group
    for name in ("fc6", "fc7", "fc8"):
        state[f"{name}.weight"] = kernel(variables[f"vgg_16/{name}/weights"])
        state[f"{name}.bias"] = variables[f"vgg_16/{name}/biases"]
    return state


def _stream_state(variables: Mapping[str, Tensor], scope: str) -> dict[str, Tensor]:
    """Return the state of a `Stream` from its 1 x 1 convolutions."""
    names = {f"points.{2 * i}": f"fold1/conv{i + 1}" for i in range(3)}
    names |= {f"decoder.{2 * i}": f"fold2/{c}" for i, c in enumerate(("conv1", "conv2", "conv5"))}
    state = {}
    for ours, theirs in names.items():
        state[f"{ours}.weight"] = kernel(variables[f"{scope}/{theirs}/weights"])[..., 0, 0]
        state[f"{ours}.bias"] = variables[f"{scope}/{theirs}/biases"]
    return state


def _camera_state(variables: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of the camera network: its own VGG-16 and three heads."""
    require(variables, ["cameraprediction/scale/fc1/weights"], what="DISN's camera network")
    state = {f"camera.encoder.{k}": v for k, v in _vgg_state(variables).items()}
    for head in ("scale", "ortho6d", "translation"):
        for index in range(3):
            scope = f"cameraprediction/{head}/fc{index + 1}"
            state[f"camera.{head}.{2 * index}.weight"] = matrix(variables[f"{scope}/weights"])
            state[f"camera.{head}.{2 * index}.bias"] = variables[f"{scope}/biases"]
    return state
