import numpy as np
import pytest

from medtalk.face.beside import length_note, own_sound, starts_at
from medtalk.rig import RigSequence, read_rig, write_rig


def _rig(name=None, frames=60):
    meta = {} if name is None else {"source": {"name": name}}
    return RigSequence(np.zeros((frames, 174), np.float32), 60, meta)


def test_a_rig_finds_the_sound_that_its_meta_names(tmp_path):
    rig = _rig("voice one.flac")
    path = write_rig(tmp_path / "take.npz", rig)
    assert own_sound(path, rig) is None
    (tmp_path / "take.wav").touch()  # another one's, by its name alone
    assert own_sound(path, rig) is None
    (tmp_path / "voice one.flac").touch()
    assert own_sound(path, read_rig(path)) == tmp_path / "voice one.flac"


@pytest.mark.parametrize("name", ["../voice.wav", "/etc/passwd", "", ".", "a\0b", "x" * 5000, 7, None, ["voice.wav"]])
def test_only_a_name_is_looked_up(tmp_path, name):
    (tmp_path / "voice.wav").touch()
    (tmp_path / "takes").mkdir()
    assert own_sound(tmp_path / "takes" / "take.npz", _rig(name)) is None


def test_a_rig_without_meta_has_the_sound_of_its_name(tmp_path):
    path = write_rig(tmp_path / "take.arkit.csv", _rig())
    (tmp_path / "take.flac").touch()
    assert own_sound(path, read_rig(path)) == tmp_path / "take.flac"


def test_another_length_is_told():
    rig = _rig(frames=120)
    assert length_note(rig, 2.0) == length_note(rig, 2.04) == length_note(rig, 1.96) == ""
    assert "sound lasts 3.00 s and the rig 2.00 s" in length_note(rig, 3.0)
    assert "the rig ends before the sound" in length_note(rig, 3.0)
    assert "the sound ends before the rig" in length_note(rig, 1.0)


def test_a_rig_of_a_part_begins_later_in_the_whole_sound():
    source = {"name": "voice.wav", "seconds": 4.86}
    part = RigSequence(np.zeros((60, 174), np.float32), 60, {"source": source, "span": [1.5, 2.5]})
    assert starts_at(part, 4.86) == starts_at(part, 4.84) == 1.5
    assert starts_at(part, 1.0) == 0.0  # the part, cut out
    for meta in ({}, {"source": source}, {"span": [1.5, 2.5]}, {"source": source, "span": "all"}, {"source": 7}):
        assert starts_at(RigSequence(part.values, 60, meta), 4.86) == 0.0
