"""Write the help page of the extension, `assets/help/index.html`, from `docs/first-mesh.md`.

python tools/help_page.py [--check]

The docs are not part of the extension's zip; this page is, with the pictures beside it that both
show, so that the panel's *Documentation* opens without a network. `--check` only tells whether the
page is up to date.
"""

import argparse
import html
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "docs" / "first-mesh.md"
TARGET = ROOT / "assets" / "help"
STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em;color:#222}"
    "img{max-width:100%;border:1px solid #bbb}table{border-collapse:collapse}"
    "td,th{border:1px solid #bbb;padding:.2em .6em;text-align:left}code{background:#eee}"
)


def page(text: str) -> str:
    """Return a Markdown text as an HTML page: headings, paragraphs, lists, tables, images."""
    blocks = [_block(block.strip("\n")) for block in re.split(r"\n\s*\n", text) if block.strip()]
    title = html.escape(text.splitlines()[0].lstrip("# "))
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style>\n" + "\n".join(blocks) + "\n</html>\n"
    )


def images_of(text: str) -> list[str]:
    """Return the paths of the images of a Markdown text."""
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)


def _block(block: str) -> str:
    lines = block.splitlines()
    if lines[0].startswith("#"):
        depth = len(lines[0]) - len(lines[0].lstrip("#"))
        return f"<h{depth}>{_inline(lines[0].lstrip('# '))}</h{depth}>"
    if lines[0].startswith("|"):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        head = "".join(f"<th>{_inline(cell)}</th>" for cell in rows[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>"
            for row in rows[2:]
        )
        return f"<table><tr>{head}</tr>{body}</table>"
    for sign, tag in (("- ", "ul"), ("1. ", "ol")):
        if lines[0].startswith(sign):
            items = re.split(r"\n(?=- |\d+\. )", block)
            inner = "".join(
                f"<li>{_inline(re.sub(r'^(- |[0-9]+[.] )', '', i))}</li>" for i in items
            )
            return f"<{tag}>{inner}</{tag}>"
    return f"<p>{_inline(' '.join(lines))}</p>"


def _inline(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(
        r"!\[([^\]]*)\]\(([^)]+)\)",
        lambda m: f'<img src="{Path(m[2]).name}" alt="{m[1]}">',
        text,
    )
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)]+)\)", r'<a href="\2">\1</a>', text)
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)  # other pages are not part of the zip
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    return re.sub(r"\*([^*]+)\*", r"<i>\1</i>", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    text = SOURCE.read_text(encoding="utf-8")
    made, target = page(text), TARGET / "index.html"
    if check:
        return int(not target.exists() or target.read_text(encoding="utf-8") != made)
    target.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
