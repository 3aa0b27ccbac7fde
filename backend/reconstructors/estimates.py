"""Methods that estimate what a view lacks: its camera (DISN, UCLID-Net), its depth (UCLID-Net)."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..encoders.camera_estimates import cameras_of, no_camera_network
from ..encoders.depth import DepthNetwork, depth_loss
from ..encoders.depth_estimates import DepthRange, no_depth_network
from ..encoders.pose import CameraNetwork, PoseNetwork
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.framing import whole_cameras
from .base import Batch, Reconstructor


class EstimatesCameras(Reconstructor):
    """A method with a camera network that predicts [s R | t], camera_from_object.

    Attributes
    ----------
    camera : the network; None: these weights have none
    """

    camera: CameraNetwork | PoseNetwork | None

    @property
    @abstractmethod
    def object_from_volume(self) -> np.ndarray:
        """(4, 4), a similarity: the frame of the object that the camera network poses."""

    @abstractmethod
    def camera_input(self, images: Tensor) -> Tensor:
        """Return framed images, (N, 4, S, S), as the camera network sees them."""

    @torch.no_grad()
    def estimate_cameras(self, views: Sequence[View]) -> list[Camera]:
        """Return the camera of each image as it is, posed in the volume's frame.

        Estimated from the image that is cropped around the mask; cameras of the views are ignored.
        """
        images = self.prepare([replace(view, camera=None) for view in views]).images
        return whole_cameras(self.estimated_cameras(images), views, self.framing)

    def estimated_cameras(self, images: Tensor) -> list[Camera]:
        """Return the cameras of framed images, (N, 4, S, S), posed in the volume's frame."""
        if self.camera is None:
            raise no_camera_network(self.spec.title)
        matrices = self.camera(self.camera_input(images))
        return cameras_of(matrices, self.object_from_volume, self.framing)


class EstimatesDepths(Reconstructor):
    """A method with a depth network, which predicts relative depth.

    Attributes
    ----------
    depth : the network; None: these weights have none
    depth_range : what its predictions mean
    """

    depth: DepthNetwork | None
    depth_range: DepthRange

    def network_images(self, images: Tensor) -> Tensor:
        """Return framed images, (N, 4, S, S), on the training background: (N, 3, S, S)."""
        return network_input(images, self.framing.background)

    @torch.no_grad()
    def estimate_depths(self, views: Sequence[View]) -> list[Tensor]:
        """Return the depth map of each framed image, volume units, infinite at the background."""
        framed = self.prepare(views)
        images = self.network_images(framed.images)
        return self.depth_maps(images, framed.cameras, [None] * len(views))

    def depth_maps(
        self,
        images: Tensor,
        cameras: Sequence[Camera | None],
        given: Sequence[Tensor | None],
    ) -> list[Tensor]:
        """Return the given depth maps, those that are None estimated.

        Parameters
        ----------
        images : (V, 3, S, S)
        cameras : in the method's frame; None: at a training distance
        given : (S, S) each, volume units, infinite at the background
        """
        maps = []
        for image, camera, depth in zip(images, cameras, given, strict=True):
            if depth is None:
                distance = self.framing.near
                if camera is not None:
                    distance = -float(camera.center @ camera.forward) / self.scale
                depth = self.estimated_depths(image[None], torch.tensor([distance]).to(image))[0]
            maps.append(depth.to(self.device))
        return maps

    def estimated_depths(self, images: Tensor, distance: Tensor) -> Tensor:
        """Return depth maps, (N, h, h) volume units; `distance` as `DepthRange.depths` takes it."""
        if self.depth is None:
            raise no_depth_network(self.spec.title)
        return self.depth_range.depths(self.depth(images), distance)

    def depth_loss(
        self, batch: Batch, *, gradients: bool = True, normals: bool = True
    ) -> dict[str, Tensor]:
        """Return the depth network's loss; its last two terms come in late in training."""
        if self.depth is None or batch.depth is None:
            raise RequestError(
                "The data set has no depth to learn from, or the method has no depth network.",
                "Train weights with a depth network, on a data set with depth maps.",
            )
        images = self.network_images(batch.images.flatten(0, 1))
        depth = batch.depth.flatten(0, 1)
        distance = depth.new_full((len(depth),), self.framing.near)
        if batch.camera_from_volume is not None:
            distance = batch.camera_from_volume[..., 2, 3].flatten()
        true = self.depth_range.relative(depth, distance)[:, ::2, ::2]
        return {"loss": depth_loss(self.depth(images), true, gradients=gradients, normals=normals)}
