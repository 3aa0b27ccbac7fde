"""The pipeline from posed images to meshes, shared by the worker and the terminal.

A `Session` keeps networks and fields in memory between jobs, so that a second reconstruction loads
nothing and a mesh at another resolution or level runs no network.
"""

import gc
import logging
import time
from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .appearance.coloring import rgba
from .appearance.painter import NO_PHOTO, Painter
from .appearance.texturing import paint, png
from .appearance.unwrapping import unwrap
from .contract import protocol
from .contract.errors import RequestError, WorkError
from .contract.levels import LEVEL_UNITS
from .contract.options import PIPELINE, default_of, read_options
from .contract.request_checks import check_request
from .contract.settings import Settings, check_resolution
from .data.meshes import Solid, mend
from .extraction import Cleanup, FieldSamples, MeshUpdate, clean, stream
from .fields import Field
from .fields.hull import HullField
from .fields.intersection import Intersection
from .geometry.cameras import Camera
from .geometry.meshes import Mesh
from .geometry.views import View
from .geometry.volume import Volume, check_in_front
from .images import Notes, to_view
from .memory import held_bytes, resident_memory, return_freed_memory
from .metrics import PROTOCOLS, evaluate
from .placing.place import facing_of, place
from .reconstructors import (
    Code,
    Reconstructor,
    bundled_variants,
    bundled_weights,
    find_method,
    keyword_names,
    load_reconstructor,
    methods,
    problems,
)
from .reconstructors.finishing import finished, several_posed
from .reconstructors.levelform import Levelform
from .silhouettes import Cured, Review, apply_cures
from .silhouettes.orientation import upright_where_they_agree
from .ticket import Ticket

log = logging.getLogger(__name__)

KEPT_BYTES = 2 << 30  # cap of fields and their samples; the oldest are dropped first
DRAWN_FACES = 400_000  # of the mesh that is drawn back into the views
TEXTURED_FACES = 40_000  # limit of a mesh that is unwrapped
LOADED_MODELS = 4  # most networks kept; the least recently used is dropped
ALWAYS_GIVEN = ("seed", "ticket")  # to a method that names them
# Fractions of a job's time, by stage.
STAGES = {"Prepare images": 1.0, "Reconstruct": 4.0, "Mesh": 5.0}

IMPROVING = 40.0  # the stage's weight of a method that improves while it is shown
PREVIEW = 64  # resolution of the meshes on the way, at most

FRONT_UNUSED = (
    "The front was given beside a volume, so it was not used: the object faces the volume's -Y."
)

Event = protocol.ViewsChecked | protocol.Placed | protocol.MeshUpdate | protocol.Finished


@dataclass(frozen=True)
class Improvable:
    """The code of a result, and the views that it is to agree with, cameras in the volume."""

    code: Code
    views: tuple[View, ...]


@dataclass(frozen=True)
class Kept:
    """A field and the data to mesh it again.

    field : baked
    volume : where it stands
    samples : values that extraction has evaluated so far
    facts : how it was made, for its jobs' stats
    painter : colours its meshes
    improvable : what its method can go on from, if it improves; else None
    remarks : sentences about how it was made
    """

    field: Field
    volume: Volume
    samples: FieldSamples
    facts: Mapping[str, Any]
    painter: Painter
    improvable: Improvable | None = None
    remarks: tuple[str, ...] = ()


class Session:
    """Keeps networks and fields in memory between jobs.

    Parameters
    ----------
    kept_bytes
        Memory limit of all kept fields; the oldest are dropped first, the newest never.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._models: OrderedDict[tuple[str, str | None, str], Reconstructor] = OrderedDict()

    # ---------------------------------------------------------------- jobs

    def reconstruct(self, request: protocol.Reconstruct, ticket: Ticket) -> Iterator[Event]:
        """Reconstruct a field from the views and mesh it, coarse to fine.

        Yields
        ------
        ViewsChecked, Placed, MeshUpdate, coarse to fine, and exactly one Finished at the end.

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
        request = self._checked(request)
        improves = find_method(request.method).spec.improves
        ticket.plan({**STAGES, "Reconstruct": IMPROVING} if improves else STAGES)
        _check_one_object(request)
        with ticket.stage("Prepare images"):
            notes = Notes()
            cured = apply_cures(_read_views(request, ticket, notes), request.cures)
            review = Review(cured)
            yield review.event(request.job)
            with review.explaining():
                placement = self._placement(request, cured.kept, ticket)
                volume = Volume.from_matrix(placement.world_from_volume)
                views = _in_volume(cured.kept, volume)
        yield protocol.Placed(request.job, placement)
        with ticket.stage("Reconstruct"):
            kept = yield from self._make(request, views, volume, ticket)
        with ticket.stage("Mesh"):
            shown: protocol.MeshUpdate | None = None
            for event in _mesh(request, kept, ticket, started):
                if isinstance(event, protocol.MeshUpdate):
                    shown = _to_draw(shown, event)
                elif isinstance(event, protocol.Finished) and shown is not None:
                    fits = _fits(review, views, shown, kept, placement)
                    stats = {**event.stats, **fits, "cured": [*request.cures]}
                    stats["remarks"] = [*fits["remarks"], *event.stats["remarks"]]
                    stats = _with_source(stats, request, placement, notes)
                    stats.update(_numbered(stats, cured))
                    event = replace(event, stats=stats)
                if request.keep and isinstance(event, protocol.Finished):
                    self._keep(request.keep, kept)  # a job that fails leaves an older one in place
                yield event

    def remesh(self, request: protocol.Remesh, ticket: Ticket) -> Iterator[Event]:
        """Mesh a kept field again; yields as `reconstruct` does.

        Raises
        ------
        RequestError
            If no field is kept under that name.
        """
        started = time.perf_counter()
        kept = self._kept_as(request.keep)
        spec = methods()[kept.facts["method"]].spec
        options = read_options(request.options, (*spec.options, *PIPELINE), owner=spec.title)
        request = replace(request, options=options, resolution=check_resolution(request.resolution))
        self._keep(request.keep, kept)  # most recently used, so dropped last
        stages = {"Reconstruct": IMPROVING} if request.improve else {}
        ticket.plan({**stages, "Mesh": STAGES["Mesh"]})
        if request.improve:
            with ticket.stage("Reconstruct"):
                kept = yield from self._improved(request, kept, ticket)
            self._keep(request.keep, kept)
        with ticket.stage("Mesh"):
            yield from _mesh(request, kept, ticket, started)

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
        kept = self._kept_as(request.keep)
        given = request.mesh
        mesh = Mesh((given.vertices / kept.volume.scale).astype(np.float32), given.faces)
        ticket.plan({"Colour" if request.uvs is None else "Bake texture": 1.0})
        with ticket.stage("Colour" if request.uvs is None else "Bake texture"):
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
        kept = self._kept_as(keep)
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
            views = apply_cures(_read_views(request, ticket), request.cures).kept
            network = self._camera_finder("auto") if request.front is None else None
            placement = place(views, network=network, front=request.front, ticket=ticket)
        yield protocol.VolumeEstimate(request.job, placement)

    def check_views(
        self, request: protocol.CheckViews, ticket: Ticket
    ) -> Iterator[protocol.ViewsChecked]:
        """Yield one ViewsChecked: whether the views agree, and what would make them agree."""
        ticket.plan({"Prepare images": 1.0})
        with ticket.stage("Prepare images"):
            notes = Notes()
            cured = apply_cures(_read_views(request, ticket, notes), request.cures)
            event = Review(cured).event(request.job)
        yield replace(event, notes=notes.remarks())

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
            reference = _solid(request.reference, "The reference")
            ticket.check()
            prediction = _solid(request.prediction, "The mesh to compare")
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

        Raises
        ------
        RequestError
            If the method, weights, device or an option does not exist.
        """
        model = self._model(request.method, request.weights, request.device)
        _method_options(model, request, Ticket())

    # ---------------------------------------------------------------- memory

    def forget(self, keep: str) -> None:
        """Drop a kept field; unknown names are ignored."""
        self._kept.pop(keep, None)

    def keep_at_most(self, count: int) -> None:
        """Set the memory limit of kept fields in bytes; drops the oldest at once if needed."""
        self._kept_bytes = max(count, 0)
        self._shrink_kept()

    def unload(self) -> None:
        """Drop all fields and networks and return their memory to the system."""
        self._kept.clear()
        self._models.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return_freed_memory()

    def status(self) -> protocol.Status:
        """Return the contents of memory."""
        loaded = tuple(sorted({method for method, _, _ in self._models}))
        return protocol.Status(resident_memory(), tuple(self._kept), loaded, self._held())

    def methods(self) -> protocol.Methods:
        """Return the methods that can run, with their weights."""
        infos = tuple(_info(cls) for cls in methods().values())
        return protocol.Methods(infos, tuple(problems()))

    # ---------------------------------------------------------------- inside

    def _checked(self, request: protocol.Reconstruct) -> protocol.Reconstruct:
        """Return the request with its options read, before any work."""
        chosen = Settings(
            method=request.method,
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
        model = self._model(request.method, request.weights, request.device)
        if request.level is not None:
            LEVEL_UNITS[model.level_unit].check(request.level, model.spec.title)
        ticket.check()
        to_encode, to_decode = _method_options(model, request, ticket)
        codes = model.codes(views, **to_encode)
        code = yield from _shown(codes, model, to_decode, request, volume, ticket)
        ticket.check()
        field = model.decode(code, **to_decode)
        field = finished(model, field, views, self._hull_wanted(request, model, views))
        facts = {
            "method": request.method,
            "weights": str(model.weights),
            "views": len(views),
            "device": str(field.device),
            "hull": isinstance(field, HullField | Intersection),
            "level_unit": field.level_unit.name,
            **code.meta.get("stats", {}),
        }
        estimated = _estimated_cameras(model, views)
        if estimated:
            facts["cameras"] = _in_world(estimated, volume)
        painter = self._painter(views, estimated, request.device)
        more = (Improvable(code, tuple(views)) if model.spec.improves else None,)
        remarks = tuple(code.meta.get("remarks", ()))
        return Kept(field, volume, FieldSamples(), facts, painter, *more, remarks)

    def _improved(
        self, request: protocol.Remesh, kept: Kept, ticket: Ticket
    ) -> Generator[Event, None, Kept]:
        """Go on where a kept result's method ended; yields meshes on the way.

        Raises
        ------
        RequestError
            If its method has an end.
        """
        model = self._model(kept.facts["method"], None, kept.facts["device"])
        if kept.improvable is None:
            raise RequestError(
                f"A result of {model.spec.title} can't be improved further.",
                "Choose a method that improves while it is shown, such as `fit`.",
            )
        own = {option.name for option in model.spec.options} & keyword_names(model.encode)
        given = {name: value for name, value in request.options.items() if name in own}
        before = kept.improvable
        codes = model.codes(before.views, **given, resume=before.code, ticket=ticket)
        code = yield from _shown(codes, model, {}, request, kept.volume, ticket)
        field = model.decode(code)
        if isinstance(kept.field, Intersection):
            field = Intersection(field, self._hull(before.views, kept.facts["device"]))
        return replace(
            kept,
            field=field,
            samples=FieldSamples(),
            facts={**kept.facts, **code.meta.get("stats", {})},
            improvable=replace(before, code=code),
        )

    def _painter(
        self, views: Sequence[View], estimated: Mapping[int, Camera], device: str
    ) -> Painter:
        """Return what colours the meshes; estimates missing cameras first."""
        unposed = [i for i, view in enumerate(views) if view.camera is None and i not in estimated]
        finder = self._camera_finder(device) if unposed else None
        if finder is not None:
            cameras = finder.estimate_cameras([views[index] for index in unposed])
            estimated = {**estimated, **dict(zip(unposed, cameras, strict=True))}
        posed = [replace(v, camera=estimated.get(i, v.camera)) for i, v in enumerate(views)]
        return Painter(posed, [view.camera is None for view in views])

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
        network = self._camera_finder(request.device) if cares else None
        return place(views, network=network, front=request.front, ticket=ticket, say_cropped=False)

    def _camera_finder(self, device: str) -> Levelform | None:
        """Return the network that votes on the front; None without its weights."""
        if bundled_weights("levelform") is None:
            return None
        model = self._model("levelform", None, device)
        assert isinstance(model, Levelform)
        return model if model.camera is not None else None

    def _hull_wanted(
        self, request: protocol.Reconstruct, model: Reconstructor, views: Sequence[View]
    ) -> HullField | None:
        """Return the hull that limits the result; None for no limit.

        By default, a network's result is limited if several views have cameras and their
        silhouettes have a hull.
        """
        wanted = request.options.get("hull")
        if wanted:
            return self._hull(views, request.device)
        estimated = request.options.get("camera") == "estimated"
        if wanted is False or not model.spec.needs_weights or estimated:
            return None
        if not several_posed(views):
            return None
        try:
            return self._hull(views, request.device)
        except RequestError as error:
            log.info("not kept inside the silhouettes: %s", error.message)
            return None

    def _hull(self, views: Sequence[View], device: str) -> HullField:
        model = self._model("visual-hull", None, device)
        hull = model.decode(model.encode(views))
        assert isinstance(hull, HullField)
        return hull

    def _model(self, method: str, weights: str | None, device: str) -> Reconstructor:
        """Return a network; loads it if it is not in memory or its file has changed."""
        stamp = weights
        if weights is not None and Path(weights).is_file():
            stamp = f"{weights} {Path(weights).stat().st_mtime_ns}"
        key = (method, stamp, device)
        if key not in self._models:
            self._models[key] = load_reconstructor(method, weights, device)
        self._models.move_to_end(key)
        while len(self._models) > LOADED_MODELS:
            self._models.popitem(last=False)
        return self._models[key]

    def _kept_as(self, name: str) -> Kept:
        """Return what is kept under a name; raise `RequestError` if nothing is."""
        kept = self._kept.get(name)
        if kept is None:
            raise RequestError(
                f"The field of {name!r} is no longer in memory.",
                "Reconstruct it again; then it can be meshed or textured again.",
            )
        return kept

    def _keep(self, name: str, kept: Kept) -> None:
        self._kept[name] = kept
        self._kept.move_to_end(name)
        self._shrink_kept()

    def _held(self) -> int:
        """Return the bytes of kept fields and their samples; shared memory counts once."""
        return held_bytes(
            [(kept.field, kept.samples, kept.painter) for kept in self._kept.values()]
        )

    def _shrink_kept(self) -> None:
        """Drop the oldest kept fields until the rest fits; never the last one."""
        while len(self._kept) > 1 and self._held() > self._kept_bytes:
            name, _ = self._kept.popitem(last=False)
            log.info("dropped the kept field %s: the memory cap is reached", name)


# ---------------------------------------------------------------- preparing


def _check_one_object(request: protocol.Reconstruct) -> None:
    """Refuse several images without cameras, unless they were said to show one object.

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


def _read_views(
    request: protocol.Reconstruct | protocol.EstimateVolume | protocol.CheckViews,
    ticket: Ticket,
    notes: Notes | None = None,
) -> list[View]:
    """Return the request's views, posed in the world; `notes` collects remarks."""
    check_request(request)
    if not request.views:
        raise RequestError(
            "There are no views to reconstruct from.", "Add a camera with an image of the object."
        )
    notes = Notes() if notes is None else notes
    views: list[View] = []
    tags: dict[int, int] = {}
    for index, data in enumerate(request.views):
        tagged = len(notes.tagged)
        views.append(to_view(data, request.background, notes))
        if len(notes.tagged) > tagged:
            tags[index] = notes.tags[-1]
        ticket.advance((index + 1) / len(request.views))
    turned = upright_where_they_agree(views, tags) if tags else None
    if turned is None:
        return views
    notes.followed, notes.tagged = notes.tagged, []
    return turned


def _with_source(
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


def _in_volume(views: Sequence[View], volume: Volume) -> list[View]:
    """Return the views with their cameras posed in the volume's cube instead of the world."""
    result = []
    for view in views:
        if view.camera is not None:
            camera = view.camera.in_frame(volume.world_from_cube)
            check_in_front(camera, volume.box, view.name)
            view = View(view.image, camera, view.name)
        result.append(view)
    return result


def _estimated_cameras(model: Reconstructor, views: Sequence[View]) -> dict[int, Camera]:
    """Return the method's estimated cameras of unposed views, in the volume's frame."""
    unposed = [index for index, view in enumerate(views) if view.camera is None]
    if not (unposed and model.spec.estimates_camera):
        return {}
    cameras = model.estimate_cameras([views[index] for index in unposed])
    return dict(zip(unposed, cameras, strict=True))


def _in_world(cameras: Mapping[int, Camera], volume: Volume) -> list[dict[str, Any]]:
    """Convert cameras in the volume's frame to frames of a `transforms.json` in the world.

    Each also has "view", the view's number.
    """
    world = np.linalg.inv(volume.world_from_cube)
    return [
        {"view": index, **camera.in_frame(world).to_transforms()}
        for index, camera in cameras.items()
    ]


def _method_options(
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


def _solid(mesh: protocol.MeshData, name: str) -> Solid:
    """Return a mesh from Blender as a solid, repaired if it is not watertight."""
    mesh_alone = Mesh(mesh.vertices, mesh.faces, None)
    solid = Solid(mesh_alone, name)
    return solid if solid.closed and solid.volume() > 0 else Solid(mend(mesh_alone)[0], name)


# ---------------------------------------------------------------- meshing


def _mesh(
    request: protocol.Reconstruct | protocol.Remesh, kept: Kept, ticket: Ticket, started: float
) -> Iterator[Event]:
    """Mesh a field coarse to fine; yield its cost last."""
    options = request.options
    clean, mesh = (_of_stage(stage, options) for stage in ("clean", "mesh"))
    updates = stream(
        kept.field,
        request.resolution,
        **mesh,
        level=kept.field.level(request.level),
        box=kept.volume.box,
        ticket=ticket,
        color=False,
        cleanup=Cleanup(**clean),
        samples=kept.samples,
    )
    last = None
    for last in updates:
        if last.final and not len(last.mesh.faces):
            break
        if request.color:
            last = _painted(last, kept, request.options, ticket)
        yield _to_event(request.job, last, kept.volume)
    if last is None or not len(last.mesh.faces):
        raise WorkError(
            "The mesh has no faces: no part of the object is left in the volume.",
            "Check the volume, the level, and the size of the smallest part.",
        )
    yield protocol.Finished(request.job, _stats(last, kept, started))


def _shown(
    codes: Generator[Code, None, Code],
    model: Reconstructor,
    to_decode: Mapping[str, Any],
    request: protocol.Reconstruct | protocol.Remesh,
    volume: Volume,
    ticket: Ticket,
) -> Generator[Event, None, Code]:
    """Return the last of a method's codes; yield the meshes of those before."""
    while True:
        try:
            newer = next(codes)
        except StopIteration as end:
            return end.value
        yield from _preview(request, model.decode(newer, **to_decode), volume, ticket)


def _preview(
    request: protocol.Reconstruct | protocol.Remesh, field: Field, volume: Volume, ticket: Ticket
) -> Iterator[protocol.MeshUpdate]:
    """Yield the mesh of a field on the way, if it has one."""
    coarse = min(PREVIEW, request.resolution)
    updates = stream(
        field,
        coarse,
        first=coarse,
        level=field.level(request.level),
        box=volume.box,
        ticket=Ticket(cancelled=ticket.cancelled),
        color=request.color,
    )
    *_, last = updates
    if len(last.mesh.faces):
        yield replace(_to_event(request.job, last, volume), final=False)


def _painted(
    update: MeshUpdate, kept: Kept, options: Mapping[str, Any], ticket: Ticket
) -> MeshUpdate:
    """Colour the mesh of an update; add a remark if no colours are known."""
    mesh = kept.painter.paint(
        update.mesh,
        kept.field,
        preview=not update.final,
        ticket=ticket,
        **_of_stage("color", options),
    )
    stats = update.stats
    if update.final and mesh.colors is None:
        stats = replace(stats, remarks=(*stats.remarks, " ".join(NO_PHOTO)))
    return replace(update, mesh=mesh, stats=stats)


def _of_stage(stage: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pipeline's options of a stage, with defaults filled in."""
    names = [option.name for option in PIPELINE if option.stage == stage]
    return {name: options.get(name, default_of(name)) for name in names}


def _to_draw(
    before: protocol.MeshUpdate | None, update: protocol.MeshUpdate
) -> protocol.MeshUpdate:
    """Return the finer of two meshes, unless drawing it into every view takes too long."""
    return update if before is None or len(update.faces) <= DRAWN_FACES else before


def _numbered(stats: Mapping[str, Any], cured: Cured) -> dict[str, Any]:
    """Return the estimated cameras with their views' numbers in the request."""
    if "cameras" not in stats:
        return {}
    return {"cameras": [{**c, "view": cured.numbers[c["view"]]} for c in stats["cameras"]]}


def _fits(
    review: Review,
    views: Sequence[View],
    mesh: protocol.MeshUpdate,
    kept: Kept,
    placement: protocol.Placement,
) -> dict[str, Any]:
    """Return the `--json` facts about how a result fits its views."""
    return review.stats(
        views,
        mesh.vertices,
        mesh.faces,
        box=kept.volume.box,
        volume_from=placement.volume_from,
        hull=isinstance(kept.field, HullField),
    )


def _to_event(job: str, update: MeshUpdate, volume: Volume) -> protocol.MeshUpdate:
    mesh = update.mesh
    return protocol.MeshUpdate(
        job,
        mesh.vertices,
        mesh.faces,
        mesh.normals,
        mesh.colors,
        volume.world_from_mesh,
        volume.scale,
        update.resolution,
        update.final,
        seen=mesh.seen,
    )


def _stats(last: MeshUpdate, kept: Kept, started: float) -> dict[str, Any]:
    """Return the `--json` facts of a job."""
    stats = last.stats
    return {
        **kept.facts,
        "resolution": stats.resolution,
        "vertices": len(last.mesh.vertices),
        "faces": len(last.mesh.faces),
        "evaluations": stats.evaluations,
        "seconds": round(time.perf_counter() - started, 3),
        "watertight": stats.watertight,
        "level": round(kept.field.threshold_of(stats.level), 6),
        "search_complete": stats.search_complete,
        "rule": stats.rule,
        "remarks": [*kept.remarks, *stats.remarks],
    }


def _info(cls: type[Reconstructor]) -> protocol.MethodInfo:
    spec = cls.spec
    return protocol.MethodInfo(
        name=spec.name,
        title=spec.title,
        paper=spec.paper,
        summary=spec.summary,
        needs_camera=spec.needs_camera,
        estimates_camera=spec.estimates_camera,
        min_views=spec.min_views,
        max_views=spec.max_views,
        needs_weights=spec.needs_weights,
        weights=("bundled",) if bundled_weights(spec.name) else tuple(bundled_variants(spec.name)),
        fusions=spec.fusions,
        options=spec.options,
        level_unit=spec.level_unit,
        improves=spec.improves,
    )
