"""The methods that come with Levelform, as its menus name them before the backend has started.

A method's own description (`MethodSpec`) stays with it in the backend; a test compares the two.
Methods that are not listed here, such as an artist's own, follow at the end of the menu.
"""

from dataclasses import dataclass

ARTISTS, RESEARCH, UNUSABLE, OWN = "", "Research", "No Usable Surface", "Own Methods"
GROUPS = (ARTISTS, RESEARCH, UNUSABLE, OWN)  # headings of the menu, in order


@dataclass(frozen=True)
class CatalogueEntry:
    """A method in a menu.

    Attributes
    ----------
    name : as typed in scripts and terminals
    title : in the menu
    summary : its uses and its needs
    group : the heading below which it stands; ARTISTS: none, at the top
    needs_camera : every image needs a camera
    needs_weights : it is a network
    """

    name: str
    title: str
    summary: str
    group: str = RESEARCH
    needs_camera: bool = False
    needs_weights: bool = True


ENTRIES = (
    CatalogueEntry(
        "fit",
        "Several Pictures",
        "Any object, from three or more pictures with cameras: the mesh is optimized until it "
        "looks like all of them. Good for detail and hollows; takes about a minute",
        ARTISTS,
        needs_camera=True,
        needs_weights=False,
    ),
    CatalogueEntry(
        "levelform",
        "One Picture",
        "Furniture, vehicles, lamps and similar things, from one picture without a camera or from "
        "several. Good for a rough base mesh in seconds",
        ARTISTS,
    ),
    CatalogueEntry(
        "ensemble",
        "One Picture, Four Networks",
        "The same things from one picture without a camera: the mean of four networks, more "
        "accurate than each alone. Thin parts may get lost",
        ARTISTS,
        needs_weights=False,
    ),
    CatalogueEntry(
        "triposr",
        "One Picture, Any Object",
        "Any object from one picture, with colors. The largest network here: its weights are "
        "fetched once, on request",
        ARTISTS,
    ),
    CatalogueEntry(
        "visual-hull",
        "Outlines Only",
        "Any object, carved out of the outlines of pictures with cameras. Good for a quick closed "
        "mesh; hollows that no outline shows stay filled",
        ARTISTS,
        needs_camera=True,
        needs_weights=False,
    ),
    CatalogueEntry("disn", "DISN", "A published network; detail where the picture shows it"),
    CatalogueEntry("occupancy-network", "Occupancy Network", "A published network; smooth shapes"),
    CatalogueEntry("deep-meta-functionals", "Deep Meta Functionals", "A published network; smooth"),
    CatalogueEntry(
        "tdgn", "Training Data Generating Networks", "A published network; blob-like shapes"
    ),
    CatalogueEntry(
        "sdf-srn",
        "SDF-SRN",
        "A published network; with colors of its own. Its weights are for airplanes, cars and "
        "chairs alone",
    ),
    CatalogueEntry(
        "uclid-net",
        "UCLID-Net",
        "A published network that covers the object with patches; they do not join to a surface "
        "that can be used",
        UNUSABLE,
    ),
)


def entry_of(name: str) -> CatalogueEntry | None:
    """Return the entry of a method; None if it is not listed."""
    return next((entry for entry in ENTRIES if entry.name == name), None)
