"""Batches and what a medium adds to them: what is taken, joined and edited keeps what is known of each sample."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from tests import media, rolls
from verifier.audio.samples import waves
from verifier.data.batch import Batch, concatenate
from verifier.music.samples import music, roll_view, sounding_cells, with_voices

every_medium = pytest.mark.parametrize("medium", ["piano-roll", "mel-spectrogram", "image"])


def same(a, b):
    """Whether two Batches, or two extras, hold the same, field by field."""
    if is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a) if field.name != "_features"
        )
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


@every_medium
def test_what_is_taken_apart_and_joined_is_what_it_was(medium):
    batch = media.random_batch(medium, 3, n=7)
    parts = [batch.take([0, 1, 2]), batch.take([]), batch.take([3, 4, 5, 6])]
    assert same(concatenate(batch.view, parts), batch)
    order = [6, 0, 0, 3]
    assert same(batch.take(order), concatenate(batch.view, [batch.take([i]) for i in order]))
    assert not same(batch.take([0]).extra, batch.take([1]).extra) or medium == "image"


@every_medium
def test_nothing_is_known_of_values_alone_and_of_no_samples(medium):
    batch = media.random_batch(medium, 3)
    bare = Batch.of(batch.view, batch.values)
    assert type(bare.extra) is type(batch.extra) is batch.view.extra
    assert same(bare.extra, batch.view.extra.none(len(batch), batch.values.shape[2]))
    empty = concatenate(batch.view, [])
    assert len(empty) == len(empty.extra) == 0
    assert same(concatenate(batch.view, [empty, batch]).extra, batch.extra)


def test_an_edit_forgets_voices_and_keeps_what_was_read_of_the_piece():
    batch = rolls.voiced_batch(2)
    batch.feature("stale", lambda _: "feature")
    edited = batch.with_values(~batch.values)
    assert music(batch).voices.counts.any()
    assert not music(edited).voices.counts.any()
    for name in ("meters", "pickups", "outside", "off_grid", "off_grids", "read", "repeats"):
        assert getattr(music(edited), name) is getattr(music(batch), name)
    assert edited.feature("stale", lambda _: "computed") == "computed"
    sung = with_voices(batch, ~batch.values, music(batch).voices)
    assert music(sung).voices is music(batch).voices


def test_no_wave_is_behind_an_edited_spectrogram():
    batch = media.random_batch("mel-spectrogram", 0)
    assert waves(batch).rates.any()
    assert not waves(batch.with_values(batch.values / 2)).rates.any()


@every_medium
def test_samples_differ_by_what_is_known_of_them(medium):
    batch = media.random_batch(medium, 3)
    inside = batch.inside()
    assert not batch.extra.differs(batch.extra, inside).any()
    other = media.random_batch(medium, 4)
    if medium == "piano-roll":  # of which the first has four voices in both
        assert batch.extra.differs(other.extra, inside)[0]
    else:
        assert batch.extra.differs(other.extra, inside).all() == (medium == "mel-spectrogram")


def test_arrays_that_do_not_fit_are_refused():
    batch = rolls.voiced_batch(0)
    with pytest.raises(ValueError, match="5 extra for 6 samples"):
        replace(batch, extra=batch.extra.take(np.arange(5)))
    with pytest.raises(ValueError, match="5 pickups for 6 samples"):
        replace(music(batch), pickups=np.zeros(5))
    with pytest.raises(ValueError, match="39 rows in a view of 40"):
        replace(batch, values=batch.values[:, :39])
    with pytest.raises(ValueError, match="a sample of 24 steps in an array of 23"):
        replace(batch, values=batch.values[:, :, :23])
    with pytest.raises(TypeError, match="bool or float32, not float64"):
        replace(batch, values=batch.values.astype(np.float64))


@pytest.mark.parametrize("ask", [music, roll_view, sounding_cells])
def test_rules_of_music_ask_only_music(ask):
    with pytest.raises(TypeError, match="expected piano rolls, found a image"):
        ask(media.random_batch("image", 0))


def test_rules_of_sound_ask_only_sound():
    with pytest.raises(TypeError, match="expected sound, found a piano-roll"):
        waves(rolls.random_batch(0))
