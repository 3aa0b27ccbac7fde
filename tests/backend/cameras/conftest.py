"""The object that tests of cameras draw."""

import pytest
from setups import camera_studio


@pytest.fixture(scope="session")
def studio():
    """The functions of `setups.camera_studio`."""
    return camera_studio
