"""Schedules: every method has one, and it says what the sheets say."""

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import methods
from levelform.backend.training.parts import find_recipe
from levelform.backend.training.recipes import Phase


def test_every_network_has_recipes_for_all_its_parts():
    """Those that are too large to be trained here have none at all."""
    for name, cls in methods().items():
        trained = cls.spec.needs_weights and name != "triposr"
        parts = {"main", *cls.auxiliary} if trained else set()
        assert set(cls.recipes.get("compact", {})) == parts
        own = {"silhouettes"} if name == "deep-meta-functionals" else set()  # of compact sizes
        assert set(cls.recipes) - own <= set(cls.configurations)


def test_papers_presets_hold_the_published_numbers():
    disn = find_recipe("disn", "main", "paper")
    assert disn.phases[0].learning_rate == 1e-4
    assert disn.phases[0].betas == (0.5, 0.999)
    assert disn.sampling.objects == 16
    assert dict(disn.sampling.points) == {"disn": 2048}
    assert (disn.phases[0].coupled, disn.phases[0].weight_decay) == (True, 1e-5)
    per_stair = 200_000 // 16
    learning_rates = [
        disn.phases[0].learning_rate_at(step)
        for step in (0, per_stair - 1, per_stair, 4 * per_stair)
    ]
    assert learning_rates == pytest.approx([1e-4, 1e-4, 0.9e-4, 0.9**4 * 1e-4])
    assert disn.phases[0].learning_rate_at(disn.steps - 1) == pytest.approx(1e-6)
    uclid = find_recipe("uclid-net", "main", "paper")
    assert uclid.phases[0].steps == 1_090
    camera, depth = (find_recipe("uclid-net", part, "paper") for part in ("camera", "depth"))
    assert [phase.steps for phase in camera.phases] == [138_800, 277_600]
    assert [phase.learning_rate for phase in camera.phases] == [1e-3, 1e-4]
    assert {phase.clip for phase in camera.phases} == {0.1}
    assert [list(phase.options.values()) for phase in depth.phases[:3]] == [
        [False, False], [True, False], [True, True]
    ]  # fmt: skip
    assert depth.steps == 150 * 372
    assert [phase.learning_rate for phase in uclid.phases] == [1e-3, 1e-3, 1e-4]
    inferred = {"predicted_depth": True, "predicted_camera": True}
    assert uclid.phases[0].options == {"warm_up": True, **inferred}
    srn = find_recipe("sdf-srn", "main", "paper").phases
    assert (srn[0].loss, srn[0].steps, srn[1].learning_rate) == ("pretraining_loss", 1000, 1e-4)
    deep = find_recipe("deep-meta-functionals", "main", "paper")
    assert (deep.phases[0].clip, deep.phases[0].clip_each) == (10.0, True)
    learning_rates = [deep.phases[0].learning_rate_at(int(deep.steps * x)) for x in (0.4, 0.6, 0.8)]
    assert learning_rates == pytest.approx([5e-5, 5e-6, 2.5e-6])


def test_rates_rise_and_fall():
    phase = Phase(learning_rate=1.0, steps=1000, warm_up=100, decay="cosine")
    learning_rates = [phase.learning_rate_at(step) for step in range(1000)]
    assert learning_rates[0] == pytest.approx(0.01, rel=0.01)
    assert max(learning_rates) < 1.0
    assert learning_rates.index(max(learning_rates)) in range(95, 105)
    assert learning_rates[-1] == pytest.approx(0.02, rel=0.01)
    assert Phase(learning_rate=0.5, warm_up=0, decay="constant").learning_rate_at(10**6) == 0.5


def test_steps_are_located_in_their_phase():
    recipe = find_recipe("sdf-srn")
    first = recipe.phases[0].steps
    assert recipe.locate(first - 1) == (0, first - 1)
    assert recipe.locate(first) == (1, 0)
    assert recipe.with_steps(first + 7).steps == first + 7
    with pytest.raises(RequestError, match="too few"):
        recipe.with_steps(first)


def test_unknown_recipes():
    with pytest.raises(RequestError, match="'visual-hull' has no compact recipe"):
        find_recipe("visual-hull")
    with pytest.raises(RequestError, match="no part 'depth'"):
        find_recipe("disn", "depth")
