"""Samples of a trained generator."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from verifier.base.errors import InputError
from verifier.cli import options
from verifier.cli.generators import require_generators
from verifier.cli.progress import progress_of, say_written
from verifier.corpora import shipped
from verifier.report import terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "folder", metavar="DIR", help="a folder that `verify train` wrote, or a generator that ships (bach:iwgan)"
    )
    parser.add_argument("-n", required=True, type=options.positive, metavar="N", help="how many samples")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="a file .npz, or a new folder of MIDI files (MIDI/)"
    )
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of the noise (default 0)")
    parser.add_argument(
        "--weights", default="newest", metavar="WEIGHTS", help="newest (default), best, or a file .safetensors"
    )
    parser.add_argument(
        "--values", choices=("raw", "8-bit"), help="in a .npz: as they are (float32, default), or rounded to 0..255"
    )


def run(given: argparse.Namespace) -> int:
    """Samples of a trained generator. Sample i follows from the seed and i alone, whatever N is."""
    require_generators()
    import torch

    from verifier.generators import sample

    target = sample.target(given.output)
    if target.midi and given.values is not None:
        raise InputError("--values", "expected it beside a .npz; a MIDI file holds notes and no values")
    folder = Path(given.folder) if os.path.exists(given.folder) else shipped.folder_of(given.folder)
    trained = sample.load(folder, given.weights)
    manifest = sample.manifest_of(trained, given.n, given.seed, None if target.midi else given.values or "raw")
    with progress_of()("sampling", given.n) as advance:
        samples = sample.blocks(trained.generator, trained.record.config, given.n, given.seed, torch.device("cpu"))
        samples = _advancing(sample.require_finite(samples, trained.weights.file), advance)
        if target.midi:
            unreadable = sample.write_midi_files(target.path, samples, manifest)
        else:
            sample.write_npz(target.path, samples, manifest)
    if target.midi and unreadable:
        print(
            f"warning: {unreadable:,} of {given.n:,} samples end before their window does: verify cannot read those"
            " MIDI files; to check every sample, write a .npz",
            file=sys.stderr,
        )
    say_written(terminal.console(), [target.path])
    return 0


def _advancing(blocks: Iterator[Any], advance: Callable[..., None]) -> Iterator[Any]:
    for block in blocks:
        yield block
        advance(len(block))
