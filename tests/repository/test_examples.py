"""Every file in examples/ is run as it stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medtalk import RigSequence, read_rig, write_rig
from medtalk.rig.channels import AREAS, CHANNEL_NAMES
from tests.helpers.sidecars import Sidecar

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*words: object, folder: Path) -> str:
    command = [sys.executable, "-W", "error", *map(str, words)]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def desk(tmp_path: Path, sample: Path) -> Path:
    """A folder with a recording."""
    shutil.copy(sample, tmp_path / "line.wav")
    return tmp_path


def test_every_example_is_tested_and_listed() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".ipynb")}
    tests, index = Path(__file__).read_text("utf-8"), (EXAMPLES / "README.md").read_text("utf-8")
    assert len(names) == 7 and all(name in tests and f"({name})" in index for name in names)


def test_a_folder(desk: Path) -> None:
    (desk / "in").mkdir()
    shutil.copy(desk / "line.wav", desk / "in" / "good.wav")
    (desk / "in" / "bad.wav").write_text("no sound")
    lines = run(EXAMPLES / "batch_folder.py", "in", "out", folder=desk).splitlines()
    assert lines[0].startswith("bad.wav: ") and len(lines) == 3
    happy, angry = (read_rig(desk / "out" / f"good_{mood}.npz") for mood in ("happy", "angry"))
    assert len(happy) == len(angry) and not np.array_equal(happy.values, angry.values)


def test_intensity(desk: Path) -> None:
    out = run(EXAMPLES / "edit_intensity.py", "line.wav", "line.npz", folder=desk)
    assert out.startswith("mean intensity: ")
    values = read_rig(desk / "line.npz").values
    frown = values[:, CHANNEL_NAMES.index("CTRL_L_brow_down-translateY")]
    assert frown[len(frown) // 2 :].mean() > 1.5 * frown[: len(frown) // 2].mean()


def test_a_mixed_face(desk: Path) -> None:
    run(EXAMPLES / "mixed_face.py", "line.wav", "mixed.npz", folder=desk)
    run("-m", "medtalk", "generate", "line.wav", "--emotion", "happy", "-o", "happy.npz", "-q", folder=desk)
    run("-m", "medtalk", "generate", "line.wav", "--emotion", "fear", "-o", "fear.npz", "-q", folder=desk)
    mixed, happy, fear = (read_rig(desk / f"{name}.npz").values[60:] for name in ("mixed", "happy", "fear"))
    upper = np.concatenate([AREAS["brow"], AREAS["eye"]])
    rest = np.setdiff1d(np.arange(mixed.shape[1]), upper)
    assert mixed[:, upper] == pytest.approx(fear[:, upper], abs=1e-6) and np.array_equal(mixed[:, rest], happy[:, rest])
    assert np.abs(happy[:, upper] - fear[:, upper]).max() > 0.1


def test_shapes(desk: Path) -> None:
    left = np.zeros((90, len(CHANNEL_NAMES)))
    left[:, CHANNEL_NAMES.index("CTRL_L_eye_blink-translateY")] = 1.0
    for name in ("a.npz", "b.npz"):
        write_rig(desk / name, RigSequence(left))
    run(EXAMPLES / "rig_to_shapes.py", "a.npz", "b.npz", "scene.json", folder=desk)
    scene = json.loads((desk / "scene.json").read_text())
    frames = 45 + 45 - 6  # 0.2 s of both at once
    assert scene["fps"] == 30 and {len(values) for values in scene["shapes"].values()} == {frames}
    assert len(scene["shapes"]) == 52
    winks = [scene["shapes"][f"eyeBlink{side}"] for side in ("Left", "Right")]
    assert winks[0][0] > 0.9 > 0.1 > winks[1][0] and winks[1][-1] > 0.9 > 0.1 > winks[0][-1]


def test_a_client(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTALK_RUNTIME", str(desk / "runtime"))
    sidecar = Sidecar(desk, published=True).wait_until_ready()
    try:
        out = run(EXAMPLES / "sidecar_client.py", "line.wav", "angry", folder=desk)
    finally:
        sidecar.close()
    assert out.startswith("291 frames at 60 fps, jaw opens to 0.")


def test_speech_that_is_made_while_it_plays(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTALK_RUNTIME", str(desk / "runtime"))
    speech, rate = soundfile.read(desk / "line.wav", dtype="int16")
    soundfile.write(desk / "stereo.wav", np.stack([speech, speech], axis=1), rate)
    for name, kept in (("short.wav", speech[: rate * 6 // 1000]), ("empty.wav", speech[:0])):
        soundfile.write(desk / name, kept, rate)
    sidecar = Sidecar(desk, published=True).wait_until_ready()
    try:
        one, two = (run(EXAMPLES / "live_speech.py", name, "happy", folder=desk) for name in ("line.wav", "stereo.wav"))
        said = [refused(desk, name, "happy") for name in ("short.wav", "empty.wav")]
    finally:
        sidecar.close()
    for out in (one, two):
        assert re.match(r"291 frames, the first after \d+ ms, jaw opens to 0\.\d\d, \d+ were late\n", out), out
    assert one.split("jaw")[1].split(",")[0] == two.split("jaw")[1].split(",")[0]
    assert said == [f"{name} is shorter than a frame.\n" for name in ("short.wav", "empty.wav")]


def test_what_the_player_of_speech_cannot_play(desk: Path) -> None:
    speech, rate = soundfile.read(desk / "line.wav")
    for name, kind in (("24.wav", "PCM_24"), ("float.wav", "FLOAT"), ("line.flac", "PCM_16")):
        soundfile.write(desk / name, speech, rate, kind)
    (desk / "nothing.wav").touch()
    assert refused(desk, "24.wav", "happy") == "24.wav has samples of 24 bits; valid are 16.\n"
    for name in ("float.wav", "line.flac", "nothing.wav", "gone.wav"):
        assert refused(desk, name, "happy").startswith(f"{name} cannot be read as a WAV file of 16 bits: ")
    assert refused(desk, "line.wav") == f"Usage: python {EXAMPLES / 'live_speech.py'} line.wav happy\n"


def refused(desk: Path, *words: str) -> str:
    """The one line that the player says of it."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / "live_speech.py", *words], cwd=desk, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_the_notebook(desk: Path) -> None:
    cells = json.loads((EXAMPLES / "try_it.ipynb").read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells), "it is kept without its outputs"
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    run("-c", code, folder=desk)
    assert len(read_rig(desk / "angry.npz")) == 291 and read_rig(desk / "angry.arkit.csv").fps == pytest.approx(30)
