"""The ways out of a live face: datagrams over real sockets of this machine, decoded by other people's libraries."""

from __future__ import annotations

import io
import json
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pylivelinkface import FaceBlendShape, PyLiveLinkFace
from pythonosc.osc_bundle import OscBundle
from scipy.spatial.transform import Rotation

from medtalk.errors import SettingError
from medtalk.live import Frames
from medtalk.rig import ARKIT_NAMES, CHANNEL_NAMES, RigSequence, indices, to_arkit, write_rig
from medtalk.senders import LAYOUTS, Address, JsonSender, LiveLinkSender, OscSender, Outlet, Udp, read_address
from medtalk.senders.livelink import SHAPES, check_subject, time_of_day
from medtalk.senders.outlet import LATE_SECONDS, OLD_SECONDS, Closed

DAY = 24 * 3600
PATIENCE = 20.0
"""Seconds for what should come at once, were there nobody else on this machine."""
MAC_DATAGRAM = 9216
"""Bytes that macOS sends in one datagram, unless it is told otherwise."""


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(PATIENCE)
        yield opened


def at(receiver: socket.socket) -> Address:
    return Address("127.0.0.1", receiver.getsockname()[1])


def face(count: int = 3, first: int = 7, seed: int = 2) -> Frames:
    rng = np.random.default_rng(seed)
    values, head = rng.uniform(0, 1, (count, 174)), rng.uniform(-20, 20, (count, 3))
    return Frames(first, values.astype(np.float32), head.astype(np.float32))


def through(sender: LiveLinkSender | OscSender, receiver: socket.socket, frames: Frames) -> list[bytes]:
    """The datagrams of frames as they arrive."""
    for packet in sender.packets(frames, frames.times.tolist()):
        sender.send(packet)
    sender.close()
    return [receiver.recv(1 << 16) for _ in range(len(frames))]


# --- Live Link


def test_a_public_library_reads_the_datagrams(receiver: socket.socket) -> None:
    frames, told = face(), []
    sender = LiveLinkSender(at(receiver), told.append, "Ada Größe", midnight=-3600.25)
    names, weights = to_arkit(RigSequence(frames.values))
    for number, data in enumerate(through(sender, receiver, frames)):
        found, decoded = PyLiveLinkFace.decode(data)
        assert found and decoded.name == "Ada Größe" and decoded._version == 6
        assert (decoded.fps, decoded._denominator) == (60, 1)
        now = (3600.25 + frames.times[number]) * 60.0
        assert decoded._frames == math.floor(now + 1e-6)
        assert decoded._sub_frame == pytest.approx(now - math.floor(now + 1e-6), abs=1e-3)
        for name, weight in zip(names, weights[number], strict=True):
            assert decoded.get_blendshape(FaceBlendShape[name]) == pytest.approx(float(weight), abs=1e-6), name
        turn = [decoded.get_blendshape(FaceBlendShape[name]) for name in ("HeadYaw", "HeadPitch", "HeadRoll")]
        assert frames.head is not None
        np.testing.assert_allclose(turn, -np.radians(frames.head[number]), atol=1e-6)
        assert decoded.get_blendshape(FaceBlendShape.LeftEyeYaw) == 0.0
    assert not told


def test_the_shapes_are_in_the_order_of_unreal() -> None:
    assert tuple(shape.name for shape in FaceBlendShape) == SHAPES


def test_a_datagram_says_what_the_recording_says(receiver: socket.socket, tmp_path: Path) -> None:
    frames = face(1)
    path = write_rig(tmp_path / "a.arkit.csv", RigSequence(frames.values, head=frames.head))
    header, row = (line.split(",") for line in path.read_text().splitlines())
    recorded = dict(zip(header, row, strict=True))
    _, decoded = PyLiveLinkFace.decode(through(LiveLinkSender(at(receiver), print), receiver, frames)[0])
    for shape in FaceBlendShape:
        assert decoded.get_blendshape(shape) == pytest.approx(float(recorded[shape.name]), abs=1e-6)
    assert int(recorded["BlendShapeCount"]) == len(FaceBlendShape)


def test_the_frame_number_is_the_time_of_day_and_begins_again_at_midnight(receiver: socket.socket) -> None:
    frames = face(120)
    sender = LiveLinkSender(at(receiver), print, midnight=0.5 - DAY)
    numbers = []
    for packet in sender.packets(frames, [each / 60.0 for each in range(120)]):
        numbers.append(PyLiveLinkFace.decode(packet)[1]._frames)
    assert numbers == [*range(DAY * 60 - 30, DAY * 60), *range(90)]
    assert 0.0 <= time_of_day() < DAY


def test_setting_the_clock_of_the_computer_changes_nothing(receiver: socket.socket, monkeypatch) -> None:
    sender = LiveLinkSender(at(receiver), print)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    numbers = [PyLiveLinkFace.decode(packet)[1]._frames for packet in sender.packets(face(2), [10.0, 11.0])]
    assert (numbers[1] - numbers[0]) % (DAY * 60) == 60


def test_a_face_is_the_same_device_after_a_restart_and_another_subject_is_another(receiver: socket.socket) -> None:
    one, same, other = (LiveLinkSender(at(receiver), print, name) for name in ("Ada", "Ada", "Eve"))
    devices = [PyLiveLinkFace.decode(each.packets(face(1), [0.0])[0])[1].uuid for each in (one, same, other)]
    assert devices[0] == devices[1] != devices[2]


@pytest.mark.parametrize("name", ["", "  ", "a" * 65, "a\nb", "None"])
def test_a_subject_that_unreal_cannot_list_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="subject"):
        check_subject(name)


# --- OSC


def messages(data: bytes) -> list[tuple[str, list[object]]]:
    return [(message.address, message.params) for message in OscBundle(data)]


def test_channels_and_shapes_by_name(receiver: socket.socket) -> None:
    frames = face()
    assert frames.head is not None
    for number, data in enumerate(through(OscSender(at(receiver), print, "channels"), receiver, frames)):
        found = messages(data)
        about = dict(found[:3])
        assert about["/medtalk/frame"] == [7 + number]
        assert about["/medtalk/time"] == [pytest.approx((7 + number) / 60)]
        assert about["/medtalk/head"] == pytest.approx(frames.head[number].tolist())
        values = {address: params for address, params in found[3:]}
        assert len(values) == 174
        assert values["/medtalk/C_jaw/Y"] == [float(frames.values[number, indices("C_jaw.Y")[0]])]
        assert [params[0] for params in values.values()] == frames.values[number].tolist()
    _, weights = to_arkit(RigSequence(frames.values))
    found = messages(through(OscSender(at(receiver), print, "arkit"), receiver, frames)[0])
    assert {address: params[0] for address, params in found[3:]} == {
        f"/medtalk/arkit/{name}": pytest.approx(float(weight))
        for name, weight in zip(ARKIT_NAMES, weights[0], strict=True)
    }


def test_vmc_for_vrm_avatars(receiver: socket.socket) -> None:
    """The head in Unity's axes: x to the right, y up, z forward, left-handed: yaw to the left is below 0."""
    frames = Frames(0, face(1).values, np.array([[30.0, -10.0, 5.0]], np.float32))
    found = messages(through(OscSender(at(receiver), print, "vmc"), receiver, frames)[0])
    assert found[0] == ("/VMC/Ext/OK", [1]) and found[-1] == ("/VMC/Ext/Blend/Apply", [])
    address, bone = found[2]
    assert (address, bone[:4]) == ("/VMC/Ext/Bone/Pos", ["Head", 0.0, 0.0, 0.0])
    wanted = Rotation.from_euler("YXZ", [-30.0, 10.0, -5.0], degrees=True)
    assert (wanted.inv() * Rotation.from_quat(bone[4:])).magnitude() < 1e-5
    _, weights = to_arkit(RigSequence(frames.values))
    assert [(address, *params) for address, params in found[3:-1]] == [
        ("/VMC/Ext/Blend/Val", name, pytest.approx(float(weight)))
        for name, weight in zip(ARKIT_NAMES, weights[0], strict=True)
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bundle_fits_into_a_datagram_everywhere(receiver: socket.socket, layout: str) -> None:
    still = Frames(0, face(1).values, None)
    (data,) = through(OscSender(at(receiver), print, layout), receiver, still)
    assert len(data) < MAC_DATAGRAM
    assert all(params for address, params in messages(data)[:-1])


def test_an_unknown_layout() -> None:
    with pytest.raises(SettingError, match="valid are channels, arkit, vmc"):
        OscSender(Address("127.0.0.1", 9), print, "mocap")


# --- lines of JSON


def test_lines_of_json() -> None:
    out, frames = io.BytesIO(), face()
    sender = JsonSender(out, 0.12, head=True)
    for packet in sender.packets(frames, [0.0] * 3):
        sender.send(packet)
    about, *rows = map(json.loads, out.getvalue().splitlines())
    assert about["fps"] == 60 and about["delay"] == 0.12 and about["channels"] == list(CHANNEL_NAMES)
    assert [row["frame"] for row in rows] == [7, 8, 9] and rows[1]["time"] == pytest.approx(8 / 60, abs=1e-6)
    np.testing.assert_allclose([row["values"] for row in rows], frames.values, atol=1e-6)
    assert frames.head is not None
    np.testing.assert_allclose([row["head"] for row in rows], frames.head, atol=1e-6)
    still = io.BytesIO()
    sender = JsonSender(still, 0.1, head=False)
    assert all("head" not in json.loads(line) for line in sender.packets(Frames(7, frames.values, None), [0.0] * 3))
    assert "head" not in json.loads(still.getvalue())


def test_a_pipe_whose_reader_has_gone_ends_quietly_and_a_full_disk_does_not() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        sender = JsonSender(pipe, 0.1, head=False)
        os.close(reading)
        with pytest.raises(Closed) as quiet:
            sender.send(b"x")
        assert not str(quiet.value)
    if Path("/dev/full").exists():
        with open("/dev/full", "wb", buffering=0) as full, pytest.raises(Closed, match="No space left"):
            JsonSender(full, 0.1, head=False)


# --- addresses and what the network says


@pytest.mark.parametrize(
    ("text", "port", "wanted"),
    [
        ("stage", 11111, ("stage", 11111)),
        ("stage:12000", 11111, ("stage", 12000)),
        ("192.168.1.20:7000", None, ("192.168.1.20", 7000)),
        ("[::1]:7000", None, ("::1", 7000)),
        ("::1", 11111, ("::1", 11111)),
        ("[fe80::1]", 11111, ("fe80::1", 11111)),
    ],
)
def test_addresses(text: str, port: int | None, wanted: tuple[str, int]) -> None:
    found = read_address(text, "--to", port)
    assert found == wanted
    assert read_address(str(found), "--to") == wanted


@pytest.mark.parametrize(
    "text", ["", " ", "stage", "stage:", "stage:a", "stage:0", "stage:65536", "a b:1", "::1", ":7"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SettingError, match=r"--osc is .*; valid is HOST:PORT"):
        read_address(text, "--osc")


def test_a_host_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system's own resolver, which refuses a name that cannot be one without a network."""
    with pytest.raises(SettingError, match=r"The host .* is not found \(.*127\.0\.0\.1"):
        Udp(Address("no-such-host..invalid", 1), print)


def test_nobody_listens_is_said_once_and_sending_goes_on(receiver: socket.socket, monkeypatch) -> None:
    monkeypatch.setattr("medtalk.senders.udp._WELL_SECONDS", 0.1)
    told: list[str] = []
    place = at(receiver)
    receiver.close()
    udp = Udp(place, told.append)
    deadline = time.perf_counter() + PATIENCE
    while not told and time.perf_counter() < deadline:
        udp.send(b"nobody")
        time.sleep(0.01)
    for _ in range(5):
        udp.send(b"nobody")
        time.sleep(0.01)
    assert told == [f"{place} does not take the frames (nobody listens there). They are sent on."]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(place)
        again.settimeout(PATIENCE)
        deadline = time.perf_counter() + PATIENCE
        while len(told) < 2 and time.perf_counter() < deadline:
            udp.send(b"somebody")
            time.sleep(0.01)
        assert told[1:] == [f"{place} takes the frames again."]
        assert again.recv(100) == b"somebody"
    udp.close()


def test_what_windows_calls_it_that_nobody_listens(receiver: socket.socket) -> None:
    """There the answer to an earlier datagram is a connection that was reset; this one is sent all the same."""

    class Windows(socket.socket):
        answers = 1

        def send(self, data: bytes, *flags: int) -> int:  # type: ignore[override]
            if self.answers:
                self.answers -= 1
                raise ConnectionResetError(10054, "An existing connection was forcibly closed by the remote host")
            return super().send(data, *flags)

    told: list[str] = []
    place = at(receiver)
    udp = Udp(place, told.append)
    udp._socket = Windows(socket.AF_INET, socket.SOCK_DGRAM)
    udp._socket.connect(place)
    udp.send(b"somebody")
    assert told == [f"{place} does not take the frames (nobody listens there). They are sent on."]
    assert receiver.recv(100) == b"somebody"
    udp.close()


def test_a_name_with_addresses_of_both_kinds_means_that_of_ipv4(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unreal listens there, and many systems name ::1 first for localhost."""
    ask = socket.getaddrinfo

    def both(host: str, port: int, **more: Any) -> list[Any]:
        return [*ask("::1", port, **more), *ask("127.0.0.1", port, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    udp = Udp(Address("localhost", at(receiver).port), print)
    udp.send(b"here")
    assert receiver.recv(100) == b"here"
    udp.close()


def test_no_way_to_a_network_is_said_and_the_socket_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medtalk.senders.udp._AGAIN_SECONDS", 0.0)
    told: list[str] = []
    udp = Udp(Address("127.0.0.1", 9), told.append)
    udp.send(b"x" * 70_000)  # longer than any datagram: the system refuses it, as it does where there is no route
    udp.send(b"x" * 70_000)
    assert len(told) == 1 and "too long" in told[0]
    assert udp._socket is None
    udp.send(b"x")
    assert udp._socket is not None
    udp.close()


# --- when frames are sent


class Kept:
    """A sender that keeps what is sent, with the time; `stuck` seconds a packet."""

    name = "kept"

    def __init__(self, stuck: float = 0.0) -> None:
        self.stuck, self.sent, self.closed, self.longest = stuck, [], False, 0.0

    def packets(self, frames: Frames, heard: Sequence[float]) -> list[bytes]:
        return [bytes([number]) for number in range(frames.first, frames.first + len(frames))]

    def send(self, packet: bytes) -> None:
        begun = time.perf_counter()
        time.sleep(self.stuck)
        self.sent.append((packet[0], now := time.perf_counter()))
        self.longest = max(self.longest, now - begun)

    def close(self) -> None:
        self.closed = True


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.perf_counter() + PATIENCE
    while not condition() and time.perf_counter() < end:
        time.sleep(0.005)
    assert condition()


def put(outlet: Outlet, count: int, due: float, apart: float, first: int = 0) -> None:
    times = [due + number * apart for number in range(count)]
    outlet.put(outlet.sender.packets(face(count, first), []), times, [each - 0.1 for each in times])


def test_each_frame_is_sent_when_it_is_due() -> None:
    kept = Kept()
    outlet, start = Outlet(kept), time.perf_counter() + 0.05
    put(outlet, 6, start, 1 / 60)
    outlet.close(PATIENCE)
    assert [number for number, _ in kept.sent] == list(range(6)) and kept.closed
    late = [sent - start - number / 60 for number, sent in kept.sent]
    assert min(late) >= 0.0 and outlet.dropped == 0, "none before it is due"
    assert outlet.latencies() == pytest.approx([each + 0.1 for each in late], abs=0.1) and not outlet.latencies()
    middle, most = outlet.overall(0.5, 1.0)
    assert 1e3 * (min(late) + 0.1) - 1 <= middle <= most <= 1e3 * (max(late) + 0.2), "those that were told are not lost"


def test_late_frames_are_left_out_in_order_and_counted() -> None:
    kept = Kept(stuck=0.05)  # three times as slow as the frames
    outlet, start = Outlet(kept), time.perf_counter()
    put(outlet, 40, start, 1 / 60)
    outlet.close(PATIENCE)
    numbers = [number for number, _ in kept.sent]
    assert numbers == sorted(numbers) and numbers[-1] == 39
    assert outlet.dropped > 10 and len(kept.sent) + outlet.dropped == 40
    # What a busy machine takes beside the sender's own time is no fault of the outlet.
    late = [sent - start - number / 60 for number, sent in kept.sent[:-1]]
    assert max(late) < LATE_SECONDS + kept.longest + 0.5, "never late without end"


def test_what_is_old_is_not_sent_even_if_nothing_newer_waits() -> None:
    kept = Kept()
    outlet, now = Outlet(kept), time.perf_counter()
    put(outlet, 3, now - OLD_SECONDS - 0.2, 0.01)
    put(outlet, 1, now + 0.1, 0.0, first=3)
    outlet.close(PATIENCE)
    assert [number for number, _ in kept.sent] == [3] and outlet.dropped == 3


def test_a_sender_that_fails_says_so_and_ends_alone() -> None:
    class Failing(Kept):
        def send(self, packet: bytes) -> None:
            raise ValueError("out of ink")

    outlet = Outlet(failing := Failing())
    put(outlet, 2, time.perf_counter(), 0.0)
    outlet.close(PATIENCE)
    assert outlet.closed and outlet.problem == "kept has failed: ValueError('out of ink')." and failing.closed


def test_a_sender_is_not_closed_while_it_sends() -> None:
    class Slow(Kept):
        closed_within = False

        def send(self, packet: bytes) -> None:
            begun.set()
            going.wait(PATIENCE)
            self.closed_within = self.closed
            super().send(packet)

    begun, going = threading.Event(), threading.Event()
    outlet = Outlet(slow := Slow())
    put(outlet, 1, time.perf_counter(), 0.0)
    assert begun.wait(PATIENCE)
    outlet.close(0.01)
    going.set()
    wait(lambda: slow.closed)
    assert slow.sent and not slow.closed_within


def test_what_waits_is_bounded() -> None:
    kept = Kept(stuck=0.3)
    outlet = Outlet(kept)
    for first in range(0, 250, 50):
        put(outlet, 50, time.perf_counter() + 60.0, 1 / 60, first)
    assert outlet.dropped == 250 - 120
    outlet.close(0.05)
    assert len(kept.sent) + outlet.dropped == 250
    wait(lambda: kept.closed)


def test_an_outlet_ends_with_its_receiver() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        outlet = Outlet(JsonSender(pipe, 0.1, head=False))
        os.close(reading)
        put_json = outlet.sender.packets(face(2), [0.0, 0.0])
        outlet.put(put_json, [time.perf_counter()] * 2, [0.0, 0.0])
        wait(lambda: outlet.closed)
        assert not outlet.problem
        outlet.put(put_json, [0.0, 0.0], [0.0, 0.0])
        outlet.close()
        assert not outlet.latencies()
