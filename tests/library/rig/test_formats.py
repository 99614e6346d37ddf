"""Rig files: what is written is read again, and what does not fit is refused with one clear line."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtalk.errors import OutputError, RigError
from medtalk.rig import (
    ARKIT_NAMES,
    CHANNEL_NAMES,
    RIG_ENDINGS,
    RigSequence,
    Timed,
    check_output,
    formats,
    from_arkit,
    read_rig,
    to_expressions,
    write_rig,
)
from medtalk.rig.livelink import HEADER

JAW = CHANNEL_NAMES.index("CTRL_C_jaw-translateY")
RATES = (1.0, 7.0, 23.976, 24.0, 25.0, 29.97, 30000 / 1001, 30.0, 47.3, 50.0, 59.94, 60.0, 120.0)


def random_rig(frames: int = 8, fps: float = 60.0) -> RigSequence:
    values = np.random.default_rng(7).normal(0.2, 0.4, (frames, 174))
    values[0, :3] = 1e-12, -1e-38, 1 / 3
    return RigSequence(values, fps, {"emotion": "angry", "who": "Zoë", "at": [1, 2.5]})


def refusal(path: Path, fps: float | None = None) -> str:
    """The line with which reading is refused."""
    with pytest.raises(RigError) as caught:
        read_rig(path, fps)
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    return line


def spoiled(path: Path, change: Callable[[list[str]], object], frames: int = 5, fps: float = 60.0) -> Path:
    """A rig file at `path` after `change` was let loose on its lines."""
    write_rig(path, random_rig(frames, fps))
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n")
    return path


# --- there and back


@pytest.mark.parametrize("ending", [".npz", ".csv", ".txt", ".json"])
def test_values_come_back_bit_for_bit(tmp_path: Path, ending: str) -> None:
    rig = random_rig()
    path = tmp_path / f"take{ending}"
    assert write_rig(path, rig) == path
    again = read_rig(path)
    assert again.values.tobytes() == rig.values.tobytes()
    assert again.fps == 60.0


def turned(frames: int = 8, fps: float = 60.0) -> RigSequence:
    """A rig whose head turns."""
    head = np.random.default_rng(8).uniform(-30.0, 30.0, (frames, 3))
    return replace(random_rig(frames, fps), head=head)


@pytest.mark.parametrize("ending", [".npz", ".csv", ".json"])
def test_a_head_comes_back_bit_for_bit(tmp_path: Path, ending: str) -> None:
    rig, path = turned(), tmp_path / f"take{ending}"
    assert rig.head is not None
    write_rig(path, rig)
    again = read_rig(path)
    assert again.head is not None and again.head.tobytes() == rig.head.tobytes()
    assert again.values.tobytes() == rig.values.tobytes()
    write_rig(path, random_rig())
    assert read_rig(path).head is None


def test_a_head_comes_back_from_livelink_and_not_from_txt(tmp_path: Path) -> None:
    rig, path = turned(120), tmp_path / "take.arkit.csv"
    write_rig(path, rig)
    again = read_rig(path).head
    assert again is not None
    np.testing.assert_allclose(again, np.asarray(rig.head), atol=1e-5)
    # as the app writes it: radians, to the right, down and to the left shoulder
    cells = path.read_text().splitlines()[1].split(",")
    assert rig.head is not None
    np.testing.assert_allclose([float(cell) for cell in cells[54:57]], -np.radians(rig.head[0]), atol=1e-6)
    write_rig(tmp_path / "take.txt", rig)
    assert read_rig(tmp_path / "take.txt").head is None


@pytest.mark.parametrize("ending", [".expressions.csv", ".curves.csv"])
def test_metahumans_get_the_curves_of_the_head(tmp_path: Path, ending: str) -> None:
    names = ["HeadYaw", "HeadPitch", "HeadRoll", "HeadControlSwitch"]
    still, path = random_rig(), tmp_path / f"take{ending}"
    # the bone of the head of a MetaHuman: its roll turns to the left, its yaw nods down, its pitch tilts to the right
    for turn, bone in (((10, 0, 0), (0, 0, 10)), ((0, 10, 0), (-10, 0, 0)), ((0, 0, 10), (0, 10, 0))):
        write_rig(path, replace(still, head=np.tile(turn, (8, 1))))
        lines = [line.split(",") for line in path.read_text().splitlines()]
        if ending == ".curves.csv":  # a curve that is 0 throughout is left out
            last = {
                name: float(value) for name, frame, value in (map(str.strip, each) for each in lines) if frame == "7"
            }
        else:
            last = dict(zip(lines[0], map(float, lines[-1]), strict=True))
        assert [last.get(name, 0.0) for name in names] == pytest.approx([*bone, 1.0], abs=1e-5)
    write_rig(path, still)
    assert "Head" not in path.read_text()


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("ending", [".npz", ".csv", ".json"])
def test_the_frame_rate_comes_back(tmp_path: Path, ending: str, fps: float) -> None:
    path = tmp_path / f"take{ending}"
    write_rig(path, random_rig(400, fps))
    assert read_rig(path).fps == pytest.approx(fps, rel=1e-11)


@pytest.mark.parametrize("ending", [".npz", ".json"])
def test_meta_comes_back(tmp_path: Path, ending: str) -> None:
    rig = random_rig()
    write_rig(tmp_path / f"take{ending}", rig)
    assert read_rig(tmp_path / f"take{ending}").meta == rig.meta


@pytest.mark.parametrize("ending", [".npz", ".json"])
def test_words_and_phones_come_back(tmp_path: Path, ending: str) -> None:
    words, phones = (Timed("Zoë", 0.01, 0.1),), (Timed("z", 0.01, 0.05), Timed("oh", 1 / 19, 0.1))
    rig = RigSequence(random_rig().values, 60.0, {}, words, phones)
    again = read_rig(write_rig(tmp_path / f"take{ending}", rig))
    assert (again.words, again.phones) == (words, phones)


def test_rigs_from_before_words_had_times_are_read(tmp_path: Path) -> None:
    document = json.loads(write_rig(tmp_path / "take.json", random_rig()).read_text())
    del document["words"], document["phones"]
    (tmp_path / "old.json").write_text(json.dumps(document))
    assert read_rig(tmp_path / "old.json").words == ()
    with np.load(write_rig(tmp_path / "take.npz", random_rig())) as archive:
        np.savez(tmp_path / "old.npz", **{key: archive[key] for key in archive.files if key not in ("words", "phones")})
    assert read_rig(tmp_path / "old.npz").phones == ()


@pytest.mark.parametrize("words", [3, "ab", [["a", 1]], [["a", 2, 1]], [[None, 0, 1]], {"a": 1}])
def test_words_that_are_none_are_refused(tmp_path: Path, words: object) -> None:
    document = json.loads(write_rig(tmp_path / "take.json", random_rig()).read_text())
    (tmp_path / "bad.json").write_text(json.dumps({**document, "words": words}))
    assert "word" in refusal(tmp_path / "bad.json")
    with np.load(write_rig(tmp_path / "take.npz", random_rig())) as archive:
        np.savez(tmp_path / "bad.npz", **{**archive, "words": np.array(json.dumps(words))})
    assert "word" in refusal(tmp_path / "bad.npz")


@pytest.mark.parametrize("ending", [".csv", ".txt", ".json", ".npz", ".arkit.csv", ".a2f.json"])
def test_one_frame(tmp_path: Path, ending: str) -> None:
    write_rig(tmp_path / f"take{ending}", random_rig(1))
    assert len(read_rig(tmp_path / f"take{ending}")) == 1


def test_endings_are_read_in_any_case(tmp_path: Path) -> None:
    rig = random_rig()
    write_rig(tmp_path / "TAKE.CSV", rig)
    np.testing.assert_array_equal(read_rig(tmp_path / "TAKE.CSV").values, rig.values)


def test_the_same_rig_makes_the_same_bytes(tmp_path: Path) -> None:
    for ending in RIG_ENDINGS:
        for name in ("one", "two"):
            write_rig(tmp_path / f"{name}{ending}", random_rig())
        assert (tmp_path / f"one{ending}").read_bytes() == (tmp_path / f"two{ending}").read_bytes()


def test_layouts(tmp_path: Path) -> None:
    rig = random_rig(3)
    for ending in RIG_ENDINGS:
        write_rig(tmp_path / f"take{ending}", rig)
    csv = (tmp_path / "take.csv").read_text().splitlines()
    assert csv[0] == ",".join(("time", *CHANNEL_NAMES))
    assert [line.split(",")[0] for line in csv[1:]] == [repr(t / 60) for t in range(3)]
    text = (tmp_path / "take.txt").read_text().splitlines()
    assert [len(line.split(",")) for line in text] == [174] * 3
    document = json.loads((tmp_path / "take.json").read_text())
    assert (document["fps"], document["channels"], len(document["values"])) == (60.0, list(CHANNEL_NAMES), 3)
    names, values = to_expressions(rig)
    curves = (tmp_path / "take.expressions.csv").read_text().splitlines()
    assert curves[0] == ",".join(("time", *names))
    assert all(name.startswith("CTRL_expressions_") for name in names)
    np.testing.assert_array_equal(np.array([line.split(",")[1:] for line in curves[1:]], np.float32), values)


def test_the_papers_recording_is_read(shared: Path) -> None:
    rig = read_rig(shared / "recorded" / "angry_gd04_001_021.txt")
    assert (len(rig), rig.fps) == (202, 60.0)
    assert rig.values.min() == pytest.approx(-0.63, abs=0.01)
    assert read_rig(shared / "recorded" / "angry_gd04_001_021.txt", fps=30.0).fps == 30.0


@pytest.mark.parametrize("ending", [".expressions.csv", ".curves.csv", ".glb"])
def test_what_is_written_only_cannot_be_read_and_it_says_so(tmp_path: Path, ending: str) -> None:
    write_rig(tmp_path / f"take{ending}", random_rig())
    assert "written only" in refusal(tmp_path / f"take{ending}")


# --- where to write


def test_unknown_endings_are_refused_with_the_valid_ones(tmp_path: Path) -> None:
    for name in ("take.fbx", "take", ".csv", "take.csv.bak"):
        for act in (check_output, read_rig, lambda path: write_rig(path, random_rig())):
            with pytest.raises(RigError, match=r"\.arkit\.csv"):
                act(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_are_refused_before_work(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for place in (tmp_path / "missing" / "take.csv", tmp_path / "folder.csv"):
        with pytest.raises(OutputError):
            check_output(place)
        with pytest.raises(OutputError):
            write_rig(place, random_rig())
    check_output(tmp_path / "take.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


# --- strict reading


@pytest.mark.parametrize("ending", [".csv", ".txt", ".json", ".npz", ".arkit.csv", ".a2f.json"])
def test_files_that_are_no_rig_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"take{ending}"
    assert "does not exist" in refusal(path)
    path.write_bytes(b"")
    assert "empty" in refusal(path)
    path.write_bytes(b"\n")
    refusal(path)
    path.write_bytes(bytes(range(256)) * 20)
    refusal(path)
    path.write_bytes(b"x" * 200_000)
    refusal(path)
    path.unlink()
    path.mkdir()
    assert "folder" in refusal(path)


@pytest.mark.parametrize("ending", [".csv", ".txt", ".json", ".npz", ".arkit.csv"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.97])
def test_cut_files_are_refused(tmp_path: Path, ending: str, part: float) -> None:
    path = tmp_path / f"take{ending}"
    write_rig(path, random_rig())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    refusal(path)


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "", "0,5", "x", "1e400"])
@pytest.mark.parametrize("ending", [".csv", ".txt", ".arkit.csv"])
def test_cells_that_are_no_finite_number_are_refused_with_their_line(tmp_path: Path, ending: str, cell: str) -> None:
    def change(lines: list[str]) -> None:
        cells = lines[3].split(",")
        cells[9] = cell
        lines[3] = ",".join(cells)

    assert "line 4" in refusal(spoiled(tmp_path / f"take{ending}", change))


def test_too_large_for_float32_is_refused(tmp_path: Path) -> None:
    path = spoiled(tmp_path / "take.txt", lambda lines: lines.append(",".join(["1e300"] * 174)))
    assert "finite" in refusal(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines.__setitem__(0, lines[0].replace("tongue_roll", "tongue_tip")), "CTRL_C_tongue_roll"),
        (lambda lines: lines.__setitem__(0, lines[0].replace("time,", "")), "`time`"),
        (lambda lines: lines.__setitem__(0, lines[0].rsplit(",", 1)[0]), "173 channel names"),
        (lambda lines: lines.pop(0), "`time`"),
        (lambda lines: lines.__delitem__(slice(1, None)), "no frames"),
        (lambda lines: lines.__setitem__(3, lines[3] + ",0"), "line 4: 176 columns; it must have 175"),
        (lambda lines: lines.__setitem__(3, lines[2]), "line 4: time goes from"),
        (lambda lines: lines.reverse(), "`time`"),
        (lambda lines: lines.__setitem__(slice(1, None), lines[:0:-1]), "line 3: time goes from"),
        (lambda lines: lines.pop(3), "line 4: a step of"),
        (lambda lines: lines.insert(3, ""), "line 4: blank"),
    ],
)
def test_csv_that_does_not_fit(tmp_path: Path, change: Callable[[list[str]], object], message: str) -> None:
    assert message in refusal(spoiled(tmp_path / "take.csv", change))


def test_csv_of_rounded_times_has_the_rate_that_was_meant(tmp_path: Path) -> None:
    for fps, digits in ((60.0, 3), (30.0, 2), (30000 / 1001, 4), (24.0, 6)):

        def change(lines: list[str], fps: float = fps, digits: int = digits) -> None:
            for t, line in enumerate(lines[1:]):
                lines[t + 1] = ",".join([f"{t / fps:.{digits}f}", *line.split(",")[1:]])

        path = spoiled(tmp_path / "take.csv", change, frames=300, fps=fps)
        if digits == 2:
            assert "a step of" in refusal(path)  # 0.03, 0.07, 0.10: too coarse to tell
        else:
            assert read_rig(path).fps == pytest.approx(fps, rel=1e-9)


def test_csv_of_windows_programs_is_read(tmp_path: Path) -> None:
    rig = random_rig(5)
    write_rig(tmp_path / "take.csv", rig)
    text = (tmp_path / "take.csv").read_text()
    (tmp_path / "take.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    np.testing.assert_array_equal(read_rig(tmp_path / "take.csv").values, rig.values)


def test_json_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "take.json"
    write_rig(path, random_rig(2))
    good = json.loads(path.read_text())
    for key, value, message in (
        ("format", "other", "not a rig"),
        ("version", 2, "version 2"),
        ("channels", list(CHANNEL_NAMES)[::-1], "channel 1 is"),
        ("channels", None, "0 channel names"),
        ("fps", "60", "fps"),
        ("fps", 0, "frame rate"),
        ("meta", [], "meta"),
        ("values", [], "values"),
        ("values", {"a": 1}, "values"),
        ("values", [[0.0] * 173], "frame 0 has 173"),
        ("values", [[0.0] * 174, [None] * 174], "frame 1"),
        ("values", [[float("nan")] * 174], "NaN"),
        ("values", [[10**320] * 174], "too large"),
        ("values", [[10**400] * 174], "more than a rig"),
        ("values", [[1e300] * 174], "finite"),
        ("values", [[0.0] * 174, [True] * 174], "frame 1 has something other than numbers"),
        ("values", [[[0.0] * 174]], "more than a rig"),
        ("fps", 10**4000, "frame rate"),
        ("version", 10**4000, "is of format version 1000"),
    ):
        path.write_text(json.dumps({**good, key: value}))
        assert message in refusal_any(path), key


def refusal_any(path: Path) -> str:
    """Like `refusal`, for errors of any kind of ours."""
    from medtalk.errors import MedtalkError

    with pytest.raises(MedtalkError) as caught:
        read_rig(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_npz_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "take.npz"
    good = {
        "version": np.int64(1),
        "values": np.zeros((2, 174), np.float32),
        "fps": np.float64(60),
        "channels": np.array(CHANNEL_NAMES),
        "meta": np.array("{}"),
    }
    np.savez(path, **good)
    assert len(read_rig(path)) == 2
    for key, value, message in (
        ("version", np.int64(9), "version 9"),
        ("channels", np.array(CHANNEL_NAMES[::-1]), "channel 1 is"),
        ("values", np.zeros((2, 173), np.float32), "(2, 173)"),
        ("values", np.zeros((2, 174)), "float64"),
        ("values", np.full((2, 174), np.inf, np.float32), "finite"),
        ("fps", np.float64(np.nan), "frame rate"),
        ("fps", np.zeros(2), "not a complete"),
        ("meta", np.array("{"), "not a complete"),
    ):
        np.savez(path, **{**good, key: value})
        assert message in refusal_any(path), key
    np.savez(path, values=good["values"])
    assert "no 'version'" in refusal_any(path)


def test_npz_never_unpickles(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return (Path.touch, (tmp_path / "exploded",))  # pyright: ignore[reportReturnType]

    path = tmp_path / "take.npz"
    write_rig(path, random_rig())
    with np.load(path) as archive:
        arrays = dict(archive)
    bomb = np.empty((), object)
    bomb[()] = Bomb()
    np.savez(path, **{**arrays, "meta": bomb})  # pyright: ignore[reportArgumentType]
    assert "not a complete" in refusal(path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("key", "shape", "kind", "message"),
    [
        ("values", "(1000001, 174)", "<f4", "T from 1 to 1000000"),
        ("values", "(174, 1000000)", "<f4", "T from 1 to 1000000"),
        ("values", "(10, 174)", "<f8", "they must be float32"),
        ("meta", "(4194305,)", "<f4", "'meta.npy' has 16777220 bytes"),
        ("more", "(1000000000,)", "|S100", "'more.npy' has 100000000000 bytes"),
    ],
)
def test_npz_of_too_large_arrays_is_refused_by_its_headers(
    tmp_path: Path, key: str, shape: str, kind: str, message: str
) -> None:
    path = write_rig(tmp_path / "take.npz", random_rig())
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries[f"{key}.npy"] = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"no more"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    assert message in refusal(path)


def test_far_times_make_no_endless_rig(tmp_path: Path) -> None:
    def change(lines: list[str]) -> None:
        for number, time in ((1, "0"), (2, "1000000")):
            lines[number] = ",".join([time, *lines[number].split(",")[1:]])

    rig = read_rig(spoiled(tmp_path / "far.csv", change, frames=2))
    assert (len(rig), rig.fps) == (2, 1e-6)
    with pytest.raises(RigError, match=r"would be 1.2e\+08 at 60; valid are 1000000"):
        rig.resample(60.0)


@pytest.mark.parametrize("digits", [400, 5000])
def test_endless_numbers_are_refused(tmp_path: Path, digits: int) -> None:
    path = write_rig(tmp_path / "take.json", random_rig(2))
    text, many = path.read_text(), "9" * digits
    document = json.loads(text)
    for old, new in (('"fps": 60.0', '"fps": '), ('"version": 1', '"version": '), ('"values": [\n[', '"values": [\n[')):
        assert old in text
        path.write_text(text.replace(old, new + many + (", " if old == new else "")))
        refusal_any(path)
    document["meta"] = {"at": "many"}
    path.write_text(json.dumps(document).replace('"many"', many))
    if digits > 4300:  # Python reads no longer integers
        assert "too large" in refusal(path)
    else:
        assert read_rig(path).meta == {"at": int(many)}
    (tmp_path / "tc").mkdir()
    for at, code in enumerate((f"{many}:00:00:00.000", f"00:00:00:{many}", f"00:00:00:00.{many}", f"{many}")):

        def change(lines: list[str], code: str = code) -> None:
            lines[3] = ",".join([code, *lines[3].split(",")[1:]])

        assert "line 4" in refusal(spoiled(tmp_path / "tc" / f"{at}.arkit.csv", change))


def test_json_that_is_nested_or_full_of_other_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medtalk.rig.document.MAX_ENTRY_BYTES", 1 << 20)
    path = write_rig(tmp_path / "take.json", random_rig(2))
    text = path.read_text()
    for spoilt in (
        text.replace('"meta": {', '"meta": ' + "[" * 200_000),
        text.replace('"values": [', '"values": ' + "[" * 200_000),
        text.replace('"meta": {', '"meta": {"a": [' + "[]," * 400_000 + "[]], "),
        text.replace('"values": [', '"values": [' + "[]," * 400_000),
        "[" * 200_000,
        "[]," * 400_000,
        '{"a": 1 "b": 2}',
        '{"a" 1}',
        "{1: 2}",
        "{",
        text + "1",
        text.rstrip()[:-1] + ",",
    ):
        path.write_text(spoilt)
        refusal(path)


def test_json_of_other_programs_is_read(tmp_path: Path) -> None:
    rig = random_rig(3)
    document = json.loads(write_rig(tmp_path / "take.json", rig).read_text())
    mixed = dict(reversed(document.items()))
    for name, options in {"short": {"separators": (",", ":")}, "long": {"indent": 4}}.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(mixed, **options))
        again = read_rig(path)
        np.testing.assert_array_equal(again.values, rig.values)
        assert again.meta == rig.meta


def test_devices_and_pipes_are_no_rigs(tmp_path: Path) -> None:
    for ending in (".csv", ".txt", ".json", ".npz", ".arkit.csv"):
        os.mkfifo(tmp_path / f"pipe{ending}")
        assert "device or pipe" in refusal(tmp_path / f"pipe{ending}")
        (tmp_path / f"zero{ending}").symlink_to("/dev/zero")
        assert "device or pipe" in refusal(tmp_path / f"zero{ending}")


# --- Live Link Face


@pytest.mark.parametrize("fps", RATES)
def test_livelink_comes_back(tmp_path: Path, fps: float) -> None:
    # Small enough that no two blendshapes together leave the board's limits.
    weights = np.random.default_rng(8).uniform(0.05, 0.3, (400, 52))
    weights[:, ARKIT_NAMES.index("MouthClose")] *= weights[:, ARKIT_NAMES.index("JawOpen")]
    rig = from_arkit(weights, fps)
    path = tmp_path / "take.arkit.csv"
    write_rig(path, rig)
    again = read_rig(path)
    assert again.fps == pytest.approx(fps, rel=1e-5)
    np.testing.assert_allclose(again.values, rig.values, atol=1e-6)


def test_livelink_layout(tmp_path: Path) -> None:
    path = tmp_path / "take.arkit.csv"
    write_rig(path, random_rig(130))
    lines = path.read_text().splitlines()
    assert lines[0] == ",".join(HEADER)
    assert lines[0].startswith("Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,")
    assert lines[0].endswith(",TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,"
                             "RightEyeYaw,RightEyePitch,RightEyeRoll")  # fmt: skip
    assert lines[1].startswith("00:00:00:00.000,61,")
    assert lines[-1].startswith("00:00:02:09.000,61,")
    assert {len(line.split(",")) for line in lines} == {63}


def recording(frames: int, base: int, start: int = 0, header: tuple[str, ...] = HEADER) -> list[str]:
    """Lines as the app writes them at `base` frames a second; JawOpen rises."""
    jaw = [name.lower() for name in header].index("jawopen")
    lines = [",".join(header)]
    for t in range(start, start + frames):
        cells = ["0.1"] * len(header)
        cells[0] = f"14:03:{52 + t // base:02d}:{t % base:02d}.207"
        cells[1] = "61"
        cells[jaw] = f"{(t - start) / frames:.6f}"
        lines.append(",".join(cells))
    return lines


@pytest.mark.parametrize("base", [24, 25, 30, 60])
def test_recordings_of_the_app_are_read_at_its_own_rate(tmp_path: Path, base: int) -> None:
    path = tmp_path / "take.arkit.csv"
    path.write_text("\n".join(recording(150, base, start=7)))
    rig = read_rig(path)
    assert (rig.fps, len(rig)) == (base, 150)
    np.testing.assert_allclose(rig.values[:, JAW], np.arange(150) / 150, atol=1e-6)


def test_short_recordings_take_the_rate_they_are_given(tmp_path: Path) -> None:
    path = tmp_path / "take.arkit.csv"
    path.write_text("\n".join(recording(20, 30)))
    assert read_rig(path).fps == 60.0
    assert read_rig(path, fps=30.0).fps == 30.0


def test_columns_may_come_in_any_order_and_case(tmp_path: Path) -> None:
    path = tmp_path / "take.arkit.csv"
    mixed = ("timecode", "BlendshapeCount", *(name[0].lower() + name[1:] for name in HEADER[53:1:-1]))
    path.write_text("\n".join(recording(20, 60, header=mixed)))
    assert read_rig(path).values[10, JAW] == 0.5


def test_frames_that_the_app_dropped_are_filled(tmp_path: Path) -> None:
    path = tmp_path / "take.arkit.csv"
    lines = recording(150, 60)
    path.write_text("\n".join(lines[:40] + lines[52:90] + lines[91:]))
    rig = read_rig(path)
    assert (rig.fps, len(rig)) == (60.0, 150)
    np.testing.assert_allclose(rig.values[:, JAW], np.arange(150) / 150, atol=1e-6)
    path.write_text("\n".join(lines[:40] + lines[120:]))
    assert "line 41" in refusal(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines.__setitem__(0, lines[0].replace("JawOpen", "JawShut")), "no column JawOpen"),
        (lambda lines: lines.__setitem__(0, lines[0].replace("HeadYaw", "JawOpen")), "twice"),
        (lambda lines: lines.__setitem__(0, lines[0].rsplit(",", 1)[0]), "line 2: 63 columns; the header has 62"),
        (lambda lines: lines.__setitem__(2, lines[1]), "line 3: its timecode"),
        (lambda lines: lines.__setitem__(2, "noon" + lines[2]), "line 3: 'noon"),
        (lambda lines: lines.__setitem__(2, lines[2].replace(",61,", ",51,", 1)), "BlendShapeCount is '51'"),
        (lambda lines: lines.__delitem__(slice(1, None)), "no frames"),
    ],
)
def test_livelink_that_does_not_fit(tmp_path: Path, change: Callable[[list[str]], object], message: str) -> None:
    assert message in refusal(spoiled(tmp_path / "take.arkit.csv", change))


def test_no_json_is_written_that_could_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_JSON_BYTES", 1 << 16)
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(RigError, match=r"500 frames are too many for JSON.*Write \.npz"):
        write_rig(tmp_path / "a.json", RigSequence(np.zeros((500, 174), np.float32), 60.0))
    assert (tmp_path / "a.json").read_text() == "old" and len(list(tmp_path.iterdir())) == 1
