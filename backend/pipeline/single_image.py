"""One image without a camera: its camera by silhouette, and the field adjusted to its mask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..contract import protocol
from ..contract.errors import RequestError
from ..extraction import extract
from ..fields import Field
from ..fields.matched import matched
from ..geometry.cameras import Camera
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..reconstructors import MethodSpec, Reconstructor
from ..reconstructors.levelform import Levelform
from ..silhouettes.camera_fit import FittedCamera, Prior, SilhouetteFit
from ..ticket import Ticket
from .networks import Networks

COARSE = 32  # resolution of the mesh for fitting the camera
TRUSTED = 0.85  # minimum IoU of both silhouettes for a method's field to be adjusted by default
POOR = 0.7  # IoU below which another method may suit the image better
VOTES_BONUS, VOTES_WIDTH = (
    0.15,
    15.0,
)  # IoU bonus if all votes are at one azimuth; kernel width, degrees


@dataclass(frozen=True)
class Sighted:
    """A field and the estimated camera of its image.

    field : adjusted to the mask, or as it was
    camera : of the whole image, in the volume's frame
    iou : of the mask and the field's silhouette before the adjustment
    adjusted : whether the field was adjusted
    """

    field: Field
    camera: Camera
    iou: float
    adjusted: bool

    @property
    def remark(self) -> str:
        """What to say to the person."""
        words = f"The camera was fitted to the mask, which the result covers to {self.iou:.0%}"
        words += "; then the result was adjusted to the mask." if self.adjusted else "."
        if self.iou >= POOR:
            return words
        return f"The result is doubtful. {words} Check the mask, or try another method."


def sighted(
    model: Reconstructor,
    field: Field,
    view: View,
    *,
    finder: Levelform | None,
    match: bool | None,
    level: float = 0.0,
    fitted: FittedCamera | None = None,
    ticket: Ticket | None = None,
) -> Sighted | None:
    """Return the field's camera for an image without one; None where it has no surface.

    Parameters
    ----------
    finder
        The network that votes on directions; None: only the silhouette decides.
    match
        Adjust the field to the mask; None: see `adjusts`.
    level
        The level of the field's surface.
    fitted
        The field's camera, if known.
    """
    if fitted is None:
        fitted = fitted_camera(model, field, view, finder=finder, level=level, ticket=ticket)
    if fitted is None:
        return None
    adjust = adjusts(model.spec, fitted.iou) if match is None else match
    if adjust:
        field = matched(field, view.image[..., 3], fitted.camera, ticket)
    return Sighted(field, fitted.camera, fitted.iou, adjust)


def adjusts(spec: MethodSpec, iou: float) -> bool:
    """Return whether a method's field is adjusted to the mask by default.

    An ensemble's always: thin parts are lost in the mean of its members, and the adjustment gives
    them back. Others', where the silhouettes agree to `TRUSTED`, which costs no IoU with the truth.
    """
    return bool(spec.members) or iou >= TRUSTED


def sighted_single(
    request: protocol.Reconstruct,
    model: Reconstructor,
    field: Field,
    views: Sequence[View],
    networks: Networks,
    ticket: Ticket,
    fitted: FittedCamera | None = None,
) -> Sighted | None:
    """Return `sighted` for a job with one image without a camera; None for other jobs.

    Parameters
    ----------
    fitted
        The field's camera, if the method was chosen by the image. Then the result is adjusted to
        the mask, unless the request says no: nothing but the image was given.
    """
    if len(views) != 1 or views[0].camera is not None:
        return None
    match = request.options.get("match")
    if match is None and fitted is not None:  # the method was chosen by the image
        match = True
    return sighted(
        model,
        field,
        views[0],
        finder=networks.camera_finder(request.device),
        match=match,
        level=field.level(request.level),
        fitted=fitted,
        ticket=ticket,
    )


def fitted_camera(
    model: Reconstructor,
    field: Field,
    view: View,
    *,
    finder: Levelform | None,
    level: float = 0.0,
    ticket: Ticket | None = None,
) -> FittedCamera | None:
    """Return the camera that makes a field cover a mask; None where it has no surface."""
    mesh = coarse_mesh(field, level)
    if mesh is None:
        return None
    prior = None if finder is None else votes_of(finder, view)
    return camera_of_mesh(model, mesh, view, finder=finder, prior=prior, ticket=ticket)


def coarse_mesh(field: Field, level: float = 0.0) -> Mesh | None:
    """Return the mesh for fitting a camera; None if a field has no surface."""
    try:
        mesh = extract(field, COARSE, color=False, level=level)
    except RequestError:
        return None
    return mesh if len(mesh.faces) else None


def camera_of_mesh(
    model: Reconstructor,
    mesh: Mesh,
    view: View,
    *,
    finder: Levelform | None,
    prior: Prior | None,
    ticket: Ticket | None = None,
) -> FittedCamera:
    """Return the camera that makes a method's mesh cover a mask.

    A method's own estimate is only refined, because the field was decoded for it; for other methods
    all directions are tried, and votes break ties.
    """
    own = model.spec.estimates_camera
    estimator = model if own else finder
    return SilhouetteFit(view.image[..., 3].cpu()).fit(
        torch.from_numpy(np.asarray(mesh.vertices, np.float32)),
        torch.from_numpy(np.asarray(mesh.faces, np.int64)),
        starts=[] if estimator is None else estimator.estimate_cameras([view]),
        search=not own,
        prior=None if own else prior,
        ticket=ticket,
    )


def votes_of(finder: Levelform, view: View) -> Prior:
    """Return the bonus of an azimuth, in degrees, from a network's votes on the direction."""
    weights, azimuths = finder.azimuths([view])
    degrees = np.degrees(azimuths[0])

    def bonus(azimuth: float) -> float:
        apart = (degrees - azimuth + 180) % 360 - 180
        return VOTES_BONUS * float((weights[0] * np.exp(-((apart / VOTES_WIDTH) ** 2))).sum())

    return bonus
