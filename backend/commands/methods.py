"""`levelform methods`: what can be run here, and with which weights."""

import argparse
from dataclasses import asdict
from typing import Any

HELP = "list the methods, what each needs, and the weights found"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take nothing."""


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Return every method's sheet."""
    from ..session import Session

    return {"methods": [asdict(method) for method in Session().methods().methods]}


def show(result: dict[str, Any]) -> None:
    """Print a paragraph a method."""
    for method in result["methods"]:
        print(f"{method['name']}  {method['title']}")
        print(f"    {method['summary']}")
        print(f"    {_needs(method)}")
        if method["paper"]:
            print(f"    {method['paper']}")


def _needs(method: dict[str, Any]) -> str:
    least, most = method["min_views"], method["max_views"]
    count = (
        f"{least} or more" if most is None else str(least) if least == most else f"{least}-{most}"
    )
    words = [f"views: {count}", "posed" if method["needs_camera"] else "no cameras needed"]
    if method["needs_weights"]:
        words.append(f"weights: {', '.join(method['weights']) or 'none found'}")
    return "; ".join(words)
