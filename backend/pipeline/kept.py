"""Results that stay in memory between jobs, to be meshed, coloured or improved again."""

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..appearance.painter import Painter
from ..contract.errors import RequestError
from ..extraction import FieldSamples
from ..fields import Field
from ..geometry.views import View
from ..geometry.volume import Volume
from ..memory import held_bytes
from ..reconstructors import Code

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Improvable:
    """The code of a result, and its views, cameras in the volume."""

    code: Code
    views: tuple[View, ...]


@dataclass(frozen=True)
class Encoded:
    """The source of a result, to show, blend, save or decode it again.

    Attributes
    ----------
    code : of the object
    views : the encoded ones, cameras in the volume; empty: unknown
    weights : of the network, as `Networks.load` takes them
    options : keywords of `decode`
    """

    code: Code
    views: tuple[View, ...]
    weights: str | None
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Kept:
    """A field and the data to mesh it again.

    field : baked
    volume : its volume
    samples : values evaluated by extraction
    facts : how it was made, for its jobs' stats
    painter : colours its meshes
    improvable : the state to continue from, if its method can; else None
    remarks : sentences about how it was made
    encoded : its source; None for a method without weights
    """

    field: Field
    volume: Volume
    samples: FieldSamples
    facts: Mapping[str, Any]
    painter: Painter
    improvable: Improvable | None = None
    remarks: tuple[str, ...] = ()
    encoded: Encoded | None = None


class KeptResults:
    """Kept results by name, within a memory limit.

    Parameters
    ----------
    limit
        Bytes of all kept fields; the oldest are dropped first, the newest never.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, oldest first."""
        return iter(self._kept)

    def __getitem__(self, name: str) -> Kept:
        """Return the result kept under a name; raise a `RequestError` if there is none."""
        kept = self._kept.get(name)
        if kept is None:
            raise RequestError(
                f"The field of {name!r} is no longer in memory.",
                "Reconstruct it again; then it can be meshed or textured again.",
            )
        return kept

    def keep(self, name: str, kept: Kept) -> None:
        """Keep a result under a name, as the newest; drop the oldest that no longer fit."""
        self._kept[name] = kept
        self._kept.move_to_end(name)
        self._shrink()

    def forget(self, name: str) -> None:
        """Drop the result kept under a name; unknown names are ignored."""
        self._kept.pop(name, None)

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()

    def limit(self, count: int) -> None:
        """Set the limit in bytes; drops the oldest at once if needed."""
        self._limit = max(count, 0)
        self._shrink()

    def held(self) -> int:
        """Return the bytes of kept fields and their samples; shared memory counts once."""
        return held_bytes(
            [
                (kept.field, kept.samples, kept.painter, kept.encoded, kept.improvable)
                for kept in self._kept.values()
            ]
        )

    def _shrink(self) -> None:
        """Drop the oldest kept fields until the rest fits; never the last one."""
        while len(self._kept) > 1 and self.held() > self._limit:
            name, _ = self._kept.popitem(last=False)
            log.info("dropped the kept field %s: the memory cap is reached", name)
