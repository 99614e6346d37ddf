"""Play a face with speech that is still being made: a stream of a running sidecar (`medtalk serve`).

python examples/live_speech.py line.wav happy

A recording stands for the voice of a text-to-speech program, which comes in pieces, faster than real time. Frames are
shown when their time has come. Needs pyzmq and msgpack only.
"""

import sys
import time
import wave
from collections import deque

from medtalk_board.channels import CHANNEL_NAMES
from medtalk_wire import Client, Settings, SidecarError, find_connection

if len(sys.argv) != 3:
    sys.exit(f"Usage: python {sys.argv[0]} line.wav happy")
recording, emotion = sys.argv[1:]
jaw = CHANNEL_NAMES.index("CTRL_C_jaw-translateY")
BUFFER = 0.3  # seconds that the player waits before it begins


def speech(path: str):
    """The voice: a tenth of a second at a time, all channels of a sample beside one another."""
    with wave.open(path) as file:
        while piece := file.readframes(file.getframerate() // 10):
            yield piece


try:
    with wave.open(recording) as file:
        rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
except (OSError, EOFError, wave.Error) as error:
    sys.exit(f"{recording} cannot be read as a WAV file of 16 bits: {str(error) or 'it ends too early'}.")
if width != 2:  # 4 would be dtype="int32" of the stream
    sys.exit(f"{recording} has samples of {8 * width} bits; valid are 16.")
pieces = speech(recording)
waiting: deque = deque()
opened, late, shown = [], 0, 0
asked = time.monotonic()
began = first_came = 0.0
try:
    settings = Settings(emotion=emotion)
    with Client(find_connection()) as client, client.stream(settings, rate=rate, channels=channels) as stream:
        while not (stream.ended and not waiting):
            while stream.room > 0:  # no further ahead than the sidecar takes
                piece = next(pieces, None)
                if piece is None:
                    stream.close()  # no more sound comes; the rest of the frames does
                    break
                stream.push(piece)
            for frames in stream.frames(0.002):
                first_came = first_came or time.monotonic()
                waiting.extend(zip(frames.times, frames.rig.tolist(), strict=True))
            began = began or (first_came and first_came + BUFFER)
            now = time.monotonic() - began if began else -1.0
            while waiting and waiting[0][0] <= now:  # here a program moves the face
                at, row = waiting.popleft()
                late += now - at > 0.2
                shown += 1
                opened.append(row[jaw])
except SidecarError as error:
    sys.exit(str(error))
if not opened:
    sys.exit(f"{recording} is shorter than a frame.")
wait = 1000 * (first_came - asked)
print(f"{shown} frames, the first after {wait:.0f} ms, jaw opens to {max(opened):.2f}, {late} were late")
