"""The panel's settings for rendering training images; stored on the scene."""

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...backend.contract.camera_ranges import OWN, WORDS

# The labels of the ranges of cameras.
CAMERA_NAMES = {
    "r2n2": "3D-R2N2",
    "haene": "Deep Meta",
    "disn": "DISN",
    "uclid-net": "UCLID-Net",
    "disn-hard": "DISN, Off Center",
    "sdf-srn": "SDF-SRN",
    "pascal3d": "Orthographic",
    "free": "Everything",
    "levelform": "Levelform",
    "levelform-round": "Levelform, All Around",
}


class LevelformDataset(bpy.types.PropertyGroup):
    """The shapes and the settings for rendering training images; stored on the scene."""

    source: EnumProperty(
        name="Shapes",
        items=(
            ("COLLECTION", "Collection", "Every mesh object of a collection is a shape"),
            ("FOLDER", "Folder", "Every mesh file below a folder is a shape"),
        ),
    )
    collection: PointerProperty(
        type=bpy.types.Collection,
        name="Collection",
        description="Its mesh objects are rendered one by one; if none is picked, the scene's",
    )
    folder: StringProperty(
        name="Folder",
        description="Every .glb, .gltf, .obj, .ply and .stl below it is rendered",
        subtype="DIR_PATH",
    )
    out: StringProperty(
        name="Output",
        description="Folder of the data set and its images; finished shapes are kept",
        subtype="DIR_PATH",
    )
    views: IntProperty(
        name="Views", description="Number of images of each shape", default=8, min=1, soft_max=64
    )
    size: IntProperty(
        name="Size",
        description="Width and height of each image",
        default=128,
        min=8,
        soft_max=1024,
        subtype="PIXEL",
    )
    cameras: EnumProperty(
        name="Cameras",
        description="The range of positions and lenses of the cameras",
        items=[(name, CAMERA_NAMES.get(name, name), words) for name, words in WORDS.items()],
        default=OWN,
    )
    engine: EnumProperty(
        name="Engine",
        items=(
            ("CYCLES", "Cycles", "Path tracing; works without a graphics card"),
            ("EEVEE", "EEVEE", "Fast, with a graphics card"),
        ),
    )
    samples: IntProperty(
        name="Samples", description="Samples per pixel", default=32, min=1, soft_max=512
    )
    seed: IntProperty(name="Seed", description="The same seed gives the same images", min=0)
    depth: BoolProperty(
        name="Depth", description="Write the depth of each pixel, in meters", default=True
    )
    normals: BoolProperty(
        name="Normals", description="Write the surface normal of each pixel", default=True
    )
    albedo: BoolProperty(
        name="Albedo",
        description="Write the base color of each pixel, without lighting",
        default=True,
    )


CLASSES = (LevelformDataset,)


def register() -> None:
    """Add the settings to scenes."""
    bpy.types.Scene.levelform_dataset = PointerProperty(type=LevelformDataset)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Scene.levelform_dataset
