"""Settings of Blender that are other for a while."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def values_set(wanted: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """Set attributes, each given by owner, name and value, in this order; restore them all."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in wanted]
    try:
        for owner, name, value in wanted:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
