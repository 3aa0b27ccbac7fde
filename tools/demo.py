"""The main job, start to end, inside real Blender: the bundled sample's pictures to a mesh.

    python tools/demo.py --out demo

Opens the sample's scene (eight cameras that carry their pictures), reconstructs it with a real
worker, and writes the scene, a .glb and a rendered picture. Runs in the bpy module.
"""

import argparse
import os
import sys
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "assets" / "sample" / "suzanne" / "suzanne.blend"


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "demo", help="folder for what it makes")
    parser.add_argument("--resolution", type=int, default=128)
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("LEVELFORM_PYTHON", sys.executable)

    from levelform import addon
    from levelform.addon import api
    from levelform.backend.protocol import MeshUpdate, Progress

    addon.register()
    try:
        bpy.ops.wm.open_mainfile(filepath=str(SAMPLE))
        events = api.stream(
            resolution=args.resolution, name="Reconstruction", options={"min_component": 0.1}
        )
        made = None
        while made is None:
            try:
                event = next(events)
            except StopIteration as end:
                made = end.value
                break
            if isinstance(event, MeshUpdate):
                print(f"  mesh at {event.resolution}: {len(event.faces):,} triangles", flush=True)
            elif isinstance(event, Progress) and event.fraction == 0.0:
                print(f"{event.overall:4.0%} {event.stage}", flush=True)
        facts = made["levelform"].to_dict()
        api.export_mesh(made, out / "suzanne.glb")
        render(out / "suzanne.png", made)
        bpy.ops.wm.save_as_mainfile(filepath=str(out / "suzanne.blend"), copy=True)
    finally:
        addon.unregister()
    print(
        f"{facts['vertices']:,} vertices, {facts['faces']:,} triangles in {facts['seconds']:.1f} s;"
        f" see {out}{os.sep}suzanne.blend, .glb and .png"
    )


if __name__ == "__main__":
    main()
