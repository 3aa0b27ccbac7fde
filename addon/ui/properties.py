"""What the panel remembers, saved in the .blend: settings on the scene, a tick on each camera."""

from dataclasses import replace

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...backend.contract import options as declared
from ...backend.contract import protocol
from ...backend.contract import settings as table
from ...backend.contract.camera_ranges import WORDS
from ...backend.contract.levels import DISTANCE
from ..jobs import session
from ..jobs.requests import DEFAULT_METHOD
from ..scene import frames, view_checks
from ..scene.scene_source import MOST_FRAMES
from . import choices, level_properties, method_options
from .level_properties import LEVEL_PROPERTIES

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
    "levelform-round": "Levelform, All Around",
}
PRESETS = {"DRAFT": 64, "BALANCED": 128, "FINE": 256, "ULTRA": 512}
# What the panel offers before the backend has said which methods it runs.
_KNOWN_METHODS = (
    (DEFAULT_METHOD, "Visual hull", "Carves the object out of its silhouettes; needs no weights"),
)
# Entries of dynamic enums, see `choices`.
_method_items: list[tuple[str, str, str, int]] = []
_variant_items: list[tuple[str, str, str, int]] = []
_fusion_items: list[tuple[str, str, str]] = []
SINGLE_IMAGE_METHOD = "levelform"


def _methods(settings: "LevelformSettings", _context: bpy.types.Context | None) -> list:
    """List the worker's methods, or what is known before it runs; always with the chosen one."""
    listed = session.methods()
    known = [(m.name, m.title, m.summary) for m in listed] if listed else _KNOWN_METHODS
    return choices.keep_methods(_method_items, known, settings.method)


def _get_method(settings: "LevelformSettings") -> int:
    return next(i for name, _, _, i in _methods(settings, None) if name == settings.method)


def _set_method(settings: "LevelformSettings", index: int) -> None:
    if settings.weights in settings.variants:  # they are the other method's
        settings.weights = ""
    settings.method = _methods(settings, None)[index][0]


def _is_volume(_settings: "LevelformSettings", candidate: bpy.types.Object) -> bool:
    return candidate.type == "EMPTY"


def _is_mesh(_settings: "LevelformSettings", candidate: bpy.types.Object) -> bool:
    return candidate.type == "MESH"


def _info(settings: "LevelformSettings") -> protocol.MethodInfo | None:
    """Return what the worker has said of the chosen method; None before it runs."""
    return next((m for m in session.methods() if m.name == settings.method), None)


def _variants(settings: "LevelformSettings", _context: bpy.types.Context | None) -> list:
    """List the categories of the method's own weights, where each has a file."""
    names = settings.variants or ("",)
    items = [(n, n.capitalize(), f"Weights that know {n}s alone", i) for i, n in enumerate(names)]
    return choices.keep(_variant_items, items)


def _get_variant(settings: "LevelformSettings") -> int:
    names = settings.variants
    return names.index(settings.weights) if settings.weights in names else 0


def _set_variant(settings: "LevelformSettings", index: int) -> None:
    settings.weights = settings.variants[index] if settings.variants else ""


def _fusions(settings: "LevelformSettings", _context: bpy.types.Context | None) -> list:
    """List the chosen method's ways to combine views; the first is its own choice."""
    found = _info(settings)
    names = found.fusions if found else ()
    items = [("DEFAULT", "Method's Choice", "As the method does it by itself")]
    items += [(name, name.capitalize(), f"Combine the views by {name}") for name in names]
    return choices.keep(_fusion_items, items)


def _source_changed(settings: "LevelformSettings", _context: bpy.types.Context) -> None:
    """Offer a method that works without cameras for an image that has none."""
    view_checks.forget(settings.id_data)
    if settings.source == "IMAGE" and settings.method == DEFAULT_METHOD:
        settings.method = SINGLE_IMAGE_METHOD
    elif settings.source != "IMAGE" and settings.method == SINGLE_IMAGE_METHOD:
        found = _info(settings)
        if found is not None and not found.weights and not settings.weights:
            settings.method = DEFAULT_METHOD


def _file_changed(settings: "LevelformSettings", context: bpy.types.Context) -> None:
    """Forget what was said of another file, and what was done about its views."""
    settings.cures = ""
    view_checks.forget(context.scene)


def _inputs_changed(_owner: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Forget what the last check said: it was of other inputs."""
    view_checks.forget(context.scene)


def _image_picked(chosen: "LevelformCamera", context: bpy.types.Context) -> None:
    frames.pick(chosen.id_data, context.scene)
    view_checks.forget(context.scene)


class LevelformCamera(bpy.types.PropertyGroup):
    """A camera's part in the reconstruction, stored on the camera's object."""

    use: BoolProperty(
        name="Use",
        description="Reconstruct from this camera",
        default=True,
        update=_inputs_changed,
    )
    mark: EnumProperty(
        name="Agreement",
        description="Whether its view agreed with the others in the last check",
        items=(
            ("NONE", "Not Checked", "Nothing is known"),
            ("GOOD", "Agrees", "Its outline fits the other views' silhouettes"),
            ("BAD", "Disagrees", "See what is said of it"),
        ),
        options={"HIDDEN"},
    )
    remark: StringProperty(
        name="Remark", description="What the last check said of its view", options={"HIDDEN"}
    )
    checked_pose: StringProperty(options={"HIDDEN"})
    image: PointerProperty(
        type=bpy.types.Image,
        name="Picture",
        description="What this camera saw, as a render of this scene; "
        "when empty, the camera's background image is used",
        update=_image_picked,
    )
    frame: FloatProperty(
        name="Frame",
        description="Width over height of the render in which the camera's image was matched: the "
        "image keeps that frame when the scene's render size changes; 0: the scene's",
        min=0.0,
    )
    matched: StringProperty(
        name="Matched",
        description="The settings with which the artist matched the background image; empty where "
        "Levelform attached it",
        options={"HIDDEN"},
    )


class LevelformCure(bpy.types.PropertyGroup):
    """A change that would make the views agree, as the last check found it."""

    cure: StringProperty(description="Its name in `cures` of a script")
    sentence: StringProperty(description="What it does")


class LevelformSettings(bpy.types.PropertyGroup):
    """What to reconstruct from, and how; stored on the scene."""

    source: EnumProperty(
        name="Source",
        items=(
            ("CAMERAS", "Cameras", "Pictures of the cameras that stand in this scene"),
            ("FILES", "Folder", "A file of cameras with its images, or the folder it is in"),
            ("IMAGE", "One Image", "A single image, for methods that need no camera"),
        ),
        default="CAMERAS",
        update=_source_changed,
    )
    path: StringProperty(
        name="Folder",
        description="A file of cameras (transforms.json, a COLMAP model and others), or its folder",
        subtype="FILE_PATH",
        update=_file_changed,
    )
    image: PointerProperty(
        type=bpy.types.Image, name="Image", description="The image to reconstruct from"
    )
    camera_index: IntProperty(name="Active camera", options={"HIDDEN"})
    frames: IntProperty(
        name="Frames",
        description="Views of a camera whose image is a sequence or a movie, each with the pose "
        "and the image of its frame, spread evenly over the scene's range; 1: the current frame",
        default=1,
        min=1,
        max=MOST_FRAMES,
        soft_max=64,
    )
    volume: PointerProperty(
        type=bpy.types.Object,
        name="Volume",
        description="An Empty whose cube holds the object; when none is picked, the cameras decide",
        poll=_is_volume,
    )
    method: StringProperty(
        name="Method", description="Name of the method, for scripts", default=DEFAULT_METHOD
    )
    method_choice: EnumProperty(
        name="Method",
        description="How images become a mesh",
        items=_methods,
        get=_get_method,
        set=_set_method,
        options={"SKIP_SAVE"},
    )
    weights: StringProperty(
        name="Weights",
        description="A file of weights; when empty, those that come with the method",
        subtype="FILE_PATH",
    )
    variant: EnumProperty(
        name="Category",
        description="What is in the images: these weights know one kind of thing each",
        items=_variants,
        get=_get_variant,
        set=_set_variant,
        options={"SKIP_SAVE"},
    )
    preset: EnumProperty(
        name="Resolution",
        description="Cells along the longest side of the volume",
        items=(
            ("DRAFT", "Draft 64", "64 cells: a first look"),
            ("BALANCED", "Balanced 128", "128 cells"),
            ("FINE", "Fine 256", "256 cells"),
            ("ULTRA", "Ultra 512", "512 cells: needs time and memory"),
            ("CUSTOM", "Custom", "Any number of cells"),
        ),
        default="BALANCED",
    )
    custom_resolution: IntProperty(
        name="Cells",
        description="Cells along the longest side of the volume",
        default=table.RESOLUTION.default,
        min=declared.COARSEST,
        max=declared.FINEST,
        soft_max=512,
    )
    use_level: BoolProperty(
        name="Level",
        description="Move the surface away from where the method puts it",
        default=False,
    )
    level: level_properties.offset(remembered=True)
    probability: level_properties.probability(remembered=True)
    level_kind: StringProperty(options={"HIDDEN"})
    background: EnumProperty(
        name="Background",
        description="What is background in the images",
        items=(
            (
                "AUTO",
                "Automatic",
                "Where an image has alpha, that is the object's mask; else what is seen along "
                "the image's border is background",
            ),
            ("ALPHA", "Transparent", "Each image's alpha is the object's mask"),
            ("CORNER", "Corner Colour", "The colour of the image's corners is background"),
            ("COLOR", "Chosen Colour", "A colour of your choice is background"),
        ),
        default="AUTO",
    )
    background_color: FloatVectorProperty(
        name="Colour",
        description="The background's colour",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        default=(1.0, 1.0, 1.0),
    )
    tolerance: FloatProperty(
        name="Tolerance",
        description="How far from the background's colour still counts as background",
        default=table.TOLERANCE.default,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    color: BoolProperty(
        name="Colours",
        description="Colour the mesh from the images",
        default=table.COLOR.default,
    )
    intersect_hull: BoolProperty(
        name="Keep Inside Silhouettes",
        description="Where several images have cameras, cut away whatever their silhouettes rule "
        "out",
        default=True,
    )
    fusion: EnumProperty(
        name="Combine Views",
        description="How several views become one object",
        items=_fusions,
        options={"SKIP_SAVE"},
    )
    estimate_cameras: BoolProperty(
        name="Find Cameras",
        description="Let the method find each image's camera, though the scene says it",
        default=False,
    )
    symmetry: BoolProperty(
        name="Mirror Symmetry",
        description="Take what the images show of one side for the other side too, where the "
        "object looks symmetric about the volume's plane X = 0; switch it off for objects that "
        "are not",
        default=True,
    )
    seed: IntProperty(
        name="Seed",
        description="For methods that draw random numbers",
        default=table.SEED.default,
        min=0,
    )
    more_options: StringProperty(
        name="More",
        description="Further options as NAME=VALUE, separated by spaces, of the method or of the "
        "meshing: dense, first, guaranteed",
    )
    min_component: FloatProperty(
        name="Drop Crumbs",
        description="Remove loose pieces smaller than this share of the largest; silhouettes "
        "alone can't rule out that something floats where few cameras look",
        default=declared.default_of("min_component"),
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    fill_voids: BoolProperty(
        name="Fill Voids", description="Remove closed hollows inside the object", default=False
    )
    use_max_faces: BoolProperty(
        name="Limit Faces", description="Simplify the last mesh to a number of faces", default=False
    )
    max_faces: IntProperty(
        name="Faces", description="Triangles at most", default=50_000, min=100, soft_max=1_000_000
    )

    cures: StringProperty(
        name="Cures",
        description="What is done about views that disagree, by name, separated by spaces: such "
        "as leave-out=3 swap=2,5 convention=opencv; views are counted from 0",
    )
    check_remark: StringProperty(
        name="Agreement", description="What the last check said of the views", options={"HIDDEN"}
    )
    check_views: StringProperty(options={"HIDDEN"})
    check_cures: CollectionProperty(type=LevelformCure, options={"HIDDEN"})

    remesh_resolution: IntProperty(
        name="Resolution",
        description="Cells along the longest side of the volume",
        default=256,
        min=8,
        max=1024,
        soft_max=512,
    )
    remesh_use_level: BoolProperty(
        name="Level", description="Move the surface away from where the method puts it"
    )
    remesh_level: level_properties.offset()
    remesh_probability: level_properties.probability()

    reference: PointerProperty(
        type=bpy.types.Object,
        name="Reference",
        description="The true mesh, to compare the selected one with",
        poll=_is_mesh,
    )
    heat: BoolProperty(
        name="Distances as Colours",
        description="Colour the mesh: red lies outside the reference, blue inside, white on it",
        default=True,
    )

    @property
    def info(self) -> protocol.MethodInfo | None:
        """What the worker has said of the chosen method; None before it runs."""
        return _info(self)

    @property
    def level_unit(self) -> str:
        """What the chosen method's level is a number of; before the worker runs as last set."""
        found = self.info
        return found.level_unit if found else self.level_kind or DISTANCE.name

    @property
    def chosen_level(self) -> float | None:
        """The user's threshold, in the method's unit; None: the method's own."""
        if not self.use_level:
            return None
        value: float = getattr(self, LEVEL_PROPERTIES[self.level_unit])
        return round(value, 6)

    @property
    def variants(self) -> tuple[str, ...]:
        """The categories that the method's own weights know, where each has a file of its own."""
        found = self.info
        return () if found is None or found.weights == ("bundled",) else found.weights

    @property
    def resolution(self) -> int:
        """Cells along the longest side of the volume, from the preset or the custom number."""
        custom: int = self.custom_resolution
        return PRESETS.get(self.preset, custom)

    def background_data(self) -> protocol.Background:
        """Return what the worker is told about the images' background."""
        background = protocol.Background(
            self.background.lower(), tolerance=round(self.tolerance, 6)
        )
        if background.mode != "color":
            return background
        return replace(background, color=tuple(self.background_color))

    def options(self) -> dict[str, object]:
        """Return the further options of a job, only those that differ from their defaults."""
        options: dict[str, object] = {}
        if not self.intersect_hull and self.method != DEFAULT_METHOD:
            options["hull"] = False
        found = _info(self)
        own = {option.name: option for option in found.options} if found else {}
        if "fusion" in own and self.fusion in own["fusion"].choices:
            options["fusion"] = self.fusion
        if "camera" in own and self.estimate_cameras:
            options["camera"] = "estimated"
        if "symmetry" in own and not self.symmetry:
            options["symmetry"] = False
        if found is not None:
            options |= method_options.chosen(self.id_data, found)
        smallest = round(self.min_component, 6)
        if smallest != declared.default_of("min_component"):
            options["min_component"] = smallest
        if self.fill_voids:
            options["fill_voids"] = True
        if self.use_max_faces:
            options["max_faces"] = self.max_faces
        return options


class LevelformDataset(bpy.types.PropertyGroup):
    """What training images are rendered of, and how; stored on the scene."""

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
        description="Where the images go, a folder for each shape; finished ones are kept",
        subtype="DIR_PATH",
    )
    views: IntProperty(
        name="Views", description="Pictures of each shape", default=8, min=1, soft_max=64
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
    seed: IntProperty(name="Seed", description="The same seed gives the same images", min=0)
    depth: BoolProperty(
        name="Depth", description="Write how far each pixel is, in metres", default=True
    )
    normals: BoolProperty(
        name="Normals", description="Write which way each pixel's surface faces", default=True
    )
    albedo: BoolProperty(
        name="Albedo", description="Write each pixel's own colour, without light", default=True
    )


CLASSES = (LevelformCamera, LevelformCure, LevelformSettings, LevelformDataset)


def register() -> None:
    """Hang the settings on scenes and the camera's part on objects."""
    bpy.types.Scene.levelform = PointerProperty(type=LevelformSettings)
    bpy.types.Scene.levelform_dataset = PointerProperty(type=LevelformDataset)
    # Not "levelform": before 5.0 it would share its place with the custom property of provenance.
    bpy.types.Object.levelform_camera = PointerProperty(type=LevelformCamera)


def unregister() -> None:
    """Take all of it off again."""
    del bpy.types.Object.levelform_camera
    del bpy.types.Scene.levelform_dataset
    del bpy.types.Scene.levelform
