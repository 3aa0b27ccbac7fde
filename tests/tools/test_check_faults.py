"""The tool that breaks the code: its edits and the tests that it names exist."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("check_faults", ROOT / "tools/check_faults.py")
TOOL = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = TOOL  # its dataclass looks there
SPEC.loader.exec_module(TOOL)


@pytest.mark.parametrize("fault", TOOL.FAULTS, ids=lambda fault: fault.what)
def test_its_edits_fit_the_code_and_its_tests_exist(fault):
    text = (ROOT / "backend" / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.right) == 1
    file, _, name = fault.test.partition("::")
    tests = (ROOT / "tests" / "backend" / file).read_text(encoding="utf-8")
    assert not name or f"def {name.partition('[')[0]}(" in tests
