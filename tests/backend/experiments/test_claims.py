"""Claims name what exists, run once, resume, and say what the numbers say."""

import json
from dataclasses import replace

import pytest
from levelform.backend.contract.errors import JobCancelled, RequestError
from levelform.backend.data.format import Dataset
from levelform.backend.experiments import claims_page, measuring, trials
from levelform.backend.experiments.claims import CLAIMS, TRAININGS, choose_claims
from levelform.backend.experiments.claims_page import (
    MEASURES,
    Tried,
    needed,
    try_claims,
    write_page,
)
from levelform.backend.experiments.trials import Workshop, shortened
from levelform.backend.reconstructors import find_method, sdf_srn, uclid_net
from levelform.backend.ticket import Ticket
from levelform.backend.training.parts import find_recipe, fresh


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(measuring, "SURFACE_POINTS", 1000)
    monkeypatch.setattr(measuring, "MEAN_POINTS", 300)
    monkeypatch.setattr(measuring, "MATCHED_POINTS", 50)
    monkeypatch.setattr(trials, "RESOLUTION", 16)


@pytest.fixture
def workshop(data, small, tmp_path):
    chairs = [
        [s for s in Dataset(data, split) if s.category == "chair"]
        for split in ("train", "val", "test")
    ]
    return Workshop(tmp_path, *chairs, steps=3, overrides=small, batch=2, log_every=1)


def test_every_claim_compares_sides_that_it_has():
    for claim in CLAIMS.values():
        labels = [side.label for side in claim.sides]
        assert len(set(labels)) == len(labels) > 1
        assert claim.comparisons
        for comparison in claim.comparisons:
            assert {comparison.first, comparison.second} <= set(labels)
            assert comparison.by in MEASURES
    assert {t.name for t in needed(list(CLAIMS.values()))} == set(TRAININGS)


@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_every_training_changes_what_its_method_has(name, small):
    training = TRAININGS[name]
    cls = find_method(training.method)
    changes = {**small[training.method], **training.changes}
    model = fresh(cls, "compact", changes, seed=0)
    assert all(
        getattr(model.configuration, key) == value for key, value in training.changes.items()
    )
    recipe = training.recipe(600)
    assert sum(p.steps for p in recipe.phases if p.loss != "pretraining_loss") == 600
    if training.points is not None:
        assert recipe.sampling.points == training.points
    full = find_recipe(training.method, training.part)
    assert len(recipe.phases) == (len(full.phases) if training.pretrained else 1)
    order = [t.name for t in needed(list(CLAIMS.values()))]
    assert not training.start or order.index(training.start) < order.index(name)


def test_phases_keep_their_share():
    short = shortened(find_recipe("uclid-net"), 83)
    assert [phase.steps for phase in short.phases] == [3, 80]
    assert short.phases[1].warm_up == 8
    with pytest.raises(RequestError, match="too few"):
        shortened(find_recipe("uclid-net"), 1)


def test_pretraining_without_images_comes_in_addition():
    full = find_recipe("sdf-srn")
    assert [phase.steps for phase in shortened(full, 5000).phases] == [full.phases[0].steps, 5000]
    assert [phase.steps for phase in shortened(full, 30).phases] == [30, 30]
    assert TRAININGS["srn-no-sphere"].recipe(30).phases == shortened(full, 30).phases[1:]
    assert TRAININGS["srn"].recipe(30).steps == 60


def test_methods_may_have_lengths_of_their_own(workshop):
    training = TRAININGS["dmf-uniform"]
    longer = replace(workshop, lengths={"deep-meta-functionals": 4})
    longer.make(training, 0)
    assert longer.done(training, 0)
    assert not workshop.done(training, 0)
    assert longer.length("disn") == workshop.steps


def test_a_claim_is_trained_measured_and_written_once(workshop, tmp_path, monkeypatch):
    claims = choose_claims(["dmf-sampling", "dmf-views"])
    tried = try_claims(claims, workshop, seeds=2)
    assert {one.claim.name for one in tried} == {"dmf-sampling", "dmf-views"}
    weights = tmp_path / "dmf-boundary-seed1" / "last.safetensors"
    stamp = weights.stat().st_mtime_ns
    assert not (tmp_path / "disn-seed0").exists()
    monkeypatch.setattr(Workshop, "load", None)  # nothing is loaded, so nothing is measured, again
    again = try_claims(claims, workshop, seeds=2)
    assert [one.to_json() for one in again] == [one.to_json() for one in tried]
    assert weights.stat().st_mtime_ns == stamp
    page = tmp_path / "claims.md"
    write_page(page, tried, facts={"steps": 3}, notes={"dmf-views": "Too few steps."})
    text = page.read_text()
    sampling = tried[0]
    values = [n["iou"] for n in sampling.numbers["uniform"][0].values()]
    assert f"{sum(values) / len(values):.3f}" in text
    assert "65.8" in text
    assert "Comment: Too few steps." in text
    assert f"**{sampling.verdicts[0]}**" in text


def test_parts_are_trained_after_what_they_start_from(workshop):
    (tried,) = try_claims(choose_claims(["disn-camera"]), workshop, seeds=1)
    assert tried.verdict != "not run"
    header = json.loads((workshop.folder("disn-camera", 0) / "run.json").read_text())
    assert (header["part"], header["done"]) == ("camera", True)
    model = workshop.load(TRAININGS["disn-camera"], 0)
    assert set(model.weights.training["parts"]) == {"main", "camera"}


@pytest.mark.slow
def test_depth_and_camera_are_given_or_inferred(workshop, monkeypatch):
    # Voxels that have learned nothing may all be occupied; thousands of sheets take long.
    monkeypatch.setattr(uclid_net, "MOST_FOLDED", 30)
    (tried,) = try_claims(choose_claims(["uclid-inferred"]), workshop, seeds=1)
    assert "not run" not in tried.verdicts
    model = workshop.load(TRAININGS["uclid-camera"], 0)
    assert set(model.weights.training["parts"]) == {"main", "depth", "camera"}


def test_an_interrupted_training_goes_on(workshop):
    def refuse_the_second_step(step):
        if step.overall > 0.3:
            raise JobCancelled

    training = TRAININGS["dmf-uniform"]
    with pytest.raises(JobCancelled):
        workshop.make(training, 0, ticket=Ticket(refuse_the_second_step))
    assert not workshop.done(training, 0)
    workshop.make(training, 0)
    assert workshop.done(training, 0)
    whole = replace(workshop, out=workshop.out / "whole")
    whole.make(training, 0)
    with pytest.raises(RequestError, match="another steps"):
        replace(workshop, steps=4).make(training, 0)
    states = [w.load(training, 0).state_dict() for w in (workshop, whole)]
    assert all((states[0][name] == states[1][name]).all() for name in states[0])


def test_what_was_not_run_is_said(workshop):
    (tried,) = try_claims(choose_claims(["tdgn-embedding"]), workshop, run=False)
    assert tried.verdict == "not run"
    assert not (workshop.out / "tdgn-seed0").exists()


def test_data_that_lacks_something_is_refused_first(workshop):
    bare = replace(workshop, test=workshop.train)  # these have no meshes
    with pytest.raises(RequestError, match="--mesh"):
        try_claims(choose_claims(["srn-color"]), bare)
    with pytest.raises(RequestError, match="'nerf' is not a claim"):
        choose_claims(["nerf"])


@pytest.mark.slow
def test_all_claims_in_miniature(workshop, monkeypatch):
    monkeypatch.setattr(uclid_net, "MOST_FOLDED", 30)
    monkeypatch.setattr(sdf_srn, "EIKONAL_POINTS", 200)
    tried = try_claims(list(CLAIMS.values()), workshop, seeds=1)
    assert all("not run" not in one.verdicts for one in tried)


def test_each_category_has_a_verdict_of_its_own():
    claim = CLAIMS["dmf-sampling"]
    better = {"chair/1": {"iou": 0.5}, "chair/2": {"iou": 0.6}, "car/1": {"iou": 0.2}}
    worse = {"chair/1": {"iou": 0.1}, "chair/2": {"iou": 0.2}, "car/1": {"iou": 0.4}}
    tried = Tried(claim, {"boundary": [better], "uniform": [worse]}, [])
    told = claims_page._of_categories(tried, claim.comparisons[0])
    assert told == ". Each category alone: car: does not hold (-0.2000), chair: holds (0.4000)"
    one = Tried(claim, {"boundary": [{"car/1": {"iou": 1.0}}], "uniform": [worse]}, [])
    assert claims_page._of_categories(one, claim.comparisons[0])
    alone = {"car/1": {"iou": 1.0}}
    only = Tried(claim, {"boundary": [alone], "uniform": [alone]}, [])
    assert claims_page._of_categories(only, claim.comparisons[0]) == ""
