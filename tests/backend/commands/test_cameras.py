"""`levelform cameras`: its verbs, and the one that may be left out."""

import sys
import types

import pytest
from levelform.backend import cli
from levelform.backend.commands import _cameras, cameras
from levelform.backend.contract.errors import RequestError


@pytest.fixture
def verb(monkeypatch):
    """Add a verb that repeats its source."""
    name = f"{_cameras.__name__}.echo"
    module = types.ModuleType(name)
    module.HELP = "repeat the source"
    module.add_arguments = lambda parser: parser.add_argument("source")
    module.run = lambda args: {"said": args.source}
    module.show = lambda result: print(result["said"])
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(_cameras, "names", lambda: ["echo"])
    monkeypatch.setattr(_cameras, "DEFAULT", "echo")


@pytest.mark.usefixtures("verb")
def test_a_verb_runs_and_shows_its_result(capsys):
    assert cli.main(["cameras", "echo", "photos"]) == 0
    assert capsys.readouterr().out == "photos\n"


@pytest.mark.usefixtures("verb")
def test_the_default_verb_may_be_left_out():
    assert cameras.expanded(["folder", "-o", "out"]) == ["echo", "folder", "-o", "out"]
    assert cameras.expanded(["echo", "folder"]) == ["echo", "folder"]
    assert cameras.expanded(["--help"]) == ["--help"]
    assert cli.main(["cameras", "photos"]) == 0


@pytest.mark.usefixtures("verb")
def test_a_missing_verb_is_a_wrong_request(capsys):
    assert cli.main(["cameras"]) == RequestError.exit_status
    assert "verb" in capsys.readouterr().err.lower()


def test_every_verb_has_its_four_names():
    for name in _cameras.names():
        verb = _cameras.find(name)
        assert verb.HELP
        assert all(callable(getattr(verb, part)) for part in ("add_arguments", "run", "show"))
