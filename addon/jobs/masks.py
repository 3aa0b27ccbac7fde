"""Asks the worker for the mask of the panel's image."""

import uuid

import bpy

from ...backend.contract.protocol import FindMasks
from .requests import marks_of, panel_source, scene_settings
from .results import Checked
from .running import Running
from .session import live


class Masked(Checked):
    """The mask of the panel's image, which shows no mesh and changes no object."""

    label = "Show Mask"
    promise = "The mask will appear in a moment"


def begin_masks(context: bpy.types.Context) -> Running:
    """Begin to find the mask of the panel's image; nothing is reconstructed.

    Raises
    ------
    RequestError
        If there is no image, or it can't be read; nothing was begun.
    """
    scene, job, source = context.scene, uuid.uuid4().hex, panel_source(context.scene)
    request = FindMasks(job, source.views, scene_settings(scene).background)
    return live.begin(request, Masked(job, scene), {}, marks_of(source, scene, panel=True))
