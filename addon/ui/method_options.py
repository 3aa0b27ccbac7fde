"""The options declared by methods, as properties of the scene, with their ranges and help.

Blender draws only properties of registered classes, so a class for each method is built when the
worker has reported its methods. A .blend keeps the values while no worker runs.
"""

from collections.abc import Sequence
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...backend.contract.options import Option
from ...backend.contract.protocol import MethodInfo
from ..jobs.session import live

HAND_MADE = ("fusion", "camera", "symmetry")  # properties of `LevelformSettings`
_LARGEST = 2**31 - 1

_groups: dict[str, type] = {}  # class by attribute of Scene
_listed: Sequence[MethodInfo] = ()


def sync(methods: Sequence[MethodInfo]) -> None:
    """Register properties for the options of these methods; must not be called while drawing."""
    global _listed
    if not methods or methods is _listed or methods == _listed:
        return
    clear()
    for info in methods:
        options = drawable(info)
        if options:
            _register(_attribute(info.name), options)
    _listed = methods


def register() -> None:
    """Start following the worker's methods."""
    live.method_listeners.append(sync)


def unregister() -> None:
    """Stop following them."""
    live.method_listeners.remove(sync)
    clear()


def clear() -> None:
    """Unregister the classes; the values stay in the scenes."""
    global _listed
    while _groups:
        attribute, group = _groups.popitem()
        delattr(bpy.types.Scene, attribute)
        bpy.utils.unregister_class(group)
    _listed = ()


def drawable(info: MethodInfo) -> list[Option]:
    """Return the options of a method that are drawn by this module."""
    own = (option for option in info.options if option.name not in HAND_MADE)
    return [option for option in own if option.default is not None]


def draw(layout: bpy.types.UILayout, scene: bpy.types.Scene, info: MethodInfo) -> None:
    """Draw a method's own options."""
    group = getattr(scene, _attribute(info.name), None)
    for option in drawable(info) if group is not None else ():
        layout.prop(group, option.name)


def chosen(scene: bpy.types.Scene, info: MethodInfo) -> dict[str, Any]:
    """Return a method's own options that differ from their defaults."""
    group = getattr(scene, _attribute(info.name), None)
    if group is None:
        return {}
    values = {option.name: _value(group, option) for option in drawable(info)}
    return {o.name: values[o.name] for o in drawable(info) if values[o.name] != o.default}


def _value(group: Any, option: Option) -> Any:
    value = getattr(group, option.name)
    return round(value, 6) if option.kind == "float" else value


def _attribute(method: str) -> str:
    return "levelform_of_" + "".join(c if c.isalnum() else "_" for c in method)


def _register(attribute: str, options: Sequence[Option]) -> None:
    annotations = {option.name: _property(option) for option in options}
    group = type(
        f"LEVELFORM_PG_{attribute}", (bpy.types.PropertyGroup,), {"__annotations__": annotations}
    )
    bpy.utils.register_class(group)
    setattr(bpy.types.Scene, attribute, bpy.props.PointerProperty(type=group))
    _groups[attribute] = group


def _property(option: Option) -> Any:
    """Return a Blender property for an option."""
    words = {
        "name": option.name.replace("_", " ").title(),
        "description": f"{option.help[:1].upper()}{option.help[1:]}",
        "default": option.default,
    }
    if option.kind == "bool":
        return BoolProperty(**words)
    if option.kind == "choice":
        items = [(word, word.replace("-", " ").title(), "") for word in option.choices]
        return EnumProperty(**words, items=items)
    if option.kind == "text":
        return StringProperty(**words)
    low = -_LARGEST if option.minimum is None else option.minimum
    high = _LARGEST if option.maximum is None else option.maximum
    if option.kind == "int":
        return IntProperty(**words, min=int(low), max=int(high))
    return FloatProperty(**words, min=low, max=high)
