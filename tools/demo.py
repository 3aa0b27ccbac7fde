"""The main job, start to end, inside real Blender: the bundled sample's pictures to a mesh.

    python tools/demo.py --out demo

Opens the sample's scene (eight cameras that carry their pictures), reconstructs it with a real
worker, and writes the scene, a .glb and a rendered picture. Then the same from one picture of a
chair, without a camera. Runs in the bpy module.
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
PICTURE = ROOT / "assets" / "sample" / "chair" / "images" / "0.png"
WEIGHTS = ROOT / "assets" / "weights" / "levelform.safetensors"


def render(picture: Path, made: bpy.types.Object) -> None:
    """Render the mesh beside nothing else, from the first camera, by Cycles."""
    scene = bpy.context.scene
    for other in scene.objects:
        other.hide_render = other.type == "MESH" and other is not made
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 32
    scene.cycles.use_denoising = False
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = 640
    scene.camera = next(o for o in scene.objects if o.type == "CAMERA")
    scene.render.filepath = str(picture)
    bpy.ops.render.render(write_still=True)


def follow(events: Iterator[Any]) -> bpy.types.Object:
    """Tell what comes of a reconstruction as it comes; return its object."""
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


def keep(out: Path, name: str, made: bpy.types.Object) -> None:
    """Write the object, a picture of it and the scene; say what was made."""
    from levelform.addon import api

    facts = made["levelform"].to_dict()
    api.export_mesh(made, out / f"{name}.glb")
    render(out / f"{name}.png", made)
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


def from_one_picture(out: Path, resolution: int) -> None:
    """Reconstruct a chair from one picture; the method finds the camera."""
    from levelform.addon import api

    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = follow(
        api.stream([str(PICTURE)], method="levelform", resolution=resolution, name="Chair")
    )
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.2, 0.5))
    keep(out, "chair", made)


def main() -> None:
    """Do both jobs; the second where there are weights for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "demo", help="folder for what it makes")
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
            from_one_picture(out, args.resolution)
        else:
            print("One picture needs trained weights, and none are bundled.")
    finally:
        addon.unregister()


if __name__ == "__main__":
    main()
