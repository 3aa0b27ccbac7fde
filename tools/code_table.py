"""Print lengths of files and functions by folder, and counts of words that the glossary replaced.


python tools/code_table.py                 the working tree's tracked files
python tools/code_table.py de8a8b4         a commit's
python tools/code_table.py --list          also each file and function above the limits

A function's length is without its docstring. A word counts where a name in `addon/` or `backend/`
is bound to it (variables, parameters, attributes, functions, classes), whole or as a part between
underscores; and in brackets where a line of text or code of the whole repository has it as a word.
"""

import argparse
import ast
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONG_FILE, LONG_FUNCTION = 400, 30
# Word of the past -> the glossary's. Some have another meaning that stays, such as Blender's lens.
WORDS = {
    "picture": "image",
    "pictures": "images",
    "lens": "intrinsics",
    "lenses": "intrinsics",
    "turn": "rotation",
    "shift": "translation",
    "flat": "orthographic",
    "sheet": "patch",
    "sheets": "patches",
    "backdrop": "background",
    "share": "weight, fraction",
    "shares": "weights, fractions",
    "overlap": "IoU",
    "trust": "confidence",
    "sure": "confident",
    "retake": "reproject",
    "look_up": "sample",
    "deviation": "std",
    "rate": "learning rate",
    "settle": "recalibrate",
    "walk": "flood fill",
    "found": "the thing's name",
}


@dataclass
class Folder:
    """Lengths in one folder."""

    files: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)

    def row(self) -> tuple[int, ...]:
        """Return its numbers in the order of the table's head."""
        return (
            len(self.files),
            sum(self.files),
            max(self.files, default=0),
            sum(n > LONG_FILE for n in self.files),
            len(self.functions),
            max(self.functions, default=0),
            sum(n > LONG_FUNCTION for n in self.functions),
        )


HEAD = ("files", "lines", "longest", f"> {LONG_FILE}", "functions", "longest", f"> {LONG_FUNCTION}")


def sources(revision: str | None) -> dict[str, str]:
    """Return the text of each tracked file that is text, by its path."""
    if revision is None:
        names = _git("ls-files", "-z").split("\0")
        return {name: text for name in names if (text := _text(ROOT / name)) is not None}
    names = _git("ls-tree", "-r", "-z", "--name-only", revision).split("\0")
    wanted = [name for name in names if Path(name).suffix in (".py", ".md", ".toml", ".txt")]
    return {name: _git("show", f"{revision}:{name}") for name in wanted}


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _text(path: Path) -> str | None:
    if path.suffix not in (".py", ".md", ".toml", ".txt") or not path.is_file():
        return None
    return path.read_text(encoding="utf-8")


def functions_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each function's name and its lines without the docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            whole = (node.end_lineno or node.lineno) - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                whole -= (first.end_lineno or first.lineno) - first.lineno + 1
            yield node.name, whole


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a file binds, once for each binding."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.arg():
                yield node.arg
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.ClassDef():
                yield re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower()
            case _:
                pass


def folder_of(name: str) -> str:
    """Return the folder that a file counts for."""
    parts = Path(name).parts
    deep = 2 if parts[0] in ("addon", "backend") and len(parts) > 2 else 1
    return "/".join(parts[:deep]) if len(parts) > 1 else "."


def word_counts(texts: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Return for each word how many bindings contain it, and how many lines of all files."""
    bound: Counter[str] = Counter()
    for name, text in texts.items():
        if name.endswith(".py") and name.startswith(("addon/", "backend/")):
            for identifier in bound_names(ast.parse(text)):
                padded = f"_{identifier.strip('_')}_"
                bound.update(word for word in WORDS if f"_{word}_" in padded)
    lines = [line for text in texts.values() for line in text.splitlines()]
    used = {word: re.compile(rf"\b{word.replace('_', '[ _]')}\b", re.IGNORECASE) for word in WORDS}
    return {
        word: (bound[word], sum(1 for line in lines if pattern.search(line)))
        for word, pattern in used.items()
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("revision", nargs="?", help="a commit; default: the working tree")
    parser.add_argument("--list", action="store_true", help="name what is above the limits")
    args = parser.parse_args()
    texts = sources(args.revision)
    folders: defaultdict[str, Folder] = defaultdict(Folder)
    long: list[str] = []
    for name, text in texts.items():
        if not name.endswith(".py"):
            continue
        count = len(text.splitlines())
        lengths = list(functions_of(ast.parse(text)))
        long += [f"{count:5d}  {name}"] if count > LONG_FILE else []
        long += [f"{n:5d}  {name} {function}" for function, n in lengths if n > LONG_FUNCTION]
        for folder in (folders[folder_of(name)], folders["all"]):
            folder.files.append(count)
            folder.functions += [n for _, n in lengths]
    print(f"{'':28s}", *(f"{word:>9s}" for word in HEAD))
    for name in sorted(folders, key=lambda name: (name == "all", name)):
        print(f"{name:28s}", *(f"{number:9d}" for number in folders[name].row()))
    print()
    for word, (bound, used) in word_counts(texts).items():
        print(f"{word:12s} {bound:5d} ({used:5d})   {WORDS[word]}")
    if args.list:
        print("\n" + "\n".join(sorted(long, reverse=True)))


if __name__ == "__main__":
    main()
