"""What holds of the source as a whole: the engine knows no medium, PyTorch stays where it is, nothing grows large."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from verifier.data.medium import media

ROOT = Path(__file__).parents[1]
OF_A_MEDIUM = ("verifier/music/", "verifier/audio/", "verifier/image/")
LINES = 460
"""A file of Python in ``verifier`` has fewer."""
FUNCTION_LINES = 60
"""A function has fewer."""

NETWORKS = ("torch", "lightning_fabric", "safetensors")
AT_WILL = ("verifier/generators/",)
"""Where these are imported as any other library is."""
WHEN_ASKED = (
    "verifier/data/tensor.py",  # files .pt, and tensors in memory
    "verifier/cli/commands/sample.py",
    "verifier/cli/commands/train.py",
)
"""Where they are imported within functions alone, or for types."""


@cache
def sources() -> dict[str, ast.Module]:
    """Path from the root -> what stands there."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(ROOT.joinpath("verifier").rglob("*.py"))
    }


def of_engine() -> Iterator[tuple[str, ast.AST]]:
    """Every node of the modules that are of no medium, with the place of its module."""
    for path, tree in sources().items():
        if not path.startswith(OF_A_MEDIUM):
            for node in ast.walk(tree):
                yield path, node


def at(path: str, node: ast.AST) -> str:
    return f"{path}:{getattr(node, 'lineno', 0)}"


def names_a_view(node: ast.AST) -> bool:
    """Whether it is the name of a View of some medium, or has one in it."""
    found = [getattr(part, "id", None) or getattr(part, "attr", None) for part in ast.walk(node)]
    return any(name.endswith("View") and name != "View" for name in found if name)


def test_the_engine_asks_no_view_of_which_medium_it_is():
    asked = [
        at(path, node)
        for path, node in of_engine()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("isinstance", "issubclass")
        and names_a_view(node.args[1])
    ]
    matched = [
        at(path, node) for path, node in of_engine() if isinstance(node, ast.MatchClass) and names_a_view(node.cls)
    ]
    assert asked + matched == []


def declared(path: str, tree: ast.Module) -> set[int]:
    """The literals, by id, that say as data for which media something is: ``media`` of a rule of single values, and the
    medium of a folder of which nothing is said.
    """
    target = {"verifier/corpora/corpus.py": "DEFAULT"}.get(path)
    if path.startswith("verifier/values/rules/"):
        target = "media"
    return {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and [getattr(name, "id", None) for name in node.targets] == [target]
        for part in ast.walk(node.value)
    }


def test_the_engine_names_no_medium():
    kinds = {"piano-roll", "mel-spectrogram", "image"}
    assert kinds <= set(media())
    allowed = {part for path, tree in sources().items() for part in declared(path, tree)}
    named = [
        f"{at(path, node)} {node.value}"
        for path, node in of_engine()
        if isinstance(node, ast.Constant) and node.value in kinds and id(node) not in allowed
    ]
    assert named == [], "a comparison with a kind of view is a switch; ask the medium instead"


def imported(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every import of a module of NETWORKS, however it is written."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if called in ("import_module", "__import__"):
                names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        for name in names:
            if name.split(".")[0] in NETWORKS:
                yield node, name


def postponed(tree: ast.Module) -> set[int]:
    """The nodes, by id, that do not run when a module is imported: within functions, and under TYPE_CHECKING."""
    return {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING")
        for part in ast.walk(node)
    }


def test_networks_are_imported_by_generators_and_by_what_reads_their_files():
    there = {path: list(imported(tree)) for path, tree in sources().items()}
    assert any(path.startswith(AT_WILL) for path, found in there.items() if found)
    elsewhere = {path: found for path, found in there.items() if found and not path.startswith(AT_WILL)}
    assert sorted(elsewhere) == sorted(WHEN_ASKED)
    for path, found in elsewhere.items():
        later = postponed(sources()[path])
        assert [at(path, node) for node, _ in found if id(node) not in later] == []


@pytest.mark.parametrize("code", ["import torch.nn", "from safetensors.torch import save", "import_module('torch')"])
def test_an_import_is_seen_however_it_is_written(code):
    assert len(list(imported(ast.parse(code)))) == 1
    within = ast.parse(f"def f():\n    {code}\n")
    assert {id(node) for node, _ in imported(within)} <= postponed(within)
    assert not {id(node) for node, _ in imported(ast.parse(code))} & postponed(ast.parse(code))


def test_no_file_is_large():
    sizes = {path: len(ROOT.joinpath(path).read_text("utf-8").splitlines()) for path in sources()}
    assert {path: size for path, size in sizes.items() if size >= LINES} == {}


def test_no_function_is_long():
    assert {
        f"{at(path, node)} {node.name}": node.end_lineno - node.lineno + 1
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 >= FUNCTION_LINES
    } == {}


def test_the_command_and_the_package_import_no_library_before_they_need_it():
    code = "import sys, verifier, verifier.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"msgspec", "numpy", "rich", "yaml", "torch"} & set(loaded)
