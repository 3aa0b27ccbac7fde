"""Presets of the panel's settings, kept as Blender keeps its own."""

import bpy
from bl_operators.presets import AddPresetBase

FOLDER = "levelform/reconstruct"
# The settings that a preset keeps: everything except the images.
KEPT = (
    "method", "weights", "preset", "custom_resolution", "use_level", "level", "probability",
    "background", "background_color", "tolerance", "color", "intersect_hull", "estimate_cameras",
    "symmetry", "seed", "more_options", "min_component", "fill_voids", "use_max_faces",
    "max_faces",
)  # fmt: skip


class LEVELFORM_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Keep the settings of Levelform as a preset, or remove one"""

    bl_idname = "levelform.add_preset"
    bl_label = "Add Levelform Preset"
    preset_menu = "LEVELFORM_PT_presets"
    preset_subdir = FOLDER
    # By the whole path, without `preset_defines`: Blender 4.3 can't define names on Python 3.13.
    preset_values = tuple(f"bpy.context.scene.levelform.{name}" for name in KEPT)


CLASSES = (LEVELFORM_OT_add_preset,)
