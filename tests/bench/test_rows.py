"""Rows of a bench: bars, verdicts, printing."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rows import as_json, at_least, at_most, print_rows


def test_bars_decide():
    assert at_most("less", 3, 4, 0.75).holds
    assert not at_most("less", 3, 4, 0.74).holds
    assert at_most("none", 0, None, 0).holds
    assert at_least("faster", 2.0, 17.0, 8, kind="time").ratio == 8.5
    assert not at_least("recall", 0.99, None, 1.0).holds


def test_rows_are_printed_and_written(capsys):
    rows = [at_most("a goal", 1, 2, 0.4, unit="s", note="a note")]
    print_rows(rows)
    out = capsys.readouterr().out
    assert "a goal" in out
    assert "NO" in out
    assert json.loads(as_json(rows))[0]["ratio"] == 0.5
