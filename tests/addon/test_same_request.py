"""One request from four surfaces: the terminal, `--command`, `api` and the panel."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.backend import cli as terminal  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import Reconstruct  # noqa: E402
from levelform.backend.pipeline.reconstructing import checked  # noqa: E402
from levelform.backend.session import Session  # noqa: E402

pytestmark = pytest.mark.bpy

SOURCE = {"job", "keep", "views"}  # what differs: where from, and what it is called


@pytest.fixture
def surfaces(puppet, ball_stage, tmp_path, monkeypatch, capsys):
    """Return the four surfaces: each a function of method and options, as words.

    Each returns its request; where it refuses, the sentence.
    """
    scene = ball_stage(2)
    image = bpy.data.images["image 0"]
    image.filepath_raw, image.file_format = str(tmp_path / "a.png"), "PNG"
    image.save()
    puppet.methods = Session().methods()
    asked = []

    def note(self, request, ticket):
        first = checked(request)  # as the worker does first of all
        asked.append(replace(first, method=request.method))  # the sources have other views
        raise RequestError("That is all.")

    monkeypatch.setattr(Session, "reconstruct", note)
    path = str(tmp_path / "a.png")

    def noted():
        puppet.waiting = [lambda: puppet.send(32), puppet.finish]

    def sentence():
        lines = [line for line in capsys.readouterr().out.splitlines() if '"error"' in line]
        return json.loads(lines[-1])["error"]

    def in_terminal(method, words):
        said = [*method_words(method), *option_words(words)]
        out = ["-o", str(tmp_path / "m.ply"), "--json"]
        assert terminal.main(["reconstruct", path, *said, *out]) == 2
        return asked.pop() if asked else sentence()

    def in_command(method, words):
        noted()
        said = [*method_words(method), *option_words(words)]
        status = cli.main(["reconstruct", path, *said, "--json"])
        return puppet.submitted.pop().request if status == 0 else sentence()

    def in_api(method, words):
        noted()
        given = {} if method is None else {"method": method}
        try:
            api.reconstruct(path, options=dict(word.split("=") for word in words), **given)
        except RequestError as error:
            return error.message
        return puppet.submitted.pop().request

    def in_panel(method, words):
        noted()
        scene.levelform.method = method or scene.levelform.method
        scene.levelform.more_options = " ".join(words)
        try:
            bpy.ops.levelform.reconstruct()
        except RuntimeError as error:
            return str(error)
        return puppet.submitted.pop().request

    return (in_terminal, in_command, in_api, in_panel)


def method_words(method):
    return [] if method is None else ["--method", method]


def option_words(words):
    return [part for word in words for part in ("--option", word)]


def told(request):
    """Return what a request says, but for the source; arrays as lists."""
    values = {f.name: getattr(request, f.name) for f in fields(Reconstruct)}
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in values.items()
        if name not in SOURCE
    }


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (None, []),
        (None, ["min_component=0", "first=64", "max_faces=none", "dense=off"]),
        ("levelform", []),
        ("levelform", ["symmetry=no", "camera=estimated"]),
        ("disn", ["part=local", "fusion=max"]),
        ("uclid-net", ["lattice=12", "hull=1"]),
    ],
)
def test_all_surfaces_make_the_same_request(surfaces, method, words):
    first, *others = [told(surface(method, words)) for surface in surfaces]
    for other in others:
        assert other == first
    if not words:
        assert first["options"] == {}


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (None, ["speed=1"]),
        ("visual-hull", ["symmetry=no"]),
        (None, ["min_component=2"]),
        ("levelform", ["symmetry=perhaps"]),
        ("levelform", ["symetry=no"]),
        ("disn", ["part=bogus"]),
        ("disn", ["lattice=8"]),
        ("uclid-net", ["lattice=abc"]),
        ("uclid-net", ["depth=none"]),
        ("tdgn", ["keep=1"]),
        ("sdf-srn", ["optimize=1.5"]),
    ],
)
def test_all_surfaces_refuse_the_same_options_in_the_same_words(surfaces, puppet, method, words):
    sentences = [surface(method, words) for surface in surfaces]
    assert all(sentences[0] in sentence for sentence in sentences)
    assert not puppet.submitted


def test_without_arguments_the_defaults_of_the_table_apply(surfaces):
    from levelform.backend.contract.settings import Settings

    for surface in surfaces:
        assert told(surface(None, [])) == told(Settings().request("", ()))
