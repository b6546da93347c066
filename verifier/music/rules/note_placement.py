"""Where in the quarter the notes of each voice begin, and how long those are that begin there."""

import numpy as np

from verifier.data.batch import Batch
from verifier.music.features.voice_notes import VoiceNotes, lines
from verifier.music.placement import PlacementRule
from verifier.music.samples import music


class NotePlacement(PlacementRule, frozen=True, kw_only=True):
    """How long the notes of voices are that begin on the quarter, or a part of one after it: a violation is a duration
    that no note of the corpus has which begins there, such as 5/4 on the quarter or a half note just after it.

    Trials and scores are those of ``music.placement``. Only a piece in which some note is repeated without a gap tells
    such a note from one that is held: a file or an array that cannot has no trial, and ``sound-placement`` judges it.
    """

    needs = ("voices", "attacks")

    def find(self, batch: Batch) -> VoiceNotes:
        found = lines(batch)
        at = np.flatnonzero(music(batch).repeats[found.samples])
        return VoiceNotes(*(column[at] for column in found))
