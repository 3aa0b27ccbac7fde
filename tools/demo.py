"""Demonstrates the main job end to end in real Blender: from the sample's images to a mesh.

    python tools/demo.py --out demo

Opens the sample's scene (eight cameras that carry their images), reconstructs it with a real
worker, and writes the scene, a .glb and a rendered image. Then the network reconstructs a chair
from four cameras twice: in the former estimate of the volume and in the current one, side by side
in one image. Runs in the bpy module.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "assets" / "sample" / "suzanne" / "suzanne.blend"
CHAIR = ROOT / "assets" / "sample" / "chair" / "chair.blend"
# Centre and half the side of the cube around the intersection of the silhouettes' rectangles: the
# terminal's estimate of the chair's volume up to 0.3, from the four cameras used here.
BEFORE = (0.0485, 0.06, 0.4569, 0.5996)
WEIGHTS = ROOT / "assets" / "weights" / "levelform.safetensors"


def render(image: Path, *made: bpy.types.Object) -> None:
    """Render only the given meshes with Cycles, from the first camera."""
    scene = bpy.context.scene
    for other in scene.objects:
        other.hide_render = other.type == "MESH" and other not in made
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 32
    scene.cycles.use_denoising = False
    scene.render.film_transparent = True
    scene.render.resolution_y = 640
    scene.render.resolution_x = max(scene.render.resolution_x, 640) if len(made) > 1 else 640
    scene.camera = next(o for o in scene.objects if o.type == "CAMERA")
    scene.render.filepath = str(image)
    bpy.ops.render.render(write_still=True)


def follow(events: Iterator[Any]) -> bpy.types.Object:
    """Print the progress of a reconstruction; return its object."""
    from levelform.backend.contract.protocol import MeshUpdate, Progress

    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        if isinstance(event, MeshUpdate):
            print(f"  mesh at {event.resolution}: {len(event.faces):,} triangles", flush=True)
        elif isinstance(event, Progress) and event.fraction == 0.0:
            print(f"{event.overall:4.0%} {event.stage}", flush=True)


def keep(out: Path, name: str, made: bpy.types.Object, *beside: bpy.types.Object) -> None:
    """Write the object, an image of it and the scene; print a summary.

    The image also shows `beside`, and is wider then.
    """
    from levelform.addon import api

    facts = made["levelform"].to_dict()
    api.export_mesh(made, out / f"{name}.glb")
    if beside:
        bpy.context.scene.render.resolution_x = 1080
    render(out / f"{name}.png", made, *beside)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / f"{name}.blend"), copy=True)
    print(
        f"{facts['vertices']:,} vertices, {facts['faces']:,} triangles in {facts['seconds']:.1f} s;"
        f" see {out}{os.sep}{name}.blend, .glb and .png",
        flush=True,
    )


def from_cameras(out: Path, resolution: int) -> None:
    """Reconstruct the sample's scene from its eight cameras."""
    from levelform.addon import api

    bpy.ops.wm.open_mainfile(filepath=str(SAMPLE))
    options = {"min_component": 0.1}
    made = follow(api.stream(resolution=resolution, name="Reconstruction", options=options))
    keep(out, "suzanne", made)


def from_four_cameras(out: Path, resolution: int) -> None:
    """Reconstruct a chair by the network, in the former and the current volume."""
    import numpy as np
    from levelform.addon import api

    bpy.ops.wm.open_mainfile(filepath=str(CHAIR))
    scene = bpy.context.scene
    scene.levelform.volume = None
    ordered = sorted((o for o in scene.objects if o.type == "CAMERA"), key=lambda o: o.name)
    cameras = ordered[::2]
    images = [str(CHAIR.parent / "images" / f"{index}.png") for index in range(0, len(ordered), 2)]
    before = np.diag([BEFORE[3]] * 3 + [1.0])
    before[:3, 3] = BEFORE[:3]
    how = {"method": "levelform", "resolution": resolution}
    first = follow(api.stream(images, cameras, volume=before, name="Before", **how))
    made = follow(api.stream(images, cameras, name="Now", **how))
    facts = made["levelform"].to_dict()
    print(
        f"found: front {facts['front']:.0f} degrees from -Y ({facts['front_from']}), "
        f"volume of side {2 * np.linalg.norm(facts['world_from_volume'][0]):.2f}",
        flush=True,
    )
    first.location.x -= 0.6
    made.location.x += 0.6
    next(o for o in scene.objects if o.type == "CAMERA").data.lens *= 0.5  # to show both
    keep(out, "chair", made, first)


def main() -> None:
    """Run both jobs; the second needs bundled weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "demo", help="output folder")
    parser.add_argument("--resolution", type=int, default=128)
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("LEVELFORM_PYTHON", sys.executable)

    from levelform import addon

    addon.register()
    try:
        from_cameras(out, args.resolution)
        if WEIGHTS.is_file():
            from_four_cameras(out, args.resolution)
        else:
            print("A network needs trained weights, and none are bundled.")
    finally:
        addon.unregister()


if __name__ == "__main__":
    main()
