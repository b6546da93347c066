"""Rules whose breach is defined, not learned."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.rule.counted import counts_of_names, names_of_counts
from verifier.rule.events import EventRule
from verifier.rule.rule import Count, SparseCounts


class TextbookRule(EventRule, frozen=True, kw_only=True):
    """A rule whose breach is defined, not learned: real pieces commit it too, and what is learned is how often.

    Nothing that a corpus has makes a breach allowed. A sample is held against the rate at which held-out real pieces
    commit it, as with any rule; so a rule of the textbook that composers do not keep accuses nobody. Keys are few, and
    stand in the file by name; the key of an event does not depend on options, so that these can be edited there.
    """

    counts: dict[str, Count] = {}
    """name of an event -> how often it occurs."""

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(m,) whether each key is a breach. Uses the options, not what was learned."""
        raise NotImplementedError

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        return np.flatnonzero(~self.breaking(np.arange(self.key_space)))

    def from_yaml(self) -> SparseCounts:
        keys = {self.key_name(key): key for key in range(self.key_space)}
        for name in self.counts:
            if name not in keys:
                raise InputError(self.name(), f"expected an event such as {self.key_name(1)!r}, found {name!r}")
        return counts_of_names(self.counts, keys.__getitem__)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"counts": names_of_counts(table, self.key_name)}

    def expected_text(self, key: int, table: SparseCounts) -> str:
        """How often real pieces commit this very breach: ``1 in 800 motions of real pieces``."""
        total, own = int(table.counts.sum()), int(table.counts[table.keys == key].sum())
        if own:
            return f"1 in {round(total / own):,} {self.trial_name()}s of real pieces"
        return f"none in {total:,} {self.trial_name()}{'s' * (total != 1)} of real pieces"

    def leave_one_out(self, pieces: Sequence[Self]) -> float | None:
        """See Rule. What the others teach does not change what a breach is."""
        if len(pieces) < 2:
            return None
        table = self.learned
        trials, violations = int(table.counts.sum()), int(table.counts[self.breaking(table.keys)].sum())
        return violations / trials if trials else None

    def summary(self) -> Iterator[str]:
        table = self.learned
        total, broken = int(table.counts.sum()), table.where(self.breaking(table.keys))
        yield f"{total:,} {self.trial_name()}{'s' * (total != 1)}, {int(broken.counts.sum()):,} of them breaches"
        for at in np.argsort(-broken.counts, kind="stable").tolist():
            key = int(broken.keys[at])
            yield f"{self.key_name(key)}: {int(broken.counts[at]):,} ({self.expected_text(key, table)})"
