"""Hashes of torch are read from the page of PyTorch's index, each from its own file's link."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "lock_backend.py"
PAGE = (
    "".join(
        f'<a href="/whl/cpu/torch-{name}#sha256={digest * 64}">torch-{name}</a><br/>\n'
        for name, digest in [
            ("2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl", "a"),
            ("2.13.0%2Bcpu-cp314-cp314-manylinux_2_28_x86_64.whl", "b"),
            ("2.13.0%2Bcpu-cp314-cp314t-manylinux_2_28_x86_64.whl", "c"),
            ("2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_aarch64.whl", "d"),
            ("2.12.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl", "e"),
            ("2.13.0%2Bcu130-cp311-cp311-win_amd64.whl", "f"),
        ]
    )
    + '<a href="/whl/cpu/torch-2.13.0%2Bcpu-cp313-cp313-manylinux_2_28_x86_64.whl">no hash</a>'
)


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("lock_backend", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("build", "end", "sums"),
    [
        ("cpu", "manylinux_2_28_x86_64.whl", {"3.11": "a" * 64, "3.14": "b" * 64}),
        ("cpu", "manylinux_2_28_aarch64.whl", {"3.11": "d" * 64}),
        ("cu130", "win_amd64.whl", {"3.11": "f" * 64}),
    ],
)
def test_each_hash_is_its_files(tool, build, end, sums):
    assert tool.sums_on(PAGE, "2.13.0", build, end) == sums


def test_a_lock_whose_hashes_the_page_lacks_is_left_as_it_is(tool, tmp_path, monkeypatch, capsys):
    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def read(self):
            return PAGE.encode()

    monkeypatch.setattr(tool, "LOCKS", tmp_path)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool.urllib.request, "urlopen", lambda *_, **__: Answer())
    tool.lock_elsewhere(["3.11", "3.13"])
    assert not list(tmp_path.iterdir())
    assert "the page has no hash for Python 3.13" in capsys.readouterr().out
    tool.lock_elsewhere(["3.11"])
    assert (tmp_path / "torch-linux_x86_64.txt").read_text().splitlines()[1:] == [
        "torch==2.13.0+cpu \\",
        f"    --hash=sha256:{'a' * 64}",
    ]
