"""What all tests share: a fresh Blender where one is needed, and what to skip without one."""

import os
from importlib.util import find_spec

import pytest

# Weights that a developer has fetched are not those of the tests.
os.environ["LEVELFORM_WEIGHTS"] = os.path.join(os.path.dirname(__file__), "no-weights")

HAS_BPY = find_spec("bpy") is not None

# The suite also runs in Blenders whose Python has no torch: the backend is another process there.
NEEDS_TORCH = [
    "backend",
    "bench",
    "addon/data/test_dataset_render.py",
    "addon/scene/test_equal_views.py",
    "end_to_end/test_overfit_networks.py",
    "end_to_end/test_sample.py",
]
collect_ignore = [] if find_spec("torch") is not None else NEEDS_TORCH


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs Blender where there is none."""
    if item.get_closest_marker("bpy") and not HAS_BPY:
        pytest.skip("bpy cannot be imported")


@pytest.fixture(autouse=True)
def fresh_blender(request: pytest.FixtureRequest) -> None:
    """Start every test marked `bpy` from Blender's factory scene without objects."""
    if request.node.get_closest_marker("bpy"):
        import bpy

        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
