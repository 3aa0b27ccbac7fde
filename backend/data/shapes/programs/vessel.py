"""Vessels, bow to -Y: under sail or oars, motor boats, freighters, liners, tugs, warships."""

from ..build import Build
from ..registry import category
from . import boats, ships


@category("vessel")
def vessel(b: Build) -> None:
    """Draw a ship or a boat."""
    kind = b.choice(
        "sail",
        "sail",
        "rigger",
        "speed",
        "yacht",
        "freighter",
        "liner",
        "tug",
        "warship",
        "row",
        "submarine",
        "catamaran",
    )
    {
        "sail": boats.sail,
        "rigger": boats.rigger,
        "speed": boats.speed,
        "yacht": ships.yacht,
        "freighter": ships.freighter,
        "liner": ships.liner,
        "tug": ships.tug,
        "warship": ships.warship,
        "row": boats.row,
        "submarine": ships.submarine,
        "catamaran": boats.catamaran,
    }[kind](b)
