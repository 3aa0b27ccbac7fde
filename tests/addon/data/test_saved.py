"""A saved result is opened from a script and from a button, and is improved from there."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.scene.provenance import PROVENANCE  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import Blend, MethodInfo, Methods  # noqa: E402

pytestmark = pytest.mark.bpy
FIT = MethodInfo("fit", "Fit", "", "", True, False, 1, None, False, (), (), improves=True)


@pytest.fixture
def worker(extension, puppet):
    puppet.methods = Methods((FIT,))
    puppet.waiting = [lambda: puppet.send(32), lambda: puppet.finish(method="fit")]
    return puppet


def test_a_saved_fit_is_opened_and_improved(worker, tmp_path):
    made = api.open_result(str(tmp_path / "state.safetensors"), resolution=64)
    request = worker.job.request
    assert isinstance(request, Blend)
    assert request.sources == (str(tmp_path / "state.safetensors"),)
    assert (made.name, made[PROVENANCE]["keep"]) == ("state", request.job)
    worker.waiting = [lambda: worker.send(64), worker.finish]
    assert api.improve(made, time="10s") == made
    assert worker.job.request.improve
    assert worker.job.request.keep == request.job


def test_the_operator_opens_it(worker, tmp_path):
    path = str(tmp_path / "state.safetensors")
    assert bpy.ops.levelform.open_result(filepath=path) == {"FINISHED"}
    assert worker.job.request.sources == (path,)


def test_other_files_are_refused(extension):
    with pytest.raises(RequestError, match="is not a saved result"):
        api.open_result("/tmp/mesh.glb")
