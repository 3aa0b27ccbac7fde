"""Everything is measured once, failures count, means are over categories."""

import pytest
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.data.format import Dataset
from levelform.backend.experiments import table
from levelform.backend.experiments.entrants import (
    EVERY,
    Baseline,
    Entrant,
    Known,
    NetworkEntrant,
    surface_voxels,
)
from levelform.backend.experiments.goals import Goal, goals
from levelform.backend.experiments.report import ResultsPage
from levelform.backend.experiments.settings import ONE, Setting
from levelform.backend.experiments.store import Store
from levelform.backend.experiments.table import (
    Row,
    TableResults,
    TestSet,
    measure_all,
    refuse_overlap,
)
from levelform.backend.reconstructors import find_method, uclid_net
from levelform.backend.training.parts import fresh
from setups.analytic import Sphere


class Guess(Entrant):
    """Answers every image with a ball; refuses on request."""

    learned = True
    settings = (ONE, Setting(2), Setting(16))

    def __init__(self, radius=0.6, refused=(), hash="1"):
        self.name, self.title, self.asked = "guess", "Guess", 0
        self.radius, self.refused, self._hash = radius, refused, hash

    def version(self, category):
        return self._hash

    def field(self, shape, setting):
        self.asked += 1
        if shape.id in self.refused:
            raise WorkError("The picture is too dark.")
        return Sphere(self.radius)


@pytest.fixture(autouse=True)
def fewer_points(monkeypatch):
    from levelform.backend.experiments import measuring

    monkeypatch.setattr(measuring, "SURFACE_POINTS", 2000)
    monkeypatch.setattr(measuring, "MEAN_POINTS", 500)
    monkeypatch.setattr(measuring, "MATCHED_POINTS", 100)
    monkeypatch.setattr(table, "RESOLUTION", 32)


@pytest.fixture
def test(data):
    return TestSet.of("shapes", Dataset(data, "test"))


def test_what_is_known_is_not_measured_again(test, tmp_path):
    first = Guess()
    whole = measure_all([test], [first], Store(tmp_path / "a.jsonl"))
    assert first.asked == len(whole.rows) == 12  # 6 shapes, 1 and 2 views; none has 16
    again = Guess()
    assert measure_all([test], [again], Store(tmp_path / "a.jsonl")).rows == whole.rows
    assert again.asked == 0
    other = Guess(hash="2")
    assert measure_all([test], [other], Store(tmp_path / "a.jsonl")).rows == whole.rows
    assert other.asked == 12
    surfaces = [row for row in whole.rows if "emd" in row.numbers]
    assert {row.setting for row in surfaces} == {ONE}


def test_failures_count_as_nothing_and_are_tried_again(test, tmp_path):
    guilty = test.shapes[0].id
    entrant = Guess(refused=[guilty])
    results = measure_all([test], [entrant], Store(tmp_path / "a.jsonl"))
    (row,) = [r for r in results.rows if r.shape == guilty and r.setting == ONE]
    assert (row.numbers["iou"], row.numbers["f_score"]) == (0.0, 0.0)
    assert results.failures("shapes", "guess") == 2
    healed = Guess()
    again = measure_all([test], [healed], Store(tmp_path / "a.jsonl"))
    assert (healed.asked, again.failures("shapes", "guess")) == (2, 0)


def test_an_entrant_that_always_fails_is_told_about(test, tmp_path):
    hopeless = Guess(refused=[shape.id for shape in test.shapes])
    with pytest.raises(WorkError, match=r"fails on every shape .*too dark"):
        measure_all([test], [hopeless], Store(tmp_path / "a.jsonl"))


def test_means_are_over_categories():
    rows = [Row("d", "e", ONE, c, s, {"iou": v}) for c, s, v in
            (("a", "1", 0.2), ("a", "2", 0.4), ("b", "3", 0.9))]  # fmt: skip
    results = TableResults(rows)
    assert results.mean("d", "e", ONE, "iou") == pytest.approx(0.6)
    assert results.mean("d", "e", ONE, "iou", ["a"]) == pytest.approx(0.3)
    assert results.mean("d", "e", Setting(2), "iou") is None


def test_shapes_that_were_learned_from_are_refused(data, test):
    refuse_overlap([test], [Dataset(data, "train")])
    with pytest.raises(RequestError, match="training shapes too"):
        refuse_overlap([test], [Dataset(data)])


def test_a_limit_takes_the_same_shapes_of_each_category(data):
    some = TestSet.of("shapes", Dataset(data, "test"), limit=2)
    assert [shape.category for shape in some.shapes] == ["chair"] * 2 + ["table"] * 2
    again = TestSet.of("shapes", Dataset(data, "test"), limit=2)
    assert [shape.id for shape in some.shapes] == [shape.id for shape in again.shapes]


def test_some_shapes_are_measured_closely_and_compared_with_themselves(data, tmp_path):
    test = TestSet.of("shapes", Dataset(data, "test"), closely=1)
    assert len(test.shapes) == 6
    assert len(test.closely) == 2
    results = measure_all([test], [Guess()], Store(tmp_path / "a.jsonl"))
    by_setting = {s: {r.shape for r in results.rows if r.setting == s} for s in (ONE, Setting(2))}
    assert by_setting == {ONE: {shape.id for shape in test.shapes}, Setting(2): test.closely}
    assert {row.shape for row in results.rows if "emd" in row.numbers} == test.closely
    (rises,) = [g for g in goals(results, [test], [Named("guess")]) if "rises" in g.wanted]
    close = [
        results.mean("shapes", "guess", s, "iou", shapes=test.closely) for s in (ONE, Setting(2))
    ]
    assert rises.result == f"{close[0]:.3f} → {close[1]:.3f}"
    assert rises.margin == close[1] - close[0] == 0  # a ball, however many images


# ---------------------------------------------------------------- goals


PROCEDURAL = {"source": {"kind": "procedural"}}


def rows_of(entrant, values, data="test", setting=ONE, key="iou"):
    return [Row(data, entrant, setting, "chair", str(i), {key: v}) for i, v in enumerate(values)]


class Shape:
    """As much of a shape as goals ask for."""

    def __init__(self, category):
        self.category = category


class Named:
    """As much of a network as goals ask for."""

    learned = True

    def __new__(cls, name, **facts):
        made = NetworkEntrant.__new__(NetworkEntrant)
        made.name, made.title, made.learned = name, name, True
        made.settings = (ONE, Setting(2))
        made.models = {EVERY: facts.get("model")}
        return made


def test_goals_are_computed_from_the_numbers():
    data = TestSet("test", (), "0", PROCEDURAL)
    rows = [
        *rows_of("tdgn", [0.5, 0.64]),
        *rows_of("tdgn", [0.6, 0.6], setting=Setting(2)),
        *rows_of("retrieval", [0.5, 0.4]),
    ]
    listed = goals(TableResults(rows), [data], [Named("tdgn")])
    assert [goal.verdict for goal in listed] == [
        "reached, with 0.020 to spare",
        "reached, with 0.030 to spare",
    ]
    missed = goals(TableResults(rows + rows_of("retrieval", [0.9, 0.9])), [data], [Named("tdgn")])
    assert missed[0].verdict == "not reached, short by 0.205"
    assert Goal("", "", None).verdict == "not measured"


def test_coarse_volumes_are_compared_with_coarse_volumes():
    data = TestSet("test", (), "0", PROCEDURAL)
    rows = [
        *rows_of("uclid-net", [0.5, 0.3], key="coarse"),
        *rows_of("retrieval", [0.3, 0.34], key="coarse"),
    ]
    (goal,) = goals(TableResults(rows), [data], [Named("uclid-net")])
    assert goal.verdict == "reached, with 0.030 to spare"
    assert "coarse volume" in goal.wanted


@pytest.mark.parametrize("kind", ["procedural", "meshes"])
def test_distances_of_thin_sheets_are_compared_with_retrieval_s(kind):
    data = TestSet("test", (), "0", {"source": {"kind": kind}})
    rows = [
        *rows_of("uclid-net", [0.03, 0.05], key="chamfer_l1"),
        *rows_of("retrieval", [0.05, 0.06], key="chamfer_l1"),
        *rows_of("uclid-net", [0.2, 0.3], key="f_score"),
        *rows_of("retrieval", [0.3, 0.3], key="f_score"),
    ]
    near, fraction = goals(TableResults(rows), [data], [Named("uclid-net")])
    assert (near.result, near.verdict) == ("4.00 against 5.50", "reached, with 1.500 to spare")
    assert (fraction.result, fraction.verdict) == (
        "25.00 against 30.00",
        "not reached, short by 5.000",
    )
    assert goals(TableResults(rows), [data], [Named("tdgn")]) == []


def test_a_coarse_volume_is_measured_once_for_those_that_have_one(
    data, test, small, tmp_path, monkeypatch
):
    monkeypatch.setattr(uclid_net, "MOST_FOLDED", 30)  # untrained, it would fold all voxels
    known = Known([Dataset(data, "train")])
    entrants = [Baseline("retrieval", known), Baseline("mean-shape", known)]
    sizes = {**small["uclid-net"], "depth_width": 4}
    uclid = fresh(find_method("uclid-net"), "compact", sizes, seed=0).eval()
    entrants.append(NetworkEntrant({EVERY: uclid}))
    results = measure_all([test], entrants, Store(tmp_path / "a.jsonl"))
    having = {(row.entrant, row.setting) for row in results.rows if "coarse" in row.numbers}
    assert having == {("retrieval", ONE), ("uclid-net", ONE)}
    shape, answer = test.shapes[0], known.shapes
    ground_truth = surface_voxels(shape)
    guess = surface_voxels(answer[known.neighbours.retrieve(shape["views.images"][0])])
    (row,) = [r for r in results.rows if (r.entrant, r.shape) == ("retrieval", shape.id)]
    fraction = int((ground_truth & guess).sum()) / int((ground_truth | guess).sum())
    assert row.numbers["coarse"] == fraction > 0


def test_the_hull_is_compared_on_the_network_s_own_categories():
    data = TestSet("test", (Shape("chair"), Shape("lamp")), "0", PROCEDURAL)
    srn = Named("sdf-srn")
    srn.models = {"chair": None}
    hull = rows_of("visual-hull", [0.1], key="chamfer_l1")
    other = [Row("test", "visual-hull", ONE, "lamp", "9", {"chamfer_l1": 5.0})]
    own = rows_of("sdf-srn", [0.04], key="chamfer_l1")
    (goal,) = goals(TableResults(hull + other + own), [data], [srn])
    assert goal.margin == pytest.approx(0.1)
    assert "0.400" in goal.result


def test_shapes_from_elsewhere_are_compared_with_the_baselines():
    data = TestSet("props", (Shape("chair"),), "0", {"source": {"kind": "meshes"}})
    rows = [
        *rows_of("tdgn", [0.4], data="props"),
        *rows_of("retrieval", [0.3], data="props"),
        *rows_of("visual-hull", [0.45], data="props"),
        *rows_of("oracle", [0.9], data="props"),
    ]
    (goal,) = goals(TableResults(rows), [data], [Named("tdgn")])
    assert goal.verdict == "not reached, short by 0.050"
    assert "visual-hull" in goal.result


# ---------------------------------------------------------------- the page


def test_the_page_holds_the_numbers(data, test, network, tmp_path):
    known = Known([Dataset(data, "train")])
    entrants = [
        NetworkEntrant({EVERY: network("tdgn")}),
        *(Baseline(k, known) for k in ("retrieval",)),
    ]
    results = measure_all([test], entrants, Store(tmp_path / "a.jsonl"))
    listed = goals(results, [test], entrants)
    ResultsPage(results, [test], entrants, listed, "levelform experiments table", 0).write(
        tmp_path / "results.md"
    )
    text = (tmp_path / "results.md").read_text()
    for category in ("chair", "table"):
        mean = results.by_category("shapes", "tdgn", ONE, "iou")[category]
        (line,) = [x for x in text.splitlines() if x.startswith(f"| {category} |")][:1]
        assert f"| {mean:.3f} |" in line
    assert f"{results.mean('shapes', 'retrieval', ONE, 'iou'):.3f}" in text
    assert test.identity[:16] in text
    assert "not reached" in text
