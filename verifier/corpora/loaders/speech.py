"""Recorded telephone speech: the announcements that Asterisk plays, a speaker a folder."""

from pathlib import Path

from verifier.base.errors import InputError
from verifier.corpora.manifest import Manifest
from verifier.data.pieces import FilePiece

SPEAKERS = {
    "en_US_f_Allison": "allison",
    "es_MX_f_Allison": "allison",
    "fr_CA_f_June": "june",
    "it_IT_f_Menardi": "menardi",
    "it_IT_m_Carlo": "carlo",
    "ru_RU_f_IvrvoiceRU": "ivrvoice",
}
"""The folders of the packages; one speaker recorded two of the languages."""
HEADER = 44
"""Bytes of a WAV file without a sample: there is one."""


def read(folder: Path, manifest: Manifest) -> list[FilePiece]:
    """Every recording but silent and empty ones, named ``speaker/language/path``. InputError if one is missing."""
    found = []
    for place, speaker in SPEAKERS.items():
        if not (folder / place).is_dir():
            problem = f"expected the recordings of {place}, found none: install the other packages too"
            raise InputError(manifest.name, problem)
        for path in (folder / place).rglob("*.wav"):
            inside = path.relative_to(folder / place)
            if "silence" not in inside.parts and path.stat().st_size > HEADER:
                name = f"{speaker}/{place[:5]}/{inside.with_suffix('').as_posix()}"
                found.append(FilePiece(name, name, path, manifest.medium))
    return sorted(found, key=lambda piece: piece.name)
