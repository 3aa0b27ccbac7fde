"""The button that fixes an error, beside its message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy


@dataclass(frozen=True)
class Remedy:
    """A button that helps where a sentence matches.

    sentence : a regular expression that the message or its hint contains
    operator : its name; drawn only where it is registered
    text : of the button; empty: the operator's own
    properties : of the operator
    """

    sentence: str
    operator: str
    text: str = ""
    icon: str = "NONE"
    properties: Mapping[str, Any] = field(default_factory=dict)


REMEDIES = (
    Remedy("Install Backend|Repair Backend", "levelform.install_backend", icon="IMPORT"),
    Remedy("no cameras|No camera is ticked|has no image", "levelform.start_from_images"),
    Remedy("No camera is ticked", "levelform.tick_cameras", icon="CHECKBOX_HLT"),
    Remedy("No image is picked|Pick an image", "levelform.start_from_images"),
    Remedy("no longer (in memory|kept|keeps)", "levelform.run_again", icon="FILE_REFRESH"),
    Remedy("backend (has )?(ended|stopped|died|crashed)|log has details", "levelform.copy_log"),
    Remedy(
        "outside|volume",
        "levelform.volume_from_cameras",
        text="Place Volume from Cameras",
        icon="PIVOT_BOUNDBOX",
    ),
    Remedy(
        "alpha|background|outline|mask",
        "wm.context_set_enum",
        text="Detect the Background",
        properties={"data_path": "scene.levelform.background", "value": "AUTO"},
    ),
    Remedy("views disagree|silhouettes", "levelform.check_views", icon="VIEW_CAMERA"),
)


def remedies_for(text: str) -> list[Remedy]:
    """Return the remedies of a message with its hint, at most two."""
    fitting = [remedy for remedy in REMEDIES if re.search(remedy.sentence, text, re.IGNORECASE)]
    return [remedy for remedy in fitting if _is_registered(remedy.operator)][:2]


def draw(layout: bpy.types.UILayout, text: str) -> None:
    """Draw the buttons that help with a message."""
    for remedy in remedies_for(text):
        words = {"text": remedy.text} if remedy.text else {}
        button = layout.operator(remedy.operator, icon=remedy.icon, **words)
        for name, value in remedy.properties.items():
            setattr(button, name, value)


def _is_registered(operator: str) -> bool:
    category, name = operator.split(".")
    return name in dir(getattr(bpy.ops, category))
