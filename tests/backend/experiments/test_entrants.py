"""Weights, baselines and data sets by the words that a user gives them."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend import reconstructors
from levelform.backend.contract.errors import LevelformError, RequestError
from levelform.backend.data.format import Dataset, DatasetWriter
from levelform.backend.data.records import record_of_shape
from levelform.backend.experiments.entrants import (
    Baseline,
    Known,
    bundled_files,
    identity,
    load_networks,
    open_dataset,
    surface_voxels,
    weights_files,
)
from levelform.backend.experiments.measuring import GroundTruth
from levelform.backend.experiments.settings import ONE


@pytest.fixture
def known(data):
    return Known([Dataset(data, "train")])


def test_baselines_answer_with_what_they_know(data, known):
    seen = Dataset(data, "train")[0]
    ground_truth = GroundTruth(seen)
    oracle, retrieval = (Baseline(kind, known).field(seen, ONE) for kind in ("oracle", "retrieval"))
    # A training shape is its own nearest neighbour, as a shape and by its own image.
    assert ground_truth.iou(oracle) == ground_truth.iou(retrieval) > 0.5
    mean = Baseline("mean-shape", known)
    assert 0 < ground_truth.iou(mean.field(seen, ONE)) < ground_truth.iou(oracle)
    assert mean.version("chair") == Baseline("oracle", known).version("table")


def test_coarse_volumes_are_of_true_surfaces(data, known):
    seen = Dataset(data, "train")[0]
    voxels = surface_voxels(seen)
    for kind in ("oracle", "retrieval"):
        assert (Baseline(kind, known).coarse_volume(seen) == voxels).all()
    # The longest side fills the cube.
    sides = [np.ptp(index) + 1 for index in voxels.nonzero().T.numpy()]
    assert max(sides) >= 27
    assert not Baseline("mean-shape", known).coarse


def test_a_mean_shape_needs_the_category(data, known):
    record = record_of_shape("sofa", 0, entrants_contents())
    folder = data.parent / "sofas"
    with DatasetWriter(folder, provenance={"source": "a test"}) as writer:
        writer.add(replace(record, split="test"))
    with pytest.raises(LevelformError, match="sofa"):
        Baseline("mean-shape", known).field(Dataset(folder)[0], ONE)
    assert identity(Dataset(folder)) != identity(Dataset(data))


def entrants_contents():
    from levelform.backend.data.records import Contents

    return Contents(points={"uniform": 100}, surface=10, views=1, size=16, cameras="levelform")


def test_weights_of_one_category_are_for_it_alone(tmp_path, network, monkeypatch):
    folder = tmp_path / "weights"
    folder.mkdir()
    model = network("sdf-srn")
    for category in ("chair", "car"):
        model.save(folder / f"sdf-srn-{category}.safetensors", results={"of": category})
    monkeypatch.setattr(reconstructors, "WEIGHTS_FOLDER", folder)
    assert set(bundled_files("sdf-srn")) == {"chair", "car"}
    networks = {network.name: network for network in load_networks(device="cpu")}
    assert set(networks) == {"sdf-srn", "visual-hull"}
    srn = networks["sdf-srn"]
    assert [srn.knows(name) for name in ("chair", "car", "table")] == [True, True, False]
    assert srn.version("chair") != srn.version("car")


def test_words_for_weights_and_data(tmp_path, data, network, monkeypatch):
    file = tmp_path / "w.safetensors"
    network("tdgn").save(file)
    networks = weights_files([f"tdgn={file}", f"sdf-srn:chair={file}"])
    assert networks == {"tdgn": {"": file}, "sdf-srn": {"chair": file}}
    for word in ("tdgn", f"tdgn={tmp_path / 'none'}", f"nerf={file}"):
        with pytest.raises(RequestError):
            weights_files([word])
    name, whole = open_dataset(str(data))
    assert (name, len(whole)) == ("shapes", 18)
    assert len(open_dataset(f"{data}:test")[1]) == 6
    monkeypatch.setattr(reconstructors, "WEIGHTS_FOLDER", tmp_path / "none")
    with pytest.raises(RequestError, match="Weights of tdgn were not found"):
        load_networks(["tdgn"])
