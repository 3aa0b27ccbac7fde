"""The table and the image of a run."""

import csv
import xml.etree.ElementTree as ET

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.training.curves import CurveTable, latest, write_image


def test_rows_survive_a_new_start_and_late_columns(tmp_path):
    path = tmp_path / "curve.csv"
    table = CurveTable(path)
    table.add({"step": 1.0, "loss": 0.5})
    table.add({"step": 2.0, "loss": 0.25, "iou": 0.125})
    again = CurveTable(path)
    assert again.rows == table.rows
    assert again.column("iou") == [(2.0, 0.125)]
    assert latest(again) == {"step": 2.0, "loss": 0.25, "iou": 0.125}
    again.cut(1)
    again.write()
    with path.open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1"]


def test_a_row_is_appended_and_one_that_was_cut_short_is_forgotten(tmp_path):
    path = tmp_path / "curve.csv"
    table = CurveTable(path)
    table.add({"step": 1.0, "loss": 0.5})
    file = path.stat().st_ino
    table.add({"step": 2.0, "loss": 0.25})
    assert path.stat().st_ino == file
    assert path.read_text() == "step,loss\n1,0.5\n2,0.25\n"
    path.write_text(path.read_text() + "3,0.1")
    again = CurveTable(path)
    assert again.rows == table.rows
    again.add({"step": 3.0, "loss": 0.125})
    assert CurveTable(path).rows == [*table.rows, {"step": 3.0, "loss": 0.125}]


@pytest.mark.parametrize("row", ["1,many", "1,2,3,4"])
def test_a_file_that_is_not_a_table_is_refused(tmp_path, row):
    (tmp_path / "curve.csv").write_text(f"step,loss\n{row}\n")
    with pytest.raises(RequestError, match="not a table"):
        CurveTable(tmp_path / "curve.csv")


def test_the_image_holds_the_columns_from_edge_to_edge(tmp_path):
    table = CurveTable(tmp_path / "curve.csv")
    for step in range(11):
        table.add({"step": float(step), "loss": 10.0 - step})
    write_image(table, tmp_path / "curve.svg", ("loss", "iou"), title="a run")
    root = ET.fromstring((tmp_path / "curve.svg").read_text())
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 1
    places = [tuple(map(float, p.split(","))) for p in lines[0].get("points").split()]
    assert len(places) == 11
    assert places[0][1] < places[-1][1]  # a falling loss goes down the page
    assert places[0][0] < places[-1][0]
