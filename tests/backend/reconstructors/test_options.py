"""Every method declares the options that it takes: no more, no fewer, with its own defaults."""

import inspect

import pytest
from levelform.backend.contract.levels import LEVEL_UNITS
from levelform.backend.contract.options import PIPELINE
from levelform.backend.reconstructors import keyword_names, load_reconstructor, methods

from .triposr_formulas import TINY

NOT_TYPED = {"seed", "ticket", "depth", "keep", "resume"}  # given by the session, or tensors


@pytest.mark.parametrize("name", methods())
def test_declared_options_are_the_keywords(name):
    cls = methods()[name]
    declared = {option.name: option for option in cls.spec.options}
    taken = (keyword_names(cls.encode) | keyword_names(cls.decode)) - NOT_TYPED
    assert declared.keys() == taken - ({"fusion"} if len(cls.spec.fusions) < 2 else set())
    assert not declared.keys() & {option.name for option in PIPELINE}
    for step in (cls.encode, cls.decode):
        for option, parameter in inspect.signature(step).parameters.items():
            if option in declared and option != "fusion":
                assert declared[option].default == parameter.default
                assert declared[option].read(parameter.default) == parameter.default


@pytest.mark.parametrize("name", methods())
def test_the_level_is_of_the_unit_that_is_declared(name, photograph, cameras):
    spec = methods()[name].spec
    assert spec.level_unit in LEVEL_UNITS
    if name == "uclid-net":
        pytest.skip("random weights would fold thousands of patches")
    if spec.needs_weights and "compact" not in methods()[name].configurations:
        model = methods()[name](TINY)
    else:
        model = load_reconstructor(name, "random" if spec.needs_weights else None, "cpu")
    views = [photograph(camera) for camera in cameras[: 1 if spec.learned else 3]]
    quick = {"steps": 2} if spec.improves else {}
    field = model.decode(model.encode(views, **quick))
    assert field.level_unit.name == model.level_unit == spec.level_unit
