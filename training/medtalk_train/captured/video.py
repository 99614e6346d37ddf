"""Videos as training reads them: their frames, upright and at the times at which they are shown, and their sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.backbones.face_landmarker import PAGE, FaceLandmarker
from medtalk.backbones.pretrained import FACE_LANDMARKER, Pretrained
from medtalk.errors import BackboneError, MissingExtraError, TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".flv")
MODEL = f"{FACE_LANDMARKER}.task"
_SIDE = 1024  # pixels: the landmarker sees 256 of a face, and what is larger only costs


def videos_in(place: Path) -> list[Path]:
    """A video, or all in a folder and its folders; `TrainingError` if there are none."""
    found = [place] if place.is_file() else sorted(f for f in place.rglob("*") if f.suffix.lower() in VIDEOS)
    if not found:
        raise TrainingError(f"There is no video {place}, and no folder with any.", f"Valid are {' '.join(VIDEOS)}.")
    return found


def twice(names: list[str]) -> tuple[str, int] | None:
    """The name that is there most often, and how often, if that is more than once."""
    name, count = Counter(names).most_common(1)[0]
    return (name, count) if count > 1 else None


def open_landmarker(model: Path | None, instead: str = "") -> FaceLandmarker:
    """MediaPipe's face landmarker, of a file or of the user's cache; nothing is downloaded.

    `instead` is what else a command could be given, as a part of a sentence. Raises MissingExtraError without
    MediaPipe, TrainingError without its model or with another file.
    """
    try:
        return FaceLandmarker(Pretrained(FACE_LANDMARKER, path=model, offline=True))
    except MissingExtraError as error:
        raise MissingExtraError(error.message, f"Run pip install 'medtalk[picture]'{instead}.") from error
    except BackboneError as error:
        hint = f"Get {MODEL} from {PAGE}, and name it with --model{instead}."
        pulled = f"Run `medtalk backbones pull {FACE_LANDMARKER}`. Or: "
        raise TrainingError(error.message, hint if model else pulled + hint) from error


@contextmanager
def frames_of(video: Path) -> Iterator[Iterator[tuple[float, Any]]]:
    """The frames of a video (as PyAV has them) with the seconds from the first, which rise.

    Raises MissingExtraError without PyAV, TrainingError for a file that is no video, at once or while it is read.
    """
    import_av()
    with _opened(video) as container:
        yield _decoded(video, container)


def pixels_of(frame: Any, side: int = _SIDE) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a frame, upright, its longer side at most `side`."""
    width, height = frame.width, frame.height
    if (larger := max(width, height)) > side:
        width, height = (max(2, round(each * side / larger / 2) * 2) for each in (width, height))
    picture = frame.to_ndarray(format="rgb24", width=width, height=height)
    # what a phone writes that was held upright: turned by so many degrees, counterclockwise
    return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90) % 4))


class Sound(NamedTuple):
    """samples (n,) mono at `rate` a second, and when they start, in seconds after the first frame of the video."""

    samples: NDArray[np.float32]
    rate: int
    start: float


def sound_of(video: Path) -> Sound:
    """The sound of a video, mono at its own rate.

    Raises as `frames_of`, and TrainingError for a video without any.
    """
    av = import_av()
    with _opened(video) as container:
        if not container.streams.audio:
            raise TrainingError(f"{video} holds no sound.", "Only takes with a voice can be learned from.")
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=stream.rate)
        blocks, start = [], None
        for frame in container.decode(stream):
            start = float(frame.time or 0.0) if start is None else start
            blocks += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        blocks += [out.to_ndarray()[0] for out in resampler.resample(None)]
        if start is None or not blocks:
            raise TrainingError(f"The stream of sound in {video} is empty.", "Give another file.")
        rate = int(stream.rate)
    with _opened(video) as container:
        first = next(container.decode(container.streams.video[0]), None)
    shown = 0.0 if first is None else float(first.time or 0.0)
    return Sound(np.concatenate(blocks).astype(np.float32), rate, start - shown)


def import_av() -> Any:
    """PyAV; `MissingExtraError` where it is not installed."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Reading videos needs {error.name}, which is not installed.", "Run pip install 'medtalk[train]'."
        ) from error
    return av


def _decoded(video: Path, container: Any) -> Iterator[tuple[float, Any]]:
    first, last = None, -1.0
    for frame in container.decode(container.streams.video[0]):
        time = float(frame.time or 0.0)
        first = time if first is None else first
        if time - first > last:
            last = time - first
            yield last, frame
    if first is None:
        raise TrainingError(f"{video} has no frames.", "Give a video.")


@contextmanager
def _opened(video: Path) -> Iterator[Any]:
    av = import_av()
    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise TrainingError(f"{video} holds no pictures, only sound.", "Give a video.")
            yield container
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(f"{video} cannot be read as a video: {reason}.", "Give another file.") from error
