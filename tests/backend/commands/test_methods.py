"""`levelform methods`: the installed methods, their requirements and networks."""

import json

import pytest
from levelform.backend import cli, reconstructors
from levelform.backend.reconstructors import methods, parameters_by_part

PUBLISHED = {  # of the networks that the papers count
    ("disn", "sdf"): 140_819_266,
    ("uclid-net", "network"): 26_860_141,
    ("uclid-net", "camera"): 10_665_799,
    ("uclid-net", "depth"): 25_905_729,
    ("triposr", "tokenizer"): 3 * 1024 * 32 * 32,
}


@pytest.fixture
def listed(capsys):
    assert cli.main(["methods", "--json"]) == 0
    return {m["name"]: m for m in json.loads(capsys.readouterr().out)["methods"]}


def test_every_method_is_listed_with_its_sheet(listed):
    assert listed.keys() == methods().keys()
    for name, cls in methods().items():
        sheet, spec = listed[name], cls.spec
        assert (sheet["title"], sheet["paper"]) == (spec.title, spec.paper)
        assert sheet["fusions"] == list(spec.fusions)
        assert sheet["inputs"]["least_views"] == spec.min_views
        assert sheet["inputs"]["most_views"] == spec.max_views
        assert sheet["configurations"].keys() == cls.configurations.keys()
        assert sheet["level_unit"] == spec.level_unit
        options = {option["name"]: option for option in sheet["options"]}
        assert options.keys() == {option.name for option in spec.options}
        assert not {"seed", "ticket", "depth", "keep"} & options.keys()  # nobody can type these
        if len(spec.fusions) > 1:
            assert options["fusion"]["choices"] == list(spec.fusions)


def test_options_are_listed_with_kind_default_range_and_help(capsys):
    assert cli.main(["methods", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (uclid,) = (method for method in told["methods"] if method["name"] == "uclid-net")
    (lattice,) = (option for option in uclid["options"] if option["name"] == "lattice")
    assert (lattice["kind"], lattice["default"]) == ("int", 8)
    assert (lattice["minimum"], lattice["maximum"]) == (2, 64)
    assert "min_component" in [option["name"] for option in told["options"]]
    for option in (*uclid["options"], *told["options"]):
        assert option["help"]


def test_the_image_size_is_that_of_the_weights_at_hand(listed):
    for name, cls in methods().items():
        sheet = listed[name]
        for configuration, facts in sheet["configurations"].items():
            assert facts["image_size"] == cls.configurations[configuration].framing.size
        bundled = reconstructors.bundled_weights(name)
        if bundled is not None:
            assert sheet["inputs"]["image_size"] == cls.load(bundled).framing.size
    assert listed["disn"]["inputs"]["image_size"] != 137  # the paper's
    assert listed["visual-hull"]["inputs"]["image_size"] is None


def test_what_the_cameras_are_for(listed):
    assert listed["visual-hull"]["inputs"]["camera"] == "needed"
    assert listed["disn"]["inputs"]["camera"] == "estimated where missing"
    assert listed["occupancy-network"]["inputs"]["camera"] == "optional"


def test_parameters_are_counted_by_network(listed):
    for name, sheet in listed.items():
        for configuration, counts in sheet["configurations"].items():
            assert counts["parameters"] == sum(counts["parts"].values())
            assert counts["parameters"] == sum(parameters_by_part(name, configuration).values()) > 0
    for (method, part), count in PUBLISHED.items():
        assert listed[method]["configurations"]["paper"]["parts"][part] == count
    occupancy = listed["occupancy-network"]["configurations"]["paper"]
    assert occupancy["parameters"] == 13_414_465


@pytest.mark.parametrize("name", [n for n, cls in methods().items() if cls.recipes])
def test_the_count_is_that_of_the_network_that_is_built(name, listed):
    model = reconstructors.load_reconstructor(name, "random", "cpu")
    counts = listed[name]["configurations"]["compact"]
    assert counts["parameters"] == sum(p.numel() for p in model.parameters())


def test_weights_found_are_listed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reconstructors, "WEIGHTS_FOLDER", tmp_path)
    (tmp_path / "disn.safetensors").touch()
    assert cli.main(["methods", "--json"]) == 0
    weights = {m["name"]: m["weights"] for m in json.loads(capsys.readouterr().out)["methods"]}
    assert weights["disn"] == ["bundled"]
    assert weights["uclid-net"] == []


def test_a_person_reads_a_table(listed, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(reconstructors, "WEIGHTS_FOLDER", tmp_path)
    assert cli.main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = lines[0]
    for line, (name, sheet) in zip(lines[1:], listed.items(), strict=False):
        assert line.startswith(name)
        cell = line[head.index("weights") : head.index("parameters")].strip()
        assert cell == ("none found" if sheet["needs_weights"] else "not needed")
        assert f"{name}: {sheet['title']}" in lines
    disn = next(line for line in lines if line.startswith("disn "))
    assert disn[head.index("fusion") :].startswith("mean, max")
    assert "280.1 M paper" in disn
    text = "\n".join(lines)
    assert "part      both, global or local (default: both): which of the two streams" in text
    assert "level: the probability to be inside" in text
    assert "min_component  a number from 0 to 1 (default: 0.1)" in text


def test_a_named_method_tells_its_departures_its_shows_and_its_surface(capsys):
    assert cli.main(["methods", "tdgn", "disn", "--json"]) == 0
    told = {m["name"]: m for m in json.loads(capsys.readouterr().out)["methods"]}
    assert told.keys() == {"tdgn", "disn"}
    assert any("interior-point" in sentence for sentence in told["tdgn"]["departures"])
    assert all(not sentence.startswith("-") for sentence in told["disn"]["departures"])
    model = reconstructors.load_reconstructor("tdgn", None, "cpu")
    assert told["tdgn"]["surface"] == pytest.approx(1 / (1 + 2.718281828**model.level_shift))
    assert told["disn"]["surface"] == 0.0
    assert "cells" in [spec["name"] for spec in told["tdgn"]["shows"]]
    assert cli.main(["methods", "tdgn"]) == 0
    text = capsys.readouterr().out
    assert "departures from the paper:" in text
    assert "surface of the bundled weights: at the probability 0.413" in text


def test_a_named_method_tells_how_each_preset_trains(capsys):
    assert cli.main(["methods", "disn", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["methods"]
    recipes = {(recipe["preset"], recipe["part"]): recipe for recipe in told["recipes"]}
    assert {preset for preset, _ in recipes} == methods()["disn"].recipes.keys()
    assert recipes["paper", "main"]["steps"] == 3_600_000
    assert "batch 16" in recipes["paper", "main"]["source"]
    assert cli.main(["methods", "disn"]) == 0
    assert "paper camera, 400,000 steps: DISN, the authors' code" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["deep-meta-functionals", "disn", "sdf-srn", "tdgn", "uclid-net"])
def test_every_recipe_says_where_it_comes_from(name):
    for parts in methods()[name].recipes.values():
        assert all(recipe.source for recipe in parts.values())


@pytest.mark.parametrize("name", ["deep-meta-functionals", "disn", "sdf-srn", "tdgn", "uclid-net"])
def test_every_paper_lists_its_departures(name):
    from levelform.backend.commands.methods import departures

    listed = departures(methods()[name])
    assert len(listed) >= 4
    assert all(sentence.endswith((".", "`.")) for sentence in listed)


def test_an_unknown_name_is_refused(capsys):
    assert cli.main(["methods", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err
