"""Store measurements in a JSON-lines file, to make each measurement once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from ..geometry.writing import check_place, written_whole

Numbers = dict[str, float]


class Store:
    """Numbers by measurement key, one line each, written immediately.

    Parameters
    ----------
    path
        The file; existing lines are read. A last line cut short by an interruption is dropped.

    Raises
    ------
    RequestError
        If the file does not hold measurements, or can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_place(path)
        self._rows = self._read() if path.exists() else {}

    def get(self, key: Mapping[str, Any]) -> Numbers | None:
        """Return the numbers of a measurement; None if it is not stored."""
        return self._rows.get(_word(key))

    def add(self, key: Mapping[str, Any], numbers: Numbers) -> None:
        """Store the numbers of a measurement."""
        self._rows[_word(key)] = numbers
        with self.path.open("a") as file:
            file.write(_line(key, numbers))

    def __len__(self) -> int:
        return len(self._rows)

    def _read(self) -> dict[str, Numbers]:
        try:
            lines = self.path.read_text().splitlines(keepends=True)
            cut = bool(lines) and not lines[-1].endswith("\n")
            whole = lines[:-1] if cut else lines
            rows = [json.loads(line) for line in whole]
            known = {_word(row["of"]): dict(row["numbers"]) for row in rows}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RequestError(
                f"{self.path} does not hold measurements: {error}.",
                "Move it away, or choose another output.",
            ) from error
        if cut:
            with written_whole(self.path) as partial:
                partial.write_text("".join(whole))
        return known


def _word(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)


def _line(key: Mapping[str, Any], numbers: Numbers) -> str:
    return json.dumps({"of": dict(key), "numbers": numbers}, sort_keys=True) + "\n"
