"""The help page in the zip is that of the docs."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("help_page", ROOT / "tools" / "help_page.py")
help_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(help_page)


def test_the_page_in_the_extension_is_up_to_date_with_all_its_images():
    text = help_page.SOURCE.read_text(encoding="utf-8")
    assert (help_page.TARGET / "index.html").read_text(encoding="utf-8") == help_page.page(text)
    for image in help_page.images_of(text):
        path = (help_page.SOURCE.parent / image).resolve()
        assert path.parent == help_page.TARGET
        assert path.stat().st_size < 150_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## Two *words*", "<h2>Two <i>words</i></h2>"),
        ("a `b` **c** & <d>", "<p>a <code>b</code> <b>c</b> &amp; &lt;d&gt;</p>"),
        ("- one\n- two\n  more", "<ul><li>one</li><li>two\n  more</li></ul>"),
        ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
        ("![x](images/y.jpg)", '<p><img src="y.jpg" alt="x"></p>'),
        ("[docs](volume.md) [web](https://a.b)", '<p>docs <a href="https://a.b">web</a></p>'),
        (
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
        ),
    ],
)
def test_what_a_page_is_made_of(text, expected):
    assert expected in help_page.page(text)
