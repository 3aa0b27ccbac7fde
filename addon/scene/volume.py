"""The volume: the cube that is reconstructed, shown as an Empty.

`volume_from_views` places and sizes it by what the cameras see, with numpy alone.
"""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Background, CameraData, ViewData

VOLUME_NAME = "Levelform Volume"
# The object's longest side, of the volume's 2: the rest is room for the surface to close in.
OBJECT_SIDE = 1.8
SHEAR_TOLERANCE = 1e-4

# Least spread of the views' axes: two that meet at 4 degrees.
LEAST_SPREAD = 1.2e-3
SILHOUETTE_SIDE = 128  # pixels that silhouettes are reduced to
CELLS = 32  # cells along each side of the grid that is carved
ROUNDS = 5  # of carving, each within the box that the one before left over
REACH = 3.0  # half the first box's side, in radii of the largest silhouette


@dataclass(frozen=True)
class _Silhouette:
    """What a view says of the object's whereabouts.

    Attributes
    ----------
    name, camera : the view's
    origin, axis : (3,) world; the ray through the middle of the silhouette, `axis` of unit length
    radius : how far the silhouette reaches from its middle, in focal lengths (world units if
        orthographic)
    distance : (h, w) float; pixels to the silhouette, 0 inside; one entry is `block` pixels wide
    cropped : the silhouette touches the picture's border, so the object may go on beyond it
    """

    name: str
    camera: CameraData
    origin: np.ndarray
    axis: np.ndarray
    radius: float
    distance: np.ndarray
    block: int
    cropped: bool

    @property
    def orthographic(self) -> bool:
        return self.camera.camera_model == "ORTHOGRAPHIC"


def volume_from_views(
    views: list[ViewData],
    background: Background = Background(),  # noqa: B008 - it is frozen
) -> np.ndarray:
    """Place and size the volume by the views' silhouettes.

    The middle is sought where the rays through the silhouettes' middles come closest to meeting;
    around it a coarse grid is carved by all silhouettes, and what is left over, with a cell to
    spare, is what the volume holds with its longest side at `OBJECT_SIDE`.

    Returns
    -------
    (4, 4) float64 world_from_volume: upright, scaled evenly

    Raises
    ------
    RequestError
        If there are fewer than two views with a camera, a silhouette is empty or fills its picture,
        all views look along one axis, the cameras look away from each other, or the silhouettes do
        not overlap.
    """
    silhouettes = [
        _silhouette(view, view.camera, background) for view in views if view.camera is not None
    ]
    if len(silhouettes) < 2:
        raise RequestError(
            f"A volume needs pictures from at least 2 cameras, not {len(silhouettes)}.",
            "Add cameras that look at the object from other sides, or place a volume yourself.",
        )
    middle = _meeting_point(silhouettes)
    reach = REACH * max(_radius_at(item, middle) for item in silhouettes)
    lower, upper = _hull_box(silhouettes, middle - reach, middle + reach)
    matrix = np.eye(4)
    matrix[:3, :3] *= (upper - lower).max() / OBJECT_SIDE
    matrix[:3, 3] = (lower + upper) / 2
    return matrix


def add_volume(matrix: np.ndarray, scene: bpy.types.Scene) -> bpy.types.Object:
    """Add the Empty whose cube is the volume, (4, 4) world_from_volume, to the scene."""
    empty = bpy.data.objects.new(VOLUME_NAME, None)
    empty.empty_display_type = "CUBE"
    empty.empty_display_size = 1.0  # the cube is drawn from -1 to 1
    scene.collection.objects.link(empty)
    empty.matrix_world = Matrix(np.asarray(matrix).tolist())
    return empty


def matrix_of(empty: bpy.types.Object) -> np.ndarray:
    """Return world_from_volume of the cube that an Empty shows, (4, 4) float64, right-handed.

    Parents, constraints and animation count, and so does the size it is displayed at. A mirrored
    Empty shows the same cube, so it is turned back.

    Raises
    ------
    RequestError
        If the matrix is not finite, flat along an axis, or sheared.
    """
    evaluated = empty.evaluated_get(bpy.context.evaluated_depsgraph_get())
    matrix = np.array(evaluated.matrix_world, np.float64)
    name = empty.name
    if not np.isfinite(matrix).all():
        raise RequestError(
            f"The position, rotation or scale of {name} is not a finite number.",
            "Clear its transform (Alt G, Alt R, Alt S) and check its constraints and drivers.",
        )
    matrix[:3, :3] *= empty.empty_display_size if empty.type == "EMPTY" else 1.0
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if lengths.min() < 1e-6 * max(lengths.max(), 1e-6):
        raise RequestError(f"{name} is flat: a scale of it is zero.", "Clear its scale (Alt S).")
    axes = matrix[:3, :3] / lengths
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_TOLERANCE:
        raise RequestError(
            f"{name} is sheared by an uneven scale of its parent.",
            "Apply the parent's scale (Ctrl A), or unparent the volume.",
        )
    if np.linalg.det(axes) < 0:
        matrix[:3, 0] *= -1
    return matrix


# ---------------------------------------------------------------- silhouettes


def silhouette_of(image: np.ndarray, background: Background) -> np.ndarray:
    """Return where a picture shows the object, (H, W) bool: where there is alpha, that says it.

    Parameters
    ----------
    image : (H, W, 4) uint8 or float32, sRGB, straight alpha
    """
    whole = 255.0 if image.dtype == np.uint8 else 1.0
    if background.mode == "alpha" or (image[..., 3] < 0.999 * whole).any():
        return image[..., 3] > 0.5 * whole
    color = image[..., :3] / whole
    ground = np.array(background.color)
    if background.mode == "corner":
        ground = np.median(color[[0, 0, -1, -1], [0, -1, 0, -1]], axis=0)
    elif background.mode == "auto":
        ground = _backdrop(color, background.tolerance)
    return np.linalg.norm(color - ground, axis=-1) > background.tolerance


def _backdrop(color: np.ndarray, tolerance: float) -> np.ndarray:
    """Return (H, W, 3): the smooth backdrop seen along the border, as the worker finds it.

    A polynomial of second degree, fitted to the border without what stands out there.
    """
    height, width = color.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), y, x, x * y, y * y, x * x], -1)
    side = max(min(height, width) // 32, 1)
    border = np.ones((height, width), bool)
    border[side:-side, side:-side] = False
    known, seen = terms[border], color[border]
    fits = np.abs(seen - np.median(seen, axis=0)).max(1) <= 3 * tolerance
    weights = np.zeros((6, 3))
    for _ in range(4):
        if fits.mean() < 0.5:
            fits[:] = True
        weights = np.linalg.lstsq(known[fits], seen[fits], rcond=None)[0]
        fits = np.abs(known @ weights - seen).max(1) <= tolerance
    return terms @ weights


def _silhouette(view: ViewData, camera: CameraData, background: Background) -> _Silhouette:
    mask = silhouette_of(view.image, background)
    if not mask.any():
        raise RequestError(
            f"{view.name}: nothing of its picture is the object.",
            "Check the picture's alpha, or the background's colour.",
        )
    if mask.all():
        raise RequestError(
            f"{view.name}: its picture has no transparent background.",
            "Choose the background's colour, or use a picture with alpha.",
        )
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = mask.shape
    origin, axis = _ray(camera, (left + right) / 2, (top + bottom) / 2)
    reduced, block = _reduce(mask)
    return _Silhouette(
        name=view.name,
        camera=camera,
        origin=origin,
        axis=axis,
        radius=0.5 * float(np.hypot((right - left) / camera.fl_x, (bottom - top) / camera.fl_y)),
        distance=_chebyshev(reduced) * block,
        block=block,
        cropped=bool(top == 0 or left == 0 or bottom == height or right == width),
    )


def _ray(camera: CameraData, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """Return origin and unit direction, world, of the ray through a pixel position (y down)."""
    pose = np.asarray(camera.transform_matrix, np.float64)
    plane = np.array([(x - camera.cx) / camera.fl_x, -(y - camera.cy) / camera.fl_y])
    if camera.camera_model == "ORTHOGRAPHIC":
        return pose[:3, 3] + pose[:3, :2] @ plane, -pose[:3, 2]
    direction = pose[:3, :2] @ plane - pose[:3, 2]
    return pose[:3, 3], direction / np.linalg.norm(direction)


def _reduce(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the mask by blocks of pixels, set where any pixel is, and a block's side in pixels."""
    block = max(1, -(-max(mask.shape) // SILHOUETTE_SIDE))
    height, width = -(-mask.shape[0] // block), -(-mask.shape[1] // block)
    padded = np.zeros((height * block, width * block), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return padded.reshape(height, block, width, block).any((1, 3)), block


def _chebyshev(mask: np.ndarray) -> np.ndarray:
    """Return each entry's distance to the mask in steps, diagonal ones too, by growing the mask."""
    distance = np.zeros(mask.shape, np.float32)
    grown = mask
    while not grown.all():
        distance += ~grown
        padded = np.pad(grown, 1)
        rows = padded[:-2] | padded[1:-1] | padded[2:]
        grown = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return distance


# ---------------------------------------------------------------- where the views meet


def _meeting_point(silhouettes: list[_Silhouette]) -> np.ndarray:
    """Return the point, (3,) world, that is nearest to all rays in the least-squares sense."""
    across = np.array([np.eye(3) - np.outer(item.axis, item.axis) for item in silhouettes])
    if np.linalg.eigvalsh(across.mean(0))[0] < LEAST_SPREAD:
        raise RequestError(
            "All cameras look along the same axis, so the object's depth is unknown.",
            "Add a camera that looks from the side.",
        )
    offsets = sum(one @ item.origin for one, item in zip(across, silhouettes, strict=True))
    middle = np.linalg.solve(across.sum(0), offsets)
    for item in silhouettes:
        if not item.orthographic and (middle - item.origin) @ item.axis <= 0:
            raise RequestError(
                f"{item.name} looks away from where the other cameras look.",
                "Turn it towards the object, or leave it out.",
            )
    return middle


def _radius_at(item: _Silhouette, middle: np.ndarray) -> float:
    """Return how far the silhouette reaches at the depth of the middle, in world units."""
    return item.radius * (1.0 if item.orthographic else float(np.linalg.norm(middle - item.origin)))


# ---------------------------------------------------------------- carving


def _hull_box(
    silhouettes: list[_Silhouette], lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the box, two (3,) corners, around what all silhouettes leave over of a box."""
    for _ in range(ROUNDS):
        kept, size = _carve(silhouettes, lower, upper)
        if not kept.any():
            raise _disagreement(silhouettes, lower, upper)
        index = np.argwhere(kept)
        lower, upper = lower + index.min(0) * size, lower + (index.max(0) + 1) * size
    return lower, upper


def _carve(
    silhouettes: list[_Silhouette], lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells of a box may touch the object, (n, n, n) bool, and a cell's size, (3,)."""
    size = (upper - lower) / CELLS
    steps = [lower[i] + (np.arange(CELLS) + 0.5) * size[i] for i in range(3)]
    centers = np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 3)
    kept = np.ones(len(centers), bool)
    for item in silhouettes:
        left = np.flatnonzero(kept)
        kept[left] = _may_touch(item, centers[left], 0.5 * float(np.linalg.norm(size)))
    return kept.reshape(CELLS, CELLS, CELLS), size


def _may_touch(item: _Silhouette, points: np.ndarray, radius: float) -> np.ndarray:
    """Return whether balls around points, (N, 3) world, may show in the silhouette, (N,) bool."""
    camera = item.camera
    pose = np.asarray(camera.transform_matrix, np.float64)
    local = (points - pose[:3, 3]) @ pose[:3, :3]  # a rigid pose: its transpose is its inverse
    depth = np.ones(len(points)) if item.orthographic else -local[:, 2]
    near = np.maximum(depth, 1e-9)
    x = camera.cx + camera.fl_x * local[:, 0] / near
    y = camera.cy - camera.fl_y * local[:, 1] / near
    inside_x, inside_y = np.clip(x, 0, camera.w - 1e-3), np.clip(y, 0, camera.h - 1e-3)
    beyond = np.maximum(np.abs(x - inside_x), np.abs(y - inside_y))
    rows, columns = (inside_y / item.block).astype(int), (inside_x / item.block).astype(int)
    away = item.distance[rows, columns] + beyond
    touches = away <= max(camera.fl_x, camera.fl_y) * radius / near + item.block
    if item.cropped:
        touches |= beyond > 0
    return touches & (depth > 0)


def _disagreement(
    silhouettes: list[_Silhouette], lower: np.ndarray, upper: np.ndarray
) -> RequestError:
    """Name the view without which the others' silhouettes would overlap."""
    if len(silhouettes) > 2:
        for index, item in enumerate(silhouettes):
            others = silhouettes[:index] + silhouettes[index + 1 :]
            if _carve(others, lower, upper)[0].any():
                return RequestError(
                    f"The silhouette of {item.name} does not overlap those of the others.",
                    "Check that camera's pose and picture, or leave it out.",
                )
    return RequestError(
        "The cameras' silhouettes do not overlap anywhere.",
        "Check that each picture belongs to its camera.",
    )
