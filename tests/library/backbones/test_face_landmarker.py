"""`--image` with the bundle that ships: MediaPipe with its real network on pictures of the head; what is refused."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.backbones import face_landmarker
from medtalk.backbones.face_landmarker import FaceLandmarker, locate
from medtalk.backbones.pretrained import FACE_LANDMARKER, Pretrained
from medtalk.errors import BackboneError, GuidanceError, MissingExtraError, SettingError
from medtalk.face.draw import Drawing, camera
from medtalk.guidance import Picture
from medtalk.perform import Model
from medtalk.rig import indices
from medtalk.rig.head import load_head
from tests.helpers.pictures import picture
from tests.helpers.sounds import babble

SMILE = {"[LR]_mouth_cornerPull": 0.7, "[LR]_eye_squintInner": 0.5, "[LR]_eye_cheekRaise": 0.5}
FROWN = {"[LR]_brow_down": 0.9, "[LR]_brow_lateral": 0.7, "[LR]_eye_squintInner": 0.5, "[LR]_nose.Y": 0.5}


@cache
def drawn(face: tuple[tuple[str, float], ...] = (), side: int = 320, height: float = 300.0) -> np.ndarray:
    """(side, side, 3) the head with a face; `height` mm fill the picture."""
    values = np.zeros((1, 174), np.float32)
    for pattern, value in face:
        values[:, indices(pattern)] = value
    head = load_head()
    return Drawing(head, dataclasses.replace(camera(head), height=height), side, side).draw(head.pose(values)[0])


def file_of(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def smiling(side: int = 320, height: float = 300.0) -> np.ndarray:
    return drawn(tuple(SMILE.items()), side, height)


@pytest.fixture(scope="session")
def network_file(shared: Path) -> Path:
    """Google's network, beside the repository."""
    pytest.importorskip("mediapipe", reason="the extra picture is not installed")
    return shared / "face" / f"{FACE_LANDMARKER}.task"


@pytest.fixture(scope="module")
def eye(network_file: Path) -> FaceLandmarker:
    return FaceLandmarker(Pretrained(FACE_LANDMARKER, network_file))


@pytest.fixture(scope="module")
def model(network_file: Path) -> Model:
    return medtalk.load(backbones={FACE_LANDMARKER: network_file}, offline=True, threads=1)


def test_a_smile_and_a_frown(model: Model, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "smile.png").write_bytes(file_of(smiling()))
    smile = model.guide(image=tmp_path / "smile.png")
    assert isinstance(smile, Picture) and smile.weights["happy"] > 0.7 and 0.5 < smile.strength < 2.0
    assert sum(smile.weights.values()) == pytest.approx(1.0) and smile.explained > 0.7 and smile.note == ""
    frown = model.guide(image=file_of(drawn(tuple(FROWN.items()))), name="frown")
    assert isinstance(frown, Picture)
    assert max(frown.weights, key=frown.weights.__getitem__) in ("angry", "disgust")  # who frowns is one of them
    assert frown.weights.get("happy", 0.0) < 0.1
    assert capfd.readouterr() == ("", ""), "what MediaPipe tells of itself is of no concern to anybody"


def test_a_face_at_rest_is_mostly_neutral(model: Model) -> None:
    rest = model.guide(image=file_of(drawn()), name="rest")
    assert isinstance(rest, Picture) and rest.strength < 0.5 and rest.note == ""


def test_the_rig_says_what_it_was_made_from(model: Model) -> None:
    performance = model.perform(medtalk.Speech.from_array(babble(1.0, seed=3), 16000, "line"))
    guidance = model.guide("surprised:0.25", image=file_of(smiling()), name="smile.png")
    rig = performance.decode(guidance)
    assert rig.meta["guidance"]["image"] == "smile.png" and 0.7 < rig.meta["guidance"]["explained"] <= 1.0
    assert rig.meta["guidance"]["weight"] == 0.75 and rig.meta["strength"] > 0.5
    assert rig.meta["emotion"]["happy"] > 0.5 and rig.meta["emotion"]["surprised"] >= 0.25
    corner = indices("[LR]_mouth_cornerPull")
    assert rig.values[:, corner].mean() > performance.decode("neutral").values[:, corner].mean() + 0.1


def test_the_largest_of_several_faces(eye: FaceLandmarker, model: Model) -> None:
    both = np.concatenate([np.pad(drawn((), 160), ((80, 80), (0, 0), (0, 0)), mode="edge"), smiling()], axis=1)
    assert eye.read(file_of(both)).faces == 2
    seen = model.guide(image=file_of(both), name="two.png")
    assert isinstance(seen, Picture) and max(seen.weights, key=seen.weights.__getitem__) == "happy"
    assert seen.note == "2 faces are seen in two.png; the largest is taken."


@pytest.mark.parametrize("height", [190.0, 420.0])
def test_faces_that_fill_the_picture_and_small_ones(eye: FaceLandmarker, height: float) -> None:
    smile = eye.read(file_of(smiling(320, height)))
    places = [medtalk.rig.ARKIT_NAMES.index(f"MouthSmile{side}") for side in ("Left", "Right")]
    assert smile.shapes[places].min() > 0.5
    corner = np.full((700, 1000, 3), 128, np.uint8)
    corner[480:640, 760:920] = smiling(160, height)
    assert eye.read(file_of(corner)).shapes[places].min() > 0.4, "a small face in the corner of a large picture"


def test_two_at_once_leave_standard_error_as_it_was() -> None:
    before, inside, done = os.fstat(2), threading.Event(), threading.Event()

    def second() -> None:
        with face_landmarker._quiet():
            inside.set()
            done.wait(60)

    thread = threading.Thread(target=second)
    with face_landmarker._quiet():
        thread.start()
        assert not inside.wait(0.3), "it waits"
    done.set()
    thread.join()
    assert inside.is_set() and os.path.samestat(os.fstat(2), before)


def test_pictures_that_are_refused(model: Model) -> None:
    for image, said in (
        (picture(300, 300), "No face is seen in snow.png. Give a picture of one face"),
        (b"no picture", "cannot be read as a picture"),
        (picture(2000, 20), "one side may be 20 times the other"),
    ):
        with pytest.raises(GuidanceError, match=said):
            model.guide(image=image, name="snow.png")
    with pytest.raises(SettingError, match="accepts no ready-made ones"):
        model.guide(image=file_of(smiling()), features=np.zeros(512))


def test_another_network_is_not_run(tmp_path: Path) -> None:
    (other := tmp_path / "face_landmarker.task").write_bytes(b"PK another network")
    with pytest.raises(
        BackboneError, match=r"is not MediaPipe's face_landmarker.task, or it is damaged.*backbones pull"
    ):
        locate(Pretrained(FACE_LANDMARKER, other))
    with pytest.raises(BackboneError, match="There is no file nowhere"):
        locate(Pretrained(FACE_LANDMARKER, Path("nowhere")))
    with pytest.raises(BackboneError, match="has no backbone called 'clip'; it has face_landmarker"):
        medtalk.load(backbones={"clip": tmp_path})


def test_without_its_file_the_way_to_it_is_told(empty_caches: Path, network: list[str]) -> None:
    with pytest.raises(BackboneError, match=r"not on this machine, and offline.*https://ai.google.dev/.*=FILE"):
        locate(Pretrained(FACE_LANDMARKER, offline=True))
    assert network == []
    with pytest.raises(BackboneError, match=r"cannot be downloaded: .*backbones pull face_landmarker"):
        locate(Pretrained(FACE_LANDMARKER))
    assert len(network) == 1


@pytest.mark.skipif(find_spec("mediapipe") is not None, reason="MediaPipe is installed")
def test_without_mediapipe_the_extra_is_named() -> None:
    with pytest.raises(
        MissingExtraError, match=r"needs mediapipe, which is not installed. Run pip install 'medtalk\[p"
    ):
        medtalk.load().guide(image=file_of(drawn()))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Answers at `URL` with the bytes in the list."""
    answers: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[0])

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setattr(face_landmarker, "URL", f"http://127.0.0.1:{server.server_port}/{FACE_LANDMARKER}.task")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield answers
        server.shutdown()
        thread.join()


def test_it_is_pulled_once_and_only_as_we_know_it(empty_caches: Path, server: list[bytes], shared: Path) -> None:
    server.append(b"something else")
    with pytest.raises(BackboneError, match="is not the network that medtalk knows"):
        locate(Pretrained(FACE_LANDMARKER))
    assert not list(empty_caches.rglob("*.task"))
    server[0] = (shared / "face" / f"{FACE_LANDMARKER}.task").read_bytes()
    file = locate(Pretrained(FACE_LANDMARKER))
    assert file.read_bytes() == server[0] and empty_caches in file.parents
    server[0] = b"later"
    assert locate(Pretrained(FACE_LANDMARKER)) == file, "what is there is not asked for again"


def test_the_command(medtalk, network_file: Path, tmp_path: Path) -> None:
    import soundfile

    soundfile.write(sound := tmp_path / "line.wav", babble(1.0, seed=4), 16000)
    (smile := tmp_path / "smile.png").write_bytes(file_of(smiling()))
    words = ["generate", sound, "--image", smile, "-o", tmp_path / "line.npz", "--json", "--offline"]
    done = medtalk(*words, "--backbone", f"{FACE_LANDMARKER}={network_file}")
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    assert told["guidance"]["image"] == "smile.png" and told["emotion"]["happy"] > 0.7 and told["strength"] > 0.5


def test_its_timer_does_not_end_the_process(shared: Path) -> None:
    """MediaPipe's profiling timer runs on where somebody puts Python's own signal handlers back, as Lightning does."""
    script = """
import signal, sys, time
import numpy as np
from PIL import Image
from medtalk.errors import GuidanceError
from medtalk.backbones.face_landmarker import FaceLandmarker
from medtalk.backbones.pretrained import FACE_LANDMARKER, Pretrained
landmarker = FaceLandmarker(Pretrained(FACE_LANDMARKER, sys.argv[1]))
picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (320, 320, 3), np.uint8))
for _ in range(3):
    try:
        landmarker.read(picture)
    except GuidanceError:
        pass
    signal.signal(signal.SIGPROF, signal.getsignal(signal.SIGPROF))
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
print("alive")
"""
    words = [sys.executable, "-c", script, str(shared / "face" / "face_landmarker.task")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == "alive\n", (done.returncode, done.stderr[-500:])
