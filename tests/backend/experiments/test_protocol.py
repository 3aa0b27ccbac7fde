"""A paper's protocol: the numbers of `evaluate`, the paper's own beside them, codes, figures."""

import json
from dataclasses import replace

import numpy as np
import pytest
from levelform.backend import cli
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.format import Dataset
from levelform.backend.data.meshes import Solid, mend
from levelform.backend.experiments import protocol
from levelform.backend.experiments.entrants import EVERY, NetworkEntrant
from levelform.backend.experiments.protocol import Cloud, Trial, method_of, run_protocol
from levelform.backend.experiments.published import PUBLISHED
from levelform.backend.extraction import extract
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.metrics import PROTOCOLS, evaluate
from levelform.backend.reconstructors import find_method
from levelform.backend.reconstructors.networks.disn import COMPACT
from levelform.backend.training.parts import with_part


@pytest.fixture
def trial(network):
    entrant = NetworkEntrant({EVERY: network("tdgn")})
    return Trial("tdgn", entrant, resolution=32)


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    """Chamfer distances of 100,000 points take seconds."""
    from levelform.backend.metrics import papers

    plain = papers.tdgn

    def quick(shape, ground_truth, rng):
        """TDGN, of fewer points."""

        class Fewer:
            def __init__(self, solid):
                self.vertices, self.faces, self.inside = solid.vertices, solid.faces, solid.inside
                self._solid = solid

            def surface(self, count, rng):
                return self._solid.surface(count // 50, rng)

        return plain(shape and Fewer(shape), Fewer(ground_truth), rng)

    how = PROTOCOLS["tdgn"]
    monkeypatch.setitem(PROTOCOLS, "tdgn", replace(how, measure=quick))


def test_class_means_of_published_rows_are_the_published_means():
    for paper, numbers in PUBLISHED.items():
        assert paper in PROTOCOLS
        for number in numbers:
            if number.mean is not None and number.by_class:
                mean = np.mean(list(number.by_class.values()))
                assert mean == pytest.approx(number.mean, rel=0.005), (paper, number)


def test_an_unknown_paper_is_refused():
    with pytest.raises(RequestError, match="'nobody' is not a paper"):
        method_of("nobody")
    assert method_of("pix3d") == "uclid-net"


def test_scores_are_those_of_the_protocol_and_stored_ones_are_kept(data, trial, tmp_path):
    from levelform.backend.experiments.store import Store

    shapes = Dataset(data, "test").shapes[:2]
    store = Store(tmp_path / "rows.jsonl")
    outcome = run_protocol(trial, shapes, store)
    model = trial.entrant.model_for(EVERY)
    for shape, (category, name, row) in zip(shapes, outcome.rows, strict=True):
        assert (category, name) == (shape.category, f"{shape.id} #0")
        truth = Solid(mend(Mesh(shape["mesh.vertices"], shape["mesh.faces"]))[0])
        mesh = extract(model.decode(model.encode([shape.view(0)])), 32, color=False)
        assert row.values == evaluate(Solid(mesh), truth, "tdgn").values
    assert len(store) == 2
    again = run_protocol(trial, shapes, Store(tmp_path / "rows.jsonl"))
    assert [row for *_, row in again.rows] == [row for *_, row in outcome.rows]
    assert len(again.codes) == 2
    assert again.codes.size == 16  # lambda


def test_the_table_has_the_papers_numbers_beside_ours(data, trial):
    outcome = run_protocol(trial, Dataset(data, "test").shapes[:2])
    rows = protocol.table_rows(outcome)
    (chair,) = (row for row in rows if row[:2] == ["IoU", "chair"])
    assert chair[3:] == ["0.502", "TDGN Table 2"]
    assert float(chair[2]) == pytest.approx(outcome.means[1]["chair"]["iou"], abs=1e-3)
    (mean,) = (row for row in rows if row[:2] == ["IoU", "mean"])
    assert mean[3] == "0.585"
    assert ["f_score_2%", "all"] in [row[:2] for row in rows]  # ours alone


def test_disns_3d_cnn_is_compared_with_its_own_row():
    model = find_method("disn")(replace(COMPACT, streams="volume", camera=False))
    trial = Trial("disn", NetworkEntrant({EVERY: model}))
    rows = protocol.Outcome(trial).published
    (iou,) = (row for row in rows if row.metric == "iou")
    assert iou.mean == 55.3
    assert iou.by_class["chair"] == 52.6


def test_a_shape_without_a_mesh_is_refused(data, trial):
    with pytest.raises(RequestError, match="no true mesh"):
        run_protocol(trial, Dataset(data, "train").shapes[:1])


def test_a_cloud_is_moved_and_drawn_from():
    points = np.arange(12.0).reshape(4, 3)
    moved = Cloud(points).in_frame(np.diag([2.0, 2, 2, 1]))
    drawn = moved.surface(4, np.random.default_rng(0)).points
    assert sorted(drawn.tolist()) == (2 * points).tolist()
    assert len(moved.surface(9, np.random.default_rng(0)).points) == 9


def test_estimated_cameras_are_compared_with_the_true_ones(data, network):
    shape = Dataset(data, "test").shapes[0]
    model = with_part(network("uclid-net"), "camera", seed=0).eval()
    truth = Solid(mend(Mesh(shape["mesh.vertices"], shape["mesh.faces"]))[0])
    errors = protocol._camera_errors(model, shape.view(0), truth)
    assert errors["d3d"] > 0.01
    assert errors["d2d"] > 0.1
    assert protocol._camera_errors(network("tdgn"), shape.view(0), truth) == {}


def test_the_command_writes_page_codes_and_figures(data, network, tmp_path, capsys):
    weights, page = tmp_path / "w.safetensors", tmp_path / "page.md"
    network("tdgn").save(weights)
    words = ["experiments", "protocol", "tdgn", "--weights", str(weights), "--data", f"{data}:test"]
    words += ["--limit", "2", "--resolution", "32", "--device", "cpu", "-o", str(page)]
    words += ["--codes", str(tmp_path / "codes.npz"), "--figures", str(tmp_path / "figures")]
    assert cli.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["images"] == 2
    assert "| IoU | mean |" in page.read_text()
    assert "(figures/tdgn-results.png)" in page.read_text()
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"tdgn-figure-4.png", "tdgn-figure-5.png", "tdgn-figure-9.png"} <= names
    assert "<svg" in (tmp_path / "figures" / "tdgn-histograms.svg").read_text()
    with np.load(tmp_path / "codes.npz") as codes:
        assert codes["codes"].shape == (2, 16)
        assert len(codes["ids"]) == len(codes["categories"]) == 2
