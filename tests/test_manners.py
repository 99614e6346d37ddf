"""How the command behaves among others: nothing left in the user's home, nothing half-written when it is ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

from medtalk.rig import RigSequence, read_rig, write_rig

COMMAND = [sys.executable, "-m", "medtalk.cli"]


def test_nothing_is_left_in_the_users_home(sound: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORT_"))}
    done = subprocess.run(
        [*COMMAND, "generate", sound, "-q", "-o", tmp_path / "a.csv"],
        env={**environment, "HOME": str(home)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


def test_a_terminated_run_leaves_no_file(tmp_path: Path) -> None:
    sound, folder = tmp_path / "long.wav", tmp_path / "out"
    folder.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(sound, (0.1 * rng.standard_normal(16000 * 400)).astype(np.float32), 16000)
    process = subprocess.Popen([*COMMAND, "generate", sound, "-q", "-o", folder / "long.csv"])
    deadline = time.monotonic() + 60
    while not list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)  # until the file is being written beside its target
    assert list(folder.iterdir()), "the run should be writing by now"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert list(folder.iterdir()) == []


def test_usage_errors_are_one_line_and_exit_2(tmp_path: Path) -> None:
    for arguments in (["--fps", "abc"], ["--region", "nose"], ["--nonsense"], []):
        done = subprocess.run([*COMMAND, "generate", "x.wav", *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("medtalk: ")


def test_a_txt_of_another_rate_can_be_converted(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 0.5, (30, 174)).astype(np.float32)
    write_rig(tmp_path / "a.txt", RigSequence(values, 30.0))
    arguments = ["convert", tmp_path / "a.txt", tmp_path / "b.npz", "--source-fps", "30"]
    subprocess.run([*COMMAND, *arguments], check=True)
    rig = read_rig(tmp_path / "b.npz")
    assert rig.fps == 30.0 and rig.seconds == 1.0
    np.testing.assert_allclose(rig.values, values, atol=1e-6)


def test_a_mistyped_transcript_file_is_told(sound: Path, tmp_path: Path) -> None:
    missing = tmp_path / "nope.lab"
    done = subprocess.run(
        [*COMMAND, "generate", sound, "--transcript", missing, "-o", tmp_path / "a.csv"], capture_output=True, text=True
    )
    assert done.returncode == 1 and "nope.lab" in done.stderr and not (tmp_path / "a.csv").exists()
    said = [*COMMAND, "generate", sound, "-q", "--transcript", "Read notes.txt", "-o", tmp_path / "a.csv"]
    assert subprocess.run(said).returncode == 0
