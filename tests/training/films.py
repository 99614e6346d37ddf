"""Films of the repository's head with sound, as somebody before a camera: what is put into the face is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from medtalk.face.draw import Drawing, camera
from medtalk.rig import ARKIT_NAMES, from_arkit
from medtalk.rig.head import load_head

SIDE = 320
RATE = 48000
PARTS = 1000  # of a second, in which frames have their times


@cache
def _drawing() -> Drawing:
    head = load_head()
    return Drawing(head, replace(camera(head), height=340.0), SIDE, SIDE)


def pictures(weights: np.ndarray) -> Iterable[np.ndarray]:
    """(SIDE, SIDE, 3) of a head with ARKit weights (T, 52), one after another."""
    drawing = _drawing()
    return (drawing.draw(positions) for positions in drawing.head.pose(from_arkit(weights).values))


def weights_of(frames: int, **shapes: float | np.ndarray) -> np.ndarray:
    """(T, 52) of shapes by their names; one without its side means both."""
    out = np.zeros((frames, 52))
    for name, value in shapes.items():
        places = [k for k, each in enumerate(ARKIT_NAMES) if each in (name, f"{name}Left", f"{name}Right")]
        assert places, name
        out[:, places] = np.broadcast_to(value, frames)[:, None]
    return out


def write_film(
    path: Path, frames: Iterable[np.ndarray], times: Iterable[float], sound: np.ndarray | None, rotation: int = 0
) -> Path:
    """A video of pictures at these seconds, with mono sound at `RATE`; `rotation` is what a player turns it by."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("libx264", rate=Fraction(PARTS, 40), options={"crf": "17"})
        stream.time_base = stream.codec_context.time_base = Fraction(1, PARTS)
        if rotation:
            stream.set_display_rotation(rotation)
        voice = container.add_stream("pcm_s16le", rate=RATE, layout="mono") if sound is not None else None
        for time, picture in zip(times, frames, strict=True):
            if stream.height != picture.shape[0]:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(time * PARTS), Fraction(1, PARTS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if voice is not None and sound is not None:
            samples = np.round(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)
            block = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            block.sample_rate = RATE
            queue = av.AudioFifo()
            queue.write(block)
            while (piece := queue.read(4096, partial=True)) is not None:
                container.mux(voice.encode(piece))
            container.mux(voice.encode())
    return path
