"""Structure from motion by pycolmap, in a process of its own: `python solver.py JOB.json`.

It can be killed at any time, and an abort inside the library does not end the worker. The job is a
JSON object:

    folder, names   the images
    masks           folder of masks, `<name>.png`, black where features are ignored; or null
    groups          lists of indices of images that share a camera
    focals          the focal length of each group in pixels, or null where it is unknown
    model           COLMAP's camera model
    features        the most features of an image
    pairs           the pairs of indices to match
    least           the smallest number of images of a model
    threads, seed   as pycolmap takes them
    out             the folder for the result: `solution.json`, `points.npz`

Standard output has one JSON object a line with `stage` and `fraction`. Imports nothing of ours.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

CHUNKS = 40  # number of parts that the pairs are matched in, for progress
GUESS = 1.2  # default focal length in widths; COLMAP's own
WITHIN = 3.0  # maximum distance of an inlier match, pixels
STAGES = ("Features", "Matches", "Cameras")


def tell(stage: str, fraction: float) -> None:
    """Report progress."""
    sys.stdout.write(json.dumps({"stage": stage, "fraction": fraction}) + "\n")
    sys.stdout.flush()


def main(path: str) -> None:
    """Run the job."""
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    colmap: Any = importlib.import_module("pycolmap")
    colmap.set_random_seed(job["seed"])
    out = Path(job["out"])
    database = out / "database.db"
    extract(colmap, job, database)
    match(colmap, job, database, out)
    models = solve(colmap, job, database, out)
    write(colmap, models, database, out)
    tell(STAGES[2], 1.0)


def extract(colmap: Any, job: dict[str, Any], database: Path) -> None:
    """Find features; the images of a group share one camera."""
    options = colmap.FeatureExtractionOptions()
    options.num_threads, options.use_gpu = job["threads"], False
    options.sift.max_num_features = job["features"]
    done = 0
    for group, focal in zip(job["groups"], job["focals"], strict=True):
        reader = colmap.ImageReaderOptions()
        reader.camera_model = job["model"]
        reader.default_focal_length_factor = GUESS
        if job["masks"]:
            reader.mask_path = job["masks"]
        for place, index in enumerate(group):
            name = job["names"][index]
            colmap.extract_features(
                database,
                job["folder"],
                [name],
                colmap.CameraMode.SINGLE,
                reader,
                options,
                colmap.Device.cpu,
            )
            if place == 0:
                reader.existing_camera_id = first_camera(colmap, database, name, focal)
            done += 1
            tell(STAGES[0], done / len(job["names"]))


def first_camera(colmap: Any, database: Path, name: str, focal: float | None) -> int:
    """Return the camera of an image, with its focal length if known."""
    with colmap.Database.open(database) as opened:
        camera = opened.read_camera(opened.read_image_with_name(name).camera_id)
        if focal:
            camera.focal_length = focal
            camera.has_prior_focal_length = True
            opened.update_camera(camera)
        return camera.camera_id


def match(colmap: Any, job: dict[str, Any], database: Path, out: Path) -> None:
    """Match the features of the pairs, and verify the matches."""
    options = colmap.FeatureMatchingOptions()
    options.num_threads, options.use_gpu = job["threads"], False
    pairing = colmap.ImportedPairingOptions()
    pairing.match_list_path = out / "pairs.txt"
    names, pairs = job["names"], job["pairs"]
    step = max(len(pairs) // CHUNKS, 1)
    for start in range(0, len(pairs), step):
        some = pairs[start : start + step]
        lines = [f"{names[one]} {names[other]}\n" for one, other in some]
        (out / "pairs.txt").write_text("".join(lines), encoding="utf-8")
        colmap.match_image_pairs(database, options, pairing, device=colmap.Device.cpu)
        tell(STAGES[1], (start + len(some)) / len(pairs))


def solve(colmap: Any, job: dict[str, Any], database: Path, out: Path) -> list[Any]:
    """Return the models found by incremental mapping, the largest first."""
    options = colmap.IncrementalPipelineOptions()
    options.num_threads, options.random_seed = job["threads"], job["seed"]
    options.min_model_size = job["least"]
    options.extract_colors = False
    count, placed = len(job["names"]), [0]

    def next_image() -> None:
        placed[0] += 1
        tell(STAGES[2], min(placed[0] / count, 1.0) * 0.95)

    models = colmap.incremental_mapping(
        database, job["folder"], out, options, next_image_callback=next_image
    )
    return sorted(models.values(), key=lambda model: -model.num_reg_images())


def write(colmap: Any, models: list[Any], database: Path, out: Path) -> None:
    """Write all models' images, and the cameras and points of the largest."""
    told: dict[str, Any] = {"models": [sorted(placed(model)) for model in models]}
    arrays = {"points": np.zeros((0, 3)), "views": np.zeros(0, np.int64)}
    if models:
        model = models[0]
        images = placed(model)
        told["error"] = model.compute_mean_reprojection_error()
        told["consistent"] = consistency(colmap, model, database)
        told["images"] = {
            name: {
                "camera_from_world": image.cam_from_world().matrix().tolist(),
                "camera": camera_of(image.camera),
                "points": image.num_points3D,
            }
            for name, image in images.items()
        }
        points = list(model.points3D.values())
        arrays["points"] = np.array([point.xyz for point in points]).reshape(-1, 3)
        arrays["views"] = np.array([point.track.length() for point in points], np.int64)
    np.savez(out / "points.npz", **arrays)
    (out / "solution.json").write_text(json.dumps(told), encoding="utf-8")


def placed(model: Any) -> dict[str, Any]:
    """Return the images of a model by name."""
    return {model.image(i).name: model.image(i) for i in model.reg_image_ids()}


def camera_of(camera: Any) -> dict[str, Any]:
    """Return a camera as plain values."""
    return {
        "model": camera.model_name,
        "params": [float(value) for value in camera.params],
        "width": camera.width,
        "height": camera.height,
    }


def consistency(colmap: Any, model: Any, database: Path) -> float:
    """Return the fraction of verified matches between placed images that fit their cameras.

    A match fits if it is within `WITHIN` pixels of the other point's epipolar line. Verified
    matches of wrongly placed pairs, such as two similar sides of an object, do not.
    """
    total = fitting = 0
    with colmap.Database.open(database) as opened:
        known = {image.image_id for image in placed(model).values()}
        pairs, geometries = opened.read_two_view_geometries()
        for pair, geometry in zip(pairs, geometries, strict=True):
            one, other = colmap.pair_id_to_image_pair(pair)
            matches = np.asarray(geometry.inlier_matches)
            if one not in known or other not in known or not len(matches):
                continue
            first = rays_of(model.image(one), opened.read_keypoints(one), matches[:, 0])
            second = rays_of(model.image(other), opened.read_keypoints(other), matches[:, 1])
            focal = model.image(one).camera.mean_focal_length()
            relative = (
                model.image(other).cam_from_world() * model.image(one).cam_from_world().inverse()
            )
            fitting += int((epipolar(first, second, relative.matrix()) * focal < WITHIN).sum())
            total += len(matches)
    return fitting / total if total else 0.0


def rays_of(image: Any, keypoints: Any, chosen: np.ndarray) -> np.ndarray:
    """Return (N, 3) rays of the chosen keypoints, z = 1, without distortion."""
    pixels = np.asarray(keypoints, np.float64)[chosen, :2]
    plane = np.asarray(image.camera.cam_from_img(pixels))
    return np.concatenate([plane[:, :2], np.ones((len(plane), 1))], 1)


def epipolar(first: np.ndarray, second: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """Return (N,) Sampson distances on the plane z = 1; relative is (3, 4) second_from_first."""
    x, y, z = relative[:, 3]
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    essential = cross @ relative[:, :3]
    lines = first @ essential.T
    back = second @ essential
    error = (second * lines).sum(1)
    slope = (lines[:, :2] ** 2).sum(1) + (back[:, :2] ** 2).sum(1)
    return np.abs(error) / np.sqrt(np.maximum(slope, 1e-18))


if __name__ == "__main__":
    main(sys.argv[1])
