"""Live Link Face's datagrams, as Unreal's plugin for ARKit reads them (Apple ARKit Face Support, port 11111).

One frame a datagram, big-endian, as version 6 of the app's protocol has it (since Unreal 4.25):

    uint8 6; int32 length and UTF-8 of the device's id; int32 length and UTF-8 of the subject's name;
    int32 frame number, float32 part of a frame, int32 numerator and denominator of the frame rate;
    uint8 61; 61 float32: ARKit's 52 weights and nine rotations

The weights come in the order of Unreal's enumeration, which has JawLeft and MouthLeft before JawRight and MouthRight;
the app's own recordings have them the other way round (`medtalk.rig.arkit.ARKIT_NAMES`). The rotations are those of the
recordings (`medtalk.rig.livelink`): radians, and those of the eyes are 0, since the gaze is in the EyeLook weights.

The frame number is the time of day, as the app and other timecode sources count it, so that takes of several devices
match: when the sound of the frame was heard. The time of day is read once, and then counted on by a clock that never
jumps: setting the computer's clock changes nothing. At midnight it begins again at 0, as timecode does.
"""

from __future__ import annotations

import struct
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import SettingError
from medtalk.rates import FPS
from medtalk.rig.arkit import ARKIT_NAMES, N_ARKIT, arkit_weights
from medtalk.rig.livelink import HEADER, rotations
from medtalk.senders.udp import Address, Udp

if TYPE_CHECKING:
    from medtalk.live import Frames

PORT = 11111
"""Where Unreal listens, unless its project settings say otherwise."""
SUBJECT = "MEDTalk"
MAX_SUBJECT = 64
_VERSION = 6
_SWAPPED = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
SHAPES: tuple[str, ...] = tuple(_SWAPPED.get(name, name) for name in ARKIT_NAMES) + HEADER[2 + N_ARKIT :]
"""What the 61 values of a datagram are, in their order."""
_ORDER = [ARKIT_NAMES.index(name) for name in SHAPES[:N_ARKIT]]
_LAST_PART = 0.99999  # of a frame: as a float32, what is nearer to 1 would be 1, which is no part
_ROUNDING = 1e-5  # of a frame
_DAY = 24 * 60 * 60


def check_subject(name: str) -> str:
    """The name of a Live Link subject; SettingError unless Unreal can show and keep it."""
    subject = name.strip()
    if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable() or subject.lower() == "none":
        raise SettingError(
            f"The subject is {name[:70]!r}; valid is a name of 1 to {MAX_SUBJECT} characters that is not None.",
            f"It is how Unreal's Live Link window lists the face, such as {SUBJECT}.",
        )
    return subject


def time_of_day() -> float:
    """Seconds since midnight, here."""
    now = time.time()
    local = time.localtime(now)
    return local.tm_hour * 3600.0 + local.tm_min * 60.0 + local.tm_sec + now % 1.0


class LiveLinkSender:
    """Sends frames to Unreal as Live Link Face does.

    subject: how Unreal calls the face. midnight: when the day began (`time.perf_counter`), today if left out.
    Raises SettingError for a host that is not found or a subject that is not valid.
    """

    def __init__(
        self, address: Address, tell: Callable[[str], None], subject: str = SUBJECT, midnight: float | None = None
    ) -> None:
        self.name = f"Live Link at {address}"
        self._subject = check_subject(subject).encode()
        # The same face on the same machine is the same device after a restart, so that Unreal keeps its subject.
        device = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{subject.strip()}.medtalk.{uuid.getnode():x}")).upper()
        self._device = device.encode()
        self._midnight = time.perf_counter() - time_of_day() if midnight is None else midnight
        self._udp = Udp(address, tell)

    def packets(self, frames: Frames, heard: Sequence[float]) -> list[bytes]:
        """One datagram for each frame; see `Sender`."""
        values = np.zeros((len(frames.values), len(SHAPES)), np.float32)
        values[:, :N_ARKIT] = arkit_weights(frames.values)[:, _ORDER]
        if frames.head is not None:
            values[:, N_ARKIT : N_ARKIT + 3] = rotations(frames.head)
        start = struct.pack(f">Bi{len(self._device)}si{len(self._subject)}s", _VERSION, len(self._device),
                            self._device, len(self._subject), self._subject)  # fmt: skip
        return [
            start + self._timecode(at) + bytes([len(SHAPES)]) + row.astype(">f4").tobytes()
            for at, row in zip(heard, values, strict=True)
        ]

    def _timecode(self, heard: float) -> bytes:
        """The frame of the day, and the part of a frame, at which something was heard."""
        ticks = (heard - self._midnight) % _DAY * FPS
        number = int(ticks + _ROUNDING)
        part = min(max(ticks - number, 0.0), _LAST_PART)
        return struct.pack(">ifii", number % (_DAY * FPS), part, FPS, 1)

    def send(self, packet: bytes) -> None:
        self._udp.send(packet)

    def close(self) -> None:
        self._udp.close()
