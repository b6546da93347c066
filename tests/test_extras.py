import sys
import tomllib
from pathlib import Path

import pytest

from verifier.base.errors import InputError
from verifier.base.extras import DISTRIBUTION, install_hint, require_extra
from verifier.cli.main import main

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]


def test_hints_name_the_package_as_its_own_file_does():
    assert PROJECT["name"] == DISTRIBUTION
    assert install_hint("generators") == f"pip install '{PROJECT['name']}[generators]'"


def test_dev_brings_every_other_extra_of_the_package_itself():
    others = ",".join(name for name in PROJECT["optional-dependencies"] if name != "dev")
    assert f"{DISTRIBUTION}[{others}]" in PROJECT["optional-dependencies"]["dev"]


def test_a_missing_module_is_one_line_with_the_hint(monkeypatch):
    require_extra("generators", "PyTorch", "json")
    monkeypatch.setitem(sys.modules, "json", None)
    with pytest.raises(InputError) as caught:
        require_extra("generators", "PyTorch", "pathlib", "json", place="a.pt")
    assert str(caught.value) == f"a.pt: needs PyTorch: {install_hint('generators')}"


def test_parquet_without_pyarrow_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "samples.parquet"
    assert main(["--spec", "bach-roll", "bach:bernoulli", "-o", str(path)]) == 2
    assert capsys.readouterr() == ("", f"verify: {path}: needs pyarrow: {install_hint('parquet')}\n")
    assert not path.exists()
