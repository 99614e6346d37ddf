"""`medtalk live`: what comes out where and when, how it is steered and ended, and what goes wrong."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pylivelinkface import PyLiveLinkFace
from pythonosc.osc_bundle import OscBundle

import medtalk as library
from medtalk.audio import read_speech
from medtalk.cli import streaming
from medtalk.cli.played import Played
from medtalk.cli.recording import Recorder
from medtalk.cli.steering import Steering
from medtalk.cli.tape import Tape
from medtalk.errors import AudioError
from medtalk.limits import LIVE_LOST
from medtalk.live import Frames, Live
from medtalk.rig import read_rig
from tests.helpers.booth import TONE, Booth
from tests.helpers.sounds import babble

SECONDS = 1.0
PATIENCE = 60.0
"""Seconds for what should come soon, were there nobody else on this machine."""
COMMAND = [sys.executable, "-m", "medtalk", "live"]


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A sound of a second."""
    path = tmp_path / "line.wav"
    soundfile.write(path, babble(SECONDS), 16000)
    return path


@pytest.fixture
def live(medtalk: Callable[..., Any], tiny_bundle: Path) -> Callable[..., Any]:
    """`medtalk live` with a small bundle, in this process."""
    return lambda *words: medtalk("live", *words, "--bundle", tiny_bundle)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes a line to the stdin of the command."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield lambda text: void(os.write(writing, f"{text}\n".encode()))
        os.close(writing)


def void(_: object) -> None:
    pass


class Listener:
    """Keeps the datagrams that come to a port of this machine, with the time, for a `with` block."""

    def __enter__(self) -> Listener:
        self.came: list[tuple[float, bytes]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._ending = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._thread.join()
        self._socket.close()

    def wait(self, count: int) -> None:
        """Wait until so many datagrams have come."""
        end = time.monotonic() + PATIENCE
        while len(self.came) < count and time.monotonic() < end:
            time.sleep(0.01)

    def then(self, count: int, do: Callable[[], None]) -> None:
        """Do something when so many have come, on a thread."""
        threading.Thread(target=lambda: (self.wait(count), do())).start()

    def _listen(self) -> None:
        while not self._ending:
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            self.came.append((time.monotonic(), data))


def left_out(summary: str) -> int:
    """How many frames a machine that is busy with other things did not send."""
    found = re.search(r"(\d+) late frames? left out", summary)
    return int(found[1]) if found else 0


def lines_of_json(text: str) -> list[dict[str, Any]]:
    """Those among lines of text."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- what comes out


def test_a_file_plays_in_real_time_to_live_link_and_osc(live: Callable[..., Any], line: Path) -> None:
    with Listener() as unreal, Listener() as osc:
        done = live(line, "--to", unreal.address, "--subject", "Ada", "--osc", osc.address, "--osc-layout", "arkit")
    assert (done.code, done.err) == (0, "")
    ready, summary = done.out.splitlines()
    assert ready.startswith(
        f"medtalk live: line.wav at 16000 Hz to Live Link at {unreal.address}, OSC at {osc.address}, "
    )
    assert summary.startswith("1.0 s, 60 frames, ") and "behind the voice" in summary
    frames = [PyLiveLinkFace.decode(data)[1] for _, data in unreal.came]
    assert {each.name for each in frames} == {"Ada"}
    assert len(frames) + len(osc.came) + left_out(summary) == 2 * 60
    numbers = [each._frames for each in frames]
    assert numbers == sorted(set(numbers)) and numbers[-1] - numbers[0] <= 60
    times = [at for at, _ in unreal.came]
    assert times[-1] - times[0] > (numbers[-1] - numbers[0]) / 60 - 0.2, "not faster than it is spoken"
    weights = np.array([[message.params[0] for message in list(OscBundle(data))[3:]] for _, data in osc.came])
    assert weights.shape == (len(osc.came), 52) and np.ptp(weights, axis=0).max() > 0.0


def test_json_is_what_the_library_gives_and_the_take_is_the_same(
    live: Callable[..., Any], line: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    take = tmp_path / "take.npz"
    done = live(line, "--as-fast", "--json", "--emotion", "angry", "--seed", "5", "--record", take, "--look-ahead", "0")
    assert (done.code, done.err) == (0, "")
    about, *frames = lines_of(done.out)
    assert [each["frame"] for each in frames] == list(range(60)) and about["delay"] == pytest.approx(0.04)
    own = library.load(tiny_bundle, threads=1).live("angry", look_ahead=0.0, finishing=library.Finishing(seed=5))
    parts = [own.push(read_speech(line).samples), own.finish()]
    values = np.concatenate([part.values for part in parts])
    np.testing.assert_allclose([each["values"] for each in frames], values, atol=1e-6)
    rig = read_rig(take)
    np.testing.assert_array_equal(rig.values, values)
    assert rig.head is not None and rig.fps == 60.0
    np.testing.assert_allclose([each["head"] for each in frames], rig.head, atol=1e-6)
    assert rig.meta["emotion"] == {"angry": 1.0} and rig.meta["finishing"]["seed"] == 5


def test_the_take_and_its_sound_lie_beside_each_other(live: Callable[..., Any], line: Path, tmp_path: Path) -> None:
    take = tmp_path / "takes" / "one.npz"
    take.parent.mkdir()
    done = live(line, "--as-fast", "--record", take)
    assert done.code == 0 and done.out.splitlines()[-1] == f"{take}: 60 frames, with {take.with_suffix('.wav')}"
    assert sorted(each.name for each in take.parent.iterdir()) == ["one.npz", "one.wav"], "nothing half-written"
    speech = read_speech(take.with_suffix(".wav"))
    assert speech.seconds == pytest.approx(SECONDS)
    np.testing.assert_allclose(speech.samples, read_speech(line).samples, atol=1e-4)
    source = read_rig(take).meta["source"]
    assert (source["sha256"], source["name"], source["seconds"]) == (speech.sha256, "line.wav", SECONDS)


def test_the_sound_that_is_played_is_not_written_over(live: Callable[..., Any], line: Path, tmp_path: Path) -> None:
    before = line.read_bytes()
    assert live(line, "--as-fast", "--record", tmp_path / "line.arkit.csv").code == 0
    assert line.read_bytes() == before and (tmp_path / "line.arkit.csv").exists()


def test_another_sound_that_lies_there_is_not_written_over(
    live: Callable[..., Any], line: Path, tmp_path: Path
) -> None:
    other = tmp_path / "take.wav"
    soundfile.write(other, babble(0.5), 16000)
    before = other.read_bytes()
    done = live(line, "--as-fast", "--record", tmp_path / "take.npz")
    assert done.code == 1 and other.read_bytes() == before and not (tmp_path / "take.npz").exists()
    assert done.err == (
        f"medtalk: {other} is there already, and would be lost. Give another name, or replace it by --force.\n"
    )
    assert live(line, "--as-fast", "--record", tmp_path / "take.npz", "--force").code == 0
    assert other.read_bytes() != before


def test_channels_that_cancel_each_other_out_are_said(live: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([babble(0.5), -babble(0.5)], axis=1), 16000)
    done = live(path, "--as-fast", "--record", tmp_path / "take.npz")
    assert done.code == 0
    assert (
        done.err == "medtalk: The channels of stereo.wav cancel each other out: use one of them, such as channel 0.\n"
    )
    done = live(path, "--as-fast", "--channel", "0", "--record", tmp_path / "one.npz")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_any_rate_and_several_channels(live: Callable[..., Any], tmp_path: Path, rate: int) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([babble(0.5, rate), np.zeros(rate // 2)], axis=1), rate)
    done = live(path, "--as-fast", "--json", "--channel", "0", "--look-ahead", "0.2")
    assert done.code == 0 and len(done.out.splitlines()) == 31


# --- how it goes on and ends


def test_status_and_a_sound_that_begins_again(live: Callable[..., Any], line: Path, keyboard: Callable) -> None:
    """It plays on from its end, in one stream, until it is told to stop."""
    with Listener() as unreal:
        unreal.then(90, lambda: keyboard("stop"))
        done = live(line, "--loop", "--json", "--to", unreal.address, "--steer", "--status", "0.3")
    assert done.code == 0
    numbers = [each["frame"] for each in lines_of(done.out)[1:]]
    *states, last = [each for each in lines_of_json(done.err) if "seconds" in each]
    assert numbers == sorted(set(numbers)) and last["frames"] > 60
    assert len(numbers) + len(unreal.came) + last["dropped"] == 2 * last["frames"]
    assert len(states) >= 3 and last["done"] is True
    assert all(a["seconds"] <= b["seconds"] for a, b in itertools.pairwise(states))
    spoken = states[2]
    assert spoken["latency_ms"]["p50"] > 100.0 and -60.0 < spoken["level_db"] < 0.0 and spoken["device"] == "ok"
    assert isinstance(spoken["speaking"], bool) and spoken["lost"] == 0.0


def test_lines_on_stdin_change_the_mood(
    medtalk: Callable[..., Any], line: Path, keyboard: Callable, tmp_path: Path
) -> None:
    """With the bundle that ships, which understands descriptions."""
    for text in ("happy:0.6", "", '{"text": "slightly annoyed", "intensity": 1.5}', '{"emotion": "sad", "within": 0}'):
        keyboard(text)
    wrong = [
        "grumpy", "auto", "{", "[1]", '{"mood": "sad"}', "{}", '{"intensity": "loud"}', '{"intensity": 9}',
        '{"intensity": null}', '{"within": 2}', '{"emotion": null, "within": 2}', '{"stop": false}',
        '{"stop": true, "emotion": "sad"}',
    ]  # fmt: skip
    for text in wrong:
        keyboard(text)
    take = tmp_path / "steered.npz"
    done = medtalk("live", line, "--steer", "--record", take)
    said = done.err.splitlines()
    assert done.code == 0 and len(said) == len(wrong) and all("--steer" in each for each in said)
    assert "valid are emotion, text, intensity" in done.err
    assert done.err.count(" changes nothing. Write a mood") == 3 and done.err.count("stop stands alone") == 2
    assert [{**each, "time": 0} for each in read_rig(take).meta["steered"]] == [
        {"time": 0, "emotion": "happy:0.6"},
        {"time": 0, "text": "slightly annoyed", "intensity": 1.5},
        {"time": 0, "emotion": "sad", "within": 0},
    ]
    assert read_rig(take).meta["emotion"] == {"sad": 1.0} and read_rig(take).meta["intensity"] == 1.5


@pytest.mark.parametrize("text", ["stop", "Stop", '{"stop": true}'])
def test_stop_ends_it(live: Callable[..., Any], line: Path, keyboard: Callable, text: str) -> None:
    keyboard("happy")
    keyboard(text)
    with Listener() as there:
        done = live(line, "--to", there.address, "--loop", "--steer")
    assert (done.code, done.err) == (0, "") and float(done.out.splitlines()[-1].split()[0]) < PATIENCE


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing grows without a bound, and what comes behind it is heard."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", buffering=0) as keyboard:
        monkeypatch.setattr(sys, "stdin", stdin)
        steering = Steering()
        for _ in range(40):
            keyboard.write(b"x" * 5000)
        keyboard.write(b"\nstop\n")
        deadline, found = time.monotonic() + 2.0, []
        while "stop" not in found and time.monotonic() < deadline:
            found += steering.lines()
            time.sleep(0.01)
    assert len(found) == 2 and found[1] == "stop" and len(found[0]) < 70_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_take_is_whole(
    line: Path, tiny_bundle: Path, tmp_path: Path, number: signal.Signals
) -> None:
    take = tmp_path / "ended.npz"
    with Listener() as unreal:
        process = subprocess.Popen(
            [*COMMAND, line, "--loop", "--to", unreal.address, "--record", take, "--bundle", tiny_bundle],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        unreal.wait(25)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)  # a second, were there nobody else on this machine
    assert process.returncode == 0 and "Traceback" not in err and str(take) in out
    assert out.startswith("medtalk live: ")
    rig = read_rig(take)
    assert abs(rig.seconds - soundfile.info(take.with_suffix(".wav")).duration) < 0.05 and rig.seconds > 0.3


def test_a_reader_that_has_enough_ends_it_quietly(line: Path, tiny_bundle: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, line, "--loop", "--json", "--bundle", tiny_bundle], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    with process.stderr as said:
        with process.stdout as frames:
            assert b'"fps":60' in frames.readline()
        assert process.wait(20) == 0 and said.read() == b""


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        (">&-", 1, "--json prints to stdout, which is closed."),
        (">/dev/full", 1, "The frames cannot be written to stdout: No space left on device."),
        ("| true", 0, ""),
        ("| head -1 >/dev/null", 0, ""),
    ],
)
def test_a_stdout_that_takes_nothing(line: Path, tiny_bundle: Path, shell: str, code: int, said: str) -> None:
    words = shlex.join(map(str, [*COMMAND, line, "--json", "--loop", "--bundle", tiny_bundle]))
    script = f"set -o pipefail; {words} {shell}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    errors = [each["error"]["message"] for each in lines_of(done.stderr)]
    assert (done.returncode, errors) == (code, [said] if said else [])


def test_a_take_is_kept_where_nothing_can_be_printed(line: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    take = tmp_path / "take.npz"
    with Listener() as unreal:
        process = subprocess.Popen(
            [*COMMAND, line, "--to", unreal.address, "--record", take, "--bundle", tiny_bundle],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        with process.stderr as said:
            with process.stdout as told:
                assert told.readline().startswith(b"medtalk live: ")
            assert process.wait(PATIENCE) != 0 and len(said.read().splitlines()) <= 2
    assert len(read_rig(take)) == 60 and soundfile.info(take.with_suffix(".wav")).duration == SECONDS


# --- microphones


def test_a_microphone_is_heard_and_recorded(
    live: Callable[..., Any], booth: Booth, keyboard: Callable, tmp_path: Path
) -> None:
    take = tmp_path / "heard.npz"
    with Listener() as unreal:
        unreal.then(150, lambda: keyboard("stop"))
        done = live("--device", "booth", "--to", unreal.address, "--record", take, "--steer")
    assert (done.code, done.err) == (0, "")
    samples, rate = soundfile.read(take.with_suffix(".wav"))
    tone = samples[-rate // 2 :]
    assert rate == 44100 and abs(np.abs(np.fft.rfft(tone)).argmax() * rate / len(tone) - TONE) < 5.0
    assert len(read_rig(take)) == len(samples) * 60 // rate
    assert 0 < len(unreal.came) <= len(read_rig(take))


def test_help_offers_no_mood_that_needs_the_whole_sound(medtalk: Callable[..., Any]) -> None:
    assert "auto" not in medtalk("live", "--help").out and "auto" in medtalk("generate", "--help").out


def test_devices_are_listed(medtalk: Callable[..., Any], booth: Booth) -> None:
    done = medtalk("live", "--devices")
    assert done.code == 0 and done.out.split()[:2] == ["number", "name"] and "booth" in done.out
    found = json.loads(medtalk("live", "--devices", "--json").out)
    assert [(each["name"], each["rate"]) for each in found if each["name"] == "booth"] == [("booth", 44100)]


def test_a_microphone_that_is_not_there(live: Callable[..., Any], booth: Booth) -> None:
    done = live("--microphone", "--device", "piano", "--to", "127.0.0.1")
    assert done.code == 1 and done.err.startswith("medtalk: No microphone called 'piano'") and "booth" in done.err


# --- what goes wrong


def test_a_machine_that_is_too_slow_leaves_frames_out_and_says_so(
    live: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a second it hears three times slower than the sound comes: the face is late, but never without end."""
    path = tmp_path / "long.wav"
    soundfile.write(path, babble(3.0), 16000)
    push, until = Live.push, time.monotonic() + 1e9

    def slow(self: Live, samples: np.ndarray, **more: Any) -> Any:
        nonlocal until
        until = min(until, time.monotonic() + 1.0)
        if time.monotonic() < until and self._name == "long.wav":
            time.sleep(min(3.0 * len(samples) / self.rate, 0.6))
        return push(self, samples, **more)

    monkeypatch.setattr(Live, "push", slow)
    with Listener() as unreal:
        done = live(path, "--to", unreal.address)
    assert done.code == 0
    summary = done.out.splitlines()[-1]
    assert summary.startswith("3.0 s, 180 frames, ") and left_out(summary) + len(unreal.came) == 180
    numbers = [PyLiveLinkFace.decode(data)[1]._frames for _, data in unreal.came]
    assert numbers == sorted(numbers) and len(numbers) < 180, "in order"
    assert numbers[-1] - numbers[0] == pytest.approx(179, abs=12), "to the end"


def test_after_a_hiccup_the_face_is_soon_as_early_as_before(tiny_bundle: Path, line: Path) -> None:
    face, played = library.load(tiny_bundle, threads=1).live(), Played(read_speech(line))
    recorder = Recorder(face, lambda path: Tape(path, 16000), face.facts)
    stream = streaming.Stream(face, played, [], recorder)

    def held(first: int, late: float) -> float:
        """How much later than it must be a frame is sent, of a step that is ready so late."""
        played.start = time.perf_counter() - first / 60 - face.delay - late
        stream._give(Frames(first, np.zeros((3, 174), np.float32), None))
        return stream._pace - face.delay

    assert 0.09 < held(0, 0.1) <= 0.1 + 1e-9
    after = [held(first, 0.0) for first in range(3, 63, 3)]
    assert after == sorted(after, reverse=True) and after[0] > 0.09, "not in one jump"
    assert after[-1] < 0.02, "after a second"


def test_what_comes_too_late_to_be_heard_is_lost_and_said(
    live: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_LOST_SECONDS", 0.3)
    path = tmp_path / "long.wav"
    soundfile.write(path, babble(2.0), 16000)
    push, stuck = Live.push, [True]

    def once(self: Live, samples: np.ndarray, **more: Any) -> Any:
        if self._name == "long.wav" and self.seconds > 0.2 and stuck:
            stuck.clear()
            time.sleep(0.8)
        return push(self, samples, **more)

    monkeypatch.setattr(Live, "push", once)
    done = live(path, "--record", tmp_path / "take.npz")
    assert done.code == 0 and "This machine is too slow: 0." in done.err and "of sound were lost" in done.out
    rig = read_rig(tmp_path / "take.npz")
    assert len(rig) == 120 and 0.2 < rig.meta["live"]["lost"] < 2.0 - 0.2, "not all of it"
    samples, rate = soundfile.read(tmp_path / "take.wav")
    assert len(samples) == 2 * rate and (samples == 0.0).mean() > 0.1


def test_a_loss_that_is_longer_than_can_be_skipped_at_once(
    live: Callable[..., Any], line: Path, keyboard: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the machine slept: the sound is lost, the stream goes on, and it is steered meanwhile."""
    assert streaming._SKIP_SECONDS <= LIVE_LOST
    monkeypatch.setattr("medtalk.live.stream.LIVE_LOST", 0.6)
    monkeypatch.setattr(streaming, "_SKIP_SECONDS", 0.5)
    read = Played.read

    def slept(self: Played, seconds: float) -> Any:
        if self.start and self._given == 0:
            heard = read(self, seconds)
            self.start -= 700.0
            return heard
        return read(self, seconds)

    monkeypatch.setattr(Played, "read", slept)
    push = Live.skip

    def skip(self: Live, seconds: float) -> Any:
        if self.seconds > 5.0:
            keyboard("stop")
        return push(self, seconds)

    monkeypatch.setattr(Live, "skip", skip)
    done = live(line, "--loop", "--to", NOWHERE, "--record", tmp_path / "take.npz", "--steer")
    assert done.code == 0 and "s of sound were lost" in done.out
    assert re.search(r"The stream was halted for 70\d\.\d s, as when a machine sleeps: (69|70)\d\.", done.err)
    assert "too slow" not in done.err
    assert 5.0 < read_rig(tmp_path / "take.npz").seconds < 60.0, "stop is heard before all of it is skipped"


def test_a_file_comes_in_whole_steps(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each sleep is too long: else a step's sound would wait for the next read, longer each time."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds + 0.003))
    played = Played(read_speech(line), loop=True)
    sizes = [len(played.read(0.04).samples) for _ in range(6)]
    assert all(size and size % 640 == 0 for size in sizes), sizes


def test_sound_that_nobody_took_in_time_is_lost_not_kept(line: Path) -> None:
    """Of a night there is no index of its samples."""
    played = Played(read_speech(line), loop=True)
    played.read(0.0)
    played.start -= 30_000.0
    heard = played.read(0.0)
    assert len(heard.samples) == 2 * 16000 and heard.lost == pytest.approx(30_000.0 - 2.0, abs=PATIENCE)
    once = Played(read_speech(line))
    once.start, once._begun = time.perf_counter() - 30_000.0, True
    heard = once.read(0.0)
    assert (len(heard.samples), heard.lost, once.ended) == (16000, 0.0, True)


def test_a_recording_is_kept_whatever_ends_the_stream(
    live: Callable[..., Any], line: Path, keyboard: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both that of --record and one that a program asked for."""
    push = Live.push

    def fail(self: Live, samples: np.ndarray, **more: Any) -> Any:
        if self._name == "line.wav" and self.frames > 20:
            raise AudioError("The sound is spoilt.")
        return push(self, samples, **more)

    monkeypatch.setattr(Live, "push", fail)
    done = live(line, "--to", NOWHERE, "--record", tmp_path / "one.npz")
    assert done.code == 1 and "The sound is spoilt." in done.err and len(read_rig(tmp_path / "one.npz")) > 20
    keyboard(json.dumps({"record": str(tmp_path / "two.npz")}))
    done = live(line, "--to", NOWHERE, "--steer", "--bound")
    said = lines_of_json(done.err)
    assert [next(iter(each)) for each in said] == ["recording", "recorded", "error"] and done.code == 1
    assert len(read_rig(tmp_path / "two.npz")) == said[1]["recorded"]["frames"] > 20


def test_a_disk_that_becomes_full_ends_the_recording_only(
    live: Callable[..., Any], tmp_path: Path, full_disk: Path
) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, babble(2.0), 16000)
    done = live(path, "--as-fast", "--json", "--record", full_disk / "take.npz")
    assert done.code == 1 and len(done.out.splitlines()) == 1 + 120, "the stream goes on"
    assert "The recording ends here: Cannot write" in done.err and "the disk is full" in done.err
    assert 3 < len(read_rig(full_disk / "take.npz")) < 120 and "Traceback" not in done.err, "what fits is kept"


NOWHERE = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{line}"], "The frames would go nowhere. Give one or more of --to HOST (Unreal), --osc HOST:PORT"),
        (["--to", NOWHERE], "Neither a sound nor --microphone is given. Give one of them"),
        (["{line}", "-m", "--to", NOWHERE], "A sound and a microphone are both given"),
        (["-m", "--as-fast", "--to", NOWHERE], "--as-fast is for a sound"),
        (["-m", "--loop", "--to", NOWHERE], "--loop is for a sound"),
        (["{line}", "--loop", "--as-fast", "--json"], "--loop never ends"),
        (["{line}", "--to", NOWHERE, "--look-ahead", "2"], "medtalk: --look-ahead is 2; valid are 0 to 0.5 seconds"),
        (["{line}", "--to", NOWHERE, "--step", "0"], "medtalk: --step is 0; valid are 0.02 to 0.2 seconds"),
        (["{line}", "--to", NOWHERE, "--status", "-1"], "--status is -1; valid are"),
        (["{line}", "--to", NOWHERE, "--status", "nan"], "--status is nan; valid are"),
        (["{line}", "--to", NOWHERE, "--emotion", "auto"], "The emotion auto needs the whole sound"),
        (["{line}", "--to", NOWHERE, "--emotion", "grumpy"], "Unknown emotion 'grumpy'"),
        (["{line}", "--to", "stage:x"], "--to is 'stage:x'; valid is HOST or HOST:PORT (usually 11111)"),
        (["{line}", "--osc", "stage"], "--osc is 'stage'; valid is HOST:PORT"),
        (["{line}", "--to", "no-such-host..invalid"], "The host no-such-host..invalid is not found"),
        (["{line}", "--to", NOWHERE, "--subject", " "], "The subject is ' '; valid is a name"),
        (["{line}", "--record", "take.mp4"], "does not have the ending of a rig file"),
        (["{line}", "--record", "nowhere/take.npz"], "does not exist. Create it first"),
        (["{line}", "--channel", "3", "--json"], "has no channel 3"),
        (["nothing.wav", "--json"], "nothing.wav does not exist"),
    ],
)
def test_what_does_not_fit_is_one_line_before_any_work(
    live: Callable[..., Any], line: Path, tmp_path: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = live(*(word.format(line=line) for word in words))
    assert done.code == 1
    message = done.err if "--json" not in words else json.loads(done.err)["error"]["message"]
    assert said in done.err or said in message
    assert len(done.err.splitlines()) == 1 and sorted(each.name for each in tmp_path.iterdir()) == ["line.wav"]


def test_the_next_command_says_it_in_words(live: Callable[..., Any], medtalk: Callable[..., Any]) -> None:
    """What one line of words wishes for is not for the next in the same process."""
    assert json.loads(live("nothing.wav", "--json").err)["error"]["code"] == "audio"
    assert medtalk("info", "nothing.wav").err.startswith("medtalk: ")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.touch(), "is empty (0 bytes)"),
        (lambda path: soundfile.write(path, np.zeros(0), 16000), "holds no samples"),
        (lambda path: path.write_text("hello"), "is text"),
        (lambda path: soundfile.write(path, np.full(16000, np.nan), 16000, subtype="FLOAT"), "not numbers"),
    ],
)
def test_a_file_that_is_no_sound(
    live: Callable[..., Any], tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / "bad.wav"
    make(path)
    done = live(path, "--to", NOWHERE)
    assert done.code == 1 and said in done.err and len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("library", "words"), [("pythonosc", ["{line}", "--osc", NOWHERE]), ("sounddevice", ["-m", "--json"])]
)
def test_a_missing_extra_is_named(
    live: Callable[..., Any], line: Path, library: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    done = live(*(word.format(line=line) for word in words))
    assert done.code == 1 and "pip install 'medtalk[live]'" in done.err


def test_steering_without_stdin(live: Callable[..., Any], line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    done = live(line, "--json", "--steer")
    assert done.code == 1 and "--steer reads stdin, which is closed" in done.err
