"""The commands that trained the bundled weights are ones that the terminal takes."""

import argparse
import importlib.util
import sys
from pathlib import Path

import pytest
from levelform.backend import commands as terminal
from levelform.backend.reconstructors import methods
from levelform.backend.training.parts import find_recipe

TOOLS = Path(__file__).parents[2] / "tools"
ARGS = argparse.Namespace(out=Path("runs"), props=Path("props"))


def opened(name):
    """Return a tool as a module."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool():
    return opened("train_bundled")


def test_every_command_is_one_of_the_terminals(tool):
    commands = [*tool.data_commands(Path("data"), Path("props"))]
    commands += [tool.train_command(run, ARGS) for run in tool.RUNS]
    for command in commands:
        assert command[1:3] == ["-m", "levelform.backend"]
        parser = argparse.ArgumentParser()
        terminal.find(command[3]).add_arguments(parser)
        parser.parse_args(command[4:])


def test_every_file_is_stored_by_a_command_that_the_other_tool_takes(tool):
    parser = opened("bundle_weights").arguments()
    for name in tool.BUNDLES:
        args = parser.parse_args(tool.bundle_command(name, ARGS)[2:])
        assert args.weights == Path("runs") / name / "best.safetensors"
        assert name.endswith(args.suffix)
        assert [word.split("=")[0] for word in args.part] == list(tool.BUNDLES[name])


def test_runs_are_long_enough_and_follow_those_they_start_from(tool):
    order = [run.name for wave in tool.waves(list(tool.RUNS)) for run in wave]
    assert sorted(order) == sorted(run.name for run in tool.RUNS)
    for run in tool.RUNS:
        find_recipe(run.method, run.part).with_steps(run.steps)
        for earlier in filter(None, (run.start, run.encoder)):
            assert order.index(earlier) < order.index(run.name)


def test_every_method_and_each_of_its_parts_is_bundled(tool):
    runs = {run.name: run for run in tool.RUNS}
    assert {runs[name].method for name in tool.BUNDLES} == {
        name for name, cls in methods().items() if cls.recipes
    }
    for name, joined in tool.BUNDLES.items():
        run, parts = runs[name], set(joined)
        while run.start:
            run = runs[run.start]
            parts.add(run.part)
        optional = {part for method, part in tool.NOT_BUNDLED if method == run.method}
        assert parts - {"main"} == set(methods()[run.method].auxiliary) - optional
        assert all(runs[other].part == part for part, other in joined.items())
