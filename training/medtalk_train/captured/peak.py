"""The frame of a video in which the face shows most (Sec. 3.4), as a picture: what P_image learns from.

How much a frame shows is Int(R) of its rig (Eq. 8) without blinks, which show nothing: of a rig that is there already,
or of one made from the blendshapes that MediaPipe sees in the video.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from medtalk.backbones.face_landmarker import PAGE, FaceLandmarker
from medtalk.errors import MedtalkError, TrainingError
from medtalk.files import make_folder, write_atomic
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
            f"{place} holds {name[1]} videos called {name[0]}; their pictures would overwrite each other.",
            "Take each folder by itself, with -o DATA/peaks/FOLDER.",
        )
    return found


def rig_of(video: Path, rigs: Path) -> Path:
    """The rig of a video: the file itself, or that of the video's name in a folder (RAVDESS: of any modality)."""
    if rigs.is_file():
        return rigs
    found = [file for file in sorted(rigs.rglob("*")) if same_take(rig_stem(file) or "", video.stem)]
    if len(found) != 1:
        raise TrainingError(f"{rigs} holds {len(found)} rigs called {video.stem}; one is needed.", "Check --rig.")
    return found[0]


def peaks(
    videos: Sequence[Path], out: Path, rigs: Path | None = None, model: Path | None = None, again: bool = False
) -> Iterator[tuple[Path, Path, float | MedtalkError | None]]:
    """Each video with its picture in `out` and its second, its error, or None where the picture was there already.

    Args:
        videos: files that FFmpeg reads, each of another name.
        out: folder for NAME.png; made if there is anything to put there.
        rigs: the rig of the only video, or a folder of rigs of the videos' names; MediaPipe is not needed then.
        model: MediaPipe's face_landmarker.task, which is opened once.
        again: whether pictures are made that are there.

    Raises:
        TrainingError: neither rigs nor a model, or another model. An error of one video stops no other.
        MissingExtraError: without rigs, MediaPipe is not installed.
        OutputError: the folder cannot be made.
    """
    if rigs is None and model is None:
        raise TrainingError(
            "There is nothing to judge the strongest expression by.",
            f"Give --rig, the video's rig, or --model, MediaPipe's {MODEL} ({PAGE}).",
        )
    pictures = {video: out / f"{video.stem}.png" for video in videos}
    wanted = {video for video, picture in pictures.items() if again or not picture.exists()}
    landmarker = open_landmarker(model, ", or give the video's rig with --rig") if wanted and rigs is None else None
    make_folder(out)
    for video, picture in pictures.items():
        try:
            if video not in wanted:
                yield video, picture, None
            elif landmarker is not None:
                yield video, picture, peak(video, picture, landmarker)
            elif rigs is not None:
                yield video, picture, peak(video, picture, rig_of(video, rigs))
        except MedtalkError as error:
            yield video, picture, error


def peak(video: Path, picture: Path, by: Path | FaceLandmarker) -> float:
    """Write the frame of `video` that shows most as a PNG; returns its second.

    Args:
        video: a file that FFmpeg reads.
        picture: where to.
        by: the rig of the face in the video, from its first frame on, or what sees the face.

    Raises:
        TrainingError: no video, or no face in it.
        MissingExtraError: PyAV is not installed.
        RigError: the rig cannot be read.
    """
    if isinstance(by, Path):
        face = open_rig(by)
        second = int(np.argmax(intensity(face.values, blinks=False))) / face.fps
    else:
        times, shown = _seen(video, by)
        second = times[int(np.argmax(shown))]
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


def _seen(video: Path, landmarker: FaceLandmarker) -> tuple[list[float], NDArray]:
    """Seconds of the frames with a face, and Int(R) of the largest in each (N,)."""
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
