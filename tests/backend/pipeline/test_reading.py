"""What a request gives a job, and how a method's cameras are told."""

from dataclasses import replace

import numpy as np
import pytest
from setups.jobs import WORLD


def test_estimated_cameras_are_told_in_the_world(photograph, cameras):
    from levelform.backend.geometry.cameras import Camera
    from levelform.backend.geometry.volume import Volume
    from levelform.backend.pipeline.reading import estimated_cameras, in_world
    from levelform.backend.reconstructors import load_reconstructor

    model = load_reconstructor("levelform", "random", "cpu")
    posed = photograph(cameras[0])
    unposed = replace(posed, camera=None)
    estimated = estimated_cameras(model, [posed, unposed])
    (told,) = in_world(estimated, Volume.from_matrix(WORLD))
    assert told["view"] == 1
    (own,) = model.estimate_cameras([unposed])
    back = Camera.from_transforms(told).in_frame(WORLD)
    np.testing.assert_allclose(back.world_from_camera, own.world_from_camera, atol=1e-9)
    assert (back.fx, back.cx, back.width) == pytest.approx((own.fx, own.cx, own.width))
    hull = load_reconstructor("visual-hull")
    assert estimated_cameras(hull, [unposed]) == {}
