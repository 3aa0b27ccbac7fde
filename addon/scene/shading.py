"""Makes viewports show a mesh's colours or texture, unless the artist chose otherwise."""

from collections.abc import Iterator
from typing import Any

import bpy

UNTOUCHED = "MATERIAL"  # the default of Solid shading

# What we set in each viewport; a viewport with another value was changed by the artist.
_shown: dict[int, str] = {}


def show(kind: str) -> int:
    """Make viewports in Solid shading show colour attributes or textures.

    Only viewports with Blender's default (materials) or with the value of an earlier call are
    changed; a viewport that the artist changed back is not. Material Preview and Rendered shading
    show the object's material anyway.

    Parameters
    ----------
    kind
        "VERTEX" for colour attributes, "TEXTURE" for textures.

    Returns
    -------
    The number of viewports that were changed.
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
    """Forget the viewports of the previous file; those that stayed, as set here, are kept.

    *Open Sample* and others load files without their screens.
    """
    seen = {space.as_pointer(): space.shading.color_type for space in _viewports()}
    for key, kind in list(_shown.items()):
        if seen.get(key) != kind:
            del _shown[key]


def _viewports() -> Iterator[Any]:
    """Yield the 3D viewports of all windows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield area.spaces.active
