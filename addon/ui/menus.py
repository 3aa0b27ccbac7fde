"""Levelform's entries in Blender's menus; its search (F3) finds them too."""

import bpy


def draw_add(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Draw the entry of Add > Mesh."""
    menu.layout.separator()
    _begin(menu.layout, "levelform.start_from_images", "Levelform: Mesh from Images", "IMAGE_DATA")


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Draw the entries of File > Import."""
    _begin(menu.layout, "levelform.start_from_images", "Images to Mesh (Levelform)")
    _begin(
        menu.layout, "levelform.add_cameras", "Cameras with Images (.json, COLMAP, ...) (Levelform)"
    )
    _begin(menu.layout, "levelform.open_result", "Saved Result (.safetensors) (Levelform)")


def draw_help(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Draw the entries of Help."""
    menu.layout.separator()
    _begin(menu.layout, "levelform.open_sample", "Levelform: Open Sample", "MONKEY")
    _begin(menu.layout, "levelform.open_docs", "Levelform: Documentation", "HELP")


def draw_object(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Draw the entry of the viewport's Object menu."""
    menu.layout.separator()
    _begin(menu.layout, "levelform.reconstruct", "Levelform: Reconstruct", "MESH_ICOSPHERE")


def _begin(layout: bpy.types.UILayout, operator: str, text: str, icon: str = "NONE") -> None:
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator(operator, text=text, icon=icon)


ENTRIES = (
    ("VIEW3D_MT_mesh_add", draw_add),
    ("TOPBAR_MT_file_import", draw_import),
    ("TOPBAR_MT_help", draw_help),
    ("VIEW3D_MT_object", draw_object),
)


def register() -> None:
    """Add the entries."""
    for menu, draw in ENTRIES:
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    """Remove them."""
    for menu, draw in ENTRIES:
        getattr(bpy.types, menu).remove(draw)
