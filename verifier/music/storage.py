"""How music is stored: its notes, and those that the view has no row for."""

from collections.abc import Iterator

from verifier.data.storage import Count, StorageProfile

SOME = 0.001
"""A difference of shares from which on it is said, of what a corpus has next to none of."""


class MusicStorage(StorageProfile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """notes: all that were read; ``clipped`` of them have no row in the view."""

    notes: Count = 0
    clipped: Count = 0

    def against(self, corpus: "MusicStorage") -> Iterator[str]:
        """What differs from the corpus, in sentences."""
        if corpus.notes and not self.notes:
            yield "not one value reaches the threshold of the view: nothing sounds; is the scale right?"
        real, tested = (profile.clipped / max(profile.notes, 1) for profile in (corpus, self))
        if tested - real > SOME:
            yield (
                f"{tested:.2%} of the notes lie outside the pitches of the view, {real:.2%} in the corpus: they count"
                " for pitch-range, and no other rule sees them"
            )
