import sys

import pytest


@pytest.fixture(autouse=True)
def denormals():
    """Training flushes denormal numbers to 0, in the whole process: not for the tests that come after."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
