"""The frame of a video in which the face shows most (Sec. 3.4), as a picture: what P_image learns from.

How much a frame shows is Int(R) of its rig (Eq. 8) without blinks, which show nothing: of a rig that is there already,
or of one made from the blendshapes that MediaPipe sees in the video.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from medtalk.backbones.face_landmarker import PAGE
from medtalk.errors import TrainingError
from medtalk.files import write_atomic
from medtalk.model.intensity import intensity
from medtalk.rig import from_arkit
from medtalk_train.captured.takes.ravdess import same_take
from medtalk_train.captured.takes.take import open_rig, rig_stem
from medtalk_train.captured.video import MODEL, frames_of, open_landmarker, pixels_of, twice, videos_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHOLE = 1 << 15  # pixels: a side that no frame is larger than


def videos_of(path: str | Path) -> list[Path]:
    """A video, or all in a folder; `TrainingError` if there are none, or two of one name."""
    place = Path(path)
    found = videos_in(place)
    if name := twice([video.stem for video in found]):
        raise TrainingError(
            f"{place} holds {name[1]} videos called {name[0]}; their pictures would be one.",
            "Take each folder by itself, with -o DATA/peaks/FOLDER.",
        )
    return found


def rig_of(video: Path, rigs: Path) -> Path:
    """The rig of a video: the file itself, or that of the video's name in a folder (RAVDESS: of any modality)."""
    if rigs.is_file():
        return rigs
    found = [file for file in sorted(rigs.rglob("*")) if same_take(rig_stem(file) or "", video.stem)]
    if len(found) != 1:
        raise TrainingError(f"{rigs} holds {len(found)} rigs called {video.stem}; there must be one.", "Check --rig.")
    return found[0]


def peak(video: Path, picture: Path, rig: Path | None = None, model: Path | None = None) -> float:
    """Write the frame of `video` that shows most as a PNG; returns its second.

    Args:
        video: a file that FFmpeg reads.
        picture: where to.
        rig: the face of the video, from its first frame on; MediaPipe is not needed then.
        model: MediaPipe's face_landmarker.task.

    Raises:
        TrainingError: no video, no face in it, or neither a rig nor a model.
        MissingExtraError: PyAV, or without a rig MediaPipe, is not installed.
        RigError: the rig cannot be read.
    """
    if rig is not None:
        face = open_rig(rig)
        second = int(np.argmax(intensity(face.values, blinks=False))) / face.fps
    elif model is not None:
        times, shown = _seen(video, model)
        second = times[int(np.argmax(shown))]
    else:
        raise TrainingError(
            "There is nothing to judge the strongest expression by.",
            f"Give --rig, the video's rig, or --model, MediaPipe's {MODEL} ({PAGE}).",
        )
    image = _frame_at(video, second)
    write_atomic(picture, lambda to: image.save(to, format="PNG"))
    return second


def _frame_at(video: Path, second: float) -> Image.Image:
    """The last frame that is shown at a time, or the last of all."""
    last = None
    with frames_of(video) as frames:
        for time, frame in frames:
            if last is not None and time > second:
                break
            last = frame
        assert last is not None  # a video without frames is an error
        return Image.fromarray(pixels_of(last, _WHOLE))


def _seen(video: Path, model: Path) -> tuple[list[float], NDArray]:
    """Seconds of the frames with a face, and Int(R) of the largest in each (N,)."""
    landmarker = open_landmarker(model, ", or give the video's rig with --rig")
    times, rows = [], []
    with frames_of(video) as frames:
        pictures = ((time, pixels_of(frame)) for time, frame in frames)
        for time, faces in landmarker.watch(pictures, str(video)):
            if faces:
                times.append(time)
                rows.append(max(faces, key=lambda face: face.area).shapes)
    if not rows:
        raise TrainingError(f"No face is seen in {video}.", "Give the video's rig with --rig.")
    return times, intensity(from_arkit(np.array(rows)).values, blinks=False)
