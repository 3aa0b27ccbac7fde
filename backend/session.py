"""The pipeline from posed images to meshes, shared by the worker and the terminal.

A `Session` keeps networks and fields in memory between jobs, so that a second reconstruction loads
nothing and a mesh at another resolution or level runs no network.
"""

import gc
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from .contract import protocol
from .contract.default_method import AUTO
from .geometry.meshes import Mesh
from .images.matte_network import matte_network
from .memory import resident_memory, return_freed_memory
from .pipeline.blending import blend_job, morph_job, save_code_job, show_job
from .pipeline.camera_sources import drawings_event, photographs_event
from .pipeline.comparing import evaluate_job
from .pipeline.finding import around_event
from .pipeline.kept import KeptResults
from .pipeline.looking import checked_events, masks_event, volume_event
from .pipeline.networks import Networks, methods_here
from .pipeline.painting import paint_job, textured
from .pipeline.reading import method_options
from .pipeline.reconstructing import Event, reconstruct_job, remesh_job
from .pipeline.refining import refined_event
from .pipeline.saving import opened
from .ticket import Ticket

KEPT_BYTES = 2 << 30  # cap of fields and their samples; the oldest are dropped first


class Session:
    """Keeps networks and fields in memory between jobs.

    Parameters
    ----------
    kept_bytes
        Memory limit of all kept fields; the oldest are dropped first, the newest never.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept = KeptResults(kept_bytes)
        self._networks = Networks()

    # ---------------------------------------------------------------- jobs

    def reconstruct(self, request: protocol.Reconstruct, ticket: Ticket) -> Iterator[Event]:
        """Reconstruct a field from the views and mesh it, coarse to fine.

        Yields
        ------
        ViewMasks (see `reading.detected_masks`), ViewsChecked, first looks (see `drafting`, and
        `choosing` where methods are compared),
        Placed, MeshUpdate, coarse to fine, and exactly one Finished at the end.

        Raises
        ------
        RequestError
            If the views, the volume, the method or an option can't be used.
        WorkError
            If the result has no surface.
        Cancelled
            If the ticket was cancelled.
        """
        return reconstruct_job(self._networks, self._kept, request, ticket)

    def remesh(self, request: protocol.Remesh, ticket: Ticket) -> Iterator[Event]:
        """Mesh a kept field again; yields as `reconstruct` does.

        Raises
        ------
        RequestError
            If no field is kept under that name.
        """
        return remesh_job(self._networks, self._kept, request, ticket)

    def paint(
        self, request: protocol.Paint, ticket: Ticket
    ) -> Iterator[protocol.Painted | protocol.Finished]:
        """Colour a mesh of a kept result, and bake a texture for its UVs.

        Raises
        ------
        RequestError
            If nothing is kept under that name, or the UVs cover nothing.
        WorkError
            If no image says the colours of the mesh.
        """
        return paint_job(self._kept, request, ticket)

    def blend(self, request: protocol.Blend, ticket: Ticket) -> Iterator[Event]:
        """Mesh the result between several; yields as `remesh` does."""
        return blend_job(self._networks, self._kept, request, ticket)

    def show(
        self, request: protocol.Show, ticket: Ticket
    ) -> Iterator[protocol.Exhibit | protocol.Finished]:
        """Yield a method's exhibits of a kept result."""
        return show_job(self._networks, self._kept, request, ticket)

    def morph(
        self, request: protocol.Morph, ticket: Ticket
    ) -> Iterator[protocol.Exhibit | protocol.Finished]:
        """Yield the steps between two results."""
        return morph_job(self._networks, self._kept, request, ticket)

    def save_code(self, request: protocol.SaveCode, ticket: Ticket) -> Iterator[protocol.Finished]:
        """Write the code of a kept result to a file."""
        return save_code_job(self._kept, request, ticket)

    def open_code(self, path: str, keep: str) -> Mapping[str, Any]:
        """Keep the result that a file of `save_code` holds; return how it was made.

        Raises
        ------
        RequestError
            If the file can't be read, or can't be continued.
        """
        self._kept.keep(keep, kept := opened(path, self._networks))
        return kept.facts

    def textured(
        self, keep: str, mesh: Mesh, size: int, ticket: Ticket
    ) -> tuple[Mesh, np.ndarray, bytes]:
        """Return a mesh of a kept result, simplified if it is large, with UVs and a texture.

        Parameters
        ----------
        mesh : in the volume's frame

        Returns
        -------
        The mesh with normals and without colours, (F, 3, 2) UVs and the bytes of a PNG file.
        """
        return textured(self._kept[keep], mesh, size, ticket)

    def estimate_volume(
        self, request: protocol.EstimateVolume, ticket: Ticket
    ) -> Iterator[protocol.VolumeEstimate]:
        """Yield one VolumeEstimate: the object's place as all posed views see it, and its front."""
        yield volume_event(self._networks, request, ticket)

    def check_views(
        self, request: protocol.CheckViews, ticket: Ticket
    ) -> Iterator[protocol.ViewMasks | protocol.ViewsChecked]:
        """Yield detected masks, and one ViewsChecked: whether the views agree, with cures."""
        yield from checked_events(request, ticket)

    def refine_cameras(
        self, request: protocol.RefineCameras, ticket: Ticket
    ) -> Iterator[protocol.CameraEstimates]:
        """Yield one CameraEstimates: nearby cameras with better agreeing silhouettes."""
        yield refined_event(request, ticket)

    def find_cameras(
        self, request: protocol.FindCameras, ticket: Ticket
    ) -> Iterator[protocol.CameraEstimates]:
        """Yield one CameraEstimates: the cameras of images taken around an object."""
        yield around_event(request, ticket)

    def find_masks(
        self, request: protocol.FindMasks, ticket: Ticket
    ) -> Iterator[protocol.ViewMasks]:
        """Yield one ViewMasks: the masks that a reconstruction of these views would use."""
        yield masks_event(request, ticket)

    def place_drawings(
        self, request: protocol.PlaceDrawings, ticket: Ticket
    ) -> Iterator[protocol.Finished]:
        """Write a file of cameras for drawings, and yield one Finished."""
        yield drawings_event(request, ticket)

    def place_photographs(
        self, request: protocol.PlacePhotographs, ticket: Ticket
    ) -> Iterator[protocol.Finished]:
        """Write a file of cameras for photographs, and yield one Finished."""
        yield photographs_event(request, ticket)

    def evaluate(
        self, request: protocol.Evaluate, ticket: Ticket
    ) -> Iterator[protocol.Evaluation | protocol.Finished]:
        """Measure a mesh against a reference; yields each vertex's distance, then the numbers.

        Raises
        ------
        RequestError
            If a mesh has no surface, or the protocol does not exist.
        """
        return evaluate_job(request, ticket)

    def prepare(self, request: protocol.Reconstruct) -> None:
        """Load the network of a request, whose views may be missing, and check its options.

        Nothing is known yet of a method that the views will choose.

        Raises
        ------
        RequestError
            If the method, weights, device or an option does not exist.
        """
        if request.method == AUTO:
            return
        model = self._networks.load(request.method, request.weights, request.device)
        method_options(model, request, Ticket())

    # ---------------------------------------------------------------- memory

    def forget(self, keep: str) -> None:
        """Drop a kept field; unknown names are ignored."""
        self._kept.forget(keep)

    def keep_at_most(self, count: int) -> None:
        """Set the memory limit of kept fields in bytes; drops the oldest at once if needed."""
        self._kept.limit(count)

    def unload(self) -> None:
        """Drop all fields and networks and return their memory to the system."""
        self._kept.clear()
        self._networks.clear()
        matte_network.forget()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return_freed_memory()

    def status(self) -> protocol.Status:
        """Return the contents of memory."""
        return protocol.Status(
            resident_memory(), tuple(self._kept), self._networks.names(), self._kept.held()
        )

    def methods(self) -> protocol.Methods:
        """Return the methods that can run, with their weights."""
        return methods_here()
