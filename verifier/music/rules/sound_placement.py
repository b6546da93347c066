"""Where in the quarter each voice comes to another pitch, and how long it stays there."""

from verifier.data.batch import Batch
from verifier.music.features.voice_notes import VoiceNotes, sounds
from verifier.music.placement import PlacementRule


class SoundPlacement(PlacementRule, frozen=True, kw_only=True):
    """How long a voice stays on a pitch that it comes to on the quarter, or a part of one after it: a violation is a
    duration that no pitch of the corpus is held for which begins there.

    As ``note-placement``, but notes that are repeated without a gap are one, so that a file or an array which does not
    tell them from a held note is judged as any other. Trials and scores are those of ``music.placement``.
    """

    needs = ("voices",)

    def trial_name(self) -> str:
        return "sound"

    def find(self, batch: Batch) -> VoiceNotes:
        return sounds(batch)
