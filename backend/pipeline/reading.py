"""Read a request: views in the volume's frame, options, remarks of its source."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract import protocol
from ..contract.errors import RequestError
from ..contract.image_files import LONGEST
from ..contract.outlines import outlined
from ..contract.request_checks import check_request
from ..data.meshes import Solid, mend
from ..geometry.cameras import Camera
from ..geometry.images import shrink
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..geometry.volume import Volume, check_in_front
from ..images import Notes, to_view
from ..placing.place import facing_of
from ..reconstructors import Reconstructor, keyword_names, methods
from ..silhouettes.orientation import upright_where_they_agree
from ..ticket import Ticket

ViewRequest = (
    protocol.Reconstruct
    | protocol.EstimateVolume
    | protocol.CheckViews
    | protocol.RefineCameras
    | protocol.FindCameras
    | protocol.FindMasks
)
OUTLINE_SIDE = 1024  # pixels along an image's longer side where only its outline is needed
MASK_SIDE = 2048  # pixels along the longer side of a transmitted mask
SHOWN_SIDE = 512  # the same of an image with its outline
THUMBNAIL_SIDE = 128  # the same of both in a list of several images
OWN_MASKS = ("alpha", "file")  # sources of masks with outlines that Blender knows
ALWAYS_GIVEN = ("seed", "ticket")  # to methods with parameters of these names


def check_one_object(request: protocol.Reconstruct) -> None:
    """Refuse several images without cameras, unless the request says that they show one object.

    Methods that need cameras refuse such images themselves.
    """
    views, known = request.views, methods().get(request.method)
    if request.fuse or len(views) < 2 or any(view.camera is not None for view in views):
        return
    if known is None or known.spec.needs_camera:
        return
    raise RequestError(
        f"There are {len(views)} images without cameras: they may show one object or several.",
        "Say --fuse (fuse=True in a script) if they show one, or make a mesh of each: batch.",
    )


def read_views(
    request: ViewRequest,
    ticket: Ticket,
    notes: Notes | None = None,
    *,
    longest: int = LONGEST,
) -> list[View]:
    """Return the request's views, posed in the world; `notes` collects remarks.

    Parameters
    ----------
    longest : pixels along the longer side of an image, at most
    """
    check_request(request)
    if not request.views:
        raise RequestError("The request has no views.", "Add a camera with an image of the object.")
    notes = Notes() if notes is None else notes
    views: list[View] = []
    tags: dict[int, int] = {}
    for index, data in enumerate(request.views):
        tagged = len(notes.tagged)
        views.append(to_view(data, request.background, notes, ticket, longest=longest))
        if len(notes.tagged) > tagged:
            tags[index] = notes.tags[-1]
        ticket.advance((index + 1) / len(request.views))
    turned = upright_where_they_agree(views, tags) if tags else None
    if turned is None:
        return views
    notes.followed, notes.tagged = notes.tagged, []
    return turned


def view_masks(
    views: Sequence[View],
    notes: Notes,
    *,
    mask_side: int = MASK_SIDE,
    shown_side: int = SHOWN_SIDE,
    without: Sequence[str] = (),
) -> tuple[protocol.ViewMask, ...]:
    """Return the views' masks for Blender, see `protocol.ViewMask`.

    Parameters
    ----------
    mask_side, shown_side : pixels along the longer side, at most
    without : leave out views with masks from these sources
    """
    doubts = dict(notes.doubts)
    masks = []
    for view, source in zip(views, notes.sources, strict=True):
        if source in without:
            continue
        mask = _bytes(shrink(view, mask_side).image[..., 3])
        shown = _bytes(shrink(View(opaque_of(view), None, view.name), shown_side).image)
        alpha = _bytes(shrink(view, shown_side).image[..., 3])
        outline = outlined(shown, alpha)
        doubt = doubts.get(view.name, "")
        masks.append(protocol.ViewMask(view.name, mask, outline, source, doubt))
    return tuple(masks)


def detected_masks(job: str, views: Sequence[View], notes: Notes) -> Iterator[protocol.ViewMasks]:
    """Yield the masks of one image, to be corrected; of several, thumbnails of detected ones."""
    if len(views) == 1 and views[0].camera is None:
        yield protocol.ViewMasks(job, view_masks(views, notes), notes.remarks())
        return
    side = THUMBNAIL_SIDE
    masks = view_masks(views, notes, mask_side=side, shown_side=side, without=OWN_MASKS)
    if masks:
        yield protocol.ViewMasks(job, masks)


def opaque_of(view: View) -> Tensor:
    """Return a view's image without its mask, (H, W, 4)."""
    return torch.cat([view.image[..., :3], torch.ones_like(view.image[..., 3:])], 2)


def _bytes(values: Tensor) -> np.ndarray:
    return (values.clamp(0, 1) * 255).round().byte().cpu().numpy()


def with_source(
    stats: dict[str, Any],
    request: protocol.Reconstruct,
    placement: protocol.Placement,
    notes: Notes,
) -> dict[str, Any]:
    """Return a job's `--json` facts, with the object's place and the remarks of its source."""
    return {
        **stats,
        **_told(placement),
        "world_offset": list(request.world_offset),
        "remarks": [
            *request.remarks,
            *_far_remarks(request.world_offset),
            *notes.remarks(),
            *placement.remarks,
            *stats["remarks"],
        ],
    }


def _far_remarks(offset: Sequence[float]) -> tuple[str, ...]:
    """Return a remark if the mesh was made about a local origin."""
    if not any(offset):
        return ()
    place = ", ".join(f"{value:.10g}" for value in offset)
    return (
        "The cameras stand far from the world's origin; the mesh was made about the local origin "
        f"({place}).",
    )


def _told(placement: protocol.Placement) -> dict[str, Any]:
    """Return the `--json` facts about the placement."""
    told: dict[str, Any] = {
        "world_from_volume": placement.world_from_volume.tolist(),
        "volume_from": placement.volume_from,
    }
    if placement.box is not None:
        told["box"] = placement.box.tolist()
    if placement.front_from:
        told |= {
            "front": round(facing_of(placement.world_from_volume), 2),
            "front_from": placement.front_from,
            "front_certainty": round(placement.front_certainty, 3),
        }
    return told


def in_volume(views: Sequence[View], volume: Volume) -> list[View]:
    """Return the views with their cameras posed in the volume's cube instead of the world."""
    result = []
    for view in views:
        if view.camera is not None:
            view = view.in_frame(volume.world_from_cube)
            assert view.camera is not None
            check_in_front(view.camera, volume.box, view.name)
        result.append(view)
    return result


def estimated_cameras(model: Reconstructor, views: Sequence[View]) -> dict[int, Camera]:
    """Return the method's estimated cameras of unposed views, in the volume's frame."""
    unposed = [index for index, view in enumerate(views) if view.camera is None]
    if not (unposed and model.spec.estimates_camera):
        return {}
    cameras = model.estimate_cameras([views[index] for index in unposed])
    return dict(zip(unposed, cameras, strict=True))


def in_world(cameras: Mapping[int, Camera], volume: Volume) -> list[dict[str, Any]]:
    """Convert cameras in the volume's frame to frames of a `transforms.json` in the world.

    Each also has "view", the view's number.
    """
    world = np.linalg.inv(volume.world_from_cube)
    return [
        {"view": index, **camera.in_frame(world).to_transforms()}
        for index, camera in cameras.items()
    ]


def method_options(
    model: Reconstructor, request: protocol.Reconstruct, ticket: Ticket
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keywords that `encode` and `decode` each declare: options, seed and ticket."""
    own = {option.name for option in model.spec.options}
    given = {name: value for name, value in request.options.items() if name in own}
    keywords = {**given, **dict(zip(ALWAYS_GIVEN, (request.seed, ticket), strict=True))}
    encode, decode = keyword_names(model.encode), keyword_names(model.decode)
    return (
        {name: value for name, value in keywords.items() if name in encode},
        {name: value for name, value in keywords.items() if name in decode},
    )


def as_solid(mesh: protocol.MeshData, name: str) -> Solid:
    """Return a mesh from Blender as a solid, repaired if it is not watertight."""
    mesh_alone = Mesh(mesh.vertices, mesh.faces, None)
    solid = Solid(mesh_alone, name)
    return solid if solid.closed and solid.volume() > 0 else Solid(mend(mesh_alone)[0], name)
