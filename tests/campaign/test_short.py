"""A short, seeded part of the campaign; the whole of it is `make campaign`."""

import os

import pytest

pytest.importorskip("torch")
import run
from hostile import frames, inputs, kills, meshes


def test_malformed_frames_are_answered_and_the_worker_hears_on():
    counts = frames.frames(cases=60, seed=3)
    assert counts.clean, counts.faults
    assert counts.refused > 30


def test_garbled_mesh_files_end_in_a_sentence(tmp_path):
    counts = meshes.files(tmp_path, cases=60, seed=3)
    assert counts.clean, counts.faults
    assert counts.refused > 20


def test_garbled_files_of_the_other_kinds_end_in_a_sentence(tmp_path):
    counts = inputs.inputs(tmp_path, cases=150, seed=3)
    assert counts.clean, counts.faults
    assert counts.refused > 60
    assert counts.accepted > 10


@pytest.mark.bpy
def test_malformed_meshes_end_their_job_and_leave_the_scene():
    pytest.importorskip("bpy")
    counts = meshes.shown(cases=20, seed=3)
    assert counts.clean, counts.faults


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_job_after_a_killed_worker_works():
    counts = kills.kills(cases=2, seed=6)
    assert counts.clean, counts.faults


def test_the_command_runs_kinds_by_name_and_its_status_says_whether_all_went_well(capsys):
    assert run.main(["weights", "checkpoints", "numbers", "--fraction", "0"]) == 0
    table = capsys.readouterr().out
    assert [line.split()[0] for line in table.splitlines()[2:]] == [
        "weights",
        "checkpoints",
        "numbers",
    ]


@pytest.mark.slow
def test_the_command_runs_every_kind():
    assert run.main(["--fraction", "0", "--seed", "2"]) == 0
