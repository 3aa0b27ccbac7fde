"""Photographs with aligned models: Pix3D and PASCAL3D+. One record is one photograph.

PIX3D/pix3d.json      img, mask, model, category, rot_mat, trans_mat, focal_length, img_size, bbox
PASCAL/Annotations/<class>_imagenet/<name>.mat, Images/<class>_imagenet/<name>.JPEG,
PASCAL/masks/<name>_<object>.png, CAD/<class>/<nn>.off,
PASCAL/Image_sets/<class>_imagenet_train.txt and _val.txt, optional
"""

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.errors import RequestError
from ...geometry.cameras import Camera
from ...geometry.frames import OBJECT_SIDE, Z_UP_FROM_PIX3D, apply, scale_of, similarity
from ...geometry.meshes import Mesh
from ..format import Record
from .base import Reader, cropped, layout, posed, read_image, views_of, with_mask

SENSOR = 32.0  # mm; Pix3D gives focal lengths for this width
MARGIN = 1.2  # side of the square crop relative to the longer side of the object's box
CAR_HEIGHTS = 3.0  # and of SDF-SRN's crop of a car relative to the height of its box
CROP = MARGIN * OBJECT_SIDE  # side of SDF-SRN's crop in the volume
FAR = 2.7  # distance of its orthographic camera, volume units, which changes nothing it sees
Box = tuple[float, float, float, float]  # left, top, right, bottom
# Pix3D's camera looks along +z with +x to the left and +y up.
FLIP_XY = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class _PhotographedModel:
    """Arrays in the object frame and model_from_object, (4, 4); or the reason for their absence."""

    arrays: dict[str, np.ndarray]
    model_from_object: np.ndarray
    reason: str = ""


@lru_cache(maxsize=4)
def _model(
    path: Path, matrix: tuple[tuple[float, ...], ...] | None, mesh: bool
) -> _PhotographedModel:
    """Return the points of a model, cached, since photographs of a model are consecutive."""
    from ..meshes import Asset, read_asset
    from ..records import Contents, record_of_mesh

    asset = read_asset(path, up="Z")
    rotation = np.eye(4) if matrix is None else np.array(matrix)
    upright = Asset(Mesh(apply(rotation, asset.mesh.vertices), asset.mesh.faces), path)
    name = path.stem if path.stem != "model" else path.parent.name
    record = record_of_mesh(upright, Contents(views=0, mesh=mesh), name=name, category="")
    if isinstance(record, str):
        return _PhotographedModel({}, np.eye(4), record)
    back = np.linalg.inv(rotation) @ record.arrays["source_from_object"][0]
    return _PhotographedModel(record.arrays | {"source_from_object": back[None]}, back)


@layout("pix3d")
class Pix3D(Reader):
    """Pix3D: untruncated, unoccluded photographs, cropped to a square around the object."""

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        path = self.root / "pix3d.json"
        try:
            entries = json.loads(path.read_text())
            return {str(Path(e["img"]).with_suffix("")).removeprefix("img/"): e for e in entries}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RequestError(
                f"{path} can't be read: {error}.", "Download the file again."
            ) from error

    def names(self) -> list[str]:
        return sorted(self._entries)

    def read(self, name: str) -> Record | str:
        entry = self._entries[name]
        if entry.get("truncated") or entry.get("occluded"):
            return "truncated or occluded"
        axes = tuple(map(tuple, Z_UP_FROM_PIX3D.tolist()))
        model = _model(self.root / entry["model"], axes, self.mesh)
        if model.reason:
            return model.reason
        mask = read_image(self.root / entry["mask"], "L") > 127
        photo = with_mask(read_image(self.root / entry["img"], "RGB"), mask)
        camera = pix3d_camera(entry).in_frame(model.model_from_object)
        views = _square(photo, camera, entry["bbox"], self.size)
        info = {"layout": "pix3d", "model": entry["model"]}
        return Record(name, entry["category"], model.arrays | views, "", info)


def pix3d_camera(entry: dict[str, Any]) -> Camera:
    """Return the camera of an entry of pix3d.json, posed in its model's frame."""
    width, height = entry["img_size"]
    focal = entry["focal_length"] * width / SENSOR
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = entry["rot_mat"], entry["trans_mat"]
    return posed(
        FLIP_XY @ matrix,
        fx=focal,
        fy=focal,
        cx=width / 2,
        cy=height / 2,
        width=width,
        height=height,
    )


@layout("pascal3d")
class Pascal3D(Reader):
    """PASCAL3D+: the ImageNet photographs, with the perspective camera of the annotation.

    The camera is the data set's own toolbox's (+Z up, the front towards -Y, as ours).
    """

    layout = "pascal3d"

    def names(self) -> list[str]:
        folder = self.root / "Annotations"
        return sorted(
            f"{path.parent.name.removesuffix('_imagenet')}/{path.stem}"
            for path in folder.glob("*_imagenet/*.mat")
        )

    def read(self, name: str) -> Record | str:
        category, stem = name.split("/")
        note = read_annotation(self.root / "Annotations" / f"{category}_imagenet" / f"{stem}.mat")
        for index, entry in enumerate(note):
            mask_path = self.root / "masks" / f"{stem}_{index}.png"
            if entry["class"] == category and entry["distance"] > 0 and mask_path.exists():
                return self._record(name, category, entry, mask_path)
        return "no object of its class with a viewpoint and a mask"

    @cached_property
    def _splits(self) -> dict[str, str]:
        """The split of each photograph that the data set's lists name."""
        splits = {}
        for split in ("train", "val"):
            for path in (self.root / "Image_sets").glob(f"*_imagenet_{split}.txt"):
                category = path.stem.removesuffix(f"_imagenet_{split}")
                words = (line.split() for line in path.read_text().splitlines())
                splits |= {f"{category}/{word[0]}": split for word in words if word}
        return splits

    def _record(
        self, name: str, category: str, entry: dict[str, Any], mask_path: Path
    ) -> Record | str:
        path = self.root / "CAD" / category / f"{entry['cad_index']:02d}.off"
        model = _model(path, None, self.mesh)
        if model.reason:
            return model.reason
        folder = self.root / "Images" / f"{category}_imagenet"
        photo = read_image(folder / f"{name.split('/')[1]}.JPEG", "RGB")
        image = with_mask(photo, read_image(mask_path, "L") > 0)
        x1, y1, x2, y2 = entry["bbox"]
        box = (x1 - 1, y1 - 1, x2, y2)  # Matlab counts pixels from 1
        arrays = self._seen(image, box, category, entry, model)
        info = {"layout": self.layout, "cad_index": entry["cad_index"]}
        return Record(name, category, arrays, self._splits.get(name, ""), info)

    def _seen(
        self,
        image: np.ndarray,
        box: Box,
        category: str,
        entry: dict[str, Any],
        model: _PhotographedModel,
    ) -> dict[str, np.ndarray]:
        """Return the arrays of a photograph, (H, W, 4), and its model."""
        camera = pascal3d_camera(entry, image.shape[1], image.shape[0])
        return model.arrays | _square(
            image, camera.in_frame(model.model_from_object), box, self.size
        )


@layout("pascal3d-crops")
class Pascal3DCrops(Pascal3D):
    """PASCAL3D+ as SDF-SRN reads it: orthographic, in units of the crop (section 4.2).

    The crop's side is three times the height of a car's box, and 1.2 times the longer side of
    others'; it is `CROP` in the volume, whatever the object's size in it. The object is scaled by
    the annotation's focal length and distance; its centre is taken to be the crop's, where the
    authors take the CAD model's origin. Our camera does not mirror; see `reconstructors.sdf_srn`.
    """

    layout = "pascal3d-crops"

    def _seen(
        self,
        image: np.ndarray,
        box: Box,
        category: str,
        entry: dict[str, Any],
        model: _PhotographedModel,
    ) -> dict[str, np.ndarray]:
        x1, y1, x2, y2 = box
        longer = max(x2 - x1, y2 - y1)
        side = max(8, round(CAR_HEIGHTS * (y2 - y1) if category == "car" else MARGIN * longer))
        whole = pascal3d_camera(entry, image.shape[1], image.shape[0])
        camera = _orthographic(whole, side)
        photo, _ = cropped(image, whole, ((x1 + x2) / 2, (y1 + y2) / 2), side)
        pixels = entry["focal"] * entry["viewport"] / entry["distance"]  # of a CAD model's unit
        scale = scale_of(model.model_from_object) * pixels * CROP / side
        return _scaled(model.arrays, scale) | views_of([photo], [camera], self.size)


def _orthographic(camera: Camera, side: int) -> Camera:
    """Return the camera of a crop of `side` pixels, which looks at the volume's centre."""
    pose = camera.world_from_camera.copy()
    pose[:3, 3] = -FAR * pose[:3, 2]
    per_unit, half = side / CROP, side / 2
    return Camera(pose, per_unit, per_unit, half, half, side, side, orthographic=True)


def _scaled(arrays: dict[str, np.ndarray], scale: float) -> dict[str, np.ndarray]:
    """Return a model's arrays, `scale` times as large; without voxels, whose cube is fixed."""
    lengths = (".points", ".distance", "mesh.vertices")
    result = {n: a * np.float32(scale) if n.endswith(lengths) else a for n, a in arrays.items()}
    result["source_from_object"] = arrays["source_from_object"] @ similarity(scale=1 / scale)
    del result["voxels"]
    return result


def read_annotation(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a PASCAL3D+ annotation as plain numbers and strings."""
    from scipy.io import loadmat

    try:
        record = loadmat(path, struct_as_record=False, squeeze_me=True)["record"]
        objects = np.atleast_1d(record.objects)
        return [_annotated(entry) for entry in objects]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise RequestError(f"{path} can't be read: {error}.", "Download the file again.") from error


def _annotated(entry: Any) -> dict[str, Any]:
    view = entry.viewpoint
    names = ("azimuth", "elevation", "theta", "distance", "focal", "viewport", "px", "py")
    numbers = (
        {name: float(getattr(view, name)) for name in names} if hasattr(view, "azimuth") else {}
    )
    return {
        "class": str(getattr(entry, "class")),
        "bbox": [float(value) for value in np.asarray(entry.bbox).reshape(-1)],
        "cad_index": int(entry.cad_index),
        "distance": 0.0,
    } | numbers


def pascal3d_camera(entry: dict[str, Any], width: int, height: int) -> Camera:
    """Return an annotation's camera, as the toolbox projects, posed in the CAD model's frame."""
    a, e, theta = np.radians([entry["azimuth"], entry["elevation"], entry["theta"]])
    center = entry["distance"] * np.array(
        [np.cos(e) * np.sin(a), -np.cos(e) * np.cos(a), np.sin(e)]
    )
    tilt = e - np.pi / 2
    about_z = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    roll = np.array(
        [[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]]
    )
    # The toolbox's camera has +y up and looks along -z.
    rotation = np.diag([1.0, -1.0, -1.0]) @ roll @ about_x @ about_z
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, -(rotation @ center)
    focal = entry["focal"] * entry["viewport"]
    return posed(
        matrix, fx=focal, fy=focal, cx=entry["px"], cy=entry["py"], width=width, height=height
    )


def _square(image: np.ndarray, camera: Camera, box: Any, size: int) -> dict[str, np.ndarray]:
    """Return the view of a photograph, cropped to a square around its box (x1, y1, x2, y2)."""
    x1, y1, x2, y2 = (float(value) for value in box)
    side = max(8, round(MARGIN * max(x2 - x1, y2 - y1)))
    photo, seen = cropped(image, camera, ((x1 + x2) / 2, (y1 + y2) / 2), side)
    return views_of([photo], [seen], size)
