"""The backend in the sidebar and the preferences."""

from types import SimpleNamespace
from typing import Any

import pytest
from levelform.addon.ui import (
    panels_backend,
)

from .conftest import BAD, GOOD, Paper, context

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy


def test_the_preferences_show_every_candidate(extension, chosen_backend, monkeypatch):
    from levelform.addon.backend_setup import user_preferences

    chosen_backend(BAD, GOOD)
    monkeypatch.setattr(panels_backend, "split_column", lambda layout: Loose(layout.notes))
    chosen = SimpleNamespace(**vars(user_preferences.Defaults), layout=Paper())
    panels_backend.draw_preferences(chosen, context())
    assert "It lacks torch." in chosen.layout
    assert "Python 3.12.1, torch 2.9" in " ".join(chosen.layout.notes)
    assert "levelform.repair_backend" in chosen.layout


class Loose(Paper):
    """Paper on which the properties of a stand-in can be drawn."""

    def prop(self, data: Any, name: str, **_: Any) -> None:
        assert hasattr(data, name)
        self.notes.append(name)
