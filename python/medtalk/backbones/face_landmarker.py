"""MediaPipe's face landmarker: the expression of a face in a picture or a video, as the 52 blendshapes of ARKit.

Its network is Google's and travels with no package: `medtalk backbones pull face_landmarker` downloads it, or its file
is named. Either way only the bytes that we know by their SHA-256 are run.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import urllib.request
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.backbones.picture import open_picture
from medtalk.backbones.pretrained import FACE_LANDMARKER, Pretrained, clause
from medtalk.errors import BackboneError, GuidanceError, MissingExtraError
from medtalk.files import write_atomic
from medtalk.rig import ARKIT_NAMES
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

PAGE = "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker"
URL = f"https://storage.googleapis.com/mediapipe-models/{FACE_LANDMARKER}/{FACE_LANDMARKER}/float16/1/{FACE_LANDMARKER}.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
BYTES = 3_758_596

_FACES = 8  # that are looked for; the largest of them is taken
_WATCHED = 3  # faces that are followed in a video: each costs time in every frame
_SIDE = 1024  # pixels: the network sees 256 of a face, and what is larger only costs
_BORDER = 0.5  # of a side, all around
_TIMEOUT = 30.0
_PLACES = {name.lower(): place for place, name in enumerate(ARKIT_NAMES)}


@dataclass(frozen=True, eq=False)
class SeenFace:
    """The largest face of a picture.

    Attributes:
        shapes: (52,) float64, 0..1, in the order of `ARKIT_NAMES`; CheekPuff, CheekSquint and NoseSneer stay at 0.
        faces: how many there are.
    """

    shapes: NDArray[np.float64]
    faces: int


class WatchedFace(NamedTuple):
    """A face in one frame of a video.

    shapes: (52,) as those of `SeenFace`. box: left, top, right and bottom, as shares of the picture.
    """

    shapes: NDArray[np.float64]
    box: tuple[float, float, float, float]

    @property
    def area(self) -> float:
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)

    @property
    def centre(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


def locate(source: Pretrained, update: bool = False) -> Path:
    """The file of the network, whose bytes were verified; `BackboneError` if it is nowhere and cannot be downloaded."""
    if file := source.local_path(file=True):
        _verified(file)
        return file
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medtalk" / f"{FACE_LANDMARKER}.task"
    if cached.is_file() and not update:
        _verified(cached)
        return cached
    if source.offline:
        raise BackboneError(
            f"The file {FACE_LANDMARKER}.task of MediaPipe is not on this machine, and offline nothing is downloaded.",
            _where(),
        )
    checkpoint()
    try:
        with urllib.request.urlopen(URL, timeout=_TIMEOUT) as answer:
            data = answer.read(BYTES + 1)
    except OSError as error:
        raise BackboneError(
            f"The file {FACE_LANDMARKER}.task of MediaPipe is not on this machine and cannot be downloaded: "
            f"{clause(error)}.",
            _where(),
        ) from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise BackboneError(f"What {URL} gave is not the network that medtalk knows.", _where())
    cached.parent.mkdir(parents=True, exist_ok=True)
    return write_atomic(cached, lambda to: to.write_bytes(data))


def _where() -> str:
    return (
        f"Run `medtalk backbones pull {FACE_LANDMARKER}` where there is a network, or get it from {PAGE} and give "
        f"--backbone {FACE_LANDMARKER}=FILE."
    )


def _verified(file: Path) -> bytes:
    """The bytes of the network; `BackboneError` for any others."""
    try:
        with file.open("rb") as opened:
            data = opened.read(BYTES + 1)
    except OSError as error:
        raise BackboneError(f"{file} cannot be read: {clause(error.strerror)}.", _where()) from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise BackboneError(f"{file} is not MediaPipe's {FACE_LANDMARKER}.task, or it is damaged.", _where())
    return data


class FaceLandmarker:
    """Reads the expression of faces.

    Raises:
        BackboneError: its network is missing, or is another.
        MissingExtraError: MediaPipe is not installed.
    """

    def __init__(self, source: Pretrained) -> None:
        with _quiet():
            try:
                import mediapipe  # pyright: ignore[reportMissingImports]
                from mediapipe.tasks.python import BaseOptions, vision  # pyright: ignore[reportMissingImports]
            except ImportError as error:  # of MediaPipe, or of the system's libraries that it needs
                reason = "is not installed" if isinstance(error, ModuleNotFoundError) else f"fails: {clause(error)}"
                raise MissingExtraError(
                    f"Seeing the expression in a picture needs {error.name or 'mediapipe'}, which {reason}.",
                    "Run pip install 'medtalk[picture]', or name an emotion.",
                ) from error
        self._image: Any = lambda pixels: mediapipe.Image(mediapipe.ImageFormat.SRGB, pixels)
        self._open: Any = vision.FaceLandmarker.create_from_options
        _survive_profiling()
        self._options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=_verified(locate(source))),
            output_face_blendshapes=True,
            num_faces=_FACES,
        )
        self._moving = vision.RunningMode.VIDEO

    def read(self, picture: str | Path | bytes | Image.Image, name: str = "The picture") -> SeenFace:
        """The largest face of a picture: a PNG, JPEG or WEBP file, the bytes of one, or a picture of PIL.

        Raises:
            GuidanceError: no picture, one beyond the limits, or one without a face; `name` is what it is called then.
        """
        opened = open_picture(picture)
        opened.thumbnail((_SIDE, _SIDE))
        checkpoint()
        with _quiet():
            try:
                landmarker = self._open(self._options)
                try:
                    found = self._found(landmarker, np.array(opened))
                finally:
                    landmarker.close()  # it has threads of its own, which would wait for another picture for ever
            except (RuntimeError, ValueError) as error:
                raise BackboneError(f"MediaPipe fails on {name}: {clause(error)}.", "Give another picture.") from error
        if not found.face_blendshapes:
            raise GuidanceError(
                f"No face is seen in {name}.", "Give a picture of one face, upright, from the front, and not too dark."
            )
        largest = max(range(len(found.face_landmarks)), key=lambda face: _area(found.face_landmarks[face]))
        return SeenFace(_shapes(found.face_blendshapes[largest]), len(found.face_landmarks))

    def watch(
        self, frames: Iterable[tuple[float, NDArray[np.uint8]]], name: str = "The video"
    ) -> Generator[tuple[float, list[WatchedFace]]]:
        """The faces of a video's frames, followed from each to the next: (seconds, faces), none where none is seen.

        Where a face is in the last frame is where it is looked for in this one, which is quicker and steadier than
        `read`. A face that fills the picture is not found, as nobody films so.

        Args:
            frames: seconds, rising, and the picture (H, W, 3), uint8 RGB, upright; of those within a millisecond of
                each other only the first is looked at.
            name: what the video is called in an error.

        Raises:
            BackboneError: MediaPipe fails.
        """
        options = copy(self._options)
        options.running_mode, options.num_faces = self._moving, _WATCHED
        with _quiet():
            landmarker = self._open(options)
        last = -1
        try:
            for seconds, picture in frames:
                checkpoint()
                now = round(seconds * 1000.0)
                if now <= last:
                    continue
                last = now
                try:
                    with _quiet():
                        found = landmarker.detect_for_video(self._image(np.ascontiguousarray(picture)), now)
                except (RuntimeError, ValueError) as error:
                    raise BackboneError(
                        f"MediaPipe fails on {name}: {clause(error)}.", "Give another video."
                    ) from error
                yield (
                    seconds,
                    [
                        WatchedFace(_shapes(shapes), _box(landmarks))
                        for shapes, landmarks in zip(found.face_blendshapes, found.face_landmarks, strict=True)
                    ],
                )
        finally:
            with _quiet():
                landmarker.close()

    def _found(self, landmarker: Any, picture: NDArray[np.uint8]) -> Any:
        """The faces of the first of `_views` that has any, or of the last."""
        found = None
        for views in _views(picture):
            found = max((landmarker.detect(self._image(view)) for view in views), key=_largest)
            checkpoint()
            if found.face_blendshapes:
                break
        return found


def _views(picture: NDArray[np.uint8]) -> Iterator[list[NDArray[np.uint8]]]:
    """Where to look for faces, in turn: in the picture (H, W, 3); with a border, as a face that fills it all is not
    found; and in nine parts of it, as a small one is not found either."""
    yield [picture]
    high, wide, _ = picture.shape
    across, down = round(wide * _BORDER), round(high * _BORDER)
    yield [np.pad(picture, ((down, down), (across, across), (0, 0)), mode="edge")]
    side = max(high, wide) // 2
    tops, lefts = (sorted({round(at * max(length - side, 0) / 2) for at in range(3)}) for length in (high, wide))
    yield [np.ascontiguousarray(picture[top : top + side, left : left + side]) for top in tops for left in lefts]


def _largest(found: Any) -> float:
    """How large the largest of the faces that were found is, as a share of its picture."""
    return max(map(_area, found.face_landmarks), default=0.0)


def _area(landmarks: Any) -> float:
    left, top, right, bottom = _box(landmarks)
    return (right - left) * (bottom - top)


def _box(landmarks: Any) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a face, as shares of its picture."""
    x, y = [point.x for point in landmarks], [point.y for point in landmarks]
    return min(x), min(y), max(x), max(y)


def _shapes(categories: Any) -> NDArray[np.float64]:
    """(52,) of what MediaPipe calls the blendshapes of a face."""
    shapes = np.zeros(len(ARKIT_NAMES))
    for shape in categories:
        if (place := _PLACES.get(shape.category_name.lower())) is not None:  # "_neutral" is none
            shapes[place] = shape.score
    return shapes


def _survive_profiling() -> None:
    """Have SIGPROF ignored in Python's own books, too.

    MediaPipe has a timer that sends it, and ignores it behind Python's back. Who puts Python's handlers back, as
    Lightning does after a training, would bring back the default: the signal then ends the process without a word.
    """
    number = getattr(signal, "SIGPROF", None)  # Windows has none
    if number is None or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(number) is signal.SIG_DFL:
        signal.signal(number, signal.SIG_IGN)


_silence = threading.Lock()  # two at once would put back what the other has put in its place


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is written to the process's standard error: MediaPipe and TensorFlow Lite tell it how they compute.

    One thread at a time, so others wait.
    """
    with _silence:
        try:
            sys.stderr.flush()
            kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        except (OSError, AttributeError):  # a process without one
            yield
            return
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
