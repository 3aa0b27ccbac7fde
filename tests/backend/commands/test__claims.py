"""Words of `levelform experiments claims`."""

import pytest
from levelform.backend.commands._claims import parse_steps
from levelform.backend.contract.errors import RequestError


def test_steps_are_read_for_all_and_for_single_methods():
    known = ("disn", "tdgn")
    assert parse_steps(["3000"], known) == (3000, {})
    assert parse_steps(["disn=20", "500", "tdgn=7"], known) == (500, {"disn": 20, "tdgn": 7})
    assert parse_steps(["disn=20"], known) == (3000, {"disn": 20})
    for word in ("0", "many", "disn=", "sdn=4", "=4", "-3"):
        with pytest.raises(RequestError):
            parse_steps([word], known)
