"""Streams of the sidecar, message by message (docs/protocol.md, Streams)."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk import Finishing
from medtalk.guidance import guidance_of
from medtalk.limits import ServiceLimits
from medtalk.perform import Model
from medtalk.service import streams as streams_module
from medtalk.service.server import Server, ServiceSettings
from medtalk.service.stream import STEERS
from medtalk.service.understood import Understood
from medtalk_wire import Client
from medtalk_wire import Settings as WireSettings
from medtalk_wire.connection import Connection, find_connection
from medtalk_wire.protocol import Buffer, Message
from tests.helpers.pictures import picture
from tests.helpers.requests import generate
from tests.helpers.sidecars import PATIENCE, Raw, Sidecar, until
from tests.helpers.sounds import babble
from tests.helpers.streams import RawStream, pieces
from tests.service.test_faults import free_port

RATE = 16000


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> Model:
    """The model of the shared sidecar, in this process."""
    return medtalk.load(tiny_bundle, threads=1)


@pytest.fixture(scope="module")
def line() -> np.ndarray:
    return babble(1.5, seed=21)


def played(model: Model, sound: np.ndarray, **settings: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """What the library makes of a sound, in a piece: the frames and the head."""
    live = model.live(**settings)
    found = [live.push(sound), live.finish()]
    heads = [each.head for each in found if each.head is not None]
    return np.concatenate([each.values for each in found]), np.concatenate(heads) if heads else None


def label(emotion: Any) -> dict[str, Any]:
    return {"kind": "label", "emotion": emotion}


@contextmanager
def serving(tiny_bundle: Path, folder: Path, **limits: float) -> Iterator[Raw]:
    """A sidecar in a thread of this process, where a test may change the clock, and a socket to it."""
    file = folder / "thread.json"
    settings = ServiceSettings(
        port=0,
        bundle=tiny_bundle,
        threads=1,
        connection_file=file,
        limits=ServiceLimits(**limits),  # pyright: ignore
    )
    with Server(settings) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with closing(Raw(find_connection(str(file)))) as raw:
                yield raw
        finally:
            server.stop()
            thread.join(PATIENCE)


# -- what comes out


@pytest.mark.parametrize("size", [16000, 997, 160])
def test_the_frames_are_the_librarys_however_the_sound_is_cut(
    raw: Raw, model: Model, line: np.ndarray, size: int
) -> None:
    stream = RawStream(raw, guidance=label("happy"), finishing={"seed": 3})
    for piece in pieces(line, size):
        stream.push(piece)
    stream.close(at=len(line))
    end = stream.end()
    assert end.type == "stream_closed", end.body
    rig, head = played(model, line, emotion="happy", finishing=Finishing(seed=3))
    np.testing.assert_allclose(stream.rig(), rig, atol=1e-6)
    assert head is not None
    np.testing.assert_allclose(np.array(list(stream.heads.values())), head, atol=1e-5)
    body = end.body
    assert (body["frames"], body["samples"], body["seconds"]) == (len(rig), len(line), 1.5)
    assert (body["lost"], body["dropped"], body["faults"]) == (0, 0, {"not_numbers": 0})
    assert body["meta"]["emotion"]["happy"] == 1.0 and body["meta"]["finishing"]["seed"] == 3


@pytest.mark.parametrize(
    ("rate", "kind", "channels", "settings"),
    [
        (8000, "int16", 1, {"look_ahead": 0.0}),
        (48000, "int32", 2, {"look_ahead": 0.5, "step": 0.2}),
        (22050, "float32", 2, {"region": "mouth", "intensity": 2.0, "name": "line 7"}),
    ],
)
def test_rates_types_and_channels(
    raw: Raw, model: Model, rate: int, kind: str, channels: int, settings: dict[str, Any]
) -> None:
    sound = np.random.default_rng(rate).normal(0, 0.1, (rate, channels)).astype(np.float32)
    if kind != "float32":
        sound = (sound * np.iinfo(kind).max).astype(kind)
    sound = sound if channels > 1 else sound[:, 0]
    stream = RawStream(raw, rate, **settings)
    for piece in pieces(sound, 3001):
        stream.push(piece)
    stream.close()
    body = stream.end().body
    rig, head = played(model, sound, rate=rate, **settings)
    np.testing.assert_allclose(stream.rig(), rig, atol=1e-6)
    assert stream.opened["head"] is (head is not None) is (settings.get("region") != "mouth")
    assert stream.opened["delay"] == model.live(rate=rate, **settings).delay
    assert body["meta"]["source"]["name"] == settings.get("name", "stream") and body["seconds"] == 1.0


def test_what_is_no_number_is_silence_and_counted(raw: Raw, model: Model, line: np.ndarray) -> None:
    sound = line.copy()
    sound[4000:4100], sound[9000] = np.nan, np.inf
    stream = RawStream(raw)
    stream.push(sound)
    stream.close()
    assert stream.end().body["faults"] == {"not_numbers": 101}
    np.testing.assert_allclose(stream.rig(), played(model, np.nan_to_num(sound, posinf=0.0))[0], atol=1e-6)


def test_sound_that_cannot_be_one_ends_the_stream(raw: Raw, line: np.ndarray) -> None:
    for wrong in (1e6 * line, np.stack([line, line], axis=1)):
        stream = RawStream(raw)
        stream.push(line[:1000])
        stream.push(wrong)
        assert stream.end().body["code"] == "audio"


def test_frames_come_while_the_sound_does(raw: Raw, line: np.ndarray) -> None:
    """Those of which `look_ahead` and a step were heard."""
    stream = RawStream(raw)
    stream.push(line[:8000])
    while stream.state["done"] < 8000:
        stream.take()
    assert len(stream.frames) >= (0.5 - stream.opened["delay"]) * 60
    stream.close()
    stream.end()
    assert len(stream.frames) == 30


# -- what is lost, late, or sent twice


def test_a_gap_is_silence_and_told(raw: Raw, model: Model, line: np.ndarray) -> None:
    stream = RawStream(raw)
    stream.push(line[:6000])
    stream.push(line[10000:], at=10000)
    stream.close(at=len(line) + 800)
    body = stream.end().body
    assert (body["lost"], body["samples"], body["frames"]) == (4800, len(line) + 800, 93)
    silent = np.concatenate([line[:6000], np.zeros(4000, np.float32), line[10000:], np.zeros(800, np.float32)])
    np.testing.assert_allclose(stream.rig(), played(model, silent)[0], atol=1e-6)


def test_what_comes_twice_or_too_late_is_ignored(raw: Raw, model: Model, line: np.ndarray) -> None:
    stream = RawStream(raw)
    stream.push(line[:6000])
    stream.push(line[:6000], at=0)
    stream.push(line[4000:9000], at=4000)  # half of it is new
    stream.push(line[12000:16000], at=12000)
    stream.push(line[9000:12000], at=9000)  # overtaken: silence took its place
    stream.push(line[16000:], at=16000)
    stream.close()
    assert stream.end().body["lost"] == 3000
    silent = line.copy()
    silent[9000:12000] = 0.0
    np.testing.assert_allclose(stream.rig(), played(model, silent)[0], atol=1e-6)


def test_asked_again_it_goes_on(raw: Raw, model: Model, line: np.ndarray) -> None:
    """As after a connection that was lost: what was not read comes again, and what was heard is told."""
    stream = RawStream(raw)
    stream.push(line[:12000])
    while len(stream.frames) < 30:
        stream.take()
    stream.tell(read=10)
    raw.send(stream.request)
    while stream.take().type != "stream_opened":
        pass
    assert stream.opened["heard"] == 12000 and 8 <= stream.opened["next"] <= 10, "the message with number 10"
    before = len(stream.firsts)
    while len(stream.firsts) == before:
        stream.take()
    assert stream.firsts[before] == stream.opened["next"]
    stream.push(line[12000:])
    stream.close()
    assert stream.end().type == "stream_closed"
    np.testing.assert_allclose(stream.rig(), played(model, line)[0], atol=1e-6)
    stream.last = None
    raw.send(stream.request)  # it has ended: its last message comes again, and the frames that were not read
    assert stream.end().type == "stream_closed"
    stream.last = None
    stream.close()
    assert stream.end().type == "stream_closed"
    changed = Message("stream_open", {"rate": 8000}, stream.id)
    raw.send(changed)
    stream.last = None
    assert stream.end().body["code"] == "id_reused"


# -- credit


def test_sound_beyond_the_credit_ends_the_stream(raw: Raw) -> None:
    for at, count in ((0, 160_001), (1 << 40, 10)):
        stream = RawStream(raw)
        stream.push(np.zeros(count, np.int16), at=at)
        end = stream.end()
        assert (end.type, end.body["code"]) == ("error", "limit") and "credit ends at 160000" in end.body["message"]
    stream = RawStream(raw)
    stream.close(at=1 << 50)
    assert stream.end().body["code"] == "limit"


def test_a_stream_waits_for_a_client_that_does_not_read(
    start: Callable[..., Sidecar], tiny_bundle: Path, model: Model
) -> None:
    sidecar, sound = start("--bundle", tiny_bundle, "--limit", "max_stream_frames=60"), babble(4.0, seed=22)
    with closing(Raw(sidecar.connection)) as raw:
        stream = RawStream(raw)
        stream.push(sound)
        stream.close()
        quiet = 0
        while quiet < 3:  # signs of life
            quiet += not stream.take().buffers
        assert len(stream.frames) == 60 and stream.state["heard"] == 64000 and stream.state["done"] < 40000
        while stream.last is None:
            stream.tell()
            stream.take()
        assert stream.last.type == "stream_closed" and stream.last.body["dropped"] == 0
        np.testing.assert_allclose(stream.rig(), played(model, sound)[0], atol=1e-6)


def test_a_live_stream_leaves_out_what_nobody_reads(raw: Raw) -> None:
    stream = RawStream(raw, live=True)
    sound = babble(6.0, seed=23)
    for piece in pieces(sound, 1600):  # never more than it can hear in time
        stream.push(piece, read=0)
        while stream.state["done"] < stream.at - 4000:
            stream.take()
    assert 100 <= len(stream.frames) <= 120
    stream.tell()
    stream.close()
    body = stream.end().body
    assert body["dropped"] > 100 and body["frames"] == 360 and body["lost"] == 0
    assert len(stream.frames) == 360 - body["dropped"] and list(stream.frames) == sorted(stream.frames)
    assert max(stream.frames) == 359, "the newest are there"


def test_of_many_frames_at_once_a_live_stream_gives_the_newest(raw: Raw, line: np.ndarray) -> None:
    stream = RawStream(raw, live=True)
    stream.push(line[:1600])
    stream.close(at=9 * RATE)
    body = stream.end().body
    assert (body["frames"], body["dropped"]) == (540, 540 - len(stream.frames))
    assert list(stream.frames)[-60:] == list(range(480, 540))


def test_a_live_stream_that_is_late_leaves_out_sound(raw: Raw) -> None:
    stream, sound = RawStream(raw, live=True), babble(5.0, seed=24)
    stream.push(sound)
    stream.close()
    body = stream.end().body
    assert 64000 <= body["lost"] < 80000 and body["frames"] == len(stream.frames) + body["dropped"] == 300
    assert max(stream.frames) == 299, "the numbers go on, for time stays true"


# -- guidance


def test_guidance_changes_from_a_sample_on(raw: Raw, model: Model) -> None:
    sound = babble(3.0, seed=25)
    plain = RawStream(raw, guidance=label("neutral"))
    guided = RawStream(raw, guidance=label("neutral"))
    request = guided.guide(at=24000, guidance=label("angry"), intensity=2.0, within=0.1)
    refused = guided.guide(guidance=label("hapy"))
    for stream in (plain, guided):
        stream.push(sound)
        stream.close()
    while plain.last is None or guided.last is None:
        message = raw.receive()
        stream = plain if message.parent == plain.id else guided
        stream.raw = Once(message)  # type: ignore[assignment]
        stream.take()
    assert [each.type for each in guided.others if each.parent == request.id] == ["stream_guided"]
    error = next(each.body for each in guided.others if each.parent == refused.id)
    assert error["code"] == "guidance" and error["stream"] == guided.id
    before, after = plain.rig(), guided.rig()
    np.testing.assert_array_equal(before[:90], after[:90])
    assert np.abs(before[100:] - after[100:]).max() > 0.01
    live = model.live("neutral")
    found = [live.push(sound[at : at + 640]) for at in range(0, 24640, 640)]
    while live.frames < 90:
        found.append(live.push(sound[round(live.seconds * 16000) :][:640]))
    live.guide("angry", intensity=2.0, within=0.1)
    found += [live.push(sound[round(live.seconds * 16000) :]), live.finish()]
    np.testing.assert_allclose(after, np.concatenate([each.values for each in found]), atol=1e-6)


class Once:
    """A socket that has one message."""

    def __init__(self, message: Message) -> None:
        self.message = message

    def receive(self) -> Message:
        return self.message


def test_a_guidance_that_is_sent_again_is_answered_again(raw: Raw) -> None:
    stream = RawStream(raw)
    request = stream.guide(guidance=label("sad"))
    for count in (1, 2):
        while len(stream.others) < count:
            stream.take()
        raw.send(request)
    stream.close()
    stream.end()
    assert {(each.type, each.parent) for each in stream.others} == {("stream_guided", request.id)}


def test_a_timeline_and_its_end(raw: Raw, model: Model) -> None:
    sound = babble(2.0, seed=26)
    spans = [{"start": 0.5, "end": 1.5, "emotion": "sad", "fade": 0.1}]
    stream = RawStream(raw, timeline=spans)
    stream.push(sound)
    stream.close()
    assert stream.end().body["meta"]["timeline"][0]["emotion"]
    np.testing.assert_allclose(stream.rig(), played(model, sound, timeline=spans)[0], atol=1e-6)
    ended = RawStream(raw, timeline=spans)
    ended.guide(timeline=[], within=0.0)
    while not ended.others:
        ended.take()
    ended.push(sound)
    ended.close()
    ended.end()
    np.testing.assert_allclose(ended.rig(), played(model, sound)[0], atol=1e-6)


def test_guidances_begin_in_the_order_of_their_samples(raw: Raw, model: Model) -> None:
    """Not of their coming: one for later holds up none for now, nor is it what a timeline alone lies over."""
    sound = babble(2.5, seed=33)
    spans = [{"start": 1.0, "end": 1.5, "emotion": "fear", "fade": 0.1}]
    found = []
    for late_first in (True, False):
        stream = RawStream(raw)
        later = {"at": 32000, "guidance": label("angry"), "within": 0.1}
        now = [{"guidance": label("happy"), "within": 0.1}, {"timeline": spans, "within": 0.0}]
        for body in [later, *now] if late_first else [*now, later]:
            request = stream.guide(**body)
        while not any((each.type, each.parent) == ("stream_guided", request.id) for each in stream.others):
            stream.take()
        stream.push(sound)
        stream.close()
        assert stream.end().type == "stream_closed"
        found.append(stream.rig())
    np.testing.assert_array_equal(found[0], found[1])
    live = model.live()
    live.guide("happy", within=0.1)
    live.guide(timeline=spans, within=0.0)
    made = []
    while live.frames < 120:
        made.append(live.push(sound[round(live.seconds * RATE) :][:640]))
    live.guide("angry", within=0.1)
    made += [live.push(sound[round(live.seconds * RATE) :]), live.finish()]
    np.testing.assert_allclose(found[0], np.concatenate([each.values for each in made]), atol=1e-6)


def test_guidances_that_wait_are_bounded_and_answered_at_the_end(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are not understood yet count: a program cannot fill the memory with them."""
    going, base = threading.Event(), Understood.base

    def slow(self: Understood, asked: Any) -> Any:
        if asked.settings.emotion == {"sad": 1.0}:
            going.wait(PATIENCE)
        return base(self, asked)

    monkeypatch.setattr(Understood, "base", slow)
    with serving(tiny_bundle, tmp_path) as raw:
        stream = RawStream(raw)
        while not stream.opened:
            stream.take()
        asked = [stream.guide(guidance=label("sad")).id for _ in range(STEERS + 10)]
        raw.send(Message("cancel", {"job": stream.id}))
        codes: dict[str, str] = {}
        while len(codes) < len(asked):
            message = raw.receive()
            if message.parent in asked:
                assert message.parent not in codes, "answered once"
                codes[message.parent] = message.body["code"]
        full = [codes[id] for id in asked].index("queue_full")
        assert STEERS <= full <= STEERS + 1, "one is being understood"
        assert {codes[id] for id in asked[:full]} == {"no_stream"}
        assert {codes[id] for id in asked[full:]} == {"queue_full"}
        going.set()
        assert RawStream(raw, guidance=label("sad")).push(babble(0.5)) and raw.ask("ping")


def test_pictures_that_wait_are_bounded(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going = threading.Event()
    monkeypatch.setattr(Understood, "base", lambda self, asked: going.wait(PATIENCE) and guidance_of("sad"))
    monkeypatch.setattr(Model, "guidance", ("label", "image"))
    data = picture()
    with serving(tiny_bundle, tmp_path, max_client_queue_bytes=3 * len(data)) as raw:
        streams = [RawStream(raw) for _ in range(2)]
        body = {"guidance": {"kind": "image", "sha256": hashlib.sha256(data).hexdigest()}}
        image = [Buffer("image", "uint8", (len(data),), data)]
        for number in range(4):
            request = {"stream": streams[number % 2].id, **body}
            raw.send(Message("stream_guide", request, buffers=image))
        raw.send(Message("ping", {}))
        while (answer := raw.receive()).type not in ("error", "ping_reply"):
            pass
        assert (answer.type, answer.body.get("code")) == ("error", "queue_full")
        assert f"{3 * len(data)} bytes of this client's pictures wait" in answer.body["message"]
        going.set()


def test_a_new_guidance_ends_the_timeline_unless_it_brings_one(raw: Raw, model: Model) -> None:
    sound = babble(2.0, seed=27)
    spans = [{"start": 0.5, "end": 1.5, "emotion": "sad", "fade": 0.1}]
    for timeline in (None, spans):
        stream = RawStream(raw, timeline=spans)
        stream.guide(guidance=label("angry"), within=0.0, **({} if timeline is None else {"timeline": timeline}))
        while not stream.others:
            stream.take()
        stream.push(sound)
        stream.close()
        stream.end()
        live = model.live()
        live.guide("angry", within=0.0, timeline=timeline)
        expected = np.concatenate([live.push(sound).values, live.finish().values])
        np.testing.assert_allclose(stream.rig(), expected, atol=1e-6)


def test_sound_before_an_open_that_is_refused_is_for_no_stream(raw: Raw) -> None:
    stream = RawStream(raw, guidance=label("hapy"))
    piece = stream.push(babble(0.1))
    assert stream.end().body["code"] == "guidance"
    while not stream.others:
        stream.take()
    assert (stream.others[0].parent, stream.others[0].body["code"]) == (piece.id, "no_stream")


# -- what is refused


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"look_ahead": 2.0}, "setting", "look_ahead is 2; valid are 0 to 0.5 seconds"),
        ({"look_ahead": -0.1}, "setting", "look_ahead"),
        ({"step": 1.0}, "setting", "step is 1; valid are 0.02 to 0.2"),
        ({"step": float("nan")}, "setting", "step is nan"),
        ({"rate": 4000}, "setting", "rate is 4000; valid are 8000 to 192000 samples a second"),
        ({"rate": 0}, "setting", "rate"),
        ({"guidance": {"kind": "auto"}}, "guidance", "auto, which is heard in a whole sound"),
        ({"timeline": [{"start": 0, "emotion": "auto"}]}, "guidance", "auto"),
        ({"guidance": {"kind": "text", "text": "angry"}}, "unsupported", "does not understand descriptions"),
        ({"transcript": "Hello"}, "setting", "takes no transcript"),
        ({"span": [0, 1]}, "setting", "takes no span"),
        ({"fps": 30}, "setting", "takes no fps"),
        ({"region": "nose"}, "setting", "valid are full, mouth, upper"),
        ({"intensity": 9}, "setting", "0 to 4"),
        ({"name": "x" * 70000}, "limit", "name"),
    ],
)
def test_settings_that_a_stream_does_not_take(raw: Raw, body: dict[str, Any], code: str, said: str) -> None:
    stream = RawStream(raw, **body)
    end = stream.end()
    assert (end.type, end.body["code"]) == ("error", code) and said in end.body["message"]


def test_messages_about_a_stream_that_is_not_open(raw: Raw, sidecar: Sidecar, line: np.ndarray) -> None:
    mine = RawStream(raw)
    with closing(Raw(sidecar.connection)) as other:
        stranger = RawStream(other)
        stranger.id = mine.id  # somebody else's, or nobody's, or one that has ended
        for stream in (mine.id, "nobody", "x" * 5000):
            for kind in ("stream_audio", "stream_guide", "stream_close"):
                answer = other.ask(kind, {"stream": stream, "at": 0})
                assert (answer.type, answer.body["code"]) == ("error", "no_stream")
                assert answer.body["stream"] == stream[:64]
        assert other.ask("cancel", {"job": mine.id}).body["state"] == "unknown"
        other.send(Message("stream_open", dict(mine.request.body), mine.id))
        while (answer := other.receive()).parent != mine.id:
            pass
        assert answer.body["code"] == "id_reused"
    mine.push(line)
    mine.close()
    assert mine.end().type == "stream_closed"
    with_sound = mine.push(line, at=0)
    assert raw.last(with_sound).body["code"] == "no_stream"


def test_cancelled(raw: Raw, line: np.ndarray) -> None:
    stream = RawStream(raw)
    stream.push(line)
    assert raw.ask("cancel", {"job": stream.id}).body == {"job": stream.id, "state": "cancelled"}
    assert raw.ask("cancel", {"job": stream.id}).body["state"] in ("finished", "unknown")
    stream.last = None
    stream.close()
    assert stream.end().body["code"] == "cancelled", "its last message, again"


def test_a_bad_message_ends_nothing(raw: Raw, line: np.ndarray) -> None:
    stream = RawStream(raw)
    stream.push(line[:8000])
    for wrong in (
        Message("stream_audio", {"stream": stream.id, "at": -1}),
        Message("stream_audio", {"stream": stream.id}),
        Message("stream_audio", {"stream": stream.id, "at": 0}, buffers=generate(line).buffers[:0] or []),
    )[:2]:
        assert raw.ask(wrong.type, dict(wrong.body)).body["code"] == "bad_message"
    nine = stream.push(np.zeros((10, 9), np.int16), at=8000)
    stream.at = 8000
    assert raw.last(nine).body["code"] == "limit"
    stream.push(line[8000:])
    stream.close()
    assert stream.end().type == "stream_closed"


def test_too_many(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    limits = [word for limit in ("max_streams=3", "max_client_streams=2") for word in ("--limit", limit)]
    sidecar = start("--bundle", tiny_bundle, *limits)
    with closing(Raw(sidecar.connection)) as one, closing(Raw(sidecar.connection)) as two:
        first = [RawStream(one) for _ in range(3)]
        refused = first[2].end().body
        assert refused["code"] == "queue_full" and "2 streams of this client" in refused["message"]
        second = [RawStream(two) for _ in range(2)]
        refused = second[1].end().body
        assert refused["code"] == "queue_full" and "3 streams are open" in refused["message"]
        first[0].close()
        assert first[0].end().type == "stream_closed"
        third = RawStream(two)
        third.close()
        end = third.end()
        assert end.type == "stream_closed" and end.body["frames"] == 0


def test_none_at_all(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    sidecar = start("--bundle", tiny_bundle, "--limit", "max_streams=0")
    with closing(Raw(sidecar.connection)) as raw:
        assert raw.ask("hello").body["capabilities"]["streams"] is False
        assert RawStream(raw).end().body["code"] == "unsupported"


# -- with others


def test_a_job_does_not_keep_a_stream_waiting(raw: Raw, line: np.ndarray) -> None:
    job = raw.send(generate(np.tile(babble(10.0, seed=27), 90)))
    assert raw.receive().type == "accepted"
    for _ in range(3):
        stream = RawStream(raw)
        stream.push(line)
        stream.close()
        assert stream.end().type == "stream_closed"
        assert all(each.type == "progress" for each in stream.others), "the job goes on meanwhile"
    assert raw.ask("cancel", {"job": job.id}).body["state"] == "cancelled"


def test_streams_take_turns(raw: Raw) -> None:
    sound = babble(4.0, seed=28)
    streams = [RawStream(raw) for _ in range(3)]
    for stream in streams:
        stream.push(sound)
        stream.close()
    by_id, made = {stream.id: stream for stream in streams}, dict.fromkeys([stream.id for stream in streams], 0)
    while any(stream.last is None for stream in streams):
        message = raw.receive()
        if message.type == "stream_closed":
            by_id[message.parent].last = message
        elif message.type == "stream_frames" and (rig := message.buffer("rig")):
            made[message.parent] += rig.shape[0]
        if sum(stream.last is not None for stream in streams) == 1:
            assert min(made.values()) > 200, f"of 240 frames, when the first has ended: {made}"


def test_a_live_stream_goes_before_others(raw: Raw) -> None:
    """One that is fed faster than real time gets what is left."""
    other = RawStream(raw)
    other.push(babble(10.0, seed=29))
    live = RawStream(raw, live=True)
    sound = babble(1.0, seed=30)
    for piece in pieces(sound, 640):
        live.push(piece)
        live.raw.send(Message("ping", {}))
        while not live.others or live.others[-1].type != "ping_reply":
            live.take()
        live.others.clear()
        time.sleep(0.02)
    live.close()
    assert live.end().body["frames"] == 60
    # With a machine that stumbles it may lose some, but does not wait for the ten seconds of the other.
    assert live.last is not None and live.last.body["lost"] < RATE
    raw.ask("cancel", {"job": other.id})


# -- clients and sidecars that go


def test_a_silent_client_loses_its_stream(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    sidecar = start("--bundle", tiny_bundle, "--limit", "max_stream_quiet=3")
    with closing(Raw(sidecar.connection)) as raw:
        stream = RawStream(raw)
        for _ in range(4):
            time.sleep(0.4)
            raw.send(Message("ping", {}))  # a sign of life
        while stream.take().type != "ping_reply" or len(stream.others) < 4:
            pass
        assert stream.last is None
        while stream.last is None:  # and tell nothing of what is read, as `end` does
            stream.take()
        assert stream.last.body["code"] == "no_stream" and "Nothing was heard" in stream.last.body["message"]


def test_a_client_that_is_killed_loses_its_stream(
    tiny_bundle: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "GONE_SECONDS", 0.2)
    monkeypatch.setattr(streams_module, "TOLD_SECONDS", 0.1)
    with serving(tiny_bundle, tmp_path, max_streams=1) as raw:
        program = [sys.executable, "-m", "tests.helpers.little_streamer", str(tmp_path / "thread.json")]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=root) as client:
            assert client.stdout is not None and client.stdout.readline().strip() == "frames"
            assert RawStream(raw).end().body["code"] == "queue_full"
            client.kill()

        def opens() -> bool:
            stream = RawStream(raw)
            while not (stream.last or stream.opened):
                stream.take()
            return stream.last is None

        until(opens, "its stream has ended, and there is room for another")


def test_the_clock_of_the_wall_has_no_say(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: np.ndarray
) -> None:
    with serving(tiny_bundle, tmp_path) as raw:
        stream, now = RawStream(raw), time.time
        for number, piece in enumerate(pieces(line, 4000)):
            monkeypatch.setattr(time, "time", lambda jump=number: now() + 1e6 * (-1) ** jump)
            stream.push(piece)
            while stream.state["done"] < stream.at:
                stream.take()
        monkeypatch.undo()
        stream.close()
        assert stream.end().body["frames"] == 90 and stream.last.body["lost"] == 0  # pyright: ignore


def test_an_open_stream_keeps_the_sidecar(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    sidecar = start("--bundle", tiny_bundle, "--idle-exit", 4)
    with closing(Raw(sidecar.connection)) as raw:
        stream = RawStream(raw)
        for _ in range(6):  # signs of life, a second after the other
            while stream.take().type != "stream_frames":
                pass
        assert sidecar.process.poll() is None
        stream.close()
        assert stream.end().type == "stream_closed"
        assert sidecar.process.wait(PATIENCE) == 0


def test_a_sidecar_that_ends_says_so(
    start: Callable[..., Sidecar], tiny_bundle: Path, tmp_path: Path, line: np.ndarray
) -> None:
    sidecar = start("--bundle", tiny_bundle, "--log", tmp_path / "log")
    with closing(Raw(sidecar.connection)) as raw:
        done, stream = RawStream(raw, live=True, name="first"), RawStream(raw)
        done.push(line[:4000])
        done.close()
        while done.last is None:
            message = raw.receive()
            done.last = message if message.parent == done.id and message.type == "stream_closed" else None
        stream.push(line)
        raw.ask("shutdown")
        assert stream.end().body["code"] == "stopping"
    out, err = sidecar.process.communicate(timeout=PATIENCE)
    assert (sidecar.process.returncode, out, err) == (0, "", "")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text("utf-8").splitlines()]
    ended = {line["stream"]: line for line in lines if line["event"] == "stream ended"}
    assert {ended[done.id]["code"], ended[stream.id]["code"]} == {"ok", "stopping"}
    assert ended[done.id]["frames"] == 15 and ended[done.id]["samples"] == 4000 and ended[done.id]["steps"] > 0
    assert [line["name"] for line in lines if line["event"] == "stream"] == ["first", ""]


def test_metrics(start: Callable[..., Sidecar], tiny_bundle: Path, line: np.ndarray) -> None:
    port = free_port()
    sidecar = start("--bundle", tiny_bundle, "--metrics", port)
    with closing(Raw(sidecar.connection)) as raw:
        stream = RawStream(raw)
        stream.push(line, at=800)
        stream.close()
        stream.end()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    assert 'medtalk_streams_total{code="ok"} 1.0' in text and "medtalk_stream_frames_total 93.0" in text
    assert "medtalk_stream_lost_seconds_total 0.05" in text and "medtalk_stream_step_seconds_count" in text


def test_a_fault_of_ours_ends_one_stream(
    tiny_bundle: Path, tmp_path: Path, line: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk.live import Live

    push = Live.push

    def broken(self: Live, samples: Any, hurry: bool = False) -> Any:
        if self.facts()["source"]["name"] == "bad":
            raise ZeroDivisionError("of a test")
        return push(self, samples, hurry)

    monkeypatch.setattr(Live, "push", broken)
    with serving(tiny_bundle, tmp_path) as raw:
        bad = RawStream(raw, name="bad")
        bad.push(line)
        end = bad.end()
        assert end.body["code"] == "internal" and "ZeroDivisionError: of a test" in end.body["message"]
        good = RawStream(raw, name="good")
        good.push(line)
        good.close()
        assert good.end().type == "stream_closed"


# -- the client, over a network that breaks


class Cable:
    """A TCP proxy whose connections can be cut, or be held up."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 12):
                self.flows.wait()
                target.sendall(data)

    def cut(self) -> None:
        """Break all connections: what is on its way is lost."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@pytest.fixture
def cable(sidecar: Sidecar) -> Iterator[Cable]:
    proxy = Cable(sidecar.connection.address)
    yield proxy
    proxy.close()


def test_the_clients_frames_are_the_librarys_though_the_network_breaks(
    sidecar: Sidecar, cable: Cable, model: Model
) -> None:
    sound, found = babble(4.0, seed=31), []
    with Client(Connection(cable.address, sidecar.connection.token), patience=PATIENCE) as client:
        stream = client.stream(WireSettings(emotion="sad"), dtype="float32")
        for number, piece in enumerate(pieces(sound, 1600)):
            stream.push(piece)
            found += stream.frames(0.02)
            if number in (9, 10, 25):
                cable.cut()
        found += stream.rest()
        assert (stream.lost, stream.dropped) == (0, 0)
    assert [frames.first for frames in found] == list(np.cumsum([0, *(len(frames.rig) for frames in found)])[:-1])
    rig = np.concatenate([np.asarray(frames.rig) for frames in found])
    np.testing.assert_allclose(rig, played(model, sound, emotion="sad")[0], atol=1e-6)


def test_a_live_stream_over_a_network_that_stands_still(sidecar: Sidecar, cable: Cable) -> None:
    """What was late is left out; then it is in time again."""
    sound, found = babble(1.0, seed=32), []
    with Client(Connection(cable.address, sidecar.connection.token), patience=PATIENCE) as client:
        stream = client.stream(dtype="float32", live=True)
        while stream.state != "accepted":
            client.poll(0.1)
        for second in range(4):
            (cable.flows.clear if second == 1 else cable.flows.set)()
            for piece in pieces(sound, 1600):
                stream.push(piece)
                found += stream.frames(0.01)
        found += stream.rest()
        numbers = [frames.first + k for frames in found for k in range(len(frames.rig))]
        assert numbers == sorted(set(numbers)) and numbers[-1] == 239, "in order, up to the end"
        assert len(numbers) == 240 - stream.dropped and stream.result["samples"] == 64000
