"""Other methods by number of views: measured once, means by group, failures count as 0."""

import pytest
from levelform.backend.contract.errors import WorkError
from levelform.backend.data.format import Dataset
from levelform.backend.experiments.store import Store
from levelform.backend.experiments.view_counts import VIEWS
from levelform.backend.experiments.view_methods import MethodCounts, blocks, measure_methods


def test_each_shape_is_measured_once_with_every_number_of_views(data, network, tmp_path):
    shapes = list(Dataset(data, "test"))[:2]
    groups = {"a": shapes[:1], "b": shapes[1:]}
    model, store = network("deep-meta-functionals"), Store(tmp_path / "views.jsonl")
    results = measure_methods(groups, [model], store)
    assert {key[2] for key in results.values} == set(VIEWS)
    assert all(0 <= value <= 1 for values in results.values.values() for value in values)

    def encode(views):
        raise AssertionError("measured again")

    model.encode = encode
    assert measure_methods(groups, [model], store) == results


def test_what_fails_counts_as_nothing(data, network, tmp_path):
    model = network("deep-meta-functionals")

    def encode(views):
        raise WorkError("It is not there.", "Look elsewhere.")

    model.encode = encode
    shapes = {"a": list(Dataset(data, "test"))[:1]}
    results = measure_methods(shapes, [model], Store(tmp_path / "views.jsonl"))
    assert results.mean(model.spec.title, None, 4) == 0.0


def test_tables_of_all_shapes_and_of_each_group():
    values = {("One", g, v): [0.2, 0.4] if g == "a" else [0.9] for g in "ab" for v in VIEWS}
    results = MethodCounts(values)
    assert results.mean("One", "a", 2) == pytest.approx(0.3)
    text = "\n".join(blocks(results, ["a", "b"]))
    assert "| One | 0.500 | 0.500 | 0.500 | 0.500 |" in text
    assert "| One | 0.900 |" in text
