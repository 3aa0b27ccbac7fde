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
# Modules below the rest of their folder: plain data that methods declare for their training.
WITHIN = ("backend.training.batch", "backend.training.recipes")
BEGIN, END = "```mermaid\n", "```\n"


def room_of(name: str) -> str:
    """Return the room of a dotted name such as `backend.fields.hull.HullField`."""
    inner = [room for room in WITHIN if f"{name}.".startswith(f"{room}.")]
    return inner[0] if inner else ".".join(name.split(".")[:2])


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
    graph: dict[str, set[str]] = {}
    for half in ("addon", "backend"):
        for path in sorted((ROOT / half).rglob("*.py")):
            room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
            graph.setdefault(room, set()).update(map(room_of, imports_of(path)))
    rooms = {room for room in graph if not room.endswith(".__init__")}
    return {room: (graph[room] & rooms) - {room} for room in sorted(rooms)}


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return the rooms on all paths from a room; it contains the room itself only in a circle."""
    seen: set[str] = set()
    pending = list(graph[start])
    while pending:
        room = pending.pop()
        if room not in seen:
            seen.add(room)
            pending += graph[room]
    return seen


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Return the rooms that import themselves, directly or through others."""
    return sorted(room for room in graph if room in reachable(graph, room))


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return an acyclic graph without the arrows implied by longer paths."""
    below = {room: reachable(graph, room) for room in graph}
    return {
        room: {target for target in targets if not any(target in below[t] for t in targets)}
        for room, targets in graph.items()
    }


def mermaid(graph: dict[str, set[str]]) -> str:
    """Return the graph in Mermaid's language, with a frame for each half."""
    lines = ["graph TD"]
    for half in ("addon", "backend"):
        lines.append(f"  subgraph {half}/")
        own = sorted(room for room in graph if room.startswith(half))
        lines += [f"    {room}[{room.removeprefix(f'{half}.')}]" for room in own]
        lines.append("  end")
    lines += [f"  {room} --> {target}" for room in sorted(graph) for target in sorted(graph[room])]
    return "\n".join(lines) + "\n"


def page_with(drawn: str) -> str:
    """Return the page with its graph replaced."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}{drawn}{END}{rest.partition(END)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write it to {PAGE.name}")
    parser.add_argument("--check", action="store_true", help=f"compare it with {PAGE.name}")
    args = parser.parse_args()
    graph = room_graph()
    if circle := circles(graph):
        sys.exit(f"These rooms import each other in a circle: {', '.join(circle)}")
    drawn = mermaid(reduced(graph))
    if args.write:
        PAGE.write_text(page_with(drawn), encoding="utf-8")
    elif not args.check:
        print(drawn, end="")
    elif PAGE.read_text(encoding="utf-8") != page_with(drawn):
        sys.exit(f"{PAGE.name} shows another graph. Run this tool with --write.")


if __name__ == "__main__":
    main()
