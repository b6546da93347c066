import sys

import pytest


@pytest.fixture(autouse=True)
def denormals():
    """Training flushes denormal numbers to 0, in the whole process: not for the tests that come after."""
    yield
    torch = sys.modules.get("torch")  # None where a test says that it is missing
    if torch is not None:
        torch.set_flush_denormal(False)
