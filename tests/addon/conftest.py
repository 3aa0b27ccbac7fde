"""A registered extension, a scripted worker, and a scene with cameras around one ball."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

OCTAHEDRON = (
    np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32),
    np.array(
        [
            [0, 2, 4],
            [2, 1, 4],
            [1, 3, 4],
            [3, 0, 4],
            [2, 0, 5],
            [1, 2, 5],
            [3, 1, 5],
            [0, 3, 5],
        ],
        np.int32,
    ),
)


@pytest.fixture
def extension() -> Iterator[Any]:
    """Register the extension for one test; give its session."""
    pytest.importorskip("bpy")
    from levelform import addon
    from levelform.addon.jobs import session

    addon.register()
    try:
        yield session.live
    finally:
        addon.unregister()
        session.live.__init__()


@dataclass
class Puppet:
    """Stands in for `Jobs`: the test says what the worker answers."""

    methods: Any = None
    status: Any = None
    worker_state: str = "ready"
    silent_for: float = 0.0
    submitted: list[Any] = field(default_factory=list)
    waiting: list[Any] = field(default_factory=list)  # what the next polls do, one each

    def submit(self, request: Any, on_update: Any = None, on_end: Any = None) -> Any:
        from levelform.addon.jobs.job import Job, JobState

        job = Job(request.job, request, state=JobState.RUNNING, on_update=on_update)
        self.submitted.append(job)
        return job

    @property
    def job(self) -> Any:
        return self.submitted[-1]

    def cancel(self, job: Any) -> None:
        from levelform.addon.jobs.job import JobState

        job.cancelled_at = 0.0
        if not job.ended:
            job.state = JobState.CANCELLED

    def poll(self, budget: float = 0.0) -> bool:
        if self.waiting:
            self.waiting.pop(0)()
        return bool(self.waiting)

    def run(self, job: Any) -> Any:
        while self.waiting and not job.ended:
            self.poll()
        return job

    def place(self, placement: Any) -> None:
        """Have the worker answer where the object is."""
        from levelform.addon.jobs.job import JobState

        self.job.placement = placement
        self.job.state = JobState.FINISHED

    def send(
        self,
        resolution: int = 32,
        *,
        colors: bool = False,
        scale: float = 1.0,
        world_from_mesh: np.ndarray | None = None,
    ) -> None:
        """Have the worker send a mesh: an octahedron with its resolution as size."""
        from levelform.backend.contract.protocol import MeshUpdate

        vertices, faces = OCTAHEDRON
        update = MeshUpdate(
            self.job.id,
            vertices * resolution,
            faces,
            None,
            np.ones((6, 4), np.float32) if colors else None,
            np.eye(4) if world_from_mesh is None else world_from_mesh,
            scale,
            resolution,
            False,
        )
        self.job.on_update(self.job, update)

    def finish(self, **stats: Any) -> None:
        from levelform.addon.jobs.job import JobState

        self.job.stats = {"method": "visual-hull", "faces": 8, "resolution": 32, **stats}
        self.job.state = JobState.FINISHED

    def fail(self, message: str, hint: str = "") -> None:
        from levelform.addon.jobs.job import JobState
        from levelform.backend.contract.protocol import Failed

        self.job.failure = Failed(self.job.id, message, hint)
        self.job.state = JobState.FAILED

    def warm_up(self) -> None:
        self.worker_state = "ready"

    def unload(self) -> None:
        self.status = None

    def shutdown(self) -> None:
        for job in self.submitted:
            self.cancel(job)

    def log_tail(self, lines: int = 20) -> str:
        return "nothing"


@pytest.fixture
def puppet(extension: Any) -> Puppet:
    """Put a worker on strings in place of the real one."""
    extension._jobs = Puppet()
    return extension._jobs


@pytest.fixture
def ball_stage() -> Callable[..., Any]:
    """Return a maker of scenes: cameras around the origin, each with its image of a ball."""
    bpy = pytest.importorskip("bpy")
    from mathutils import Vector

    def make(count: int = 6, *, radius: float = 0.5, distance: float = 4.0, size: int = 64) -> Any:
        scene = bpy.context.scene
        scene.render.resolution_x = scene.render.resolution_y = size
        for number in range(count):
            data = bpy.data.cameras.new(f"View {number}")
            camera = bpy.data.objects.new(f"View {number}", data)
            scene.collection.objects.link(camera)
            turn, tilt = 2 * math.pi * number / count, 0.5 * (-1) ** number
            camera.location = distance * Vector(
                (math.cos(turn) * math.cos(tilt), math.sin(turn) * math.cos(tilt), math.sin(tilt))
            )
            camera.rotation_euler = (-camera.location).to_track_quat("-Z", "Y").to_euler()
            # A ball that a camera looks at shows as a disc of this radius in pixels.
            focal = data.lens / data.sensor_width * size
            pixels = _disc(size, focal * math.tan(math.asin(radius / distance)))
            background = data.background_images.new()
            background.image = _packed(f"image {number}", pixels)
            data.show_background_images = True
        bpy.context.view_layer.update()
        return scene

    return make


def _disc(size: int, radius: float) -> np.ndarray:
    """Return (size, size, 4) float32: an orange disc with a soft edge over transparency."""
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    pixels = np.zeros((size, size, 4), np.float32)
    pixels[..., :2] = (0.8, 0.4)
    pixels[..., 3] = np.clip(radius - np.hypot(rows - size / 2, columns - size / 2) + 0.5, 0, 1)
    return pixels


def _packed(name: str, pixels: np.ndarray) -> Any:
    import bpy

    image = bpy.data.images.new(name, pixels.shape[1], pixels.shape[0], alpha=True)
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    image.pack()
    return image


@pytest.fixture
def prepared() -> Callable[[Any], Any]:
    """Return what the worker makes of a view's data: its image, (H, W, 4), and camera."""
    pytest.importorskip("torch", exc_type=ImportError)
    from levelform.backend.contract.protocol import Background
    from levelform.backend.images import to_view

    return lambda data: to_view(data, Background())
