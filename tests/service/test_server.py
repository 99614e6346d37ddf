"""The sidecar as a client meets it, message by message (docs/protocol.md), through bare sockets."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import soundfile

import medtalk
from medtalk import Finishing
from medtalk.audio import Speech
from medtalk.guidance import Description
from medtalk.perform import Model
from medtalk.persona import read_persona
from medtalk.rates import RATE
from medtalk.rig.channels import CHANNEL_HASH, CHANNEL_NAMES
from medtalk.service.settings import SETTINGS
from medtalk_wire import Client
from medtalk_wire import Settings as WireSettings
from medtalk_wire import Sound as WireSound
from medtalk_wire.protocol import ERROR_CODES, PROTOCOL, Buffer, Message, pack
from tests.helpers.requests import file_request, generate, path_request, pcm, wav
from tests.helpers.sidecars import SEES, Raw, Sidecar, until
from tests.helpers.sounds import babble


def emotion(text: Any) -> dict[str, Any]:
    return {"kind": "label", "emotion": text}


def rig(message: Message) -> np.ndarray:
    """The rig of a result, (frames, 174)."""
    assert message.type == "result", message.body
    return np.asarray((message.buffer("rig") or Buffer("", "float32", (0,), b"")).view())


def head(message: Message) -> np.ndarray:
    return np.asarray((message.buffer("head") or Buffer("", "float32", (0, 3), b"")).view())


def curve(message: Message) -> np.ndarray:
    return np.asarray((message.buffer("intensity") or Buffer("", "float32", (0,), b"")).view())


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> Model:
    """The model of the shared sidecar, in this process."""
    return medtalk.load(tiny_bundle, threads=1)


@pytest.fixture(scope="module")
def line() -> np.ndarray:
    return babble(2.0, seed=11)


@pytest.fixture(scope="module")
def long() -> np.ndarray:
    """Ten minutes: work that can be caught in the act."""
    return np.tile(babble(10.0, seed=12), 60)


def test_hello_tells_what_the_document_says(raw: Raw, sidecar: Sidecar) -> None:
    answer = raw.ask("hello", {"client": "test", "channel_hash": CHANNEL_HASH, "from the future": 1})
    body = answer.body
    assert (answer.type, answer.protocol) == ("hello_reply", PROTOCOL)
    assert body["version"] == medtalk.__version__ and body["pid"] == sidecar.process.pid
    assert body["instance"] == sidecar.connection.instance
    assert body["channels"] == list(CHANNEL_NAMES) and body["channel_hash"] == CHANNEL_HASH and body["fps"] == 60.0
    assert body["bundle"]["name"] == "tiny" and len(body["bundle"]["sha256"]) == 64 and body["device"] == "cpu"
    assert body["capabilities"] == {
        "sounds": ["pcm", "file", "path"], "guidance": ["label", *SEES, "auto"], "hears": False, "words": False,
        "settings": list(SETTINGS), "streams": True,
    }  # fmt: skip
    assert body["personas"] == {name: read_persona(name) for name in ("host", "nervous", "officer", "weary")}
    document = (Path(__file__).parents[2] / "docs/protocol.md").read_text("utf-8")
    told = document[document.index("## Limits") : document.index("## Error codes")]
    assert set(re.findall(r"`((?:max|min)_[a-z_]+)`", told)) == set(body["limits"])


def test_another_channel_table_is_refused(raw: Raw) -> None:
    assert raw.ask("hello", {"channel_hash": "0" * 64}).body["code"] == "channels"


def test_the_three_kinds_of_sound_give_the_rig_of_the_library(
    raw: Raw, line: np.ndarray, model: Model, tmp_path: Path
) -> None:
    whole = (line * 32767).astype(np.int16)
    path = tmp_path / "line.wav"
    soundfile.write(path, whole, RATE)
    expected = model.perform(path).decode("angry", 1.5, Finishing(seed=3))
    data = path.read_bytes()
    sound, buffers = pcm(whole)
    as_file = {"kind": "file", "name": "line.wav", "sha256": hashlib.sha256(data).hexdigest()}
    settings = {"guidance": emotion("angry"), "intensity": 1.5, "finishing": {"seed": 3}}
    for sent in (
        Message("generate", {"sound": sound, **settings}, buffers=buffers),
        Message("generate", {"sound": as_file, **settings}, buffers=[Buffer("file", "uint8", (len(data),), data)]),
        Message("generate", {"sound": {"kind": "path", "path": str(path)}, **settings}),
    ):
        result = raw.last(raw.send(sent))
        np.testing.assert_allclose(rig(result), expected.values, atol=1e-6)
        np.testing.assert_allclose(head(result), np.asarray(expected.head), atol=1e-5)
        body = result.body
        assert (body["frames"], body["fps"], body["channel_hash"]) == (len(expected), 60.0, CHANNEL_HASH)
        assert body["seconds"] == expected.seconds and len(curve(result)) == len(expected)
        meta = dict(expected.meta)
        assert {**body["meta"], "source": None} == {**meta, "source": None}
        assert body["meta"]["source"]["sha256"] == meta["source"]["sha256"]
    assert body["meta"]["source"]["name"] == "line.wav"


def test_a_head_that_is_still_is_not_sent(raw: Raw, line: np.ndarray) -> None:
    sound, buffers = pcm((line * 32767).astype(np.int16))
    for still in ({"finishing": {"head": False}}, {"region": "mouth"}):
        result = raw.last(raw.send(Message("generate", {"sound": sound, **still}, buffers=buffers)))
        assert [buffer.name for buffer in result.buffers] == ["rig", "intensity"]


def test_a_description_is_understood_as_by_the_library(start: Callable[..., Sidecar], line: np.ndarray) -> None:
    """By the bundle that ships; a sound that was heard is decoded by another one."""
    model, sidecar = medtalk.load(threads=1), start()
    expected = model.perform(Speech.from_array(line, RATE))
    with Client(sidecar.connection) as client:
        assert client.wait(client.hello())["capabilities"]["guidance"] == ["label", "text", *SEES, "auto"]
        sound = WireSound.from_pcm(line, RATE, line.shape, "float32")
        result = client.wait(client.generate(sound, WireSettings(text="furious, close to tears")))
        again = client.wait(client.decode(result.heard, WireSettings(text="slightly amused")))
    for found, text in ((result, "furious, close to tears"), (again, "slightly amused")):
        mood = model.guide(text=text)
        assert isinstance(mood, Description)
        np.testing.assert_allclose(np.asarray(found.rig), expected.decode(mood).values, atol=1e-5)
        assert found.meta["guidance"] == {"text": text}
        assert found.meta["strength"] == pytest.approx(mood.strength, abs=1e-5)


def test_two_channels_and_other_rates(raw: Raw, line: np.ndarray, model: Model) -> None:
    stereo = np.stack([line, np.zeros_like(line)], axis=1)
    sound, buffers = pcm(stereo, rate=24000, channel=0)
    expected = model.perform(Speech.from_array(stereo, 24000, channel=0)).decode()
    result = raw.last(raw.send(Message("generate", {"sound": sound}, buffers=buffers)))
    np.testing.assert_allclose(rig(result), expected.values, atol=1e-6)


def test_decode_is_what_the_library_decodes_and_hears_nothing_again(
    raw: Raw, line: np.ndarray, model: Model, start: Callable[..., Sidecar]
) -> None:
    performance = model.perform(Speech.from_array(line, RATE))
    first = raw.last(raw.send(generate(line)))
    heard = first.body["heard"]
    np.testing.assert_allclose(curve(first), performance.intensity, atol=1e-6)

    happy = raw.last(raw.send(Message("decode", {"heard": heard, "guidance": emotion({"happy": 0.5})})))
    np.testing.assert_allclose(rig(happy), performance.decode({"happy": 0.5}).values, atol=1e-6)
    assert happy.body["cached"] and "audio" not in happy.body

    edited = np.linspace(0.0, 2.0, len(performance), dtype=np.float32)
    sent = Message(
        "decode", {"heard": heard, "guidance": emotion("sad")},
        buffers=[Buffer("intensity", "float32", edited.shape, edited.tobytes())],
    )  # fmt: skip
    result = raw.last(raw.send(sent))
    np.testing.assert_allclose(rig(result), performance.with_intensity(edited).decode("sad").values, atol=1e-6)
    np.testing.assert_array_equal(curve(result), edited)

    spoken = raw.last(raw.send(Message("decode", {"heard": heard, "transcript": "I hate you!"})))
    with_words = model.perform(Speech.from_array(line, RATE), "I hate you!")
    np.testing.assert_allclose(curve(spoken), with_words.intensity, atol=1e-6)

    part = raw.last(raw.send(Message("decode", {"heard": heard, "span": [0.5, 1.5], "fps": 30, "region": "mouth"})))
    expected = performance.decode(region="mouth").resample(30.0).slice(0.5, 1.5)
    assert part.body["frames"] == len(expected) == 30
    np.testing.assert_allclose(rig(part), expected.values, atol=1e-6)

    other = Raw(start("--bundle", model.bundle.folder).connection)
    assert other.last(other.send(Message("decode", {"heard": heard}))).body["code"] == "not_heard"
    other.close()


def test_messages_of_a_job_come_in_order_and_none_after_the_last(raw: Raw, long: np.ndarray) -> None:
    job = raw.send(generate(long))
    messages = [raw.receive()]
    while messages[-1].type not in ("result", "error"):
        messages.append(raw.receive())
    assert {message.parent for message in messages} == {job.id}
    assert [message.type for message in messages] == ["accepted", *["progress"] * (len(messages) - 2), "result"]
    assert len(messages) > 4, "ten minutes of sound take longer than a second"
    fractions = [message.body["fraction"] for message in messages[1:-1]]
    assert fractions == sorted(fractions) and 0.0 <= fractions[0] <= fractions[-1] <= 1.0
    assert {message.body["phase"] for message in messages[1:-1]} <= {"read", "listen", "decode"}
    raw.ask("ping")
    assert not raw.socket.poll(0)


def test_ping_and_cancel_do_not_wait_for_the_work(raw: Raw, long: np.ndarray, line: np.ndarray) -> None:
    job = raw.send(generate(long[:-1]))
    assert raw.receive().type == "accepted"
    assert raw.receive().type == "progress"
    before = raw.ask("ping")
    assert (before.type, before.body["working"], before.body["queued"]) == ("ping_reply", 1, 0)
    cancel = raw.send(Message("cancel", {"job": job.id}))
    answers = []
    while len(answers) < 2:
        if (message := raw.receive()).type != "progress":
            answers.append(message)
    assert answers[0].parent == job.id and answers[0].body["code"] == "cancelled"
    assert answers[1].parent == cancel.id and answers[1].body == {"job": job.id, "state": "cancelled"}
    assert raw.last(raw.send(generate(line))).type == "result"
    assert raw.ask("ping").body["working"] == 0
    # Cancelled is cancelled, whoever asks again.
    again = raw.last(raw.send(generate(long[:-1], job.id)))
    assert again.body["code"] == "cancelled"
    assert raw.ask("cancel", {"job": job.id}).body["state"] == "finished"
    assert raw.ask("cancel", {"job": "never"}).body["state"] == "unknown"


def test_the_same_id_is_the_same_job_while_it_waits_is_worked_on_and_has_ended(
    sidecar: Sidecar, raw: Raw, long: np.ndarray, line: np.ndarray
) -> None:
    first, second = Raw(sidecar.connection), Raw(sidecar.connection)
    busy = first.send(generate(long[:-2]))
    assert first.receive().type == "accepted"
    waiting = first.send(generate(line[:-5]))
    while first.receive().parent != waiting.id:  # it must have come before another asks for the same
        pass
    taken_over = second.send(generate(line[:-5], waiting.id))
    answer = second.receive()
    assert (answer.type, answer.parent) == ("accepted", taken_over.id)
    moved = raw.send(generate(long[:-2], busy.id))  # asked last: gets the answer
    result = raw.last(moved)
    assert result.type == "result"
    assert second.last(taken_over).type == "result"

    repeated = second.last(second.send(generate(long[:-2], busy.id)))
    assert repeated.body == result.body, "the same run, down to its timing"
    np.testing.assert_array_equal(rig(repeated), rig(result))

    for other in (generate(long[:-3], busy.id), generate(long[:-2], busy.id, intensity=1.1)):
        assert second.ask(other.type, dict(other.body), id=other.id, buffers=other.buffers).body["code"] == "id_reused"
    first.ask("ping")
    first.close()
    second.close()


def test_clients_take_turns(sidecar: Sidecar, raw: Raw, long: np.ndarray) -> None:
    greedy, modest = Raw(sidecar.connection), Raw(sidecar.connection)
    busy = raw.send(generate(long[:-4]))
    assert raw.receive().type == "accepted"
    many = [greedy.send(generate(babble(0.5, seed=100 + k))) for k in range(6)]
    ahead = [greedy.receive() for _ in many]
    assert [message.body["ahead"] for message in ahead if message.type == "accepted"] == [1, 2, 3, 4, 5, 6]
    one = modest.send(generate(babble(0.5, seed=200)))
    assert modest.receive().body["ahead"] == 2, "behind the job at work and one of the greedy client's"
    raw.send(Message("cancel", {"job": busy.id}))
    queued = modest.last(one).body["timing"]["queued"]
    ends = []
    while len(ends) < len(many):
        if (message := greedy.receive()).type == "result":
            ends.append(message)
    assert [end.parent for end in ends] == [job.id for job in many]
    assert sum(end.body["timing"]["queued"] < queued for end in ends) <= 2
    greedy.close()
    modest.close()


def test_a_full_queue_refuses(start: Callable[..., Sidecar], tiny_bundle: Path, long: np.ndarray) -> None:
    client = Raw(start("--bundle", tiny_bundle, "--limit", "max_queue=2").connection)
    busy = client.send(generate(long))
    assert client.receive().type == "accepted"
    jobs = [client.send(generate(babble(0.5, seed=k))) for k in range(3)]
    kinds: dict[str, str] = {}
    while len(kinds) < 3:
        message = client.receive()
        if message.parent != busy.id and message.type in ("accepted", "error"):
            kinds[message.parent] = message.body.get("code", "accepted")
    assert [kinds[job.id] for job in jobs] == ["accepted", "accepted", "queue_full"]
    client.send(Message("cancel", {"job": busy.id}))
    assert client.last(jobs[1]).type == "result"
    refused = client.send(generate(babble(0.5, seed=2), jobs[2].id))
    assert client.last(refused).type == "result", "a refusal is not the end of an id"
    client.close()


@pytest.mark.parametrize("limit", ["max_client_queue=2", "max_client_queue_bytes=70000"])  # of 32,000 bytes each
def test_one_client_does_not_fill_the_queue(
    start: Callable[..., Sidecar], tiny_bundle: Path, long: np.ndarray, limit: str
) -> None:
    connection = start("--bundle", tiny_bundle, "--limit", limit).connection
    greedy, modest = Raw(connection), Raw(connection)
    busy = greedy.send(generate(long))
    assert greedy.receive().type == "accepted"
    assert greedy.receive().type == "progress"
    jobs = [greedy.send(generate(babble(0.5, seed=k))) for k in range(3)]
    answers: dict[str, Message] = {}
    while len(answers) < 3:
        message = greedy.receive()
        if message.parent != busy.id and message.type in ("accepted", "error"):
            answers[message.parent] = message
    assert [answers[job.id].type for job in jobs] == ["accepted", "accepted", "error"]
    refusal = answers[jobs[2].id].body
    assert refusal["code"] == "queue_full" and "of this client are waiting" in refusal["message"]
    assert modest.ask("decode", {"heard": "x"}).type == "accepted", "there is room for others"
    greedy.send(Message("cancel", {"job": busy.id}))
    assert greedy.last(jobs[1]).type == "result"
    assert greedy.last(greedy.send(generate(babble(0.5, seed=2), jobs[2].id))).type == "result"
    greedy.close()
    modest.close()


def bad_requests(folder: Path, line: np.ndarray) -> list[tuple[str, str, Message]]:
    """Code, a word of the message, and the request that earns it."""
    sound, buffers = pcm(line)
    two_hours, samples = pcm(np.zeros(2 * 3600 * 4000, np.int16), rate=4000)
    os.mkfifo(folder / "pipe")
    (folder / "text.wav").write_text("not a sound")
    (folder / "secret.wav").write_bytes(wav(line))
    return [
        ("audio", "no samples", generate(np.zeros(0, np.float32))),
        ("limit", "7200.0 s", Message("generate", {"sound": two_hours}, buffers=samples)),
        ("limit", "9 channels", generate(np.zeros((1000, 9), np.float32))),
        ("limit", "samples a second", Message("generate", {"sound": {**sound, "rate": 1}}, buffers=buffers)),
        ("audio", "not numbers", generate(np.full(9000, np.nan, np.float32))),
        ("audio", "not numbers", file_request(wav(np.full(9000, np.inf, np.float32)))),
        ("audio", "text", file_request(b"hello, I am a text")),
        ("audio", "cut", file_request(wav(line)[:-100])),
        ("audio", "no channel 4", Message("generate", {"sound": {**sound, "channel": 4}}, buffers=buffers)),
        ("audio", "folder", path_request(folder)),
        ("audio", "device", path_request("/dev/zero")),
        ("audio", "device", path_request(folder / "pipe")),
        ("audio", "does not exist", path_request(folder / "nowhere.wav")),
        ("audio", "text", path_request(folder / "text.wav")),
        ("path", "not absolute", path_request("line.wav")),
        ("limit", "100000 characters", generate(line, transcript="x" * 100_000)),
        ("guidance", "Unknown emotion", generate(line, guidance=emotion("hungry"))),
        ("guidance", "finite number", generate(line, guidance=emotion({"happy": -1.0}))),
        ("unsupported", "guidance", generate(line, guidance={"kind": "telepathy"})),
        ("unsupported", "not understand descriptions", generate(line, guidance={"kind": "text", "text": "furious"})),
        ("setting", "language", generate(line, language="en")),
        ("bad_message", "intensity", generate(line, intensity="loud")),
        ("bad_message", "emotion", generate(line, guidance=emotion(7))),
        ("setting", "intensity", generate(line, intensity=5.0)),
        ("setting", "region", generate(line, region="nose")),
        ("setting", "fps", generate(line, fps=0.0)),
        ("setting", "seed", generate(line, finishing={"seed": -1})),
        ("setting", "span", generate(line, span=[2.0, 1.0])),
        ("rig", "lasts from 0 to", generate(line, span=[100.0, 101.0])),
        ("setting", "intensity curve has 3", Message("generate", {"sound": sound}, buffers=[
            *buffers, Buffer("intensity", "float32", (3,), bytes(12))])),
        ("checksum", "damaged on the way", Message(
            "generate", {"sound": {**sound, "sha256": "0" * 64}}, buffers=buffers)),
        ("bad_message", "samples", Message("generate", {"sound": sound})),
        ("unknown_type", "levitate", Message("levitate", {})),
        ("not_heard", "cache", Message("decode", {"heard": "nothing"})),
        ("bad_message", "heard", Message("decode", {})),
        ("version", "2.0", Message("ping", {}, protocol="2.0")),
    ]  # fmt: skip


def test_every_bad_request_gets_one_clear_error_and_the_sidecar_lives(
    raw: Raw, tmp_path: Path, line: np.ndarray
) -> None:
    for code, words, request in bad_requests(tmp_path, line):
        raw.send(request)
        while (answer := raw.receive()).type in ("accepted", "progress"):
            pass
        assert (answer.type, answer.body.get("code"), answer.parent) == ("error", code, request.id), (
            words,
            answer.body,
        )
        assert words in answer.body["message"] and "\n" not in answer.body["message"] and code in ERROR_CODES
        assert raw.ask("ping").type == "ping_reply"


def test_a_path_outside_the_sound_folders_is_refused(
    start: Callable[..., Sidecar], tiny_bundle: Path, tmp_path: Path, line: np.ndarray
) -> None:
    inside = tmp_path / "sounds"
    inside.mkdir()
    (inside / "line.wav").write_bytes(wav(line))
    (tmp_path / "outside.wav").write_bytes(wav(line))
    (inside / "link.wav").symlink_to(tmp_path / "outside.wav")
    client = Raw(start("--bundle", tiny_bundle, "--sounds", inside).connection)
    assert client.last(client.send(path_request(inside / "line.wav"))).type == "result"
    for path in (tmp_path / "outside.wav", inside / "link.wav", inside / ".." / "outside.wav"):
        assert client.last(client.send(path_request(path))).body["code"] == "path"
    client.close()


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b""],
        [b"\xc1"],
        [b"\x93\x01\x02\x03"],
        [b"\xdf\xff\xff\xff\xff"],
        [msgpack.packb({"id": "a", "type": "ping"})],
        [msgpack.packb({"id": "a b", "type": "ping", "body": {}, "protocol": PROTOCOL})],
        [b"\x91" * 100_000 + b"\x01"],
        [*pack(Message("ping", {})), b"surplus"],
        [b"x" * (1 << 21)],
        [b"x"] * 2000,
    ],
)
def test_garbage_is_answered_or_dropped_and_harms_nobody(raw: Raw, frames: list[bytes]) -> None:
    raw.socket.send_multipart(frames or [b""])
    answer = raw.receive()
    assert answer.type == "error" and answer.body["code"] in ("bad_message", "version")


def test_an_oversize_message_is_dropped_and_the_next_is_served(
    start: Callable[..., Sidecar], tiny_bundle: Path, line: np.ndarray
) -> None:
    client = Raw(start("--bundle", tiny_bundle, "--limit", "max_bytes=2000000",
                       "--limit", "max_image_bytes=1000000").connection)  # fmt: skip
    too_large = client.send(generate(np.zeros(1_000_000, np.float32)))
    # ZeroMQ closes the connection without a word, and makes another.
    deadline = time.monotonic() + 30
    while client.socket.poll(0) == 0 and time.monotonic() < deadline:
        client.send(Message("ping", {}))
        client.socket.poll(300)
    answer = client.receive()
    assert answer.type == "ping_reply" and answer.parent != too_large.id
    client.close()


def test_a_picture_may_be_larger_than_a_sound(start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    """It arrives: what is wrong is found behind it."""
    client = Raw(start("--bundle", tiny_bundle, "--limit", "max_bytes=1000").connection)
    image = bytes(3_000_000)
    guidance = {"kind": "image", "sha256": hashlib.sha256(image).hexdigest()}
    buffers = [Buffer("image", "uint8", (len(image),), image)]
    answer = client.ask("decode", {"heard": "0" * 16, "guidance": guidance}, buffers=buffers)
    assert answer.type == "accepted" or answer.body["code"] == "unsupported"  # with MediaPipe, and without
    client.close()


def test_a_sound_costs_its_hearing_once(raw: Raw) -> None:
    samples = babble(3.0, seed=77)
    first = raw.last(raw.send(generate(samples, guidance=emotion("fear"))))
    second = raw.last(raw.send(generate(samples, guidance=emotion("fear"))))
    assert (first.body["cached"], second.body["cached"]) == (False, True)
    np.testing.assert_array_equal(rig(first), rig(second))
    assert first.body["heard"] == second.body["heard"]


def test_queued_jobs_are_told_that_they_wait(raw: Raw, long: np.ndarray, line: np.ndarray) -> None:
    busy = raw.send(generate(np.concatenate([long, long[:-6]])))
    waiting = raw.send(generate(line[:-7]))
    while (message := raw.receive()).parent != waiting.id or message.type == "accepted":
        pass
    assert message.type == "progress"
    assert message.body == {"phase": "queued", "fraction": 0.0, "ahead": 1}
    raw.send(Message("cancel", {"job": busy.id}))
    assert raw.last(waiting).type == "result"
    until(lambda: raw.ask("ping").body["working"] == 0, "the compute thread is free")
