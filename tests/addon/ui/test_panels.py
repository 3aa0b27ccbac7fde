"""The sidebar and the preferences, drawn on paper: each state shows what it should."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.backend_setup import interpreter  # noqa: E402
from levelform.addon.jobs import requests  # noqa: E402
from levelform.addon.ui import (  # noqa: E402
    method_options,
    panels,
    panels_backend,
)
from levelform.backend.contract.errors import RequestError, WorkError  # noqa: E402
from levelform.backend.contract.options import Option  # noqa: E402
from levelform.backend.contract.protocol import Status  # noqa: E402

from .conftest import BAD, Paper, draw  # noqa: E402

pytestmark = pytest.mark.bpy


def main() -> Paper:
    return draw(panels.LEVELFORM_PT_main)


def test_an_empty_scene_says_what_is_missing(extension, chosen_backend):
    paper = main()
    for operator in ("start_from_images", "add_cameras", "open_sample", "open_docs"):
        assert f"levelform.{operator}" in paper
    assert "levelform.install_backend" not in paper


def test_each_camera_shows_its_image_or_why_it_has_none(extension, chosen_backend, ball_stage):
    scene = ball_stage(3)
    scene.objects["View 1"].data.background_images.clear()
    scene.objects["View 2"].data.type = "PANO"
    scene.levelform.camera_index = scene.objects.find("View 1")
    paper = main()
    assert "image 0" in paper
    assert "1 camera without an image:" in paper
    assert "Unusable" in paper
    assert "levelform.render_pictures" in paper


@pytest.mark.parametrize(
    ("source", "shown"), [("FILES", "Choose a file of"), ("IMAGE", "Choose an image of")]
)
def test_the_other_sources_ask_for_what_they_need(extension, chosen_backend, source, shown):
    bpy.context.scene.levelform.source = source
    assert shown in main()


def test_without_a_backend_there_is_an_install_button(extension, chosen_backend):
    chosen_backend(BAD)
    paper = main()
    assert "levelform.install_backend" in paper
    assert ("Allow" in paper) != bpy.app.online_access or "userpref_allow_online" in paper


def test_before_the_first_search_nothing_is_claimed(extension, chosen_backend, monkeypatch):
    monkeypatch.setattr(interpreter.here, "candidates", None)
    assert "levelform.install_backend" not in main()


def test_a_running_job_shows_its_progress_and_a_button_to_stop_it(
    extension, chosen_backend, puppet, ball_stage
):
    from levelform.backend.contract.protocol import Progress

    ball_stage()
    requests.begin_scene(bpy.context)
    assert "Preparing" in main()
    puppet.job.progress = Progress(puppet.job.id, "Mesh", 2, 3, 0.5, 0.75)
    puppet.send(64)
    extension.step()
    paper = main()
    assert "Mesh 75%" in " ".join(paper.notes).replace("  ", " ")
    assert "8 triangles" in paper
    assert "levelform.cancel" in paper
    assert "levelform.finish_early" not in paper  # a hull does not improve
    assert "levelform.reconstruct" in paper  # which adds a job to the queue
    extension.cancel()
    assert "Stopping" in main()


def test_an_unresponsive_backend_is_reported_and_can_be_restarted(
    extension, chosen_backend, puppet, ball_stage
):
    ball_stage()
    requests.begin_scene(bpy.context)
    puppet.silent_for = 17.0
    paper = main()
    assert "neither computed nor answered for 17 s" in paper
    assert "levelform.stop_backend" in paper
    puppet.silent_for = 0.0
    assert "answered" not in main()


def test_a_failure_stays_until_it_is_dismissed(extension, chosen_backend):
    extension.failure = WorkError("The moon is full.", "Wait two weeks.")
    paper = main()
    assert "The moon is full." in paper
    assert "Wait two weeks." in paper
    bpy.ops.levelform.dismiss()
    assert "The moon is full." not in main()


def test_options_and_backend_draw(extension, chosen_backend, puppet):
    settings = bpy.context.scene.levelform
    settings.background = "COLOR"
    assert "background_color" in draw(panels.LEVELFORM_PT_options)
    puppet.status = Status(512 << 20, ("a",), ())
    paper = draw(panels_backend.LEVELFORM_PT_backend)
    assert "512 MB, 1 result kept" in paper
    assert "levelform.stop_backend" in paper


# ---------------------------------------------------------------- what a method needs and offers


PART = Option("part", "choice", "both", "Which stream", choices=("both", "local"))
STEPS = Option("optimize", "int", 0, "Steps", 0, 500)


def network(**changes):
    """Return what a worker says of a network."""
    from levelform.backend.contract.protocol import MethodInfo, Methods
    from levelform.backend.reconstructors.base import SYMMETRY, MethodSpec

    spec = MethodSpec("", "", "", "", estimates_camera=True, fusions=("mean", "max"))
    facts = {
        "name": "levelform", "title": "Levelform", "paper": "", "summary": "Our own.",
        "needs_camera": False, "estimates_camera": True, "min_views": 1, "max_views": None,
        "needs_weights": True, "weights": (), "fusions": spec.fusions,
        "options": (*spec.options, PART, STEPS),
    }  # fmt: skip
    if "symmetry" in changes:
        facts["options"] = (*spec.options, SYMMETRY)
        changes.pop("symmetry")
    return Methods((MethodInfo(**{**facts, **changes}),))


def test_a_single_image_is_offered_a_method_that_needs_no_camera(extension, puppet):
    settings = bpy.context.scene.levelform
    puppet.methods = network(name="ensemble")
    settings.source = "IMAGE"
    assert settings.method == requests.DEFAULT_METHOD  # which chooses it
    assert settings.info == puppet.methods.methods[0]
    settings.method = "visual-hull"
    settings.source = "FILES"
    settings.source = "IMAGE"
    assert settings.method == requests.DEFAULT_METHOD
    settings.method = "ensemble"  # takes one image
    settings.source = "CAMERAS"
    assert settings.method == requests.DEFAULT_METHOD
    puppet.methods = network()
    settings.method = "levelform"
    settings.source = "IMAGE"
    settings.source = "CAMERAS"
    assert settings.method == requests.DEFAULT_METHOD  # it has no weights
    puppet.methods = network(weights=("bundled",))
    settings.method = "levelform"
    settings.source = "IMAGE"
    settings.source = "CAMERAS"
    assert settings.method == "levelform"


def test_the_menu_names_the_method_that_one_image_gets(extension, puppet, chosen_backend):
    scene = bpy.context.scene
    settings = scene.levelform
    settings.source = "IMAGE"
    assert settings.method_choice == "ensemble"
    assert requests.scene_settings(scene).method == requests.DEFAULT_METHOD
    settings.method_choice = "levelform"  # the artist's choice is used
    assert requests.scene_settings(scene).method == "levelform"
    settings.method_choice = "ensemble"  # back to the suggestion
    assert requests.scene_settings(scene).method == requests.DEFAULT_METHOD
    settings.use_level = True  # of the method in the menu, not of another one
    assert requests.scene_settings(scene).method == "ensemble"
    settings.use_level, settings.weights = False, "mine.safetensors"
    assert settings.method_choice == "levelform"


def test_missing_weights_are_reported_before_the_job(extension, puppet, chosen_backend, ball_stage):
    ball_stage()
    settings = bpy.context.scene.levelform
    puppet.methods = network()
    settings.method = "levelform"
    assert "needs trained weights" in draw(panels.LEVELFORM_PT_main)
    settings.weights = "mine.safetensors"
    assert "needs trained weights" not in draw(panels.LEVELFORM_PT_main)


def test_a_methods_own_options_reach_the_job(extension, puppet, chosen_backend):
    settings = bpy.context.scene.levelform
    puppet.methods = network()
    settings.method = "levelform"
    paper = draw(panels.LEVELFORM_PT_options)
    for words in ("fusion", "estimate_cameras", "more_options"):
        assert words in paper
    settings.fusion, settings.estimate_cameras = "max", True
    settings.seed, settings.more_options = 3, "part=local optimize=20"
    chosen = requests.scene_settings(bpy.context.scene)
    assert chosen.seed == 3
    expected = {"fusion": "max", "camera": "estimated", "part": "local", "optimize": 20}
    assert requests.checked(chosen).options == expected
    settings.more_options = "part"
    with pytest.raises(RequestError, match="'part' is not an option"):
        requests.scene_settings(bpy.context.scene)
    settings.method = requests.DEFAULT_METHOD  # whose fusions and cameras are others
    settings.more_options = ""
    assert not expected.keys() & requests.scene_settings(bpy.context.scene).options.keys()


def test_symmetry_is_offered_where_a_method_uses_it(extension, puppet, chosen_backend):
    settings = bpy.context.scene.levelform
    puppet.methods = network()
    settings.method = "levelform"
    settings.symmetry = False
    assert "symmetry" not in draw(panels.LEVELFORM_PT_options)
    assert "symmetry" not in requests.scene_settings(bpy.context.scene).options
    puppet.methods = network(symmetry=True)
    assert "symmetry" in draw(panels.LEVELFORM_PT_options)
    assert requests.scene_settings(bpy.context.scene).options["symmetry"] is False
    settings.symmetry = True
    assert "symmetry" not in requests.scene_settings(bpy.context.scene).options


def test_weights_for_one_category_each_are_chosen_by_the_category(
    extension, puppet, chosen_backend, ball_stage
):
    ball_stage()
    settings = bpy.context.scene.levelform
    puppet.methods = network(weights=("airplane", "car", "chair"))
    settings.method = "levelform"
    assert "variant" in draw(panels.LEVELFORM_PT_main)
    assert requests.scene_settings(bpy.context.scene).weights == "airplane"  # as it is shown
    settings.variant = "chair"
    assert settings.variant == settings.weights == "chair"
    assert requests.scene_settings(bpy.context.scene).weights == "chair"
    settings.weights = "mine.safetensors"
    assert "variant" not in draw(panels.LEVELFORM_PT_main).split()
    settings.variant = "car"
    settings.method_choice = "levelform"  # another method's weights are of no use to it
    assert settings.weights == ""


# ---------------------------------------------------------------- declared options, levels


@pytest.fixture
def declared(extension, puppet, chosen_backend):
    """Have the worker tell what a network declares, and the panel hear it; return the settings."""
    puppet.methods = network()
    method_options.sync(extension.methods)
    settings = bpy.context.scene.levelform
    settings.method = "levelform"
    yield settings
    method_options.clear()


def test_declared_options_are_drawn_with_their_range_and_help(declared):
    paper = draw(panels.LEVELFORM_PT_options)
    assert "part" in paper
    assert "optimize" in paper
    group = bpy.context.scene.levelform_of_levelform
    steps = group.bl_rna.properties["optimize"]
    assert (steps.hard_min, steps.hard_max, steps.description) == (0, 500, "Steps")
    assert requests.scene_settings(bpy.context.scene).options == {}  # the defaults are not sent
    group.part, group.optimize = "local", 20
    chosen = requests.scene_settings(bpy.context.scene)
    assert chosen.options == {"part": "local", "optimize": 20}
    declared.method = requests.DEFAULT_METHOD  # to which they mean nothing
    assert requests.scene_settings(bpy.context.scene).options == {}
    declared.method = "levelform"
    assert requests.scene_settings(bpy.context.scene).options == chosen.options


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("part=bogus", "part is both or local, not 'bogus'"),
        ("symetry=no", "Levelform has no option 'symetry'"),
        ("optimize=501", "optimize is a whole number from 0 to 500, not '501'"),
        ("first=few", "first is a whole number from 1 to 1024, not 'few'"),
        ("part", "'part' is not an option"),
    ],
)
def test_a_wrong_option_is_reported_before_the_job(declared, puppet, ball_stage, text, words):
    ball_stage()
    declared.more_options = text
    assert words in draw(panels.LEVELFORM_PT_main)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.levelform.reconstruct()
    assert not puppet.submitted
    declared.more_options = ""
    assert "option" not in draw(panels.LEVELFORM_PT_main)


def test_the_level_has_the_range_and_default_of_the_methods_unit(declared, puppet):
    assert "probability" not in draw(panels.LEVELFORM_PT_options)
    declared.use_level, declared.level = True, -0.25
    assert requests.scene_settings(bpy.context.scene).level == -0.25
    puppet.methods = network(level_unit="probability")
    assert "probability" in draw(panels.LEVELFORM_PT_options)
    assert requests.scene_settings(bpy.context.scene).level == 0.5
    declared.probability = 0.3
    puppet.methods = None  # as in a file that is opened before the worker runs
    assert requests.scene_settings(bpy.context.scene).level == 0.3
