"""Contact sheets: which moments they choose, and what stands where."""

import sys

import numpy as np
import pytest

from medtalk.errors import MissingExtraError, OutputError, SettingError
from medtalk.face.draw import camera
from medtalk.face.sheet import (
    KINDS,
    Moment,
    alike,
    at_phones,
    at_times,
    draw_sheet,
    labelled,
    moments,
    names_of,
    write_sheet,
)
from medtalk.rig import RigSequence, Timed


def _rig(*phones: tuple[str, float, float], frames: int = 240, emotion: str = "") -> RigSequence:
    meta = {"emotion": {emotion: 1.0}} if emotion else {}
    return RigSequence(np.zeros((frames, 174), np.float32), 60, meta, (), tuple(Timed(*each) for each in phones))


SPOKEN = _rig(
    ("p", 0.5, 0.6), ("aa", 0.6, 0.9), ("f", 0.9, 1.0), ("uw", 1.0, 1.2), ("m", 1.2, 1.44), ("iy", 1.44, 1.5),
    ("p", 3.0, 3.2), ("aa", 3.2, 3.3),
)  # fmt: skip


def test_a_sheet_shows_every_kind_of_phone_and_a_pause(takes):
    chosen = moments(takes["happy"], 6)
    labels = [moment.label for moment in chosen]
    assert all(any(label in kind for label in labels) for kind in KINDS) and "pause" in labels
    assert [moment.seconds for moment in chosen] == sorted(moment.seconds for moment in chosen)
    for label, seconds in chosen:
        within = [phone.text for phone in takes["happy"].phones if phone.start <= seconds < phone.end]
        assert within == ([] if label == "pause" else [label])


def test_the_longest_of_a_kind_comes_first():
    assert moments(SPOKEN, 1)[0] == ("m", pytest.approx(1.32))
    six = [(label, round(seconds, 6)) for label, seconds in moments(SPOKEN, 6)]
    assert six == [("aa", 0.75), ("f", 0.95), ("uw", 1.1), ("m", 1.32), ("iy", 1.47), ("pause", 2.25)]


def test_more_columns_bring_other_phones_before_the_same_again():
    labels = [label for label, _ in moments(SPOKEN, 7)]
    assert {"p", "m"} <= set(labels) and labels.count("p") == 1
    assert len(moments(SPOKEN, 40)) == 9  # eight phones and a pause: no more is there to see


def test_a_rig_without_phones_is_looked_at_evenly():
    assert moments(_rig(), 4) == [Moment("", seconds) for seconds in (0.5, 1.5, 2.5, 3.5)]
    assert moments(_rig(frames=1), 8) == [Moment("", 1 / 120)], "one frame is one moment"


def test_each_take_has_the_phone_that_it_speaks_then():
    other = _rig(("b", 0.5, 1.0), ("ae", 2.2, 2.3))
    columns = [Moment("p", 0.55), Moment("uw", 1.1), Moment("pause", 2.25), Moment("pause", 2.6)]
    assert [label for label, _ in labelled(other, columns)] == ["b", "", "ae", "pause"]
    assert [label for label, _ in labelled(_rig(), columns)] == [""] * 4
    assert labelled(SPOKEN, columns[:3]) == columns[:3]


def test_takes_of_one_sound_and_one_length_are_alike():
    def of(frames: int = 240, **source: str) -> RigSequence:
        return _rig(frames=frames).with_meta(source=source)

    one = of(name="a.wav", sha256="1")
    assert alike([one]) and alike([one, _rig(), of(241, name="copy.wav", sha256="1")])
    assert not alike([one, of(name="a.wav", sha256="2")]), "another sound of that name"
    assert not alike([of(name="a.wav"), of(name="b.wav")])
    assert not alike([_rig(), _rig(frames=243)])
    assert not alike([one, one.with_meta(span=[1.0, 5.0])])


def test_times_have_the_phones_that_are_spoken_then():
    assert at_times(SPOKEN, [0.0, 0.55, 4.0]) == [Moment("", 0.0), Moment("p", 0.55), Moment("", 4.0)]
    for wrong in (-0.1, 4.1, float("nan")):
        with pytest.raises(SettingError, match="valid are 0 to 4 s"):
            at_times(SPOKEN, [1.0, wrong])


def test_phones_are_the_longest_of_their_name():
    found = at_phones(SPOKEN, ["aa", "p", "p", "pause"])
    assert [(label, round(seconds, 3)) for label, seconds in found] == [
        ("aa", 0.75), ("p", 3.1), ("p", 0.55), ("pause", 2.25),
    ]  # fmt: skip
    with pytest.raises(SettingError, match=r"'zh'\. It has aa, f, iy, m, p, uw"):
        at_phones(SPOKEN, ["zh"])
    with pytest.raises(SettingError, match="'m' 2 times"):
        at_phones(SPOKEN, ["m", "m"])
    with pytest.raises(SettingError, match="give --times"):
        at_phones(_rig(), ["p"])


@pytest.mark.parametrize("choose", [lambda: moments(SPOKEN, 0), lambda: moments(SPOKEN, 41),
                                    lambda: at_times(SPOKEN, [0.1] * 41), lambda: at_phones(SPOKEN, [])])  # fmt: skip
def test_only_so_many_columns(choose):
    with pytest.raises(SettingError, match="valid are 1 to 40"):
        choose()


def test_a_sheet_has_a_tile_for_each_take_and_moment(head, takes):
    rows = [("neutral", takes["neutral"]), ("angry", takes["angry"])]
    columns = moments(takes["neutral"], 3)
    sheet = np.asarray(draw_sheet(head, rows, [columns] * 2, camera(head), 64)).astype(int)
    wider = np.asarray(draw_sheet(head, rows, [columns[:2], columns[:1]], camera(head), 64))
    assert sheet.shape[0] == wider.shape[0] and sheet.shape[1] - wider.shape[1] == 66
    tall = np.asarray(draw_sheet(head, rows[:1], [columns], camera(head), 64))
    assert sheet.shape[0] - tall.shape[0] == 64 + 22
    first, second = sheet[8 : 8 + 64, -206:-8], sheet[94 : 94 + 64, -206:-8]
    assert np.abs(first - second).max() > 40 and np.abs(first - second).mean() < 12  # the same moments, another mood
    assert sheet[:, :-206].max() > 200  # names


def test_a_take_that_has_ended_has_no_tile(head):
    rows = [("long", _rig()), ("short", _rig(frames=60))]
    sheet = np.asarray(draw_sheet(head, rows, [[Moment("", 0.5), Moment("", 3.0)]] * 2, camera(head), 64)).astype(int)
    lower = sheet[94 : 94 + 64]
    assert lower[:, -140:-76].std() > 10 and lower[:, -74:].std(axis=(0, 1)).max() == 0


def test_sheets_that_are_too_large(head):
    with pytest.raises(SettingError, match="too large a sheet"):
        draw_sheet(head, [("a", SPOKEN)] * 61, [moments(SPOKEN, 1)] * 61, camera(head), 64)
    with pytest.raises(SettingError, match="smaller --size"):
        draw_sheet(head, [("a", SPOKEN)] * 10, [moments(SPOKEN, 8)] * 10, camera(head), 2000)


def test_a_sheet_is_written_whole_or_not_at_all(head, tmp_path):
    from PIL import Image

    sheet = draw_sheet(head, [("a", SPOKEN)], [moments(SPOKEN, 1)], camera(head), 64)
    path = write_sheet(tmp_path / "sheet.png", sheet)
    with Image.open(path) as read:
        assert read.format == "PNG" and np.array_equal(np.asarray(read), np.asarray(sheet))
    with pytest.raises(OutputError, match="does not exist"):
        write_sheet(tmp_path / "no" / "sheet.png", sheet)
    assert [each.name for each in tmp_path.iterdir()] == ["sheet.png"]


def test_without_pillow(head, monkeypatch):
    for name in [each for each in sys.modules if each.split(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'medtalk\[report\]'"):
        draw_sheet(head, [("a", SPOKEN)], [moments(SPOKEN, 1)], camera(head), 64)


def test_names_of_takes(tmp_path):
    a, b, other = tmp_path / "a" / "line.npz", tmp_path / "b" / "line.arkit.csv", tmp_path / "x.csv"
    assert names_of([a, other]) == ["line", "x"]
    assert names_of([a, b, other]) == [str(a), str(b), "x"]
    assert names_of([tmp_path / "line.v2.npz", tmp_path / "line.v3.arkit.csv"]) == ["line.v2", "line.v3"]
