"""What the panel remembers of the rendering of training images; stored on the scene."""

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...backend.contract.camera_ranges import WORDS

# How the panel calls the ranges of cameras whose names are no words.
CAMERA_NAMES = {
    "r2n2": "3D-R2N2",
    "haene": "Deep Meta",
    "disn": "DISN",
    "uclid-net": "UCLID-Net",
    "disn-hard": "DISN, Off Centre",
    "sdf-srn": "SDF-SRN",
    "pascal3d": "Orthographic",
    "free": "Everything",
    "levelform": "Levelform",
}


class LevelformDataset(bpy.types.PropertyGroup):
    """What training pictures are rendered of, and how; stored on the scene."""

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
        description="Whose mesh objects are rendered, each alone; when none is picked, the scene's",
    )
    folder: StringProperty(
        name="Folder",
        description="Every .glb, .gltf, .obj, .ply and .stl below it is rendered",
        subtype="DIR_PATH",
    )
    out: StringProperty(
        name="Output",
        description="Where the pictures go, a folder for each shape; finished ones are kept",
        subtype="DIR_PATH",
    )
    views: IntProperty(
        name="Views", description="Pictures of each shape", default=8, min=1, soft_max=64
    )
    size: IntProperty(
        name="Size",
        description="Width and height of each picture",
        default=128,
        min=8,
        soft_max=1024,
        subtype="PIXEL",
    )
    cameras: EnumProperty(
        name="Cameras",
        description="Where the cameras stand and what lens they have",
        items=[(name, CAMERA_NAMES.get(name, name), words) for name, words in WORDS.items()],
    )
    engine: EnumProperty(
        name="Engine",
        items=(
            ("CYCLES", "Cycles", "True light; also without a graphics card"),
            ("EEVEE", "EEVEE", "Quick on a graphics card"),
        ),
    )
    samples: IntProperty(
        name="Samples", description="Samples of a pixel", default=32, min=1, soft_max=512
    )
    seed: IntProperty(name="Seed", description="The same seed gives the same pictures", min=0)
    depth: BoolProperty(
        name="Depth", description="Write how far each pixel is, in metres", default=True
    )
    normals: BoolProperty(
        name="Normals", description="Write which way each pixel's surface faces", default=True
    )
    albedo: BoolProperty(
        name="Albedo", description="Write each pixel's own colour, without light", default=True
    )


CLASSES = (LevelformDataset,)


def register() -> None:
    """Hang the settings on scenes."""
    bpy.types.Scene.levelform_dataset = PointerProperty(type=LevelformDataset)


def unregister() -> None:
    """Take them off again."""
    del bpy.types.Scene.levelform_dataset
