"""The socket of live streams: sound in, frames out, and what no page would send."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from medtalk.limits import ServiceLimits
from medtalk.perform import Model
from medtalk.rig import read_rig
from medtalk.studio import live as streams
from medtalk.studio import streamed
from tests.helpers.sounds import babble
from tests.helpers.studios import PATIENCE, Studio, unpack
from tests.studio.test_guard import REFUSAL

RATE = 16000
ROW = 177


class Tab:
    """A tab that streams."""

    def __init__(self, studio: Studio, tab: str = "tab", **asked: Any) -> None:
        self.socket = studio.stream()
        self.rows: list[np.ndarray] = []
        self.said: list[dict[str, Any]] = []
        self.sent = 0  # samples
        self.spoke = False
        self.say(open={"rate": RATE, "tab": tab, **asked})

    def say(self, **what: Any) -> None:
        self.socket.send(json.dumps(what))

    def hear(self, samples: np.ndarray) -> None:
        self.socket.send(samples.astype("<f4").tobytes())

    def until(self, name: str) -> Any:
        """What the studio says by this name, when it does; frames until then are kept in their order."""
        while True:
            message = self.socket.recv(PATIENCE)
            if isinstance(message, bytes):
                first, count, speaking = struct.unpack("<III", message[:12])
                assert first == len(self.rows), "no frame is left out"
                self.spoke |= bool(speaking)
                self.rows += list(np.frombuffer(message, "<f4", offset=12).reshape(count, ROW))
                continue
            self.said.append(json.loads(message))
            ((said, value),) = self.said[-1].items()
            if said == name:
                return value
            assert said != "error", value

    def speak(self, sound: np.ndarray, piece: int = 480) -> None:
        """Send sound no faster than it is heard, so that nothing is lost."""
        for at in range(0, len(sound), piece):
            self.hear(sound[at : at + piece])
            self.sent += len(sound[at : at + piece])
            # less than may wait, and more than the frames are behind
            while self.sent + piece - len(self.rows) / 60 * RATE > 0.22 * RATE:
                self.frames()

    def frames(self) -> None:
        """The next frames."""
        message = self.socket.recv(PATIENCE)
        assert isinstance(message, bytes), message
        first, count, speaking = struct.unpack("<III", message[:12])
        assert first == len(self.rows)
        self.spoke |= bool(speaking)
        self.rows += list(np.frombuffer(message, "<f4", offset=12).reshape(count, ROW))

    @property
    def values(self) -> np.ndarray:
        """(T, 177) of all frames so far."""
        return np.array(self.rows).reshape(-1, ROW)

    def end(self) -> Any:
        self.say(end={"name": "live 1.wav"})
        return self.until("ended")


@pytest.fixture
def open_tab(studio: Studio) -> Iterator[Callable[..., Tab]]:
    tabs: list[Tab] = []

    def open_tab(**asked: Any) -> Tab:
        tabs.append(Tab(studio, **{"tab": f"tab{len(tabs)}", **asked}))
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        tab.socket.close()
    wait_until(lambda: not studio.session.streams)


def wait_until(true: Callable[[], object]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def closed(socket: ClientConnection) -> int:
    """The code by which it is closed; what comes before is passed over."""
    try:
        while True:
            socket.recv(PATIENCE)
    except ConnectionClosed as error:
        assert error.rcvd is not None
        return error.rcvd.code


@pytest.mark.parametrize(
    "origin", ["http://stranger.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", None]
)
def test_a_page_of_a_stranger_opens_no_socket(studio: Studio, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        studio.stream(origin=origin and origin.format(port=studio.server.port))
    assert refused.value.response.status_code == 403 and refused.value.response.body == REFUSAL
    assert "access-control-allow-origin" not in refused.value.response.headers


@pytest.mark.parametrize("path", ["/", "/live", "/x/live", "{token}x/live", "{token}LIVE", "{token}start", "{token}"])
def test_no_socket_without_the_token_or_elsewhere(studio: Studio, path: str) -> None:
    token = urlsplit(studio.address).path
    with pytest.raises(InvalidStatus) as refused:
        studio.stream(path.format(token=token if "{token}x" not in path else token[:-1]))
    assert refused.value.response.status_code == 403


def test_the_address_for_the_browser_opens_no_socket(studio: Studio) -> None:
    once = urlsplit(studio.server.guard.once).path
    with pytest.raises(InvalidStatus):
        studio.stream(once)
    assert urlsplit(studio.server.guard.once).path == once, "nor is it used up"


def test_another_name_for_this_machine_opens_no_socket(studio: Studio) -> None:
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": studio.origin,
    }  # fmt: skip
    path = urlsplit(studio.address).path + "live"
    for host in (f"studio.example:{studio.server.port}", f"localhost:{studio.server.port}", "127.0.0.1"):
        answer = studio.raw("GET", path, headers={**upgrade, "Host": host})
        assert answer.status == 403 and answer.body == REFUSAL


def test_what_is_heard_is_what_the_library_streams(
    open_tab: Callable[..., Tab], model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HURRY", 100.0)
    sound = babble(2.0)
    tab = open_tab(guidance={"kind": "label", "emotion": {"happy": 1}}, finishing={"seed": 5})
    opened = tab.until("opened")
    own = model.live("happy", rate=RATE, finishing=tab_finishing(5))
    assert opened == {"delay": pytest.approx(own.delay), "rate": RATE, "fps": 60}
    tab.speak(sound)
    ended = tab.end()
    pieces = [own.push(sound), own.finish()]
    values = np.concatenate([each.values for each in pieces])
    assert not any("dropped" in each for each in tab.said)
    assert np.array_equal(tab.values[:, :174], values) and np.ptp(values) > 0.3 and tab.spoke
    assert ended["seconds"] == pytest.approx(2.0, abs=0.05)


def tab_finishing(seed: int) -> Any:
    from medtalk import Finishing

    return Finishing(seed=seed)


def test_what_was_streamed_is_a_take_with_its_sound(
    studio: Studio, open_tab: Callable[..., Tab], tmp_path: Path
) -> None:
    sound = babble(1.5)
    tab = open_tab(guidance={"kind": "label", "emotion": "angry"})
    tab.until("opened")
    tab.speak(sound)
    ended = tab.end()
    asked = {"sound": ended["sound"]["id"], "streamed": ended["streamed"]}
    answer = studio.post("export", asked, ending=".npz")
    assert "live%201.npz" in answer.headers["content-disposition"]
    (tmp_path / "kept.npz").write_bytes(answer.body)
    rig = read_rig(tmp_path / "kept.npz")
    assert np.array_equal(rig.values, tab.values[:, :174])
    assert rig.head is not None and np.array_equal(rig.head, tab.values[:, 174:])
    assert rig.meta["emotion"] == {"angry": 1.0} and rig.meta["source"]["name"] == "live 1.wav"
    header, arrays = unpack(studio.get("sound", id=ended["sound"]["id"]).body)
    assert header["seconds"] == pytest.approx(1.5, abs=0.001) and arrays["high"].max() > 100
    (tmp_path / "part.npz").write_bytes(studio.post("export", {**asked, "span": [0.5, 1.0]}, ending=".npz").body)
    assert np.array_equal(read_rig(tmp_path / "part.npz").values, rig.values[30:60])
    assert unpack(studio.post("take", {**asked, "fps": 30}).body)[0]["fps"] == 30
    header, _ = unpack(studio.post("take", {**asked, "guidance": {"kind": "label", "emotion": "sad"}}, judged="").body)
    assert header["meta"]["emotion"] == {"angry": 1.0} and header["summary"]
    for wrong in ("0" * 32, 7, ["x"]):
        answer = studio.post("take", {**asked, "streamed": wrong})
        assert (answer.status, answer.json["code"]) == (400, "not_heard")


def test_a_mood_changes_while_it_runs_and_a_wrong_one_changes_nothing(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.until("opened")
    tab.speak(babble(1.0))
    tab.say(guide={"guidance": {"kind": "label", "emotion": "hungry"}})
    assert tab.until("refused")["code"] == "guidance"
    tab.say(guide={"guidance": {"kind": "auto"}})
    refused = tab.until("refused")
    assert refused["code"] == "guidance" and "\n" not in refused["message"]
    tab.say(guide={"guidance": 3})
    assert tab.until("refused")["code"] == "bad_message"
    tab.say(guide={"guidance": {"kind": "label", "emotion": "happy"}, "intensity": 2.0})
    assert tab.until("guided") == {}
    before = len(tab.rows)
    tab.speak(babble(1.5, seed=2))
    tab.end()
    smiles = tab.values[:, smile()].mean(axis=1)
    assert smiles[-20:].mean() > smiles[before - 20 : before].mean() + 0.1


def test_a_description_leads_from_the_beginning(open_tab: Callable[..., Tab]) -> None:
    tab, plain = open_tab(guidance={"kind": "text", "text": "she beams with joy"}), open_tab()
    for each in (tab, plain):
        each.until("opened")
        each.speak(babble(0.6))
        each.end()
    assert tab.values[:, smile()].mean() > plain.values[:, smile()].mean() + 0.1


def smile() -> list[int]:
    from medtalk.rig import CHANNEL_NAMES

    return [i for i, name in enumerate(CHANNEL_NAMES) if "cornerPull" in name]


def test_samples_that_are_no_numbers_are_silence(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.until("opened")
    sound = babble(1.0)
    sound[4000:4100], sound[8000:8010], sound[9000] = np.nan, np.inf, -np.inf
    tab.speak(sound)
    ended = tab.end()
    assert np.isfinite(tab.values).all() and len(tab.rows) == 60
    assert ended["seconds"] == pytest.approx(1.0)


def test_too_much_at_once_is_dropped_and_said_and_time_stays_true(studio: Studio, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.until("opened")
    for _ in range(10):
        tab.hear(babble(1.0))
    dropped = tab.until("dropped")
    ended = tab.end()
    dropped = max([dropped, *(each["dropped"] for each in tab.said if "dropped" in each)])
    assert 5.0 < dropped < 10.0
    assert ended["seconds"] == pytest.approx(10.0, abs=0.05) and len(tab.rows) == 600
    header, _ = unpack(studio.get("sound", id=ended["sound"]["id"]).body)
    assert header["seconds"] == pytest.approx(10.0, abs=0.01), "what was lost is silence in the sound"


def test_what_the_page_could_not_send_counts(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.until("opened")
    tab.speak(babble(0.5))
    tab.say(lost=0.5)
    tab.sent += RATE // 2
    tab.speak(babble(0.5))
    assert tab.end()["seconds"] == pytest.approx(1.5, abs=0.02) and len(tab.rows) == 90


def test_who_reads_nothing_is_not_sent_without_end(studio: Studio) -> None:
    """The frames that wait in the network are bounded, and so is the sound that waits for them."""
    tab = Tab(studio, "deaf")
    tab.until("opened")
    tab.socket.socket.setsockopt(1, 8, 4096)  # SOL_SOCKET, SO_RCVBUF
    sound = babble(1.0)
    for _ in range(60):
        tab.hear(sound)
    wait_until(lambda: studio.session.streams)
    tab.socket.socket.close()
    wait_until(lambda: not studio.session.streams)


@pytest.mark.parametrize(
    "first",
    [
        "", "{", "[]", "3", '"open"', "[" * 100_000, '{"open": 3}', '{"open": {}}', '{"guide": {}}',
        '{"open": {"rate": 16000}, "end": {}}', '{"open": {"rate": "fast"}}', '{"open": {"rate": 1e999}}',
        '{"open": {"rate": 16000.5}}', '{"open": {"rate": NaN}}',
        '{"open": {"rate": true}}', '{"open": {"rate": 16000, "guidance": 3}}',
        '{"open": {"rate": 16000, "curve": ["x"]}}', b"", b"\0" * 4096,
    ],
)  # fmt: skip
def test_what_no_page_would_begin_with(studio: Studio, first: str | bytes) -> None:
    socket = studio.stream()
    socket.send(first)
    error = json.loads(socket.recv(PATIENCE))["error"]
    assert error["code"] == "bad_message" and "\n" not in error["message"]
    assert closed(socket) == 1000 and not studio.session.streams


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"rate": 100}, "setting"),
        ({"rate": 10**9}, "setting"),
        ({"rate": -16000}, "setting"),
        ({"guidance": {"kind": "label", "emotion": "hungry"}}, "guidance"),
        ({"guidance": {"kind": "auto"}}, "guidance"),
        ({"guidance": {"kind": "text", "text": "x" * 20_000}}, "guidance"),
        ({"intensity": 9}, "setting"),
        ({"region": "left ear"}, "setting"),
        ({"curve": [1.0, 2.0]}, "unsupported"),
        ({"finishing": {"seed": -1}}, "setting"),
    ],
)
def test_settings_that_cannot_be(studio: Studio, asked: dict[str, Any], code: str) -> None:
    socket = studio.stream()
    socket.send(json.dumps({"open": {"rate": RATE, **asked}}))
    error = json.loads(socket.recv(PATIENCE))["error"]
    assert error["code"] == code and "\n" not in error["message"]
    assert closed(socket) == 1000
    wait_until(lambda: not studio.session.streams)


@pytest.mark.parametrize(
    "wrong",
    [
        b"123", bytes(4 * RATE + 4), '{"lost": -1}', '{"lost": NaN}', '{"lost": 61}', '{"lost": true}',
        '{"lost": "x"}', '{"lost": 1e999}', '{"more": 1}', "nothing",
        '{"lost": 1, "end": {}}', '{"open": {"rate": 16000}}',
    ],
)  # fmt: skip
def test_what_no_page_would_send(studio: Studio, wrong: str | bytes) -> None:
    tab = Tab(studio, "wrong")
    tab.until("opened")
    tab.socket.send(wrong)
    message = tab.socket.recv(PATIENCE)
    assert json.loads(message)["error"]["code"] == "bad_message"
    assert closed(tab.socket) == 1000
    wait_until(lambda: not studio.session.streams)


def test_a_flood_of_messages_ends_it(studio: Studio) -> None:
    for message in ('{"lost": 0.5}', json.dumps({"guide": {"guidance": {"kind": "text", "text": "happy"}}})):
        tab = Tab(studio, "flood")
        tab.until("opened")
        with suppress(ConnectionClosed):
            for _ in range(20 * streams._MESSAGES):
                tab.socket.send(message)
        with pytest.raises(AssertionError, match=f"{streams._MESSAGES} messages wait"):
            tab.until("nothing")
        assert closed(tab.socket) == 1000
        wait_until(lambda: not studio.session.streams)


def test_a_huge_message_ends_it_before_it_is_kept(studio: Studio) -> None:
    tab = Tab(studio, "huge")
    tab.until("opened")
    tab.socket.send(bytes(2 << 20))
    assert closed(tab.socket) == 1009
    wait_until(lambda: not studio.session.streams)


def test_a_bounded_number_of_streams(studio: Studio, open_tab: Callable[..., Tab]) -> None:
    tabs = [open_tab() for _ in range(streams.STREAMS)]
    for tab in tabs:
        tab.until("opened")
    socket = studio.stream()
    socket.send(json.dumps({"open": {"rate": RATE, "tab": "one more"}}))
    error = json.loads(socket.recv(PATIENCE))["error"]
    assert error["code"] == "queue_full" and str(streams.STREAMS) in error["message"]
    tabs[0].end()
    wait_until(lambda: len(studio.session.streams) < streams.STREAMS)
    open_tab(tab="one more").until("opened")


def test_a_tab_has_one_stream_the_newest(studio: Studio, open_tab: Callable[..., Tab]) -> None:
    older = open_tab(tab="one")
    older.until("opened")
    open_tab(tab="one").until("opened")
    assert json.loads(older.socket.recv(PATIENCE))["error"]["code"] == "cancelled"
    assert closed(older.socket) == 1000 and list(studio.session.streams) == ["one"]


def test_a_tab_that_goes_ends_its_stream(studio: Studio) -> None:
    for politely in (True, False):
        tab = Tab(studio, "gone")
        tab.until("opened")
        tab.hear(babble(0.2))
        if politely:
            tab.socket.close()
        else:
            tab.socket.socket.shutdown(2)
        wait_until(lambda: not studio.session.streams)
    assert studio.get("start").status == 200


def test_a_tab_that_is_asleep_holds_no_place(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = Tab(studio, "asleep")
    tab.until("opened")
    monkeypatch.setattr(streams, "PATIENCE", 0.3)  # not before: it counts for the opening, too
    tab.hear(babble(0.1))  # after which it waits as long as that
    error = tab.until("error")
    assert error["message"] == "No sound came for 0.3 s." and closed(tab.socket) == 1000


def test_a_stream_that_is_long_keeps_its_last_minutes(
    studio: Studio, open_tab: Callable[..., Tab], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "KEPT", 2)
    monkeypatch.setattr(streamed, "TRIM", 1)
    sound = babble(5.0)
    tab = open_tab()
    tab.until("opened")
    tab.speak(sound)
    ended = tab.end()
    assert 2.0 <= ended["seconds"] < 3.5
    asked = {"sound": ended["sound"]["id"], "streamed": ended["streamed"]}
    header, _ = unpack(studio.post("take", asked).body)
    heard, _ = unpack(studio.get("sound", id=ended["sound"]["id"]).body)
    assert header["frames"] / 60 == pytest.approx(heard["seconds"], abs=0.05) == ended["seconds"]


def test_what_is_kept_is_made_beside_the_loop_that_answers_all_tabs(
    open_tab: Callable[..., Tab], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    monkeypatch.setattr(streamed.Streamed, "sound", noting(streamed.Streamed.sound, threads))
    monkeypatch.setattr(streams.File, "of", noting(streams.File.of, threads))
    tab = open_tab()
    tab.until("opened")
    tab.speak(babble(0.5))
    assert tab.end()["sound"]["id"]
    assert len(threads) == 2 and all(name.startswith("medtalk-live") for name in threads)


def noting(function: Callable[..., Any], threads: list[str]) -> Callable[..., Any]:
    """The function, noting the thread that it is called in."""

    def called(*args: Any) -> Any:
        threads.append(threading.current_thread().name)
        return function(*args)

    return called


def test_a_sound_that_is_more_than_is_kept_is_said(model: Model) -> None:
    with Studio(model, limits=ServiceLimits.parse(["max_bytes=1000", "max_client_queue_bytes=1000"])) as studio:
        tab = Tab(studio, "small")
        tab.until("opened")
        tab.speak(babble(0.2))
        tab.say(end={"name": "live 1.wav"})
        error = tab.until("error")
        assert error["code"] == "limit" and "live 1.wav has 6444 bytes" in error["message"]
        assert closed(tab.socket) == 1000


def test_a_stream_that_heard_nothing_keeps_nothing(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.until("opened")
    assert tab.end() == {"sound": None, "streamed": None, "seconds": 0.0}


def test_the_studio_that_ends_ends_its_streams(model: Model) -> None:
    with Studio(model) as studio:
        tab = Tab(studio, "last")
        tab.until("opened")
        tab.hear(babble(0.2))
    assert closed(tab.socket) == 1012
