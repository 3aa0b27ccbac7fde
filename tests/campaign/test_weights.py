"""A short part of the campaign: senseless weights end in a sentence."""

import pytest

pytest.importorskip("torch")
from hostile import weights


def test_senseless_headers_end_in_a_sentence(tmp_path):
    counts = weights.headers(tmp_path, cases=40, seed=3, use=False)
    assert counts.clean, counts.faults
    assert counts.refused > 20


def test_hostile_checkpoints_end_in_a_sentence_and_run_nothing(tmp_path):
    counts = weights.checkpoints(tmp_path, cases=60, seed=3)
    assert counts.clean, counts.faults
    assert counts.refused == counts.cases
