"""The client's streams, with a sidecar that behaves, or loses, breaks, forgets and dies."""

from __future__ import annotations

import array
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

from medtalk_wire import (
    Client,
    ProtocolError,
    RequestError,
    Settings,
    SilentError,
    Stream,
    UnreachableError,
)
from medtalk_wire.errors import SidecarError

SECOND = bytes(32000)
"""Silence, int16 at 16 kHz."""


def all_of(stream: Stream) -> list[int]:
    """Close it and take the rest: the numbers of its frames, whose values say the same."""
    return numbers_of(list(stream.rest()))


def numbers_of(found: list) -> list[int]:
    numbers = [number for frames in found for number in range(frames.first, frames.first + frames.rig.shape[0])]
    assert [round(row[0]) for frames in found for row in frames.rig.tolist()] == numbers
    assert all(frames.head.shape == (frames.rig.shape[0], 3) for frames in found)
    return numbers


def pushed(stream: Stream, seconds: float) -> list:
    """Push silence, and take frames whenever there is no room."""
    found = []
    for _ in range(round(seconds / 0.1)):
        while stream.room <= 0:
            found += stream.frames(0.1)
        stream.push(SECOND[:3200])
        found += stream.frames()
    return found


def sounds(sidecar) -> list[tuple[int, int]]:
    """What the sidecar was sent: numbers of the first sample, and how many."""
    return [tuple(map(int, word.split("+"))) for word in sidecar.got("sound")]  # pyright: ignore


def test_sound_goes_in_and_frames_come_out(start, connect) -> None:
    client = connect(start())
    with client.stream(Settings(emotion="happy", intensity=1.5), name="line 7") as stream:
        for _ in range(10):
            stream.push(SECOND[:1600])
        assert stream.seconds == 0.5 and stream.state in ("sent", "accepted")
        assert all_of(stream) == list(range(30))
        assert stream.state == "done" and stream.ended and stream.error is None
        assert (stream.result["samples"], stream.lost, stream.dropped) == (8000, 0, 0)
        asked = stream.meta["asked"]
        assert (asked["guidance"], asked["intensity"], asked["name"]) == (
            {"kind": "label", "emotion": "happy"}, 1.5, "line 7",
        )  # fmt: skip
        assert not {"fps", "span", "transcript", "language", "curve_mode"} & set(asked)
    assert stream.frames() == []
    with pytest.raises(RequestError, match="takes no more"):
        stream.push(SECOND)


def test_frames_know_their_times(start, connect) -> None:
    stream = connect(start()).stream()
    stream.push(SECOND)
    stream.close()
    frames = [frames for frames in stream.rest() if frames.first == 6]
    assert frames[0].times == [0.1, 7 / 60, 8 / 60] and frames[0].rig.shape == (3, 174)


@pytest.mark.parametrize(
    ("data", "settings", "count"),
    [
        (array.array("h", [0] * 800), {}, 800),
        (array.array("f", [0.0] * 800), {"channels": 2}, 400),
        (memoryview(array.array("i", [0] * 800)), {}, 800),
        (bytearray(1600), {"dtype": "float32"}, 400),
        (np.zeros((300, 2), np.float32), {}, 300),
        (np.zeros(300, np.int16)[::2], {}, 150),
        (b"", {}, 0),
    ],
)
def test_samples_of_many_kinds(start, connect, data, settings, count) -> None:
    sidecar = start()
    stream = connect(sidecar).stream(**settings)
    stream.push(data)
    all_of(stream)
    assert sum(count for _, count in sounds(sidecar)) == count


@pytest.mark.parametrize("data", [b"abc", array.array("d", [0.0]), "text", None, np.zeros((2, 2, 2), np.float32)])
def test_samples_that_are_none(start, connect, data) -> None:
    stream = connect(start()).stream(channels=2)
    with pytest.raises(RequestError) as raised:
        stream.push(data)
    assert raised.value.code == "audio"
    assert all_of(stream) == []


def test_settings_of_a_whole_sound_are_refused(connect, start) -> None:
    client = connect(start())
    for wrong in (Settings(transcript="Hello"), Settings(fps=30.0), Settings(span=(0, 1)), Settings(curve=b"\0" * 4)):
        with pytest.raises(RequestError, match="A stream takes no") as raised:
            client.stream(wrong)
        assert raised.value.code == "setting"
    with pytest.raises(RequestError, match="channels"):
        client.stream(dtype="int8")


@pytest.mark.parametrize("rate", [16000.5, "16000", None, math.nan, math.inf])
def test_a_rate_that_is_not_whole_is_refused(connect, start, rate) -> None:
    client = connect(start())
    with pytest.raises(RequestError, match=r"rate is .*; valid are whole samples a second") as raised:
        client.stream(rate=rate)
    assert raised.value.code == "setting"
    assert client.stream(rate=np.float64(16000.0)).rate == 16000


def test_an_old_sidecar_plays_no_streams(start, connect) -> None:
    stream = connect(start("no-streams")).stream()
    with pytest.raises(RequestError, match=r"plays no streams.*Update") as raised:
        all_of(stream)
    assert raised.value.code == "unsupported"


def test_sound_waits_for_credit(start, connect) -> None:
    """As a program does that makes speech faster than real time; the sidecar sees to it that no credit is broken."""
    sidecar = start("stream-narrow")
    stream = connect(sidecar).stream()
    stream.push(SECOND)  # four times the credit
    with pytest.raises(RequestError, match=r"s of sound wait.*when there is room") as raised:
        for _ in range(20):
            stream.push(SECOND)
    assert raised.value.code == "queue_full"
    found = []
    while stream.room == 0.0:
        found += stream.frames(0.1)
    found += list(stream.rest())
    numbers = numbers_of(found)
    assert numbers == list(range(round(60 * stream.seconds))) and len(numbers) >= 60
    spans = sounds(sidecar)
    assert sum(count for _, count in spans) == 16000 * stream.seconds and max(count for _, count in spans) <= 4000


def test_frames_that_are_not_taken_are_not_sent(start, connect, until) -> None:
    client = connect(start())
    stream = client.stream()
    stream.push(SECOND)
    until(lambda: stream._next >= 24, client)
    client.poll(0.2)
    assert stream._next == 24, "of 60: nobody has taken one"
    assert all_of(stream) == list(range(60))


def test_a_gap_of_the_device_and_a_live_stream_that_cannot_send(start, connect, until) -> None:
    sidecar = start()
    client = connect(sidecar)
    stream = client.stream(live=True)
    until(lambda: stream.state == "accepted", client)
    assert stream.room == math.inf
    stream.push(SECOND[:3200])
    stream.skip(0.5)
    stream.push(SECOND[:3200])
    all_of(stream)
    assert (stream.lost, stream.result["samples"]) == (8000, 11200)
    sidecar.kill()
    late = connect(sidecar.connection, patience=60.0).stream(live=True)
    for _ in range(30):
        late.push(SECOND)  # nobody is there: what is older than half a second is left out
    assert sum(piece.buffer.shape[0] for piece in late._waiting) <= 16000 and late.seconds == 30.0


def test_a_gap_that_is_longer_than_the_credit(start, connect) -> None:
    sidecar = start("stream-narrow")
    stream = connect(sidecar).stream()
    stream.push(SECOND[:3200])
    stream.skip(2.0)
    stream.push(SECOND[:3200])
    assert all_of(stream) == list(range(132)) and stream.lost == 32000
    stream = connect(sidecar).stream()
    stream.skip(1.0)
    assert all_of(stream) == list(range(60))


@pytest.mark.parametrize("gap", [8000, 7000])
def test_a_gap_that_ends_with_the_credit_or_shortly_before(start, connect, gap: int) -> None:
    """Nothing of what comes after it may be sent, and the sidecar waits for more."""
    stream = connect(start("stream-narrow")).stream()
    stream.skip(gap / 16000)
    stream.push(SECOND[:3200])
    end = time.monotonic() + 20.0
    stream.close()
    while not stream.ended and time.monotonic() < end:
        stream.frames(0.1)
    assert stream.ended and stream.result["samples"] == gap + 1600 and stream.lost == gap


def test_guidance(start, connect, until) -> None:
    sidecar = start("times")
    client = connect(sidecar)
    stream = client.stream()
    stream.push(SECOND)
    changed = stream.guide("angry", intensity=2.0, within=0.1)
    at_once = stream.guide(timeline=[], now=True)
    wrong = stream.guide("hapy")
    until(lambda: changed.ended and at_once.ended and wrong.ended, client)
    assert changed.error is None and at_once.error is None and wrong.error and wrong.error.code == "guidance"
    told = [
        json.loads(line.split(" ", 1)[1]) for line in sidecar.output.read_text().splitlines() if line[:6] == "guided"
    ]
    asked = {"kind": "label", "emotion": "angry"}
    assert told == [
        {"stream": stream.id, "within": 0.1, "at": 16000, "guidance": asked, "intensity": 2.0},
        {"stream": stream.id, "within": 0.3, "timeline": []},
    ]
    assert all_of(stream) == list(range(60)), "the stream goes on"


# -- losses


@pytest.mark.parametrize("behaviour", ["stream-loses", "stream-loses-end"])
def test_what_is_lost_on_the_way_comes_again(start, connect, quick, behaviour: str) -> None:
    stream = connect(start(behaviour)).stream()
    found = pushed(stream, 1.0)
    found += list(stream.rest())
    assert numbers_of(found) == list(range(60)) and stream.dropped == 0


def test_frames_that_were_left_out_do_not_come(start, connect) -> None:
    stream = connect(start("stream-drops")).stream(live=True)
    found = pushed(stream, 1.0)
    found += list(stream.rest())
    assert numbers_of(found) == [*range(15), *range(18, 60)] and stream.dropped == 3


def test_a_connection_that_breaks_costs_nothing(start, connect, quick) -> None:
    """Frames and sound that were on their way are sent again."""
    sidecar = start("stream-breaks")
    stream = connect(sidecar).stream()
    found = pushed(stream, 2.0)
    found += list(stream.rest())
    assert numbers_of(found) == list(range(120))
    assert (stream.lost, stream.dropped) == (0, 0) and len(sidecar.got("stream_open")) == 2


def test_a_sidecar_that_is_killed_ends_it_and_it_opens_again(start, connect, until, quick) -> None:
    first = start("stream-dies")
    client = connect(first)
    stream = client.stream(Settings(emotion="sad"))
    before = stream.id
    with pytest.raises(RequestError, match=r"The sidecar was started again.*Open it again") as raised:
        pushed(stream, 0.5)
        until(lambda: first.process.poll() is not None, client)
        start()
        all_of(stream)
    assert raised.value.code == "no_stream"
    with pytest.raises(RequestError, match="started again"):
        stream.push(SECOND)
    stream.reopen()
    assert stream.id != before and stream.error is None and not stream.ended and stream.seconds == 0.0
    stream.push(SECOND)
    assert all_of(stream) == list(range(60)) and stream.meta["asked"]["guidance"]["emotion"] == "sad"
    still = client.stream()
    with pytest.raises(RequestError, match="still open"):
        still.reopen()


def test_a_sidecar_that_does_not_come_back(start, connect, quick) -> None:
    sidecar = start("stream-dies")
    stream = connect(sidecar, patience=1.0).stream()
    with pytest.raises(UnreachableError, match="is gone"):
        pushed(stream, 0.5)
        all_of(stream)


def test_a_sidecar_that_says_nothing_of_it(start, connect, quick) -> None:
    stream = connect(start("stream-deaf"), patience=1.0).stream()
    stream.push(SECOND)
    with pytest.raises(SilentError, match="nothing about this stream"):
        all_of(stream)


@pytest.mark.parametrize("behaviour", ["stream-ends", "stream-refused"])
def test_a_sidecar_that_ends_it(start, connect, behaviour: str) -> None:
    client = connect(start(behaviour))
    stream = client.stream()
    with pytest.raises(RequestError) as raised:
        pushed(stream, 2.0)
        all_of(stream)
    assert raised.value.code == {"stream-ends": "no_stream", "stream-refused": "queue_full"}[behaviour]
    assert client.wait(client.ping())["uptime"] == 1.0


def test_frames_that_are_none_fail_the_stream(start, connect) -> None:
    client = connect(start("stream-bad"))
    stream = client.stream()
    with pytest.raises(ProtocolError, match="174"):
        pushed(stream, 1.0)
        all_of(stream)
    assert client.wait(client.ping())["uptime"] == 1.0


def test_a_stream_that_is_left_is_cancelled(start, connect, until) -> None:
    sidecar = start()
    client = connect(sidecar)
    with client.stream() as stream:
        stream.push(SECOND)
        stream.frames(0.5)
    until(lambda: stream.ended, client)
    assert stream.error and stream.error.code == "cancelled" and sidecar.got("cancel")


def test_a_client_that_is_closed(start, connect) -> None:
    client: Client = connect(start())
    stream = client.stream()
    stream.push(SECOND)
    client.close()
    with pytest.raises(SidecarError, match="closed"):
        while True:
            stream.frames()
    with pytest.raises(SidecarError, match="closed"):
        client.stream()


def test_a_stream_says_that_it_is_there(start, connect, monkeypatch) -> None:
    monkeypatch.setattr("medtalk_wire.stream.ALIVE", 0.05)
    sidecar = start()
    stream = connect(sidecar).stream()
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        stream.frames(0.05)
    assert sounds(sidecar)[0] == (0, 0) and len(sounds(sidecar)) >= 5


def test_two_streams_and_a_job_beside_one_another(start, connect, voice, tmp_path: Path) -> None:
    client = connect(start())
    one, two = client.stream(), client.stream(rate=8000)
    job = client.generate(voice)
    for _ in range(4):
        one.push(SECOND[:8000])
        two.push(SECOND[:8000])
    assert client.wait(job).frames == 3
    assert all_of(two) == list(range(120)) and all_of(one) == list(range(60))
