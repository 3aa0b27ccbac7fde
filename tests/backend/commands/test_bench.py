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


PARTS = """
from pathlib import Path

from rows import Row

def rows(kinds=("count", "time")):
    for part in parts(kinds).values():
        yield from part()

def parts(kinds):
    def measured(name):
        with Path(__file__).with_name("measured").open("a") as file:
            file.write(name + " ")
        yield Row(name, kinds[0])

    return {name: lambda name=name: measured(name) for name in ("hull", "sail")}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one bench, in place of the checkout's."""
    import sys

    (tmp_path / "rows.py").write_text(ROWS)
    (tmp_path / "bench_car.py").write_text(BENCH)
    (tmp_path / "bench_ship.py").write_text(PARTS)
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    names = ("rows", "bench_car", "bench_ship")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("folder")
def test_benches_are_listed_and_run(capsys):
    assert cli.main(["bench", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"benches": ["car", "ship"]}
    assert cli.main(["bench", "car", "--kind", "count", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": [{"name": "speed", "kind": "count"}]}
    assert cli.main(["bench", "car"]) == 0
    assert capsys.readouterr().out == "speed count\nspeed time\n"
    assert cli.main(["bench", "boat"]) == 2
    assert "Choose one of car, ship" in capsys.readouterr().err


def test_parts_are_kept_and_not_measured_again(folder, capsys):
    kept = folder / "rows.jsonl"
    assert cli.main(["bench", "ship", "--part", "sail", "--keep", str(kept)]) == 0
    assert capsys.readouterr().out == "sail count\n"
    assert cli.main(["bench", "ship", "--keep", str(kept)]) == 0
    assert capsys.readouterr().out == "hull count\nsail count\n"
    assert (folder / "measured").read_text() == "sail hull "
    assert [json.loads(line)["part"] for line in kept.read_text().splitlines()] == [
        "ship sail",
        "ship hull",
    ]


@pytest.mark.usefixtures("folder")
def test_parts_and_files_that_are_wrong_are_named(tmp_path, capsys):
    assert cli.main(["bench", "ship", "--part", "keel"]) == 2
    assert "'keel'" in capsys.readouterr().err
    (tmp_path / "notes.txt").write_text("no rows")
    assert cli.main(["bench", "ship", "--keep", str(tmp_path / "notes.txt")]) == 2
    assert "does not hold rows" in capsys.readouterr().err


def test_an_installation_without_benches_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "FOLDER", tmp_path / "none")
    assert cli.main(["bench"]) == 2
    assert "part of the repository" in capsys.readouterr().err
