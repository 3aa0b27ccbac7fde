"""The graph of imports: drawn without circles and without implied arrows; the page shows it."""

import importlib.util
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "tools" / "import_picture.py"
spec = importlib.util.spec_from_file_location("import_picture", SOURCE)
picture = importlib.util.module_from_spec(spec)
spec.loader.exec_module(picture)


def test_implied_arrows_are_omitted():
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert picture.reduced(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_circles_are_detected():
    assert picture.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert picture.circles({"a": {"b"}, "b": set()}) == []


def test_modules_within_a_room_are_rooms():
    assert picture.room_of("backend.training.batch.Batch") == "backend.training.batch"
    assert picture.room_of("backend.training.batches.Other") == "backend.training"


def test_the_page_shows_the_sources_which_have_no_circle():
    graph = picture.room_graph()
    assert picture.circles(graph) == []
    drawn = picture.mermaid(picture.reduced(graph))
    assert "addon.ui --> addon.data" in drawn
    assert picture.PAGE.read_text(encoding="utf-8") == picture.page_with(drawn)
