"""Sounds in, takes out: the studio's answers to its page, and to what no page would send."""

from __future__ import annotations

import errno
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.limits import ServiceLimits
from medtalk.perform import VOICE, Model
from medtalk.rig import CHANNEL_NAMES, RIG_ENDINGS, RigSequence, read_rig
from medtalk.studio.controls import NOT_CONTROLS, OWN
from medtalk_wire.settings import Finishing, Settings, knobs
from tests.conftest import Result
from tests.helpers.sidecars import SEES
from tests.helpers.sounds import babble
from tests.helpers.studios import Answer, Studio, unpack


def values_of(answer: Answer) -> np.ndarray:
    """The rig of a take and the turn of its head, (T, 174 + 3), as the page reads it."""
    assert answer.status == 200, answer.body
    header, arrays = unpack(answer.body)
    counts = np.vstack(
        [
            np.cumsum(arrays[name].astype(np.int64), axis=1) % size
            for name, size in (("bytes", 1 << 8), ("shorts", 1 << 16))
        ]
    )
    rig = np.zeros((header["frames"], len(CHANNEL_NAMES) + 3))
    rig[:, arrays["channels"]] = (arrays["low"][:, None] + arrays["step"][:, None] * counts).T
    return rig


def error_of(answer: Answer) -> tuple[int, str]:
    facts = answer.json
    assert set(facts) == {"code", "message", "hint", "about"}
    assert "\n" not in facts["message"] and "Traceback" not in facts["message"]
    return answer.status, facts["code"]


def wait_until(true: Callable[[], object]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def wav(seconds: float, rate: int = 16000) -> bytes:
    file = BytesIO()
    soundfile.write(file, babble(seconds, rate), rate, format="WAV")
    return file.getvalue()


def test_a_take_is_what_the_library_makes(studio: Studio, sound: str, model: Model, sample: Path) -> None:
    asked = {
        "sound": sound, "guidance": {"kind": "label", "emotion": {"happy": 0.6, "sad": 0.4}}, "intensity": 1.5,
        "region": "upper", "finishing": {"seed": 3, "blink": False},
    }  # fmt: skip
    steps = medtalk.Finishing(seed=3, blink=False)
    rig = model.perform(sample).decode({"happy": 0.6, "sad": 0.4}, 1.5, steps, "upper")
    found = values_of(studio.post("take", asked))
    assert np.abs(found[:, : len(CHANNEL_NAMES)] - rig.values).max() < 0.003
    assert rig.head is None and not found[:, len(CHANNEL_NAMES) :].any(), "a part of a face does not turn"


def test_words_that_stay_are_aligned_once(
    studio: Studio, speech_data: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.loads((speech_data / "transcripts.json").read_text())["jfk"]
    sound = studio.keep((speech_data / "jfk.flac").read_bytes(), "jfk.flac")
    aligned: list[str] = []
    own = Model._with_words

    def count(self: Model, heard: Any, words: str, *more: Any) -> Any:
        aligned.append(words)
        return own(self, heard, words, *more)

    monkeypatch.setattr(Model, "_with_words", count)
    for intensity in (1.0, 1.5, 2.0):
        answer = studio.post("take", {"sound": sound, "transcript": text, "intensity": intensity})
        header, _ = unpack(answer.body)
        assert len(header["words"]) > 15 and header["meta"]["transcript"] == text
    assert aligned.count(text) == 1
    header, _ = unpack(studio.post("take", {"sound": sound}).body)
    assert header["words"] == []


def test_a_curve_that_is_drawn_takes_the_place_of_the_voices(studio: Studio, sound: str) -> None:
    asked: dict[str, Any] = {"sound": sound, "guidance": {"kind": "label", "emotion": "angry"}}
    plain = studio.post("take", asked)
    header, arrays = unpack(plain.body)
    curve = np.linspace(0.0, 2.0, header["frames"])
    drawn = studio.post("take", {**asked, "curve": curve.tolist()})
    _, arrays = unpack(drawn.body)
    assert np.abs(arrays["intensity"] / 255 * 2.0 - curve).max() < 0.01
    assert np.abs(values_of(drawn) - values_of(plain)).max() > 0.1
    assert error_of(studio.post("take", {**asked, "curve": [1.0, 2.0]})) == (400, "setting")
    assert error_of(studio.post("take", {**asked, "curve": ["high"]})) == (400, "bad_message")
    assert error_of(studio.post("take", {**asked, "curve": [float("nan")] * header["frames"]})) == (400, "setting")


def test_a_description_leads_and_what_it_leaves_unclear_is_noted(studio: Studio, sound: str) -> None:
    asked = {
        "sound": sound,
        "guidance": {"kind": "text", "text": "furious, and a bit xylophone", "labels": {"sad": 0.3}},
    }
    header, _ = unpack(studio.post("take", asked).body)
    assert header["meta"]["emotion"]["angry"] > 0.4 and header["meta"]["emotion"]["sad"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"guidance": {"kind": "label", "emotion": "hungry"}}, "guidance"),
        ({"guidance": {"kind": "image"}}, "bad_message" if SEES else "unsupported"),
        ({"intensity": 9}, "setting"),
        ({"intensity": "much"}, "bad_message"),
        ({"region": "left ear"}, "setting"),
        ({"finishing": {"smoothing": {"mouth": 4}}}, "setting"),
        ({"finishing": {"seed": -1}}, "setting"),
        ({"fps": 1e9}, "setting"),
        ({"guidance": 3}, "bad_message"),
        ({"guidance": {"kind": "text", "text": "x" * 20_000}}, "guidance"),
        ({"transcript": "x" * 100_000}, "limit"),
        ({"finishing": {"seed": 1 << 80}}, "bad_message"),
    ],
)
def test_a_wrong_setting_is_one_line(studio: Studio, sound: str, wrong: dict[str, Any], code: str) -> None:
    status, found = error_of(studio.post("take", {"sound": sound, **wrong}))
    assert (status, found) == (413 if code == "limit" else 400, code)


def test_a_verdict_takes_no_change_s_place(studio: Studio, sound: str) -> None:
    """A take that is to be judged waits beside a change of its tab that still waits."""
    long = studio.keep(wav(600.0), "long.wav")
    with ThreadPoolExecutor() as pool:
        hearing = pool.submit(studio.post, "take", {"sound": long}, tab="other")  # keeps the engine busy
        wait_until(lambda: studio.get("progress", tab="other").json["phase"])
        change = pool.submit(studio.post, "take", {"sound": sound, "intensity": 1.5}, tab="own")
        wait_until(lambda: len(studio.session._queue) == 1)
        judged = pool.submit(studio.post, "take", {"sound": sound}, tab="own", judged="")
        wait_until(lambda: len(studio.session._queue) == 2)
        studio.post("take", {"sound": sound}, tab="other")  # ends the hearing
        assert error_of(hearing.result()) == (409, "cancelled")
        assert unpack(change.result().body)[0]["summary"] == []
        assert unpack(judged.result().body)[0]["summary"][0][::2] == ["quality", "good"]


def test_as_heard_without_its_weights_is_one_line_at_once(sample: Path, tmp_path: Path) -> None:
    pytest.importorskip("funasr", reason="needs the extra full")
    for folder, there in ((tmp_path / "nowhere", False), (tmp_path, True)):
        model = medtalk.load(threads=1, backbones={VOICE: folder})
        with Studio(model, sample) as studio:
            assert studio.get("voice").json is there
            if there:
                continue
            sound = studio.get("start").json["sound"]["id"]
            answer = studio.post("take", {"sound": sound, "guidance": {"kind": "auto"}})
            assert error_of(answer) == (400, "backbone")
            assert answer.json["hint"] == "Run medtalk backbones pull emotion2vec_plus, and reload the page."


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"3", b'"\xff"', b"[" * 100_000, b'{"sound": {}}', b'{"sound": "0"}', b'{"sound": 1e999}'],
)
def test_what_no_page_would_send(studio: Studio, body: bytes) -> None:
    status, code = error_of(studio.post("take", body))
    assert (status, code) in [(400, "bad_message"), (400, "not_heard")]


def test_a_broken_sound_is_one_line_and_changes_nothing(studio: Studio, sound: str) -> None:
    good = studio.post("take", {"sound": sound})
    cut = wav(1.0)[:20_000]
    for name, data in {"notes.txt": b"no sound at all", "cut.wav": cut, "empty.wav": b""}.items():
        broken = studio.keep(data, name)
        answer = studio.post("take", {"sound": broken})
        assert error_of(answer) == (400, "audio")
        assert name in answer.json["message"]
        assert error_of(studio.get("sound", id=broken)) == (400, "audio")
    assert studio.post("take", {"sound": sound}).body == good.body


def test_a_sound_beyond_the_limit_is_refused_before_it_is_read(model: Model) -> None:
    with Studio(model, limits=ServiceLimits.parse(["max_bytes=100000", "max_seconds=2"])) as studio:
        path = urlsplit(studio.address).path + "keep?name=long.wav"
        # a body that is announced and never sent: the answer comes without it
        announced = studio.raw("POST", path, headers={"Content-Length": str(10**12)})
        assert error_of(announced) == (413, "limit")
        assert announced.headers["connection"] == "close"
        assert error_of(studio.post("keep", bytes(100_001), name="long.wav")) == (413, "limit")
        assert studio.raw("POST", path, headers={"Content-Length": "-5"}).status == 400
        long = studio.keep(wav(3.0), "long.wav")
        assert error_of(studio.post("take", {"sound": long})) == (413, "limit")
        assert error_of(studio.post("take", b" " * (17 << 20))) == (413, "limit")


def test_a_sound_of_unknown_length_is_cut_off_beyond_the_limit(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medtalk.studio.app._DISCARDED", 1 << 20)
    with Studio(model, limits=ServiceLimits.parse(["max_bytes=100000"])) as studio:
        address = urlsplit(studio.address)
        with socket.create_connection(("127.0.0.1", studio.server.port), 60) as connection:
            head = [
                f"POST {address.path}keep?name=endless.wav HTTP/1.1", f"Host: {address.netloc}",
                f"Origin: {studio.origin}", "Transfer-Encoding: chunked", "", "",
            ]  # fmt: skip
            connection.sendall("\r\n".join(head).encode())
            sent, answer = 0, b""
            connection.settimeout(0.05)
            while b"\r\n\r\n" not in answer and sent < 50 << 20:
                try:
                    connection.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
                    sent += 1 << 16
                    answer += connection.recv(1 << 16)
                except TimeoutError:
                    continue
                except OSError:
                    break
        assert answer.startswith(b"HTTP/1.1 413")
        assert sent < 5 << 20


def test_every_export_reads_back(studio: Studio, sound: str, tmp_path: Path, model: Model, sample: Path) -> None:
    asked = {"sound": sound, "guidance": {"kind": "label", "emotion": "surprised"}}
    rig = model.perform(sample).decode("surprised")
    assert set(studio.get("start").json["endings"]) == {*RIG_ENDINGS, ".html"}
    for ending in RIG_ENDINGS:
        answer = studio.post("export", asked, ending=ending)
        assert answer.status == 200, answer.body
        assert f'filename="sample{ending}"' in answer.headers["content-disposition"]
        file, own = tmp_path / f"got{ending}", tmp_path / f"own{ending}"
        file.write_bytes(answer.body)
        medtalk.write_rig(own, rig)
        readable = _readable(file)
        if readable is not None:
            expected = _readable(own)
            assert expected is not None and np.array_equal(readable.values, expected.values), ending
        else:
            assert len(answer.body) > 1000, ending


def _readable(file: Path) -> RigSequence | None:
    """The rig of a file; None for what is written only."""
    try:
        return read_rig(file)
    except medtalk.MedtalkError as error:
        assert "written only" in error.message
        return None


def test_an_export_may_be_of_a_part(studio: Studio, sound: str, tmp_path: Path) -> None:
    answer = studio.post("export", {"sound": sound, "span": [1.0, 2.5]}, ending=".npz")
    (tmp_path / "part.npz").write_bytes(answer.body)
    assert len(read_rig(tmp_path / "part.npz")) == 90


def test_an_export_is_a_page(studio: Studio, sound: str) -> None:
    page = studio.post("export", {"sound": sound}, ending=".html")
    assert page.status == 200 and page.body.lstrip().lower().startswith(b"<!doctype html>")
    assert b'data-blob="take"' in page.body and b'data-blob="sound"' in page.body
    assert page.headers["content-disposition"].startswith("attachment")


def test_exports_that_are_not(studio: Studio, sound: str) -> None:
    for ending in (".fbx", "", "/../../x.csv", ".csv/../../../x"):
        assert error_of(studio.post("export", {"sound": sound}, ending=ending)) == (400, "rig")
    assert error_of(studio.post("export", {"sound": sound, "span": [90, 99]}, ending=".csv")) == (400, "rig")


def test_nothing_of_an_export_stays(
    studio: Studio, sound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert studio.post("export", {"sound": sound}, ending=".csv").status == 200
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(full))
        assert error_of(studio.post("export", {"sound": sound}, ending=".csv")) == (400, "disk_full")
    # the folder of the first goes after its answer was sent
    deadline = threading.Event()
    for _ in range(100):
        if not list(tmp_path.iterdir()):
            break
        deadline.wait(0.05)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert error_of(studio.post("export", {"sound": sound}, ending=".csv")) == (400, "output")


def test_every_knob_is_a_control_or_has_its_reason(studio: Studio) -> None:
    about = studio.get("start").json
    for owner, group in ((Settings, "knobs"), (Finishing, "finishing")):
        shown = {knob["name"] for knob in about[group]}
        assert shown | ({*OWN, *NOT_CONTROLS} if owner is Settings else set()) == {knob.name for knob in knobs(owner)}
        assert all(knob["help"] for knob in about[group])


def test_a_port_that_is_taken_is_one_line(medtalk: Callable[..., Result], studio: Studio) -> None:
    taken = medtalk("studio", "--no-open", "--port", studio.server.port)
    assert taken.code == 1 and taken.out == ""
    assert taken.err == (
        f"medtalk: Port {studio.server.port} is taken; another studio may be running there. "
        "Give another with --port, or leave it out for any free one.\n"
    )


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be(medtalk: Callable[..., Result], port: int) -> None:
    done = medtalk("studio", "--no-open", f"--port={port}")
    assert done.code == 1 and done.err.count("\n") == 1 and "valid are 1 to 65535" in done.err


def test_a_sound_that_cannot_be_is_refused_at_the_start(medtalk: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("no sound")
    for path in (tmp_path / "notes.wav", tmp_path / "nothing.wav", tmp_path):
        done = medtalk("studio", "--no-open", path)
        assert done.code == 1 and done.err.count("\n") == 1 and str(path) in done.err


def test_without_the_extra_the_command_says_what_to_install(
    medtalk: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    done = medtalk("studio", "--no-open")
    assert done.code == 1
    assert done.err == "medtalk: The studio needs uvicorn, which is not installed. Run pip install 'medtalk[studio]'.\n"
