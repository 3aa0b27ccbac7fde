"""What viewports show of a mesh: its colours or texture, unless the artist chose otherwise."""

from collections.abc import Iterator
from typing import Any

import bpy

UNTOUCHED = "MATERIAL"  # what Blender shows in Solid shading until somebody chooses

# What we made each viewport show; one that shows something else since was changed by the artist.
_shown: dict[int, str] = {}


def show(kind: str) -> int:
    """Have viewports in Solid shading show colour attributes or textures.

    Only viewports that show plain materials, as Blender's default is, or what an earlier call set,
    are changed; one that the artist changed back is left alone. Material Preview and Rendered
    shading show the object's material anyway.

    Parameters
    ----------
    kind
        "VERTEX" for colour attributes, "TEXTURE" for textures.

    Returns
    -------
    How many viewports show it now that did not before.
    """
    changed = 0
    for space in _viewports():
        shading, key = space.shading, space.as_pointer()
        untouched = shading.color_type == UNTOUCHED and key not in _shown
        if shading.color_type == kind or not (untouched or shading.color_type == _shown.get(key)):
            continue
        shading.color_type = kind
        _shown[key] = kind
        changed += 1
    return changed


def forget() -> None:
    """Forget what viewports were made to show: another file has others."""
    _shown.clear()


def _viewports() -> Iterator[Any]:
    """Yield the 3D viewports of all windows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield area.spaces.active
