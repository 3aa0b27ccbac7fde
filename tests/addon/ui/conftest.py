"""Panels drawn on paper: a layout that notes everything drawn on it."""

from types import SimpleNamespace
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.backend_setup import interpreter  # noqa: E402
from levelform.addon.backend_setup.candidates import Candidate, InterpreterSource  # noqa: E402
from levelform.addon.backend_setup.checkup import InterpreterReport  # noqa: E402
from levelform.addon.ui import panels_cameras  # noqa: E402

GOOD = Candidate(
    InterpreterSource.MANAGED, "/python", InterpreterReport("/python", python="3.12.1", torch="2.9")
)


BAD = Candidate(
    InterpreterSource.BLENDER,
    "/other",
    InterpreterReport("/other", problem="It lacks torch.", hint="Press."),
)


class Paper:
    """A layout that records drawing calls, and refuses calls unknown to Blender."""

    def __init__(self, notes: list[str] | None = None) -> None:
        self.notes: list[str] = [] if notes is None else notes
        self.layout = self

    def _sub(self, *_: Any, **__: Any) -> "Paper":
        return Paper(self.notes)

    row = column = box = split = grid_flow = _sub

    def label(self, *, text: str = "", icon: str = "NONE") -> None:
        self.notes.append(text)

    def prop(self, data: Any, name: str, **_: Any) -> None:
        assert name in data.bl_rna.properties, name
        self.notes.append(name)

    def operator(self, name: str, *, text: str = "", **_: Any) -> SimpleNamespace:
        category, verb = name.split(".")
        assert verb in dir(getattr(bpy.ops, category)), name
        self.notes += [name, text] if text else [name]
        return SimpleNamespace()

    def progress(self, *, factor: float, text: str) -> None:
        assert 0.0 <= factor <= 1.0
        self.notes.append(text)

    def menu(self, name: str, **_: Any) -> None:
        assert hasattr(bpy.types, name), name
        self.notes.append(name)

    def template_list(self, kind: str, _id: str, data: Any, name: str, *_: Any, **__: Any) -> None:
        items = getattr(data, name)
        assert hasattr(bpy.types, kind)
        for item in items:
            if panels_cameras.has_image(item, data):
                panels_cameras.LEVELFORM_UL_cameras.draw_item(
                    None, context(), self, data, item, 0, data, name, 0, 0
                )

    def template_ID(self, data: Any, name: str, **_: Any) -> None:
        self.prop(data, name)

    def icon(self, block: Any) -> int:
        return block.preview_ensure().icon_id

    def template_icon(self, *, icon_value: int, scale: float = 1.0) -> None:
        assert isinstance(icon_value, int)
        self.notes.append("thumbnail")

    def separator(self) -> None:
        pass

    def __contains__(self, words: str) -> bool:
        return words in " ".join(self.notes)


def context() -> SimpleNamespace:
    return SimpleNamespace(
        scene=bpy.context.scene,
        object=bpy.context.view_layer.objects.active,
        region=SimpleNamespace(width=280),
        space_data=SimpleNamespace(shading=SimpleNamespace(type="SOLID", color_type="VERTEX")),
        # Blender in the background has a scale of 0.
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
    )


def draw(panel: type) -> Paper:
    paper = Paper()
    panel.draw(paper, context())
    return paper


@pytest.fixture
def chosen_backend(monkeypatch):
    """Say what was found of a backend."""

    def chosen_backend(*candidates: Candidate) -> None:
        monkeypatch.setattr(interpreter.here, "candidates", candidates)
        monkeypatch.setattr(interpreter.here, "looking", None)

    chosen_backend(GOOD)
    return chosen_backend
