"""Print who imports whom, room by room, as a Mermaid graph read from the sources.

python tools/import_picture.py            the add-on's and the backend's rooms
python tools/import_picture.py --check    fail if `docs/architecture.md` shows another image

A room is a folder, or a file at the top, of `addon/` or `backend/`. An arrow points from a room to
one that it imports; it is left out where a longer path says the same.
"""

import argparse
import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "```mermaid\n", "```\n"


def rooms(half: str) -> dict[str, list[Path]]:
    """Return the files of each room of `addon` or `backend`, by the room's name."""
    result: dict[str, list[Path]] = {}
    for path in sorted((ROOT / half).rglob("*.py")):
        name = path.relative_to(ROOT / half).with_suffix("").parts[0]
        if name != "__init__":
            result.setdefault(f"{half}.{name}", []).append(path)
    return result


def imports_of(path: Path) -> set[str]:
    """Return the dotted names, from `addon` or `backend` on, that a file imports anywhere in it."""
    package = path.relative_to(ROOT).parent.parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{stem}.{alias.name}" for alias in node.names}
    return names


def room_graph() -> dict[str, set[str]]:
    """Return the rooms that each room imports."""
    files = rooms("addon") | rooms("backend")
    graph: dict[str, set[str]] = {}
    for room, paths in files.items():
        imported = {".".join(name.split(".")[:2]) for path in paths for name in imports_of(path)}
        graph[room] = (imported & files.keys()) - {room}
    return graph


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return the rooms on all paths from a room, itself only if it is in a circle."""
    seen: set[str] = set()
    pending = list(graph[start])
    while pending:
        room = pending.pop()
        if room not in seen:
            seen.add(room)
            pending += graph[room]
    return seen


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Return the rooms that import themselves through others."""
    return sorted(room for room in graph if room in reachable(graph, room))


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return an acyclic graph without the arrows that longer paths imply."""
    below = {room: reachable(graph, room) for room in graph}
    return {
        room: {target for target in targets if not any(target in below[t] for t in targets)}
        for room, targets in graph.items()
    }


def mermaid(graph: dict[str, set[str]]) -> str:
    """Return the graph in Mermaid's language, one frame for each half."""
    lines = ["graph TD"]
    for half in ("addon", "backend"):
        lines.append(f"  subgraph {half}/")
        own = sorted(room for room in graph if room.startswith(half))
        lines += [f"    {room}[{room.partition('.')[2]}]" for room in own]
        lines.append("  end")
    lines += [f"  {room} --> {target}" for room in sorted(graph) for target in sorted(graph[room])]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help=f"compare with {PAGE.name}")
    args = parser.parse_args()
    graph = room_graph()
    if circle := circles(graph):
        sys.exit(f"These rooms import each other in a circle: {', '.join(circle)}")
    image = mermaid(reduced(graph))
    if not args.check:
        print(image, end="")
    elif f"{BEGIN}{image}{END}" not in PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE} shows another image. Paste the output of this tool without --check.")


if __name__ == "__main__":
    main()
