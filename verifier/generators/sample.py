"""Samples of a trained generator: a stream of blocks, written as one .npz or as a folder of MIDI files.

Sample i follows from the seed and i alone, whatever n is: noise is drawn for a block of BLOCK samples at a time, from a
seed of its own, and the generator always sees whole blocks. So ``verify diff`` may pair samples by name, and blocks may
be made anywhere. On one machine samples are equal to the bit; elsewhere sums may be taken in another order, and values
differ by less than 1e-5: of a million cells, one or so crosses the threshold of a view.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import torch
from msgspec import Struct
from numpy.typing import NDArray

from verifier import __version__
from verifier.base.errors import InputError
from verifier.base.files import open_regular, replacing, replacing_folder, require_writable
from verifier.data.medium import medium_of
from verifier.data.view import View
from verifier.generators.checkpoint import BEST, NEWEST, load_generator
from verifier.generators.config import Config
from verifier.generators.folder import TrainedRecord
from verifier.generators.folder import load as load_record
from verifier.generators.networks import Generator

BLOCK = 256
"""Samples that share a seed and pass through the generator together. Another number gives other samples."""

Values = Literal["raw", "8-bit"]
MANIFEST = "manifest.yaml"
"""The manifest in a folder; that of ``x.npz`` is ``x.npz.yaml``."""


def noise(config: Config, seed: int, block: int) -> NDArray[np.float32]:
    """The normal noise of one block, (BLOCK, latent): the same on every platform."""
    random = np.random.default_rng(np.random.SeedSequence([seed, block]))
    return random.standard_normal((BLOCK, config.latent), dtype=np.float32)


def blocks(
    generator: Generator, config: Config, n: int, seed: int, device: torch.device
) -> Iterator[NDArray[np.float32]]:
    """Samples 0 to n - 1 in order: arrays (m, channels, rows, columns) of values in 0..1, m = BLOCK but for the last.

    ``generator`` is on ``device``. Its normalisation uses what it gathered in training (its mode is set for each block
    and then set back), so that a sample does not depend on the others of its block.
    """
    for block in range(-(-n // BLOCK)):
        training = generator.training
        generator.eval()
        try:
            with torch.inference_mode():
                latent = torch.from_numpy(noise(config, seed, block)).to(device)
                values = generator.output.decode(generator(latent)).cpu().numpy()
        finally:
            generator.train(training)
        yield np.ascontiguousarray(values[: n - block * BLOCK])


class Weights(Struct, frozen=True, kw_only=True, rename="kebab"):
    """The weights that samples were made with: the name of their file, its digest, and the steps behind them."""

    file: str
    sha256: str
    step: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Trained:
    """A generator with its weights, on the CPU, and what its folder says of it."""

    generator: Generator
    record: TrainedRecord
    weights: Weights


def load(folder: Path, weights: str = "newest") -> Trained:
    """The generator in a training folder; ``weights`` are "newest", "best" or the path of a file.

    Raises InputError for what is missing, damaged or does not fit.
    """
    record = load_record(folder)
    names = {"newest": NEWEST, "best": BEST}
    path = folder / names[weights] if weights in names else Path(weights)
    generator = Generator(record.config)
    while True:
        digest = _sha256(path)
        step = load_generator(generator, path)
        if _sha256(path) == digest:  # a training that still runs replaces the file now and then
            break
    # As in training: a third faster, and the checks made while training see the same samples.
    generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as torch documents
    return Trained(generator=generator, record=record, weights=Weights(file=path.name, sha256=digest, step=step))


def _sha256(path: Path) -> str:
    with open_regular(path, str(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Manifest(Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """What lies beside the samples, as YAML: all that they follow from."""

    verifier: str
    samples: int
    seed: int
    values: Values | None = None
    """None where the samples are MIDI files."""
    weights: Weights
    generator: Config
    view: View


def manifest_of(trained: Trained, n: int, seed: int, values: Values | None) -> Manifest:
    """The manifest of n samples of ``trained``."""
    return Manifest(
        verifier=__version__,
        samples=n,
        seed=seed,
        values=values,
        weights=trained.weights,
        generator=trained.record.config,
        view=trained.record.view,
    )


class Target(NamedTuple):
    """Where samples are written."""

    path: Path
    midi: bool
    """A folder of MIDI files, and no .npz."""


def target(text: str) -> Target:
    """What ``text`` says: a name with the suffix .npz, or else a folder, which has no suffix or a slash at its end.

    Raises InputError now, before the long work, for another suffix, for a folder that is not empty, and for what could
    not be written.
    """
    path = Path(text)
    if text.endswith(("/", os.sep)) or not path.suffix:
        if path.is_file():
            raise InputError(path, "expected a folder to write, found a file")
        if path.is_dir() and any(path.iterdir()):
            raise InputError(path, "expected an empty folder or none, found files in it")
        require_writable(path.resolve().parent / MANIFEST if path.exists() else path)
        return Target(path, midi=True)
    if path.suffix.lower() != ".npz":
        raise InputError(path, f"expected a file .npz, or a folder (no suffix, or / at the end), found {path.suffix}")
    require_writable(path)
    require_writable(_beside(path))
    return Target(path, midi=False)


def require_finite(samples: Iterable[NDArray[np.float32]], place: object) -> Iterator[NDArray[np.float32]]:
    """The same blocks. Raises InputError at the first value that is not finite."""
    for block in samples:
        if not np.isfinite(block).all():
            raise InputError(place, "expected weights that give finite values, found others: the training diverged")
        yield block


def write_npz(path: Path, samples: Iterable[NDArray[np.float32]], manifest: Manifest) -> None:
    """Write blocks as the array ``x`` (samples, rows, columns) of a .npz, and the manifest beside it.

    Of samples with three channels it is (samples, 3, rows, columns). Raw values are float32, 8-bit ones uint8. Only one
    block is held at a time.
    """
    config = manifest.generator
    shape = (manifest.samples, *([] if config.channels == 1 else [config.channels]), config.rows, config.columns)
    eight_bit = manifest.values == "8-bit"
    entry = zipfile.ZipInfo("x.npy")  # without a date: equal samples make equal files
    # Deflated, float32 loses 3 % of its size (mantissas are noise) and takes longer than the generator; 8-bit values
    # lose 84 % and take a tenth of its time.
    entry.compress_type = zipfile.ZIP_DEFLATED if eight_bit else zipfile.ZIP_STORED
    descr = "|u1" if eight_bit else "<f4"
    with replacing(_beside(path)) as beside, replacing(path) as temporary:
        beside.write_bytes(_yaml(manifest))
        with zipfile.ZipFile(temporary, "w") as archive, archive.open(entry, "w", force_zip64=True) as member:
            np.lib.format.write_array_header_2_0(member, {"descr": descr, "fortran_order": False, "shape": shape})
            for block in samples:
                values = np.rint(255 * block) if eight_bit else block
                member.write(np.ascontiguousarray(values, descr).data)


def write_midi_files(path: Path, samples: Iterable[NDArray[np.float32]], manifest: Manifest) -> int:
    """Write each sample as a MIDI file ``000000.mid``, and the manifest, into a new folder: all of it or nothing.

    Returns how many of them verifier refuses to read, since their last note ends before the window, under a view that
    drops what does not fill one. A cell sounds from the threshold of the view on. Raises InputError if samples are no
    piano rolls of the view, or do not fit into the format.
    """
    view, config = manifest.view, manifest.generator
    writer = medium_of(view).sample_writer(view, path)  # refuses what it cannot write before the long work
    if config.channels != 1 or config.rows != view.rows:
        raise InputError(
            path,
            f"MIDI files need samples of 1 channel and the {view.rows} pitches of the view,"
            f" found {config.channels} and {config.rows}; write a .npz",
        )
    short = at = 0
    with replacing_folder(path) as folder:
        for block in samples:
            for sample in block[:, 0]:
                steps = writer(folder / f"{at:06}.mid", sample)
                short += bool(steps) and not view.cuts(steps)
                at += 1
        (folder / MANIFEST).write_bytes(_yaml(manifest))
    return short


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.yaml")


def _yaml(manifest: Manifest) -> bytes:
    return msgspec.yaml.encode(manifest)
