"""Methods come from the package and from a folder of the user's; a bad file harms no other."""

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import bundled_weights, registry
from levelform.backend.reconstructors.registry import find_method, methods, problems

WHOLE = """
from setups.analytic import Sphere
from .base import Code, MethodSpec, Reconstructor, register


@register(MethodSpec("{name}", "A ball", "", "Always the same ball.", needs_weights=False))
class Ball(Reconstructor):
    def encode(self, views):
        return Code("{name}", {{}})

    def decode(self, code):
        return Sphere(0.5)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder that is the user's for one test; what it registers is forgotten."""
    monkeypatch.setenv("LEVELFORM_METHODS", str(tmp_path))
    monkeypatch.setattr(registry, "_REGISTRY", dict(methods()))
    monkeypatch.setattr(registry, "_loaded", {})
    before = set(registry.sys.modules)
    yield tmp_path
    for name in set(registry.sys.modules) - before:
        del registry.sys.modules[name]


def test_a_file_in_the_users_folder_is_a_method(folder):
    (folder / "ball.py").write_text(WHOLE.format(name="ball"))
    cls = find_method("ball")
    assert cls.__module__ == "levelform.backend.reconstructors.ball"
    model = cls()
    assert model.decode(model.encode([])).radius == 0.5
    assert methods()["ball"] is cls
    assert problems() == []


def test_weights_that_lie_beside_the_file_come_with_the_method(folder):
    (folder / "ball.py").write_text(WHOLE.format(name="ball"))
    assert bundled_weights("ball") is None
    (folder / "ball.safetensors").touch()
    assert bundled_weights("ball") == folder / "ball.safetensors"
    (folder / "visual-hull.safetensors").touch()
    assert bundled_weights("visual-hull") is None


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("typo.py", "def method(:", "typo.py can't be loaded (SyntaxError: "),
        ("ends.py", "raise SystemExit(3)", "ends.py can't be loaded (SystemExit: 3)."),
        ("none.py", "import math", "none.py registers no method; "),
        ("base.py", "", "base.py needs another file name: 'base' is taken "),
        ("my-ball.py", "", "my-ball.py needs another file name: 'my-ball' "),
        ("twice.py", WHOLE.format(name="disn"), "'disn' is registered twice"),
        ("half.py", WHOLE.format(name="half") + "\n1 / 0\n", "(ZeroDivisionError: "),
    ],
)
def test_a_bad_file_is_named_and_the_others_work(folder, file, text, said):
    (folder / "ball.py").write_text(WHOLE.format(name="ball"))
    (folder / file).write_text(text)
    assert "ball" in methods()
    assert "half" not in methods()
    (problem,) = problems()
    assert said in problem
    with pytest.raises(RequestError) as caught:
        find_method("half")
    assert problem in str(caught.value)


def test_files_that_begin_with_an_underscore_are_left_alone(folder):
    (folder / "_draft.py").write_text("1 / 0")
    methods()
    assert problems() == []


@pytest.mark.parametrize(("named", "said"), [("methods", "not an absolute"), ("/no/x", "a folder")])
def test_only_a_folder_with_an_absolute_path_counts(folder, monkeypatch, named, said):
    (folder / "methods").mkdir()
    (folder / "methods" / "ball.py").write_text(WHOLE.format(name="ball"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LEVELFORM_METHODS", named)
    assert "ball" not in methods()
    (problem,) = problems()
    assert said in problem
