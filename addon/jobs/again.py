"""Makes a result again, with its stored settings and images."""

from dataclasses import replace

import bpy
import numpy as np

from ..scene.gallery import result_name
from ..scene.provenance import provenance_of
from .memory import REQUEST, settings_again, source_again
from .requests import Order, completed, stands_nowhere
from .results import Handle, on_ground


def order_again(target: bpy.types.Object, scene: bpy.types.Scene, method: str = "") -> Order:
    """Return the order of a result like this one, in the same volume if the artist gave it.

    Parameters
    ----------
    method
        Used instead of the result's own; empty: the result's.

    Raises
    ------
    RequestError
        If the object is not a result, or its source is gone.
    """
    before = settings_again(target)
    settings = completed(replace(before, method=method or before.method))
    source = source_again(target, scene)
    facts = provenance_of(target).to_dict()
    place: tuple[np.ndarray | None, str] = (source.world_from_volume, source.volume_from)
    if facts.get("volume_from") == "user" and "world_from_volume" in facts:
        place = (np.array(facts["world_from_volume"], np.float64), "user")
    told = {REQUEST: facts[REQUEST]} if REQUEST in facts else {}
    name = _name_of(target, before.method, settings.method, settings.resolution)
    arrange = on_ground if place[0] is None and stands_nowhere(source) else None
    return Order(source, settings, place, name, Handle.of(scene), told=told, arrange=arrange)


def _name_of(target: bpy.types.Object, old: str, method: str, resolution: int) -> str:
    """Return the name of a result made again: the old one without Blender's .001.

    A name that ends with the old method and the resolution gets the new method.
    """
    stem, _, number = target.name.rpartition(".")
    name = stem if stem and number.isdigit() else target.name
    ending = result_name("", old, resolution)
    if name.endswith(ending):
        name = name.removesuffix(ending) + result_name("", method, resolution)
    return name or result_name("", method, resolution)
