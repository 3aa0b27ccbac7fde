"""The last steps from a decoded field to the result: the surface's level and the views' hull.

A network trained on single images does not know how many views a point has passed: one inside eight
silhouettes is likelier inside the object than one inside a single silhouette. Weights therefore
store the level of the surface by number of views, measured on validation shapes inside their hulls
(for one view without a hull, because training and use differ in something else). A network for
unposed images has a level of its own.
"""

from collections.abc import Sequence

from ..fields import Field
from ..fields.hull import HullField, silhouette_map
from ..fields.intersection import Intersection
from ..fields.levelled import LevelledField, interpolated
from ..geometry.views import View
from .base import Reconstructor


def several_posed(views: Sequence[View]) -> bool:
    """Return whether there are several views and all have cameras."""
    return len(views) > 1 and all(view.camera is not None for view in views)


def finished(
    model: Reconstructor, field: Field, views: Sequence[View], hull: HullField | None
) -> Field:
    """Return a field with its surface where it belongs, inside the hull if one is given.

    Parameters
    ----------
    model
        Whose weights know the levels.
    field
        What it decoded.
    views
        What it encoded; of several, levels are known for views with cameras.
    hull
        Of the same views; None: the field is not cut.
    """
    if field.kind == "occupancy":
        field.shift = 0.0 if field.carved else model.level_shift
    if isinstance(field, HullField):
        return field
    level = surface_level(model, views, within=field.carved or hull is not None)
    field = LevelledField(field, level) if level else field
    return field if hull is None else Intersection(field, hull)


def surface_level(model: Reconstructor, views: Sequence[View], *, within: bool) -> float:
    """Return the value of a decoded field at the surface.

    within : whether nothing outside the views' hull is inside the field
    """
    known = dict(model.view_levels)
    unposed = known.pop(0, None)
    if unposed is not None and any(view.camera is None for view in views):
        return unposed
    calibrated = 1 in known if len(views) == 1 else several_posed(views) and within
    return interpolated(known, len(views)) if calibrated else 0.0


def hull_of(views: Sequence[View], device: str) -> HullField:
    """Return the hull of posed views, without colours."""
    cameras = [view.camera for view in views if view.camera is not None]
    alphas = [view.image[..., 3] for view in views]
    maps = [silhouette_map(a, camera) for a, camera in zip(alphas, cameras, strict=True)]
    return HullField(maps, cameras, device=device)
