"""The panel's settings, stored on the scene and saved in the .blend.

A property whose change does something can't be animated or driven: Blender then offers neither,
and would not call its `update` function anyway. The others are plain values.
"""

from dataclasses import replace
from math import pi

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
from ...backend.contract.default_method import ENSEMBLE, FIT, HULL, SINGLE_IMAGE
from ...backend.contract.levels import DISTANCE
from ..jobs.requests import DEFAULT_METHOD
from ..scene import view_checks
from ..scene.scene_source import MOST_FRAMES
from . import choosing, level_properties, method_options, offered_methods
from .level_properties import LEVEL_PROPERTIES
from .properties_cameras import LevelformCure

PRESETS = {"DRAFT": 64, "BALANCED": 128, "FINE": 256, "ULTRA": 512}


def _is_volume(_settings: "LevelformSettings", candidate: bpy.types.Object) -> bool:
    return candidate.type == "EMPTY"


def _is_mesh(_settings: "LevelformSettings", candidate: bpy.types.Object) -> bool:
    return candidate.type == "MESH"


def _source_changed(settings: "LevelformSettings", _context: bpy.types.Context) -> None:
    """Switch to the default method where the chosen one is not for this kind of source."""
    view_checks.forget(settings.id_data)
    single = settings.source == "IMAGE"
    if settings.method in ((HULL, FIT) if single else (ENSEMBLE,)):
        settings.method = DEFAULT_METHOD
    elif not single and settings.method == SINGLE_IMAGE:
        info = offered_methods.info_of(settings)
        if info is not None and not info.weights and not settings.weights:
            settings.method = DEFAULT_METHOD


def _file_changed(settings: "LevelformSettings", context: bpy.types.Context) -> None:
    """Clear the check and the cures of the previous file."""
    settings.cures = ""
    view_checks.forget(context.scene)


class LevelformSettings(bpy.types.PropertyGroup):
    """The source and the settings of a reconstruction; stored on the scene."""

    source: EnumProperty(
        name="Source",
        items=(
            ("CAMERAS", "Cameras", "The images of this scene's cameras"),
            ("FILES", "Folder", "A file of cameras with its images, or its folder"),
            ("IMAGE", "One Image", "A single image, for methods that need no camera"),
        ),
        default="CAMERAS",
        update=_source_changed,
        options=set(),
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
    camera_index: IntProperty(name="Active Camera", options={"HIDDEN"}, update=choosing.camera)
    result_index: IntProperty(name="Active Result", options={"HIDDEN"}, update=choosing.result)
    frames: IntProperty(
        name="Frames",
        description="Number of views of a camera whose image is a sequence or a movie, each with "
        "the pose and the image of its frame, spread evenly over the scene's range; 1: the current "
        "frame",
        default=1,
        min=1,
        max=MOST_FRAMES,
        soft_max=64,
    )
    volume: PointerProperty(
        type=bpy.types.Object,
        name="Volume",
        description="An Empty whose cube contains the object; if none is picked, it is estimated",
        poll=_is_volume,
    )
    method: StringProperty(
        name="Method", description="Name of the method, for scripts", default=DEFAULT_METHOD
    )
    method_choice: EnumProperty(
        name="Method",
        description="The method of reconstruction",
        items=offered_methods.methods,
        get=offered_methods.get_method,
        set=offered_methods.set_method,
        options={"SKIP_SAVE"},
    )
    weights: StringProperty(
        name="Weights",
        description="A file of weights; if empty, the method's own",
        subtype="FILE_PATH",
    )
    variant: EnumProperty(
        name="Category",
        description="The kind of object in the images: each file of weights is for one kind",
        items=offered_methods.variants,
        get=offered_methods.get_variant,
        set=offered_methods.set_variant,
        options={"SKIP_SAVE"},
    )
    preset: EnumProperty(
        name="Resolution",
        description="Cells along the longest side of the volume",
        items=(
            ("DRAFT", "Draft 64", "64 cells: a first look"),
            ("BALANCED", "Balanced 128", "128 cells"),
            ("FINE", "Fine 256", "256 cells"),
            ("ULTRA", "Ultra 512", "512 cells: takes time and memory"),
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
        description="Move the surface from the method's own position",
        default=False,
    )
    level: level_properties.offset(remembered=True)
    probability: level_properties.probability(remembered=True)
    level_kind: StringProperty(options={"HIDDEN"})
    background: EnumProperty(
        name="Background",
        description="How the background of the images is detected",
        items=(
            (
                "AUTO",
                "Automatic",
                "The alpha of an image is the object's mask; without alpha, the background is what "
                "the image's border shows",
            ),
            ("ALPHA", "Transparent", "The alpha of each image is the object's mask"),
            ("CORNER", "Corner Color", "The color of the image's corners is background"),
            ("COLOR", "Chosen Color", "A color of your choice is background"),
        ),
        default="AUTO",
    )
    background_color: FloatVectorProperty(
        name="Color",
        description="The background's color",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        default=(1.0, 1.0, 1.0),
    )
    tolerance: FloatProperty(
        name="Tolerance",
        description="Difference from the background's color up to which a color is background",
        default=table.TOLERANCE.default,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    color: BoolProperty(
        name="Colors",
        description="Color the mesh from the images",
        default=table.COLOR.default,
    )
    intersect_hull: BoolProperty(
        name="Keep Inside Silhouettes",
        description="Cut away everything outside the silhouettes, where several images have "
        "cameras",
        default=True,
    )
    refine: BoolProperty(
        name="Refine for Each Result",
        description="First move the cameras until the silhouettes agree; the scene's cameras stay",
    )
    fusion: EnumProperty(
        name="Combine Views",
        description="How several views are combined into one object",
        items=offered_methods.fusions,
        options={"SKIP_SAVE"},
    )
    estimate_cameras: BoolProperty(
        name="Estimate Cameras",
        description="Let the method estimate each image's camera instead of using the scene's",
        default=False,
    )
    symmetry: BoolProperty(
        name="Mirror Symmetry",
        description="Use what the images show of one side for the other side too, if the object "
        "looks symmetric about the volume's plane X = 0; switch it off for asymmetric objects",
        default=True,
    )
    seed: IntProperty(
        name="Seed",
        description="For methods that use random numbers",
        default=table.SEED.default,
        min=0,
    )
    more_options: StringProperty(
        name="More",
        description="Further options of the method or the meshing as NAME=VALUE, separated by "
        "spaces: dense, first, guaranteed",
    )
    min_component: FloatProperty(
        name="Remove Fragments",
        description="Remove loose pieces smaller than this fraction of the largest; silhouettes "
        "alone can't rule out floating pieces where few cameras look",
        default=declared.default_of("min_component"),
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    fill_voids: BoolProperty(
        name="Fill Voids", description="Remove closed cavities inside the object", default=False
    )
    use_max_faces: BoolProperty(
        name="Limit Faces",
        description="Simplify the final mesh to a number of faces",
        default=False,
    )
    max_faces: IntProperty(
        name="Faces",
        description="Maximum number of triangles",
        default=50_000,
        min=100,
        soft_max=1_000_000,
    )

    cures: StringProperty(
        name="Cures",
        description="Corrections of views that disagree, by name, separated by spaces, such as "
        "leave-out=3 swap=2,5 convention=opencv; views are counted from 0",
    )
    check_remark: StringProperty(
        name="Agreement", description="Result of the last check of the views", options={"HIDDEN"}
    )
    check_views: StringProperty(options={"HIDDEN"})
    check_cures: CollectionProperty(type=LevelformCure, options={"HIDDEN"})

    remesh_resolution: IntProperty(
        name="New Resolution",
        description="Cells along the longest side of the volume",
        default=256,
        min=8,
        max=1024,
        soft_max=512,
    )
    remesh_use_level: BoolProperty(
        name="New Level", description="Move the surface from the method's own position"
    )
    remesh_level: level_properties.offset()
    remesh_probability: level_properties.probability()

    texture_size: EnumProperty(
        name="Texture Size",
        description="Pixels along a side of the texture",
        items=[(str(n), f"{n // 1024} k", f"{n} x {n} pixels") for n in (1024, 2048, 4096)],
        default="2048",
    )
    texture_faces: IntProperty(
        name="Textured Faces",
        description="Maximum number of triangles: a larger mesh is simplified first",
        default=100_000,
        min=100,
        soft_max=500_000,
    )
    quads_count: IntProperty(
        name="Quad Count",
        description="About how many quads the mesh is rebuilt of",
        default=5000,
        min=50,
        max=1_000_000,
    )
    sharp_angle: FloatProperty(
        name="Sharp From",
        description="Of a mesh of quads, edges between faces that meet at this angle or more are "
        "sharp; at 180 degrees all are smooth",
        subtype="ANGLE",
        default=pi,
        min=0.0,
        max=pi,
    )

    reference: PointerProperty(
        type=bpy.types.Object,
        name="Reference",
        description="The ground truth, to compare the selected mesh with",
        poll=_is_mesh,
    )
    heat: BoolProperty(
        name="Distances as Colors",
        description="Color the mesh: red is outside the reference, blue inside, white on it",
        default=True,
    )

    @property
    def info(self) -> protocol.MethodInfo | None:
        """The worker's description of the chosen method; None before it is known."""
        return offered_methods.info_of(self)

    @property
    def requested(self) -> str:
        """The method of a job: that in use, by name where the image can't choose."""
        plain = not self.use_level and not self.more_options
        return self.method if plain or self.source != "IMAGE" else offered_methods.in_use(self)

    @property
    def level_unit(self) -> str:
        """The unit of the chosen method's level; the last one set, before the worker runs."""
        info = self.info
        return info.level_unit if info else self.level_kind or DISTANCE.name

    @property
    def chosen_level(self) -> float | None:
        """The user's threshold, in the method's unit; None: the method's own."""
        if not self.use_level:
            return None
        value: float = getattr(self, LEVEL_PROPERTIES[self.level_unit])
        return round(value, 6)

    @property
    def variants(self) -> tuple[str, ...]:
        """The categories of the method's own weights, if there is a file for each."""
        info = self.info
        return () if info is None or info.weights == ("bundled",) else info.weights

    @property
    def resolution(self) -> int:
        """Cells along the longest side of the volume, from the preset or the custom number."""
        custom: int = self.custom_resolution
        return PRESETS.get(self.preset, custom)

    def background_data(self) -> protocol.Background:
        """Return the background settings for the worker."""
        background = protocol.Background(
            self.background.lower(), tolerance=round(self.tolerance, 6)
        )
        if background.mode != "color":
            return background
        return replace(background, color=tuple(self.background_color))

    def options(self) -> dict[str, object]:
        """Return the further options of a job that differ from their defaults."""
        options: dict[str, object] = {}
        if not self.intersect_hull and offered_methods.in_use(self) != HULL:
            options["hull"] = False
        if self.refine and self.source != "IMAGE":
            options["refine"] = True
        info = self.info
        own = {option.name: option for option in info.options} if info else {}
        if "fusion" in own and self.fusion in own["fusion"].choices:
            options["fusion"] = self.fusion
        if "camera" in own and self.estimate_cameras:
            options["camera"] = "estimated"
        if "symmetry" in own and not self.symmetry:
            options["symmetry"] = False
        if info is not None:
            options |= method_options.chosen(self.id_data, info)
        smallest = round(self.min_component, 6)
        if smallest != declared.default_of("min_component"):
            options["min_component"] = smallest
        if self.fill_voids:
            options["fill_voids"] = True
        if self.use_max_faces:
            options["max_faces"] = self.max_faces
        return options


CLASSES = (LevelformSettings,)


def register() -> None:
    """Add the settings to scenes."""
    bpy.types.Scene.levelform = PointerProperty(type=LevelformSettings)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Scene.levelform
