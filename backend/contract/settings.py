"""The settings of a reconstruction: one table of defaults and ranges for all four surfaces.

The terminal, `--command`, `api` and the panel fill `Settings` with the given values, and
`Settings.check` checks them against the declarations of the worker's methods.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from .cures import parse_cures
from .default_method import AUTO, CANDIDATES, RULE
from .errors import RequestError
from .levels import LEVEL_UNITS
from .options import COARSEST, FINEST, PIPELINE, Option, one_of, read_known, read_options
from .protocol import Background, MethodInfo, Reconstruct, ViewData

METHOD = Option("method", "text", AUTO, f"see `methods`; {AUTO}: {RULE}")
RESOLUTION = Option(
    "resolution", "int", 128, "cells along the longest side of the volume", COARSEST, FINEST
)
COLOR = Option("color", "bool", True, "color the mesh")
SEED = Option("seed", "int", 0, "seed of the method's random numbers", 0, 2**31 - 1)
DEVICE = Option("device", "text", "auto", "auto, cpu, cuda, mps")
BACKGROUND = Option(
    "background",
    "text",
    "auto",
    "background of images without alpha: auto (the color along the border; where that is not "
    "plain, all but the object that stands out), object (the latter in any case), corner, alpha "
    "(none), or a color as #rrggbb",
)
TOLERANCE = Option(
    "tolerance", "float", 0.1, "greatest difference from the background's color (0 to 1)", 0.0, 1.0
)
LARGEST_PIECE = Option("largest_piece", "bool", False, "keep only the mask's largest piece")
FILL_HOLES = Option("fill_holes", "bool", False, "fill the mask's holes")
FUSE = Option(
    "fuse", "bool", False, "several images without cameras show one object (of several: `batch`)"
)
TEXTURE = Option(
    "texture",
    "int",
    None,
    "bake a texture with this many pixels along a side: 2048 is a good size",
    256,
    8192,
)
QUADS = Option(
    "quads",
    "int",
    None,
    "remesh to about this many quads (only in Blender)",
    50,
    1_000_000,
)
MODES = ("auto", "object", "alpha", "corner", "color")


@dataclass(frozen=True)
class Settings:
    """The settings of a reconstruction, independent of its source.

    Attributes
    ----------
    method : name of the method; "auto": the one that suits the views, see `default_method`
    weights : a file of weights, or the category of bundled ones; None: those of the method
    resolution : cells along the volume's longest side
    level : the user's threshold, a distance in volume units or a probability as the method's
        `level_unit` says; None: the method's own
    background : how to find the background of an image
    color : colour the mesh from the images
    seed : for methods that draw random numbers
    device : "auto", "cpu", "cuda" or "mps"; None: Blender's preference, else "auto"
    options : further options of method and pipeline by name, as values or words
    cures : changes to views that disagree, by name, see `cures`
    fuse : several images without cameras show one object; else they are refused
    texture : pixels along a side of the baked texture; None: no texture
    quads : approximate number of quads to remesh to; None: keep the triangles

    Raises
    ------
    RequestError
        If a value has the wrong type or is outside its range.
    """

    method: str = METHOD.default
    weights: str | None = None
    resolution: int = RESOLUTION.default
    level: float | None = None
    background: Background = Background(BACKGROUND.default, tolerance=TOLERANCE.default)  # noqa: RUF009 - it is frozen
    color: bool = COLOR.default
    seed: int = SEED.default
    device: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    cures: tuple[str, ...] = ()
    fuse: bool = FUSE.default
    texture: int | None = TEXTURE.default
    quads: int | None = QUADS.default

    def __post_init__(self) -> None:
        for option in (RESOLUTION, COLOR, SEED, FUSE, TEXTURE, QUADS):
            object.__setattr__(self, option.name, _read(option, getattr(self, option.name)))
        check_background(self.background)
        object.__setattr__(self, "cures", parse_cures(self.cures))
        if self.level is not None:
            object.__setattr__(self, "level", _finite(self.level))

    @classmethod
    def of(cls, **given: Any) -> "Settings":
        """Return settings from keyword arguments typed by a person.

        Raises
        ------
        RequestError
            If a setting does not exist, or a value is invalid (see the class).
        """
        known = [entry.name for entry in fields(cls)]
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
                hint = f"Did you mean {near[0]}? " if near else ""
                raise RequestError(
                    f"{name!r} is not a setting.",
                    f"{hint}The settings are {', '.join(known)}; what a method takes is given in "
                    "options={...}.",
                )
        return cls(**given)

    def check(self, methods: Sequence[MethodInfo]) -> "Settings":
        """Return the settings with their options parsed, as far as the declarations are known.

        Parameters
        ----------
        methods
            The worker's methods. If empty, they are not known yet and only the pipeline's options
            are parsed; the worker checks the rest before any work, with the same messages. Of
            "auto" an option may be that of any method that it may become.

        Raises
        ------
        RequestError
            If the method or an option does not exist, or a value or the level is invalid.
        """
        if not methods:
            return replace(self, options=read_known(self.options, PIPELINE))
        if self.method == AUTO:
            infos = [info for info in methods if info.name in CANDIDATES]
        else:
            infos = [find_info(self.method, methods)]
        options = read_options(
            self.options,
            (*(option for info in infos for option in info.options), *PIPELINE),
            owner="The default method" if self.method == AUTO else infos[0].title,
            elsewhere={option.name: m.title for m in methods for option in m.options},
        )
        if (
            self.level is not None
            and self.method != AUTO
            and level_is_known(infos[0], self.weights)
        ):
            LEVEL_UNITS[infos[0].level_unit].check(self.level, infos[0].title)
        return replace(self, options=options)

    def request(
        self,
        job: str,
        views: tuple[ViewData, ...],
        *,
        world_from_volume: np.ndarray | None = None,
        volume_from: str = "",
        front: float | None = None,
        keep: str = "",
        world_offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
        remarks: tuple[str, ...] = (),
    ) -> Reconstruct:
        """Return the request of a job, the same from all four surfaces."""
        return Reconstruct(
            job=job,
            method=self.method,
            views=views,
            world_from_volume=world_from_volume,
            volume_from=volume_from,
            front=front,
            resolution=self.resolution,
            level=self.level,
            weights=self.weights,
            color=self.color,
            seed=self.seed,
            device=self.device or DEVICE.default,
            background=self.background,
            keep=keep,
            world_offset=world_offset,
            remarks=remarks,
            options=dict(self.options),
            cures=self.cures,
            fuse=self.fuse,
            texture=self.texture,
            quads=self.quads,
        )


def find_info(method: str, methods: Sequence[MethodInfo]) -> MethodInfo:
    """Return the description of a method by its name.

    Raises
    ------
    RequestError
        If the method does not exist.
    """
    for info in methods:
        if info.name == method:
            return info
    names = [info.name for info in methods]
    near = difflib.get_close_matches(str(method), names, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise RequestError(f"{method!r} is not a method.", f"{hint}Choose one of {', '.join(names)}.")


def level_is_known(info: MethodInfo, weights: str | None) -> bool:
    """Tell whether the level has the method's declared unit; a weights file may override it."""
    return info.level_unit in LEVEL_UNITS and (weights is None or weights in info.weights)


def check_background(background: Background) -> None:
    """Refuse a mode that does not exist and a tolerance outside 0 to 1."""
    if background.mode not in MODES:
        raise RequestError(
            f"{background.mode!r} is not a background.", f"Give {one_of(MODES[:-1])}, or a color."
        )
    _read(TOLERANCE, background.tolerance)


def check_resolution(resolution: int) -> int:
    """Return the resolution; raise `RequestError` if it is out of range."""
    return _read(RESOLUTION, resolution)


def _read(option: Option, value: Any) -> Any:
    return option.read(value, f"The {option.name}")


def _finite(level: Any) -> float:
    try:
        number = float(level)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(level, bool) or not math.isfinite(number):
        raise RequestError(f"The level must be a finite number, not {level!r}.", "See `methods`.")
    return number
