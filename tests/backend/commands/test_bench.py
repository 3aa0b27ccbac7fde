"""`levelform bench`: finds the checkout's benches, and says so where there are none."""

import json

import pytest
from levelform.backend import cli
from levelform.backend.commands import bench

ROWS = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Row:
    name: str
    kind: str

def print_rows(rows):
    for row in rows:
        print(row.name, row.kind)
"""
BENCH = """
from rows import Row

def rows(kinds=("count", "time")):
    for kind in kinds:
        yield Row("speed", kind)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one bench, in place of the checkout's."""
    import sys

    (tmp_path / "rows.py").write_text(ROWS)
    (tmp_path / "bench_car.py").write_text(BENCH)
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("rows", "bench_car"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in ("rows", "bench_car"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("folder")
def test_benches_are_listed_and_run(capsys):
    assert cli.main(["bench", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"benches": ["car"]}
    assert cli.main(["bench", "car", "--kind", "count", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": [{"name": "speed", "kind": "count"}]}
    assert cli.main(["bench", "car"]) == 0
    assert capsys.readouterr().out == "speed count\nspeed time\n"
    assert cli.main(["bench", "boat"]) == 2
    assert "Choose one of car" in capsys.readouterr().err


def test_an_installation_without_benches_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "FOLDER", tmp_path / "none")
    assert cli.main(["bench"]) == 2
    assert "part of the repository" in capsys.readouterr().err
