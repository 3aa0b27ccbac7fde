"""Demonstrates the main job end to end in real Blender: from the sample's images to a mesh.

    python tools/demo.py --out demo

Opens the sample's scene (eight cameras that carry their images), reconstructs it with a real
worker, and writes the scene, a .glb and a rendered image. Then a chair is fitted to its eight
images and textured; one picture shows it beside them. Runs in the bpy module.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix, Vector

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "assets" / "sample" / "suzanne" / "suzanne.blend"
CHAIR = ROOT / "assets" / "sample" / "chair" / "chair.blend"
TEXTURE = 2048  # pixels


def render(image: Path, made: bpy.types.Object, camera: bpy.types.Object | None = None) -> None:
    """Render only the given mesh with Cycles, from a camera or the first one."""
    scene = bpy.context.scene
    for other in scene.objects:
        other.hide_render = other.type == "MESH" and other != made
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 32
    scene.cycles.use_denoising = False
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = 640
    scene.camera = camera or next(o for o in scene.objects if o.type == "CAMERA")
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


def keep(out: Path, name: str, made: bpy.types.Object) -> None:
    """Write the object, an image of it and the scene; print a summary."""
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


def fitted(out: Path, resolution: int) -> None:
    """Fit a chair to its eight images, texture it, and show it beside them."""
    from levelform.addon import api

    bpy.ops.wm.open_mainfile(filepath=str(CHAIR))
    scene = bpy.context.scene
    scene.levelform.volume = None
    cameras = sorted((o for o in scene.objects if o.type == "CAMERA"), key=lambda o: o.name)
    images = [CHAIR.parent / "images" / f"{index}.png" for index in range(len(cameras))]
    paths = [str(image) for image in images]
    made = follow(
        api.stream(
            paths, cameras, name="Chair", method="fit", resolution=resolution, texture=TEXTURE
        )
    )
    keep(out, "chair", made)
    render(out / "chair.png", made, between(cameras[0], cameras[1], made))
    beside(out / "chair-and-images.png", images, out / "chair.png")


def between(
    one: bpy.types.Object, other: bpy.types.Object, target: bpy.types.Object
) -> bpy.types.Object:
    """Return a camera between two, as far from the target's centre: no image was taken there."""
    corners = [target.matrix_world @ Vector(corner) for corner in target.bound_box]
    center = sum(corners, Vector()) / len(corners)
    first, second = (camera.matrix_world.translation - center for camera in (one, other))
    away = (first.normalized() + second.normalized()).normalized() * first.length
    camera = one.copy()
    bpy.context.scene.collection.objects.link(camera)
    turn = (-away).to_track_quat("-Z", "Y")
    camera.matrix_world = Matrix.Translation(center + away) @ turn.to_matrix().to_4x4()
    bpy.context.view_layer.update()
    return camera


def beside(out: Path, images: list[Path], rendered: Path) -> None:
    """Write a picture of a result's images in two columns, and to their right its render."""
    from PIL import Image, ImageOps

    result = Image.open(rendered).convert("RGBA")
    side = result.height * 2 // len(images)
    sheet = Image.new("RGBA", (2 * side + result.width, result.height), "white")
    for number, path in enumerate(images):
        small = Image.open(path).convert("RGBA")
        small = ImageOps.pad(
            small.crop(small.getbbox()), (side - 12, side - 12), color=(0, 0, 0, 0)
        )
        sheet.alpha_composite(small, (number % 2 * side + 6, number // 2 * side + 6))
    sheet.alpha_composite(result, (2 * side, 0))
    sheet.convert("RGB").save(out)


def main() -> None:
    """Run both jobs."""
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
        fitted(out, args.resolution)
    finally:
        addon.unregister()


if __name__ == "__main__":
    main()
