"""The same notes, whatever wrote the score: staves, voices, transposition, pickups, percussion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from music21 import chord, clef, instrument, meter, note, spanner, stream

from tests.choir import ALTO, BASS, CHOIR, SOPRANO, TENOR, Line, lines, read, voices
from verifier.music.read.score import notes_of_stream

# MusicXML

NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]


def element(
    pitch: int | None, quarters: float, voice: str | None = "1", staff: int | None = None, extra: str = ""
) -> str:
    sound = "<rest/>"
    if pitch is not None:
        name = NAMES[pitch % 12]
        alter = "<alter>1</alter>" if "#" in name else ""
        sound = f"<pitch><step>{name[0]}</step>{alter}<octave>{pitch // 12 - 1}</octave></pitch>"
    return (
        f"<note>{extra if extra == '<chord/>' else ''}{sound}<duration>{round(quarters * 2)}</duration>"
        f"{'' if extra == '<chord/>' else extra}{f'<voice>{voice}</voice>' if voice else ''}"
        f"{f'<staff>{staff}</staff>' if staff else ''}</note>"
    )


def bar(line: Line, at: float, voice: str | None, staff: int | None = None, shift: int = 0) -> str:
    """One bar of four quarters of a line whose notes do not cross bar lines."""
    text, now = "", at
    for onset, end, pitch in line:
        if at <= onset < at + 4:
            text += element(None, onset - now, voice, staff) if onset > now else ""
            text += element(pitch + shift, end - onset, voice, staff)
            now = end
    return text + (element(None, at + 4 - now, voice, staff) if now < at + 4 else "")


BACKUP = "<backup><duration>8</duration></backup>"


def score(*parts: Sequence[str], first: str = "", measure: str = "") -> str:
    """A score; each part is the text of its measures, to the first of which the attributes are added."""
    listed = "".join(f'<score-part id="P{i}"><part-name>p</part-name></score-part>' for i in range(len(parts)))
    attributes = "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
    text = '<?xml version="1.0"?><score-partwise version="4.0"><part-list>'
    text += f'<part-group number="1" type="start"/>{listed}<part-group number="1" type="stop"/></part-list>'
    for i, bars in enumerate(parts):
        text += f'<part id="P{i}">'
        for number, body in enumerate(bars):
            head = f"{attributes}{first}</attributes>" if number == 0 else ""
            text += f'<measure number="{number + 1}"{measure if number == 0 else ""}>{head}{body}</measure>'
        text += "</part>"
    return text + "</score-partwise>"


def write(folder_: Path, text: str, name: str = "a.musicxml") -> Path:
    path = folder_ / name
    path.write_text(text)
    return path


def together(streams: Sequence[tuple[Line, str | None, int | None]], at: float) -> str:
    return BACKUP.join(bar(line, at, voice, staff) for line, voice, staff in streams)


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([("1", 1), ("2", 1), ("5", 2), ("6", 2)], id="voices 1-4 and 5-8"),
        pytest.param([("1", 1), ("2", 1), ("1", 2), ("2", 2)], id="numbered by staff"),
        pytest.param([("1", 1), ("2", 1), ("3", 2), ("4", 2)], id="numbered by part"),
        pytest.param([("1", None), ("2", None), ("3", None), ("10", None)], id="a staff for all"),
    ],
)
def test_a_choir_in_one_part_has_four_voices(tmp_path: Path, numbers: list[tuple[str, int | None]]) -> None:
    streams = [(line, *number) for line, number in zip(CHOIR, numbers, strict=True)]
    staves = "<staves>2</staves>" if numbers[0][1] else ""
    path = write(tmp_path, score([together(streams, at) for at in (0, 4)], first=staves))
    notes = read(path)
    assert lines(notes) == CHOIR
    assert voices(notes) == 4


def test_two_voices_on_each_of_two_parts(tmp_path: Path) -> None:
    upper = [together([(SOPRANO, "1", None), (ALTO, "2", None)], at) for at in (0, 4)]
    lower = [together([(TENOR, "1", None), (BASS, "2", None)], at) for at in (0, 4)]
    assert lines(read(write(tmp_path, score(upper, lower)))) == CHOIR


def test_a_voice_that_pauses_for_a_bar_keeps_its_number(tmp_path: Path) -> None:
    # In the second bar there is voice 2 alone, and music21 knows no voice there.
    streams = [together([(SOPRANO, "1", None), (ALTO, "2", None)], 0), bar(ALTO, 4, "2")]
    assert lines(read(write(tmp_path, score(streams)))) == [SOPRANO[:4], ALTO]


def test_every_note_of_a_piano_comes_once(tmp_path: Path) -> None:
    # Notes without a staff, a chord across staves and a second part in the same group of parts.
    chords = element(60, 4, "1", 1) + element(48, 4, "1", 2, "<chord/>") + BACKUP + element(40, 4, None)
    path = write(tmp_path, score([chords], [bar(SOPRANO, 0, "1")], first="<staves>2</staves>"))
    notes = read(path)
    assert sorted(notes.pitches.tolist()) == [40, 48, 60, 72, 74, 76, 77]
    assert voices(notes) == 0


def test_a_voice_that_moves_to_the_other_staff_is_one(tmp_path: Path) -> None:
    crossing = "".join(element(pitch, 1, "1", 1 if i < 3 else 2) for i, (*_, pitch) in enumerate(SOPRANO[:4]))
    text = crossing + BACKUP + bar(BASS, 0, "5", 2)
    notes = read(write(tmp_path, score([text], first="<staves>2</staves>")))
    assert lines(notes) == [SOPRANO[:4], BASS[:4]]


def test_a_second_voice_for_a_bar_is_no_voice_of_the_piece(tmp_path: Path) -> None:
    long = [(i + at, end + at, pitch) for at in range(0, 32, 8) for i, end, pitch in SOPRANO]
    bars = [bar(long, at, "1") for at in range(0, 32, 4)]
    bars[3] += BACKUP + bar([(12, 16, 60)], 12, "2")
    notes = read(write(tmp_path, score(bars, [bar(BASS, at, "1") for at in (0, 4)])))
    assert len(np.unique(notes.parts)) == 2
    assert voices(notes) == 0


def test_ties_on_one_pitch_stay_in_their_voices(tmp_path: Path) -> None:
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    first = element(60, 3, "1") + element(60, 1, "1", None, start) + BACKUP + element(55, 4, "2")
    second = (
        *(element(60, 2, "1", None, stop), element(62, 2, "1"), BACKUP),
        *(element(60, 4, "2"),),
    )
    notes = read(write(tmp_path, score([first, "".join(second)])))
    assert lines(notes) == [[(0, 3, 60), (3, 6, 60), (6, 8, 62)], [(0, 4, 55), (4, 8, 60)]]


@pytest.mark.parametrize(
    ("transpose", "shift"),
    [
        ("<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>", 2),
        ("<transpose><diatonic>-5</diatonic><chromatic>-9</chromatic></transpose>", 9),
        ("<transpose><chromatic>-2</chromatic><octave-change>-1</octave-change></transpose>", 14),
        ("<transpose><diatonic>0</diatonic><chromatic>0</chromatic><octave-change>-1</octave-change></transpose>", 12),
        ("<clef><sign>G</sign><line>2</line><clef-octave-change>-1</clef-octave-change></clef>", 0),
    ],
)
def test_transposing_instruments_sound(tmp_path: Path, transpose: str, shift: int) -> None:
    bars = [bar(SOPRANO, at, "1", None, shift) for at in (0, 4)]
    assert lines(read(write(tmp_path, score(bars, first=transpose)))) == [SOPRANO]


def test_a_change_of_instrument_and_a_staff_of_its_own_transposition(tmp_path: Path) -> None:
    change = "<attributes><transpose><diatonic>-2</diatonic><chromatic>-3</chromatic></transpose></attributes>"
    bars = [bar(SOPRANO, 0, "1", None, 2), change + bar(SOPRANO, 4, "1", None, 3)]
    b_flat = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    assert lines(read(write(tmp_path, score(bars, first=b_flat)))) == [SOPRANO]
    lower = b_flat.replace("<transpose>", '<transpose number="2">')
    text = bar(SOPRANO, 0, "1", 1) + BACKUP + bar(BASS, 0, "5", 2, 2)
    notes = read(write(tmp_path, score([text], first=f"<staves>2</staves>{lower}")))
    assert lines(notes) == [SOPRANO[:4], BASS[:4]]


def test_percussion_and_cues_are_left_out_and_percussion_is_counted(tmp_path: Path) -> None:
    drums = element(38, 2) + "<note><unpitched/><duration>4</duration><voice>1</voice></note>"
    percussion = "<clef><sign>percussion</sign></clef>"
    melody = element(60, 2, "1", None, "") + element(64, 2).replace("<note>", "<note><cue/>")
    text = score([melody], [drums])
    at = text.index('<part id="P1">')
    text = text[:at] + text[at:].replace("</attributes>", f"{percussion}</attributes>", 1)
    notes = read(write(tmp_path, text))
    assert (lines(notes), notes.drums) == ([[(0, 2, 60)]], 2)


def test_a_score_of_rests_is_a_piece_without_notes(tmp_path: Path) -> None:
    notes = read(write(tmp_path, score([element(None, 4)] * 2)))
    assert (len(notes.onsets), notes.length, notes.meter_known) == (0, 8, True)


@pytest.mark.parametrize("form", ["short bar", "own signature", "rest"])
def test_pickups_of_scores(tmp_path: Path, form: str) -> None:
    pickup = element(None, 3) + element(67, 1) if form == "rest" else element(67, 1)
    text = score(
        [pickup, bar(SOPRANO, 0, "1"), bar(SOPRANO, 4, "1")], measure=' implicit="yes"' if form == "short bar" else ""
    )
    if form == "own signature":
        text = text.replace("<beats>4<", "<beats>1<", 1)
        time = "<attributes><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
        text = text.replace('<measure number="2">', f'<measure number="2">{time}')
    notes = read(write(tmp_path, text))
    assert (notes.meter, notes.pickup, notes.onsets.min(), notes.ends.max()) == (4, 1, 0, 9)


# Objects of music21


def part(*elements: object, at_sounding_pitch: object = "unknown") -> stream.Part:
    made = stream.Part()
    for each in elements:
        made.append(each)
    made.atSoundingPitch = at_sounding_pitch
    return made


@pytest.mark.parametrize(("known", "shift"), [(False, -2), (True, 0), ("unknown", 0)])
def test_instruments_of_music21_sound_once(known: object, shift: int) -> None:
    made = part(instrument.Clarinet(), clef.Treble8vbClef(), note.Note("D5"), at_sounding_pitch=known)
    notes = notes_of_stream(stream.Score([made]), name="a", group="a")
    assert notes.pitches.tolist() == [74 + shift]
    assert made.recurse().notes.first().nameWithOctave == "D5"


def test_octave_marks_of_music21_sound_once() -> None:
    first, second = note.Note("C5"), note.Note("C5")
    made = part(first, second)
    made.insert(0, spanner.Ottava(first, type="8va"))
    assert notes_of_stream(made, name="a", group="a").pitches.tolist() == [84, 72]


def test_voices_of_music21_streams() -> None:
    made = stream.Part()
    for line in (SOPRANO, ALTO):
        voice = stream.Voice()
        for onset, end, pitch in line:
            voice.insert(onset, note.Note(pitch, quarterLength=end - onset))
        made.insert(0, voice)
    assert lines(notes_of_stream(stream.Score([made]), name="a", group="a")) == [SOPRANO, ALTO]


# Humdrum and ABC


def test_split_spines_are_voices(tmp_path: Path) -> None:
    rows = ["**kern\t**kern", "*M4/4\t*M4/4", "*^\t*^", "=1\t=1\t=1\t=1"]
    rows += ["4E\t4C\t4cc\t4g", "4F\t4D\t4dd\t4g", "4G\t2C\t4ee\t4g", "4E\t.\t4ff\t4a", "=2\t=2\t=2\t=2"]
    rows += ["2E\t2C\t4gg\t2b", ".\t.\t4ff\t.", "2F\t2D\t4ee\t4g", ".\t.\t4dd\t4f"]
    text = "\n".join([*rows, "*v\t*v\t*\t*", "*\t*v\t*v", "==\t==", "*-\t*-", ""])
    notes = read(write(tmp_path, text, "a.krn"))
    assert [[pitch for *_, pitch in line] for line in lines(notes)] == [
        [72, 74, 76, 77, 79, 77, 76, 74],
        [67, 67, 67, 69, 71, 67, 65],
        [52, 53, 55, 52, 52, 53],
        [48, 50, 48, 48, 50],
    ]


def test_humdrum_is_at_sounding_pitch_whatever_the_instrument(tmp_path: Path) -> None:
    notes = read(write(tmp_path, "**kern\n*ITrd1c2\n*M4/4\n4d\n2.d\n*-\n", "a.krn"))
    assert notes.pitches.tolist() == [62, 62]


HEAD = "X:1\nT:t\nM:4/4\nL:1/4\n"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("K:C\nV:1\nCDEF|GABc|\nV:2\nC,D,E,F,|G,A,B,C|\n", id="in turn"),
        pytest.param("V:1\nV:2\nK:C\nV:1\nCDEF|\nV:2\nC,D,E,F,|\nV:1\nGABc|\nV:2\nG,A,B,C|\n", id="by lines"),
        pytest.param("K:C\n[V:1]CDEF|[V:2]C,D,E,F,|\n[V:1]GABc|[V:2]G,A,B,C|\n", id="inline"),
        pytest.param("K:C\nCDEF & C,D,E,F, | GABc & G,A,B,C |\n", id="overlay"),
        pytest.param("V:1 transpose=-2\nV:2 clef=treble-8\nK:Bb\nV:1\nDEFG|ABcd|\nV:2\nCDEF|GABc|\n", id="moved"),
    ],
)
def test_voices_of_abc(tmp_path: Path, body: str) -> None:
    notes = read(write(tmp_path, HEAD + body, "a.abc"))
    sounding = [[pitch for *_, pitch in line] for line in lines(notes)]
    if "Bb" in body:
        assert sounding == [[60, 61, 63, 65, 67, 68, 70, 72], [48, 50, 51, 53, 55, 57, 58, 60]]
    else:
        assert sounding == [[60, 62, 64, 65, 67, 69, 71, 72], [48, 50, 52, 53, 55, 57, 59, 60]]
    assert notes.length == 8
    assert voices(notes) == 2


@pytest.mark.parametrize(
    ("key", "pitch"),
    [("C", 60), ("C clef=treble-8", 48), ("C treble-8", 48), ("C transpose=3", 63), ("C octave=-1", 48)],
)
def test_abc_sounds_where_its_key_says(tmp_path: Path, key: str, pitch: int) -> None:
    assert read(write(tmp_path, f"{HEAD}K:{key}\nC4|\n", "a.abc")).pitches.tolist() == [pitch]


def test_abc_without_a_meter(tmp_path: Path) -> None:
    notes = read(write(tmp_path, "X:1\nT:t\nL:1/4\nK:C\nCDEF|GABc|\n", "a.abc"))
    assert (notes.meter, notes.meter_known) == (4, False)


def test_a_chord_in_a_voice_means_no_voices() -> None:
    made = part(meter.TimeSignature("4/4"), chord.Chord([60, 64]), note.Note(62))
    assert voices(notes_of_stream(stream.Score([made, part(note.Note(40))]), name="a", group="a")) == 0
