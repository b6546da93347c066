"""Examples in docstrings and in the README run in a folder of their own: they may write files."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("example"))
    yield
    os.chdir(before)
