"""The menu of presets in the header of the main panel."""

import bpy
from bl_ui.utils import PresetPanel


class LEVELFORM_PT_presets(PresetPanel, bpy.types.Panel):
    """Presets of Levelform's settings."""

    bl_label = "Levelform Presets"
    preset_subdir = "levelform/reconstruct"
    preset_operator = "script.execute_preset"
    preset_add_operator = "levelform.add_preset"


CLASSES = (LEVELFORM_PT_presets,)
