"""Frames as OSC 1.0 over UDP, one bundle a frame, in one of three layouts.

`channels` and `arkit` begin with

    /medtalk/frame i    number of the frame, from 0
    /medtalk/time f     seconds from the first sample to it
    /medtalk/head fff   yaw (to the character's left), pitch (up) and roll (to its right shoulder) in degrees

and go on with one message for each channel, such as `/medtalk/C_jaw/Y f`, or for each blendshape of
ARKit, such as `/medtalk/arkit/JawOpen f`. `vmc` is what VRM applications take (the VMC protocol): the 52 blendshapes by
their names of Perfect Sync, and the rotation of the head bone as a quaternion in Unity's axes.

A bundle keeps within what every system sends in one datagram (9216 bytes on macOS).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.errors import MissingExtraError, SettingError
from medtalk.rates import FPS
from medtalk.rig.arkit import ARKIT_NAMES, arkit_weights
from medtalk.rig.channels import CHANNEL_NAMES
from medtalk.senders.udp import Address, Udp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.live import Frames

LAYOUTS = ("channels", "arkit", "vmc")
_HEADER_WORDS = 4  # of a bundle: its mark and its time, which says "now"


class _Message(NamedTuple):
    """A message of every bundle: its address, the words before its numbers, and how many numbers it has."""

    address: str
    numbers: int = 1
    words: tuple[str, ...] = ()
    whole: bool = False


def short_name(channel: str) -> str:
    """The name of a channel as its address ends: `C_jaw/Y` for `CTRL_C_jaw-translateY`."""
    return channel.removeprefix("CTRL_").replace("-translate", "/")


_ABOUT = (_Message("/medtalk/frame", whole=True), _Message("/medtalk/time"), _Message("/medtalk/head", 3))
_MESSAGES: dict[str, tuple[_Message, ...]] = {
    "channels": (*_ABOUT, *(_Message(f"/medtalk/{short_name(name)}") for name in CHANNEL_NAMES)),
    "arkit": (*_ABOUT, *(_Message(f"/medtalk/arkit/{name}") for name in ARKIT_NAMES)),
    "vmc": (
        _Message("/VMC/Ext/OK", whole=True),
        _Message("/VMC/Ext/T"),
        _Message("/VMC/Ext/Bone/Pos", 7, ("Head",)),
        *(_Message("/VMC/Ext/Blend/Val", 1, (name,)) for name in ARKIT_NAMES),
        _Message("/VMC/Ext/Blend/Apply", 0),
    ),
}


class OscSender:
    """Sends frames as OSC bundles in a `layout`.

    Raises SettingError for a host that is not found or an unknown layout, MissingExtraError without python-osc.
    """

    def __init__(self, address: Address, tell: Callable[[str], None], layout: str = "channels") -> None:
        if layout not in LAYOUTS:
            raise SettingError(f"The layout is {str(layout)[:40]!r}; valid are {', '.join(LAYOUTS)}.")
        self.name = f"OSC at {address}"
        self._layout = layout
        self._bundle, self._places = _template(_MESSAGES[layout])
        self._udp = Udp(address, tell)

    def packets(self, frames: Frames, heard: Sequence[float]) -> list[bytes]:
        """One bundle for each frame; see `Sender`."""
        count = len(frames.values)
        numbers = np.arange(frames.first, frames.first + count)
        head = np.zeros((count, 3)) if frames.head is None else frames.head
        whole = numbers if self._layout != "vmc" else np.ones(count)
        about = head if self._layout != "vmc" else np.hstack([np.zeros((count, 3)), _quaternions(head)])
        shapes = frames.values if self._layout == "channels" else arkit_weights(frames.values)
        reals = np.hstack([(numbers / FPS)[:, None], about, shapes]).astype(">f4")
        bundles = np.tile(self._bundle, (count, 1))
        bundles[:, self._places[0]] = whole
        bundles[:, self._places[1:]] = reals.view(">u4")
        return [bundle.tobytes() for bundle in bundles]

    def send(self, packet: bytes) -> None:
        self._udp.send(packet)

    def close(self) -> None:
        self._udp.close()


def _template(messages: Sequence[_Message]) -> tuple[NDArray, list[int]]:
    """A bundle of the messages as words of 32 bits, and where in it their numbers lie.

    The library writes it once; of the next frames only the numbers differ, which OSC keeps at the end of a message.
    """
    try:
        from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
        from pythonosc.osc_message_builder import OscMessageBuilder
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "--osc needs python-osc, which is not installed.", "Run pip install 'medtalk[live]'."
        ) from error
    bundle, places, end = OscBundleBuilder(IMMEDIATELY), [], _HEADER_WORDS
    for message in messages:
        builder = OscMessageBuilder(message.address)
        for word in message.words:
            builder.add_arg(word, "s")
        for _ in range(message.numbers):
            builder.add_arg(0, "i") if message.whole else builder.add_arg(0.0, "f")
        built = builder.build()
        bundle.add_content(built)
        end += 1 + built.size // 4  # its size stands before it
        places += range(end - message.numbers, end)
    return np.frombuffer(bundle.build().dgram, ">u4"), places


def _quaternions(head: NDArray) -> NDArray:
    """(T, 4) rotations x, y, z, w in Unity's axes (x to the character's right, y up, z forward, left-handed)."""
    (sy, sp, sr), (cy, cp, cr) = (each(np.radians(-head.astype(np.float64).T) / 2.0) for each in (np.sin, np.cos))
    # about y, after x, after z
    return np.stack(
        [
            cy * sp * cr + sy * cp * sr,
            sy * cp * cr - cy * sp * sr,
            cy * cp * sr - sy * sp * cr,
            cy * cp * cr + sy * sp * sr,
        ],
        axis=1,
    )
