"""Several jobs that make one object, in a window: step by step, cancelled, failed."""

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.data import morphing  # noqa: E402
from levelform.addon.data.series import Series  # noqa: E402
from levelform.addon.operators.morph import steps_of_images  # noqa: E402
from levelform.addon.scene.provenance import PROVENANCE  # noqa: E402
from levelform.addon.scene.sequences import length_of  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

pytestmark = pytest.mark.bpy
SAMPLE = Path(__file__).parents[3] / "assets" / "sample" / "chair" / "images"


@pytest.fixture
def target(extension):
    mesh = bpy.data.meshes.new("Moving")
    made = bpy.data.objects.new("Moving", mesh)
    made[PROVENANCE] = {"method": "deep-meta-functionals", "weights": "w", "keep": "a"}
    bpy.context.scene.collection.objects.link(made)
    return made


@pytest.fixture
def begun(puppet, target):
    """Return a series of three moments with its first job running."""
    made = Series()
    steps = morphing.animation_steps(target, [-1, 0, 1], start=1, every=5, resolution=32)
    made.begin(steps, 3, "Moment {} of {}")
    return made


def answer(extension, puppet, size):
    puppet.send(size)
    extension.step()
    puppet.finish()
    extension.step()


def names():
    return sorted(o.name for o in bpy.data.objects), sorted(m.name for m in bpy.data.meshes)


def test_each_step_begins_when_the_one_before_has_ended(extension, puppet, begun):
    for count in (1, 2, 3):
        assert begun.title == f"Moment {count} of 3"
        assert begun.progress == pytest.approx((count - 1) / 3)
        assert begun.advance()  # the job still runs
        assert len(puppet.submitted) == count
        answer(extension, puppet, count)
        assert begun.advance() is (count < 3)
    assert [job.request.options["time"] for job in puppet.submitted] == [-1, 0, 1]
    made = bpy.context.object
    assert length_of(made) == 3
    assert len(bpy.data.objects) == 2  # the result, and what moves
    assert not begun.running


def test_a_cancelled_step_takes_everything_back(extension, puppet, target):
    before = names()
    made = Series()
    steps = morphing.animation_steps(target, [-1, 0, 1], start=1, every=5, resolution=32)
    made.begin(steps, 3, "Moment {} of {}")
    answer(extension, puppet, 1)
    made.advance()
    puppet.send(2)
    extension.step()
    extension.cancel()
    extension.step()
    assert not made.advance()
    assert not made.running
    assert names() == before
    assert extension.failure is None


def test_a_failed_step_says_why(extension, puppet, begun):
    answer(extension, puppet, 1)
    begun.advance()
    puppet.fail("There is no surface.", "Choose another level.")
    extension.step()
    assert not begun.advance()
    assert extension.failure.message == "There is no surface."
    assert len(bpy.data.objects) == 1


def test_what_can_not_begin_leaves_nothing(extension, puppet, target):
    made = Series()
    with pytest.raises(RequestError, match="No moment"):
        made.begin(
            morphing.animation_steps(target, [], start=1, every=1, resolution=32), 1, "{} of {}"
        )
    assert not made.running
    assert not puppet.submitted


def test_only_one_series_runs_at_a_time(begun, target):
    steps = morphing.animation_steps(target, [0], start=1, every=1, resolution=32)
    with pytest.raises(RequestError, match="busy"):
        begun.begin(steps, 1, "{} of {}")


def test_an_animation_of_images_outlives_its_button(extension, puppet):
    """Blender frees an operator as soon as it has begun the first job."""
    scene = bpy.context.scene
    scene.levelform.method = "tdgn"
    images = [str(SAMPLE / f"{number}.png") for number in (0, 1)]
    made = Series()
    made.begin(steps_of_images(scene, images, 32, 0.5), 4, "Step {} of {}")
    for count in (1, 2, 3, 4):
        assert made.running
        assert puppet.job.request.resolution == 32
        answer(extension, puppet, count)
        made.advance()
    assert not made.running
    assert length_of(bpy.context.object) == 2
