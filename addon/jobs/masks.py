"""Asks the worker for the mask of the panel's image."""

import uuid

import bpy

from ...backend.contract.protocol import FindMasks
from .requests import panel_source, scene_settings
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
    scene, job = context.scene, uuid.uuid4().hex
    request = FindMasks(job, panel_source(scene).views, scene_settings(scene).background)
    return live.begin(request, Masked(job, scene), {})
