import re
from pathlib import Path

from verifier.corpora.manifest import manifests

README = (Path(__file__).parents[1] / "corpora" / "README.md").read_text("utf-8")
SOURCES, LICENCES = (
    [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:] if line.startswith("| `")]
    for table in README.split("| corpus |")[1:]
)


def test_the_readme_lists_every_corpus_with_its_size_and_package():
    rows = {cells[0].strip("`"): cells[1:] for cells in SOURCES}
    assert rows.keys() == {manifest.name for manifest in manifests()}
    for manifest in manifests():
        _, pieces, groups, package = rows[manifest.name]
        assert (pieces, groups) == (f"{manifest.pieces:,}", f"{manifest.groups:,}")
        assert manifest.source.registry in package.lower()
        assert all(name.partition("-")[0] in package for name in manifest.source.package.split())


def test_the_readme_gives_every_corpus_a_licence():
    assert sorted(name for cells in LICENCES for name in re.findall(r"`([\w-]+)`", cells[0])) == sorted(
        manifest.name for manifest in manifests()
    )
