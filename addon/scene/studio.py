"""A temporary scene in which Blender renders training images; the user's data is not changed.

`nothing_kept` removes every data-block created inside it, so that between two steps of a long run
the file contains nothing of ours, and undo, saving and loading another file are safe.
"""

import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import bpy
import numpy as np

from ...backend.contract.errors import RequestError, WorkError
from ...backend.contract.protocol import CameraData
from . import cameras
from .exr import read_exr

NAME = "Levelform dataset"
ENGINES = ("cycles", "eevee")
# Renders with the engine that starts fastest: it needs the same graphics as EEVEE.
_PROBE = """
import bpy
render = bpy.context.scene.render
render.engine = "BLENDER_WORKBENCH"
render.resolution_x = render.resolution_y = 4
bpy.ops.render.render()
"""
_PROBE_PATIENCE = 120.0  # seconds


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Remove at the end every data-block created inside."""
    before = _blocks().keys()
    try:
        yield
    finally:
        made = {uid: block for uid, block in _blocks().items() if uid not in before}
        for uid in [uid for uid, block in made.items() if isinstance(block, bpy.types.Scene)]:
            bpy.data.scenes.remove(made.pop(uid))  # which unlinks the user's objects
        bpy.data.batch_remove(list(made.values()))


def _blocks() -> dict[int, bpy.types.ID]:
    """Return the permanent identifier of every data-block except those of Blender's windows."""
    entries = [e.identifier for e in bpy.data.bl_rna.properties if e.type == "COLLECTION"]
    blocks = {block.session_uid: block for name in entries for block in getattr(bpy.data, name)}
    windows = bpy.types.WindowManager | bpy.types.Screen | bpy.types.WorkSpace
    return {uid: block for uid, block in blocks.items() if not isinstance(block, windows)}


class Studio:
    """A new scene with a sun and a world; create it inside `nothing_kept`.

    Parameters
    ----------
    engine : one of `ENGINES`
    samples : samples per pixel

    Raises
    ------
    RequestError
        If the engine is not available.
    """

    def __init__(self, *, engine: str, samples: int, seed: int = 0) -> None:
        user = bpy.context.scene
        self.scene = scene = bpy.data.scenes.new(NAME)
        self._sun = bpy.data.objects.new(NAME, bpy.data.lights.new(NAME, "SUN"))
        scene.collection.objects.link(self._sun)
        scene.world = bpy.data.worlds.new(NAME)
        _light_up(scene.world)
        _set_engine(scene, engine, samples, seed)
        if engine == "cycles" and user is not None:
            scene.cycles.device = user.cycles.device
        _set_output(scene)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make import operators add to this scene, and preserve the user's selection."""
        with bpy.context.temp_override(
            scene=self.scene,
            view_layer=self.scene.view_layers[0],
            collection=self.scene.collection,
            layer_collection=self.scene.view_layers[0].layer_collection,
        ):
            yield

    def place(self, objects: Sequence[bpy.types.Object]) -> None:
        """Link objects to this scene; other scenes may use them too."""
        linked = set(self.scene.collection.all_objects)
        for item in objects:
            if item not in linked:
                self.scene.collection.objects.link(item)

    def box(self, objects: Sequence[bpy.types.Object]) -> tuple[np.ndarray, np.ndarray]:
        """Return the two corners, (3,) each, world frame, of the evaluated meshes' bounding box.

        Raises
        ------
        RequestError
            If they have no vertices, or no size.
        """
        layer = self.scene.view_layers[0]
        layer.update()  # a scene that was never displayed has no depsgraph before
        points = [np.zeros((0, 3))]
        for item in objects:
            if item.type == "MESH":
                points.append(_vertices(item.evaluated_get(layer.depsgraph)))
        every = np.concatenate(points)
        if len(every) == 0 or not np.isfinite(every).all() or np.ptp(every, axis=0).max() <= 0:
            raise RequestError("It has no mesh with a size.", "Choose an object with faces.")
        return every.min(0), every.max(0)

    def surface(self, objects: Sequence[bpy.types.Object]) -> tuple[np.ndarray, np.ndarray]:
        """Return the evaluated meshes as one: vertices (V, 3) float64, world frame, and triangles.

        Triangles, (F, 3) int32, are counter-clockwise seen from outside, mirrored objects' too.
        """
        depsgraph = self.scene.view_layers[0].depsgraph
        parts = [
            _triangles(item.evaluated_get(depsgraph)) for item in objects if item.type == "MESH"
        ]
        counts = np.cumsum([0, *(len(vertices) for vertices, _ in parts)])
        faces = [part[1] + first for part, first in zip(parts, counts, strict=False)]
        return np.concatenate([vertices for vertices, _ in parts]), np.concatenate(faces)

    def light(self, rng: np.random.Generator) -> None:
        """Draw random values for the sun's strength and direction."""
        self._sun.data.energy = rng.uniform(2.0, 4.0)
        self._sun.rotation_euler = (rng.uniform(0.2, 1.0), 0.0, rng.uniform(0, 2 * math.pi))

    def shoot(self, camera: CameraData, reach: float) -> dict[str, np.ndarray]:
        """Render; return the channels, (H, W) float32, by their full names.

        Parameters
        ----------
        reach : distance from the camera to the far end of the subject, in world units

        Raises
        ------
        WorkError
            If Blender can't render.
        """
        placed = cameras.add_camera(NAME, camera, collection=self.scene.collection)
        data = cameras.settings_of(placed)
        data.clip_start, data.clip_end = reach * 1e-4, reach * 10
        cameras.match_render(self.scene, camera)
        self.scene.camera = placed
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "view.exr"
            self.scene.render.filepath = str(path)
            try:
                bpy.ops.render.render(scene=self.scene.name, write_still=True)
                return read_exr(path)
            except (RuntimeError, FileNotFoundError) as error:
                raise WorkError(
                    f"Blender could not render: {str(error).strip()}.", "Try the other engine."
                ) from error


def check_engine(engine: str) -> None:
    """Refuse an engine that is unknown, or can't draw on this computer.

    Without a window, another Blender process is needed to find out whether EEVEE works: without any
    graphics, Blender aborts instead of failing.

    Raises
    ------
    RequestError
        If it is refused.
    """
    if engine not in ENGINES:
        raise RequestError(
            f"{engine!r} is not a render engine of Blender.", f"Choose {' or '.join(ENGINES)}."
        )
    if engine == "eevee" and bpy.app.background and not _can_draw():
        raise RequestError(
            "EEVEE can't draw here: Blender finds neither a graphics card nor a driver.",
            "Render with Cycles, or install a driver (Mesa's draws without a card, slowly).",
        )


@cache
def _can_draw() -> bool:
    """Return whether Blender can draw without a window, by the graphics card or its driver."""
    if bpy.app.binary_path:
        words = [bpy.app.binary_path, "-b", "--factory-startup", "--python-exit-code", "1"]
        words += ["--python-expr", _PROBE]
    else:
        words = [sys.executable, "-I", "-c", _PROBE]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_PROBE_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


# ---------------------------------------------------------------- parts


def _vertices(evaluated: bpy.types.Object) -> np.ndarray:
    """Return the vertices, (V, 3) float64, world frame, of an evaluated mesh."""
    mesh = evaluated.to_mesh()
    local = np.zeros(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", local)
    evaluated.to_mesh_clear()
    matrix = np.array(evaluated.matrix_world, np.float64)
    return local.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def _triangles(evaluated: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Return the triangles of an evaluated mesh, as `Studio.surface`."""
    mesh = evaluated.to_mesh()
    mesh.calc_loop_triangles()
    faces = np.zeros(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", faces)
    evaluated.to_mesh_clear()
    faces = faces.reshape(-1, 3)
    mirrored = evaluated.matrix_world.determinant() < 0
    return _vertices(evaluated), faces[:, ::-1] if mirrored else faces


def _light_up(world: bpy.types.World) -> None:
    if not world.node_tree:
        world.use_nodes = True
    shade = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    shade.inputs["Color"].default_value = (0.8, 0.85, 0.9, 1.0)
    shade.inputs["Strength"].default_value = 0.6


def _set_engine(scene: bpy.types.Scene, engine: str, samples: int, seed: int) -> None:
    """Choose the engine; the name of EEVEE depends on Blender's version.

    The pixel filter is a box of one pixel, as in the fast renderer: Blender's wider default would
    spread silhouettes and depths to neighbouring pixels.
    """
    if engine == "cycles":
        try:
            scene.render.engine = "CYCLES"
        except TypeError as error:
            raise RequestError(
                "Cycles is switched off.", "Enable it in Preferences > Add-ons."
            ) from error
        scene.cycles.samples = samples
        scene.cycles.use_denoising = False
        scene.cycles.seed = seed
        scene.cycles.pixel_filter_type = "BOX"
        return
    known = scene.render.bl_rna.properties["engine"].enum_items.keys()
    names = [name for name in ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT") if name in known]
    scene.render.engine = names[-1] if names else "BLENDER_EEVEE"
    scene.eevee.taa_render_samples = samples
    scene.render.filter_size = 1.0


def _set_output(scene: bpy.types.Scene) -> None:
    """Write every pass to one uncompressed OpenEXR file, over a transparent background."""
    render = scene.render
    render.film_transparent = True
    render.use_compositing = render.use_sequencer = False
    layer = scene.view_layers[0]
    layer.use_pass_z = layer.use_pass_normal = layer.use_pass_diffuse_color = True
    image = render.image_settings
    if hasattr(image, "media_type"):  # Blender 5.0
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format, image.color_depth = "OPEN_EXR_MULTILAYER", "32"
    image.exr_codec = "NONE"
