"""Marks on cameras, cures on the scene: written after a check, forgotten when an input changes."""

import json

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import CheckViews, Cure, ViewCheck, ViewsChecked

bpy = pytest.importorskip("bpy")

from levelform.addon import api  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.jobs import requests  # noqa: E402
from levelform.addon.jobs.results import PROVENANCE  # noqa: E402
from levelform.addon.ui import panels_result  # noqa: E402

pytestmark = pytest.mark.bpy

REMARK = "View 2 disagrees. Leave out View 2, and the others agree (--leave-out 2)."
SHOWN = "View 2 disagrees. Leave out View 2, and the others agree."


def checked(job="j", *, wrong=2, cures=(("leave-out=2", "Leave out View 2."),)):
    """Return the worker's answer on six views, one of them wrong."""
    views = tuple(
        ViewCheck(f"View {i}", 9.0 if i == wrong else 0.001, remark="Bad." if i == wrong else "")
        for i in range(6)
    )
    told = tuple(Cure(name, sentence, 0.003) for name, sentence in cures)
    return ViewsChecked(job, views, told, REMARK if wrong is not None else "")


def answer(puppet, **how):
    """Return what ends a check: the worker's answer."""

    def end():
        from levelform.addon.jobs.job import JobState

        puppet.job.checked = checked(puppet.job.id, **how)
        puppet.job.state = JobState.FINISHED

    return end


def marks(scene):
    cameras = sorted((o for o in scene.objects if o.type == "CAMERA"), key=lambda o: o.name)
    return [camera.levelform_camera.mark for camera in cameras]


@pytest.fixture
def marked(puppet, ball_stage):
    """A scene with a third camera reported as wrong."""
    scene = ball_stage()
    puppet.waiting = [answer(puppet)]
    assert bpy.ops.levelform.check_views() == {"FINISHED"}
    assert isinstance(puppet.job.request, CheckViews)
    return scene


def test_a_check_marks_cameras_and_offers_cures(marked):
    assert marks(marked) == ["GOOD", "GOOD", "BAD", "GOOD", "GOOD", "GOOD"]
    settings = marked.levelform
    assert settings.check_remark == SHOWN  # without the terminal's option: a button stands below
    assert [entry.cure for entry in settings.check_cures] == ["leave-out=2"]
    assert bpy.data.objects["View 2"].levelform_camera.remark == "Bad."
    assert "0.01 pixels of 224" in bpy.data.objects["View 0"].levelform_camera.remark


def test_views_that_agree_leave_marks_and_no_remark(puppet, ball_stage):
    scene = ball_stage()
    puppet.waiting = [answer(puppet, wrong=None, cures=())]
    bpy.ops.levelform.check_views()
    assert marks(scene) == ["GOOD"] * 6
    assert scene.levelform.check_remark == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: setattr(scene.objects["View 0"].levelform_camera, "use", False),
        lambda scene: setattr(
            scene.objects["View 0"].levelform_camera, "image", bpy.data.images["image 1"]
        ),
        lambda scene: setattr(scene.levelform, "path", "/elsewhere/transforms.json"),
        lambda scene: setattr(scene.levelform, "source", "FILES"),
    ],
)
def test_a_changed_input_clears_the_marks(marked, change):
    change(marked)
    assert marks(marked) == ["NONE"] * 6
    assert marked.levelform.check_remark == ""
    assert len(marked.levelform.check_cures) == 0


def test_a_moved_camera_clears_the_marks_and_another_object_does_not(marked):
    cube = bpy.data.objects.new("Cube", None)
    marked.collection.objects.link(cube)
    cube.location.x = 3.0
    bpy.context.view_layer.update()
    assert "BAD" in marks(marked)
    bpy.data.objects["View 4"].location.x += 0.1
    bpy.context.view_layer.update()
    assert marks(marked) == ["NONE"] * 6


def test_leaving_a_view_out_unticks_its_camera(marked):
    assert bpy.ops.levelform.apply_cure(cure="leave-out=2") == {"FINISHED"}
    assert not bpy.data.objects["View 2"].levelform_camera.use
    assert marks(marked) == ["NONE"] * 6
    assert [view.name for view in requests.panel_source(marked).views] == [
        f"View {i}" for i in (0, 1, 3, 4, 5)
    ]


def backgrounds(scene):
    return [scene.objects[f"View {i}"].data.background_images[0].image.name for i in range(6)]


def test_swapping_exchanges_the_images_of_two_cameras(marked):
    bpy.ops.levelform.apply_cure(cure="swap=1,2")
    assert backgrounds(marked) == [f"image {i}" for i in (0, 2, 1, 3, 4, 5)]


def test_shifting_moves_all_images_on(marked):
    bpy.ops.levelform.apply_cure(cure="shift=1")
    assert backgrounds(marked) == [f"image {i}" for i in (1, 2, 3, 4, 5, 0)]


def test_other_cures_go_with_each_job_until_they_are_cleared(marked, puppet):
    settings = marked.levelform
    bpy.ops.levelform.apply_cure(cure="convention=opencv")
    assert settings.cures == "convention=opencv"
    assert requests.scene_settings(marked).cures == ("convention=opencv",)
    bpy.ops.levelform.clear_cures()
    assert settings.cures == ""


def test_cures_that_number_views_end_with_the_ticks_they_count(marked):
    settings = marked.levelform
    settings.cures = "convention=opencv mirror=2"
    bpy.data.objects["View 0"].levelform_camera.use = False
    assert settings.cures == "convention=opencv"


def test_a_missing_camera_is_refused(marked):
    bpy.data.objects.remove(bpy.data.objects["View 2"])
    with pytest.raises(RuntimeError, match="Camera 2 of the last check is gone"):
        bpy.ops.levelform.apply_cure(cure="leave-out=2")


def test_a_job_marks_cameras_and_its_object_keeps_the_numbers(puppet, ball_stage):
    scene = ball_stage()
    views = [
        {"name": f"View {i}", "residual": 0.001, "covered": 0.99, "iou": 0.98, "remark": ""}
        for i in range(6)
    ]

    def end():
        puppet.job.checked = checked(puppet.job.id, wrong=None, cures=())
        puppet.finish(views_checked=views, cures=[], remarks=["Mind this."])

    puppet.waiting = [lambda: puppet.send(32), end]
    made = api.reconstruct(resolution=32)
    facts = made[PROVENANCE].to_dict()
    assert facts["views_checked"][5]["covered"] == 0.99
    json.dumps(facts)
    assert marks(scene) == ["GOOD"] * 6
    assert "covers 99% of its silhouette" in bpy.data.objects["View 0"].levelform_camera.remark
    assert panels_result._agreement(facts) == "agree, 99% covered"


def test_a_job_that_fails_still_marks_the_view_that_is_wrong(puppet, ball_stage):
    from levelform.backend.contract.protocol import Failed

    scene = ball_stage()

    def end():
        from levelform.addon.jobs.job import JobState

        puppet.job.checked = checked(puppet.job.id)
        puppet.job.failure = Failed(puppet.job.id, "Nothing is left.")
        puppet.job.state = JobState.FAILED

    puppet.waiting = [end]
    with pytest.raises(Exception, match="Nothing is left"):
        api.reconstruct()
    assert marks(scene)[2] == "BAD"


def test_a_script_is_told_what_the_terminal_prints(puppet, ball_stage):
    ball_stage()
    puppet.waiting = [answer(puppet)]
    told = api.check_views(cures=["convention=opencv"])
    assert puppet.job.request.cures == ("convention=opencv",)
    assert told["agree"] is False
    assert told["cures"][0]["option"] == "--leave-out 2"
    assert told["remarks"] == [REMARK]
    assert len(told["views_checked"]) == 6


def test_images_of_a_script_leave_no_marks_in_the_scene(puppet, ball_stage):
    scene = ball_stage()
    images = [np.zeros((8, 8, 4), np.float32)] * 2
    puppet.waiting = [answer(puppet)]
    api.check_views(images)
    assert marks(scene) == ["NONE"] * 6
    assert scene.levelform.check_remark == ""


def test_a_cure_for_a_missing_view_is_refused_before_any_work(puppet, ball_stage):
    ball_stage()
    with pytest.raises(RequestError, match=r"View 6 does not exist: .* numbered 0 to 5"):
        api.reconstruct(cures=["leave-out=6"])
    with pytest.raises(RequestError, match="'heal' is not a cure"):
        api.check_views(cures=["heal"])
    assert puppet.submitted == []


def test_the_command_line_checks_and_cures(puppet, ball_stage, capsys):
    ball_stage()
    puppet.waiting = [answer(puppet)]
    words = ["--convention", "opencv", "--leave-out", "0,1", "--cure", "swap=3,4"]
    assert cli.main(["reconstruct", "--check", "--json", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["agree"] is False
    assert puppet.job.request.cures == ("convention=opencv", "swap=3,4", "leave-out=0,1")
    puppet.waiting = [answer(puppet)]
    assert cli.main(["reconstruct", "--check"]) == 0
    assert REMARK in capsys.readouterr().out
    assert cli.main(["reconstruct", "--cure", "heal"]) == 2
