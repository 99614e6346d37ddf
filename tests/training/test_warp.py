"""Takes of one sentence on one time: the warp between sounds that were made slower and faster is known."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from medtalk.errors import MissingExtraError
from medtalk_train.captured.batches import AlignedTakes, Recorded, Row
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.takes import LazyArray
from medtalk_train.captured.warp import LONGEST, Spoken, align, plain, sentences, warped

VOWELS = ((300, 2300), (700, 1200), (400, 800), (600, 1800), (350, 1400))
"""First two formants."""


def say(ends: list[float], pitch: float, loud: float, seed: int) -> np.ndarray:
    """(n,) vowels one after another, each up to its end in seconds, after a pause of 0.1 s and before one."""
    rng = np.random.default_rng(seed)
    total = int((ends[-1] + 0.1) * 16000)
    time = np.arange(total) / 16000
    source = np.sign(np.sin(2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(5 * time))) / 16000)) * 0.2
    out, start = np.zeros(total), 0.1
    for end, formants in zip(ends, VOWELS * 3, strict=False):
        piece = slice(int(start * 16000), int(end * 16000))
        sound = source[piece]
        for formant in formants:
            radius, angle = 0.97, 2 * np.pi * formant / 16000
            sound = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], sound)
        out[piece] = sound / np.abs(sound).max() * np.hanning(len(sound)) ** 0.3
        start = end
    return (loud * out + 1e-3 * rng.standard_normal(total)).astype(np.float32)


CALM = [0.3, 0.5, 0.7, 1.0, 1.2, 1.4, 1.6]
ANGRY = [0.2, 0.45, 0.8, 0.9, 1.2, 1.55, 1.7]


@pytest.mark.parametrize("pitch", [110.0, 210.0], ids=["one speaker", "another"])
def test_the_warp_of_made_up_takes_is_right_within_two_frames(pitch: float) -> None:
    calm, angry = say(CALM, 110.0, 0.2, 1), say(ANGRY, pitch, 0.8, 2)
    found = align(calm, angry)
    assert len(found) == len(calm) * 60 // 16000 and (np.diff(found) >= 0).all()
    assert found[0] >= 0 and found[-1] < len(angry) * 60 // 16000
    # at the borders of the vowels, which is what there is to hear
    at = np.array([0.1, *CALM])
    truth = np.interp(at, [0.1, *CALM], [0.1, *ANGRY]) * 60
    assert np.abs(found[np.rint(at * 60).astype(int)] - truth).max() <= 2.0
    assert np.abs(np.interp(at * 60, np.arange(len(found)), np.arange(len(found))) - truth).max() > 5, "unwarped"


def test_a_sound_is_aligned_with_itself() -> None:
    sound = say(CALM, 120.0, 0.5, 3)
    np.testing.assert_array_equal(align(sound, sound), np.arange(len(sound) * 60 // 16000))


def test_without_librosa_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa.sequence", None)
    with pytest.raises(MissingExtraError, match=r"needs librosa.*pip install 'medtalk\[full\]', or leave out warp"):
        align(say(CALM, 110.0, 0.5, 0), say(ANGRY, 110.0, 0.5, 1))


def spoken(
    name: str, label: int, said: str, ends: list[float] = CALM, speaker: str = "a", held: bool = False
) -> Spoken:
    sound = say(ends, 120.0, 0.4, label)
    lazy = LazyArray(Path(name), partial(str, name), lambda: sound)
    return Spoken(name, speaker, label, said, held, lazy, len(sound) * 60 // 16000)


def test_which_takes_are_warped(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    takes = [
        spoken("a0", 0, "Kids are talking."),
        spoken("a3", 3, "kids are talking", ANGRY),
        spoken("a5", 5, "Kids are talking?", held=True),  # alone on the other side
        spoken("b1", 1, "Dogs are sitting.", speaker="b"),  # one emotion of each speaker: together they have two
        spoken("c2", 2, "dogs are sitting", speaker="c"),
        spoken("d4", 4, "nobody else says it"),
        spoken("e4", 4, ""),
        spoken("e5", 5, ""),
        spoken("a1", 1, "kids are talking")._replace(frames=int(LONGEST * 60) + 1),
    ]
    found = warped(takes, cache)
    assert [set(sentence["takes"]) for sentence in found] == [{"a0", "a3"}, {"b1", "c2"}]
    for sentence in found:
        assert sorted(map(bool, sentence["takes"].values())) == [False, True], "one keeps its own time"
    assert cache.computed == 2
    assert warped(takes, cache) == found and cache.computed == 2, "none is aligned twice"


def test_sentences_are_the_same_by_their_words() -> None:
    assert plain("Kids, are talking!") == plain("kids are  talking") != plain("kids were talking")
    assert plain(" ... ") == "" and plain("今天 天气") == "今天 天气"


def test_takes_without_a_speaker_are_not_one_person() -> None:
    """Two unknown people do not come before a known one as if they were one speaker."""
    sound = LazyArray(Path("a.wav"), lambda: "", lambda: np.zeros(16000, np.float32))
    takes = [Spoken(str(k), who, k, "So it is.", False, sound, 60) for k, who in enumerate(("", "", "ada"))]
    assert [[take.name for take in group] for group in sentences(takes)] == [["0", "1", "2"]]
    known = [take._replace(speaker=take.speaker or "bob") for take in takes]
    assert [[take.name for take in group] for group in sentences(known)] == [["0", "1"]]


def test_grids_of_warped_takes(tmp_path: Path) -> None:
    """A face that shows the time of its own take: in a grid, both emotions of a sentence must show the same moment."""
    cache, rows, takes = Cache(tmp_path), [], []
    for sentence, ends in enumerate(([CALM, ANGRY], [ANGRY[:5], CALM[:5]])):
        for label, times in enumerate(ends):
            take = spoken(f"{sentence}{label}", label, f"sentence {sentence}", times)
            takes.append(take)
            # how far the sentence is, by vowels
            at = np.interp(np.arange(take.frames) / 60, [0.1, *times], np.arange(len(times) + 1))
            face = np.zeros((take.frames, 174), np.float32)
            face[:, 0], face[:, 1], face[:, 2] = at, label, sentence
            file = cache.file("rig", take.name, lambda face=face: face)
            rows.append(Row(take.name, "a", label, False, [1], take.name, take.frames, "c", "", file, "", "", "", ""))
    recorded = Recorded(cache, rows)
    assert not recorded.aligned, "no two have one length"
    grids = recorded.warped(warped(takes, cache))
    assert len(grids) == 1
    grid = AlignedTakes(recorded, grids, 4, 40)(np.random.default_rng(0)).numpy()
    moment, label, sentence = (grid[..., k] for k in range(3))
    assert np.abs(moment[0] - moment[1]).max() < 0.3, "vowels last ten frames and more"
    assert (label[0] != label[1]).all() and (label[:, 0] == label[:, 1]).all()
    assert (sentence[:, 0] != sentence[:, 1]).all() and (sentence[0] == sentence[1]).all()
