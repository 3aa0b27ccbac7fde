"""The pipeline from posed images to meshes, shared by the worker and the terminal.

A `Session` keeps networks and fields in memory between jobs, so that a second reconstruction loads
nothing and a mesh at another resolution or level runs no network.
"""

import gc
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from .appearance.coloring import rgba
from .appearance.texturing import paint, png
from .appearance.unwrapping import unwrap
from .contract import protocol
from .contract.default_method import AUTO, method_for, reason
from .contract.errors import RequestError
from .contract.levels import LEVEL_UNITS
from .contract.options import PIPELINE, read_options
from .contract.settings import Settings, check_resolution
from .extraction import Cleanup, FieldSamples, clean
from .fields.hull import HullField
from .fields.intersection import Intersection
from .geometry.meshes import Mesh
from .geometry.views import View
from .geometry.volume import Volume
from .images import Notes
from .images.matte_network import matte_network
from .memory import resident_memory, return_freed_memory
from .metrics import PROTOCOLS, evaluate
from .pipeline.blending import blend_job, morph_job, save_code_job, show_job
from .pipeline.camera_sources import drawings_event, photographs_event
from .pipeline.choosing import choose, chooses
from .pipeline.coloring import painter_of
from .pipeline.drafting import first_look
from .pipeline.finding import found_event
from .pipeline.kept import Encoded, Improvable, Kept, KeptResults
from .pipeline.meshing import fit_to_views, mesh_kept, numbered, shown_on_the_way, to_draw
from .pipeline.mixed import without_unposed
from .pipeline.networks import Networks, method_info
from .pipeline.reading import (
    as_solid,
    check_one_object,
    estimated_cameras,
    found_masks,
    in_volume,
    in_world,
    method_options,
    read_views,
    with_source,
)
from .pipeline.refining import refined, refined_event
from .pipeline.saving import opened
from .pipeline.single_image import sighted_single
from .pipeline.stages import CHECK, REFINE, stages_again, stages_of
from .placing.place import place
from .reconstructors import (
    find_method,
    keyword_names,
    methods,
    problems,
)
from .reconstructors.corrections import corrected_views
from .reconstructors.finishing import finished
from .silhouettes import Review, apply_cures
from .ticket import Ticket

KEPT_BYTES = 2 << 30  # cap of fields and their samples; the oldest are dropped first
TEXTURED_FACES = 40_000  # limit of a mesh that is unwrapped

FRONT_UNUSED = (
    "The front was given beside a volume, so it was not used: the object faces the volume's -Y."
)

Event = (
    protocol.MasksFound
    | protocol.ViewsChecked
    | protocol.Placed
    | protocol.MeshUpdate
    | protocol.Finished
)


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
        MasksFound (of one image without a camera), ViewsChecked, a first look (see `drafting`),
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
        started = time.perf_counter()
        why, choosing = reason(request.method, request.views), chooses(request)
        request = self._checked(request)
        ticket.plan(stages_of(request))
        check_one_object(request)
        with ticket.stage("Prepare images"):
            notes = Notes()
            read = read_views(request, ticket, notes)
            if len(read) == 1 and read[0].camera is None:
                yield protocol.MasksFound(request.job, found_masks(read, notes), notes.remarks())
            cured = apply_cures(read, request.cures)
            cured, unused = without_unposed(cured, request.method, chosen=bool(why))
            why += unused
            if choosing:
                choice = choose(read[0], self._networks, request.device, ticket)
                if choice is not None:
                    request, why = replace(request, method=choice.name), (choice.why,)
        refinement: dict[str, Any] = {}
        if request.options.get("refine"):
            with ticket.stage(REFINE):
                cured, refinement["refined"] = refined(cured, ticket)
        review = Review(cured)
        yield review.event(request.job)
        yield from first_look(request, cured.kept, self._networks, ticket)
        with review.explaining():
            placement = self._placement(request, cured.kept, ticket)
            volume = Volume.from_matrix(placement.world_from_volume)
            views = in_volume(cured.kept, volume)
        yield protocol.Placed(request.job, placement)
        with ticket.stage("Reconstruct"):
            kept = yield from self._make(request, views, volume, ticket)
        with ticket.stage("Mesh"):
            shown: protocol.MeshUpdate | None = None
            for event in mesh_kept(request, kept, ticket, started):
                if isinstance(event, protocol.MeshUpdate):
                    shown = to_draw(shown, event)
                elif isinstance(event, protocol.Finished) and shown is not None:
                    with ticket.stage(CHECK):
                        seen = corrected_views(views, kept.improvable and kept.improvable.code)
                        fits = fit_to_views(review, seen, shown, kept, placement, ticket)
                    stats = {**event.stats, **fits, "cured": [*request.cures], **refinement}
                    stats["remarks"] = [*why, *fits["remarks"], *event.stats["remarks"]]
                    stats = with_source(stats, request, placement, notes)
                    stats.update(numbered(stats, cured))
                    event = replace(event, stats=stats)
                if request.keep and isinstance(event, protocol.Finished):
                    self._kept.keep(
                        request.keep, kept
                    )  # a job that fails leaves an older one in place
                yield event

    def remesh(self, request: protocol.Remesh, ticket: Ticket) -> Iterator[Event]:
        """Mesh a kept field again; yields as `reconstruct` does.

        Raises
        ------
        RequestError
            If no field is kept under that name.
        """
        started = time.perf_counter()
        kept = self._kept[request.keep]
        spec = methods()[kept.facts["method"]].spec
        options = read_options(request.options, (*spec.options, *PIPELINE), owner=spec.title)
        request = replace(request, options=options, resolution=check_resolution(request.resolution))
        self._kept.keep(request.keep, kept)  # most recently used, so dropped last
        ticket.plan(stages_again(request))
        if request.improve:
            with ticket.stage("Reconstruct"):
                kept = yield from self._improved(request, kept, ticket)
            self._kept.keep(request.keep, kept)
        with ticket.stage("Mesh"):
            yield from mesh_kept(request, kept, ticket, started)

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
        started = time.perf_counter()
        kept = self._kept[request.keep]
        given = request.mesh
        mesh = Mesh((given.vertices / kept.volume.scale).astype(np.float32), given.faces)
        ticket.plan({"Color" if request.uvs is None else "Bake texture": 1.0})
        with ticket.stage("Color" if request.uvs is None else "Bake texture"):
            painted = paint(
                kept.painter, mesh, kept.field, uvs=request.uvs, size=request.size, ticket=ticket
            )
        colors, texture = painted.colors, painted.texture
        image = None if texture is None else np.frombuffer(png(texture), np.uint8)
        yield protocol.Painted(request.job, rgba(colors), colors.seen.numpy(), image)
        stats: dict[str, Any] = {"seconds": round(time.perf_counter() - started, 3)}
        if texture is not None:
            stats |= {"texture": request.size, "texture_seen": round(texture.seen, 3)}
        yield protocol.Finished(request.job, stats)

    def blend(self, request: protocol.Blend, ticket: Ticket) -> Iterator[Event]:
        """Mesh the result between several; yields as `remesh` does."""
        return blend_job(self._networks, self._kept, request, ticket)

    def show(
        self, request: protocol.Show, ticket: Ticket
    ) -> Iterator[protocol.Exhibit | protocol.Finished]:
        """Yield what a method has to show of a kept result."""
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
            If the file can't be read, or nothing goes on from it.
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
        kept = self._kept[keep]
        ticket.plan({"Unwrap": 1.0, "Bake texture": 1.0})
        with ticket.stage("Unwrap"):
            mesh, _ = clean(mesh, Cleanup(max_faces=TEXTURED_FACES))
            uvs = unwrap(mesh, size, ticket)
        with ticket.stage("Bake texture"):
            painted = paint(kept.painter, mesh, kept.field, uvs=uvs, size=size, ticket=ticket)
        assert painted.texture is not None  # it was asked for
        return replace(mesh, colors=None, seen=None), uvs, png(painted.texture)

    def estimate_volume(
        self, request: protocol.EstimateVolume, ticket: Ticket
    ) -> Iterator[protocol.VolumeEstimate]:
        """Yield one VolumeEstimate: the object's place as all posed views see it, and its front."""
        ticket.plan({"Prepare images": 1.0})
        with ticket.stage("Prepare images"):
            views = apply_cures(read_views(request, ticket), request.cures).kept
            network = self._networks.camera_finder("auto") if request.front is None else None
            placement = place(views, network=network, front=request.front, ticket=ticket)
        yield protocol.VolumeEstimate(request.job, placement)

    def check_views(
        self, request: protocol.CheckViews, ticket: Ticket
    ) -> Iterator[protocol.ViewsChecked]:
        """Yield one ViewsChecked: whether the views agree, and what would make them agree."""
        ticket.plan({"Prepare images": 1.0})
        with ticket.stage("Prepare images"):
            notes = Notes()
            cured = apply_cures(read_views(request, ticket, notes), request.cures)
            event = Review(cured).event(request.job)
        yield replace(event, notes=notes.remarks())

    def refine_cameras(
        self, request: protocol.RefineCameras, ticket: Ticket
    ) -> Iterator[protocol.CamerasFound]:
        """Yield one CamerasFound: cameras near the given ones whose silhouettes agree better."""
        yield refined_event(request, ticket)

    def find_cameras(
        self, request: protocol.FindCameras, ticket: Ticket
    ) -> Iterator[protocol.CamerasFound]:
        """Yield one CamerasFound: the cameras of images taken around an object."""
        yield found_event(request, ticket)

    def find_masks(
        self, request: protocol.FindMasks, ticket: Ticket
    ) -> Iterator[protocol.MasksFound]:
        """Yield one MasksFound: the masks that a reconstruction of these views would use."""
        ticket.plan({"Prepare images": 1.0})
        with ticket.stage("Prepare images"):
            notes = Notes()
            views = read_views(request, ticket, notes)
        yield protocol.MasksFound(request.job, found_masks(views, notes), notes.remarks())

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
        started = time.perf_counter()
        ticket.plan({"Prepare meshes": 1.0, "Compare": 3.0, "Measure distances": 1.0})
        with ticket.stage("Prepare meshes"):
            reference = as_solid(request.reference, "The reference")
            ticket.check()
            prediction = as_solid(request.prediction, "The mesh to compare")
        with ticket.stage("Compare"):
            ticket.check()
            measured = evaluate(prediction, reference, request.protocol, seed=request.seed)
        with ticket.stage("Measure distances"):
            ticket.check()
            points = request.prediction.vertices.astype(np.float64)
            distances = reference.signed_distance(points).astype(np.float32)
        yield protocol.Evaluation(request.job, distances)
        how = PROTOCOLS[request.protocol]
        stats = {
            "protocol": how.name,
            "definition": how.definition,
            "seed": request.seed,
            "metrics": measured.values,
            "seconds": round(time.perf_counter() - started, 3),
        }
        yield protocol.Finished(request.job, stats)

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
        infos = tuple(method_info(cls) for cls in methods().values())
        return protocol.Methods(infos, tuple(problems()))

    # ---------------------------------------------------------------- inside

    def _checked(self, request: protocol.Reconstruct) -> protocol.Reconstruct:
        """Return the request with its method chosen and its options read, before any work."""
        chosen = Settings(
            method=method_for(request.method, request.views),
            weights=request.weights,
            resolution=request.resolution,
            level=request.level,
            background=request.background,
            color=request.color,
            seed=request.seed,
            options=request.options,
        ).check(self.methods().methods)
        return replace(
            request,
            method=chosen.method,
            resolution=chosen.resolution,
            level=chosen.level,
            color=chosen.color,
            seed=chosen.seed,
            options=dict(chosen.options),
        )

    def _make(
        self,
        request: protocol.Reconstruct,
        views: Sequence[View],
        volume: Volume,
        ticket: Ticket,
    ) -> Generator[Event, None, Kept]:
        """Encode and decode; intersect with the hull if requested. Yields meshes on the way."""
        model = self._networks.load(request.method, request.weights, request.device)
        if request.level is not None:
            LEVEL_UNITS[model.level_unit].check(request.level, model.spec.title)
        ticket.check()
        to_encode, to_decode = method_options(model, request, ticket)
        codes = model.codes(views, **to_encode)
        code = yield from shown_on_the_way(codes, model, to_decode, request, volume, ticket)
        ticket.check()
        field = model.decode(code, **to_decode)
        field = finished(model, field, views, self._networks.hull_wanted(request, model, views))
        facts = {
            "method": request.method,
            "weights": str(model.weights),
            "views": len(views),
            "device": str(field.device),
            "hull": isinstance(field, HullField | Intersection),
            "level_unit": field.level_unit.name,
            "world_offset": [*request.world_offset],
            **code.meta.get("stats", {}),
        }
        estimated = estimated_cameras(model, views)
        remarks = tuple(code.meta.get("remarks", ()))
        sight = sighted_single(request, model, field, views, self._networks, ticket)
        if sight is not None:
            field, estimated = sight.field, {0: sight.camera}
            facts |= {"silhouette_iou": round(sight.iou, 3), "adjusted": sight.adjusted}
            remarks += (sight.remark,)
        if estimated:
            facts["cameras"] = in_world(estimated, volume)
        painter = painter_of(views, code, estimated, self._networks, request.device)
        more = (Improvable(code, tuple(views)) if model.spec.improves else None,)
        encoded = None
        if model.spec.needs_weights:
            plain = {k: v for k, v in to_decode.items() if k not in ("seed", "ticket")}
            encoded = Encoded(code, tuple(views), request.weights, plain)
        return Kept(field, volume, FieldSamples(), facts, painter, *more, remarks, encoded)

    def _improved(
        self, request: protocol.Remesh, kept: Kept, ticket: Ticket
    ) -> Generator[Event, None, Kept]:
        """Go on where a kept result's method ended; yields meshes on the way.

        Raises
        ------
        RequestError
            If its method has an end.
        """
        model = self._networks.load(kept.facts["method"], None, kept.facts["device"])
        if kept.improvable is None:
            raise RequestError(
                f"A result of {model.spec.title} can't be improved further.",
                "Choose a method that improves while it is shown, such as `fit`.",
            )
        own = {option.name for option in model.spec.options} & keyword_names(model.encode)
        given = {name: value for name, value in request.options.items() if name in own}
        before = kept.improvable
        codes = model.codes(before.views, **given, resume=before.code, ticket=ticket)
        code = yield from shown_on_the_way(codes, model, {}, request, kept.volume, ticket)
        field = model.decode(code)
        if isinstance(kept.field, Intersection):
            field = Intersection(field, self._networks.hull(before.views, kept.facts["device"]))
        return replace(
            kept,
            field=field,
            samples=FieldSamples(),
            facts={**kept.facts, **code.meta.get("stats", {})},
            painter=painter_of(before.views, code, {}, self._networks, kept.facts["device"]),
            improvable=replace(before, code=code),
        )

    def _placement(
        self, request: protocol.Reconstruct, views: Sequence[View], ticket: Ticket
    ) -> protocol.Placement:
        """Return the placement of a job: the given one, else an estimate from the views."""
        cares = find_method(request.method).spec.needs_weights  # networks have a front
        if request.world_from_volume is not None:
            source = request.volume_from
            return protocol.Placement(
                request.world_from_volume,
                source,
                front_from=source if cares else "",
                front_certainty=float(cares),
                remarks=() if request.front is None else (FRONT_UNUSED,),
            )
        if all(view.camera is None for view in views):
            return protocol.Placement(np.eye(4), "unit")
        network = self._networks.camera_finder(request.device) if cares else None
        return place(views, network=network, front=request.front, ticket=ticket, say_cropped=False)
