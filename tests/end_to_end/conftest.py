"""What the tests with a real worker share."""

import os
import sys

import pytest


@pytest.fixture(scope="module")
def registered():
    """Register the extension once for a module, so that its worker starts once."""
    from levelform import addon

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVELFORM_PYTHON", os.environ.get("LEVELFORM_PYTHON", sys.executable))
        addon.register()
        yield
        addon.unregister()
