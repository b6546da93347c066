"""Real photographs told from real photographs by the size of their crops alone, before and after equalising.

Published detectors of generated faces were trained on real pictures of 178 x 218 pixels against generated ones of
128 x 128. Here both sides are crops of the same photographs (corpus `photos`), of these two sizes, at random places.
What is told apart is what UpConv's code makes of a picture (Durall, Keuper and Keuper, CVPR 2020): the azimuthal
average of the log spectrum, interpolated to 80 values and divided by the first; by a support vector machine with their
settings and by a logistic regression, each cross-validated so that all crops of a photograph stand in one part. Then
`verify audit` says of the two folders what tells them apart, equalises them, and the same is done with what it wrote.

    python benchmarks/geometry.py [--crops 20] [--pictures 31]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from verifier.api.audit import audit
from verifier.corpora import corpus as corpora
from verifier.image.features.azimuthal import azimuthal_average
from verifier.report.audit import print_audit

SIZES = {"real": (178, 218), "generated": (128, 128)}
"""Side -> width and height of its crops."""
LENGTH = 80
"""Values that a spectrum is interpolated to."""
PARTS = 5
"""Of the cross-validation."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=int, default=20, help="of each photograph, a side (default 20)")
    parser.add_argument("--pictures", type=int, default=31, help="photographs (default 31)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_crops(folder, given.pictures, given.crops)
        print("told apart, % of crops    support vectors    logistic")
        report("before equalising", folder)
        equalised = folder / "equalised"
        found = audit(folder / "real", folder / "generated", groups="folder", equalise=equalised)
        report("after equalising", equalised)
        print()
        print_audit(Console(width=120), found)


def write_crops(folder: Path, pictures: int, crops: int) -> None:
    """``crops`` of each photograph and side, as ``side/photograph/number.png``."""
    rng = np.random.default_rng(0)
    pieces = corpora.load("photos").pieces
    for number in range(min(pictures, len(pieces))):
        photograph = Image.open(pieces[number].path).convert("RGB")
        for side, (width, height) in SIZES.items():
            target = folder / side / f"{number:02}"
            target.mkdir(parents=True)
            for i in range(crops):
                left, top = (
                    rng.integers(0, of - own + 1) for of, own in zip(photograph.size, (width, height), strict=True)
                )
                photograph.crop((left, top, left + width, top + height)).save(target / f"{i:03}.png")


def report(title: str, folder: Path) -> None:
    """A line of the table."""
    spectra, fake, groups = features(folder)
    models = (SVC(C=6.37, gamma=0.86), LogisticRegression(max_iter=10_000))
    cells = [100 * accuracy(model, spectra, fake, groups) for model in models]
    print(f"{title:<25} {cells[0]:15.1f} {cells[1]:11.1f}", flush=True)


def accuracy(model: object, spectra: NDArray[np.float64], fake: NDArray[np.bool_], groups: list[str]) -> float:
    """The share of crops that a model tells, learned from other photographs."""
    whole = model if isinstance(model, SVC) else make_pipeline(StandardScaler(), model)
    return float(np.mean(cross_val_predict(whole, spectra, fake, groups=groups, cv=GroupKFold(PARTS)) == fake))


def features(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[str]]:
    """(n, 80) the spectra of the crops, (n,) of which side they are, and their photographs."""
    found, sides, groups = [], [], []
    for side in SIZES:
        for path in sorted((folder / side).rglob("*.png")):
            grey = np.asarray(Image.open(path).convert("L"), np.float32) / np.float32(255)
            average = azimuthal_average(grey[None], "durall")[0]
            at = np.linspace(0, len(average) - 1, LENGTH)
            spectrum = np.interp(at, np.arange(len(average)), average)
            found.append(spectrum / spectrum[0])
            sides.append(side == "generated")
            groups.append(path.parent.name)
    return np.array(found), np.array(sides), groups


if __name__ == "__main__":
    main()
