"""The views of a job."""

import pytest
from setups.jobs import posed_views


@pytest.fixture
def views(photograph, cameras):
    """The test object in a volume that stands at `WORLD`."""
    return posed_views(photograph, cameras)
