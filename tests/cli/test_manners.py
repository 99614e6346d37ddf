"""How the command behaves among others: nothing left in the user's home, nothing half-written when it is ended."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk.rig import RigSequence, read_rig, write_rig

COMMAND = [sys.executable, "-m", "medtalk"]


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


def writing(tmp_path: Path, **options: Any) -> tuple[subprocess.Popen[str], Path]:
    """A run that writes its file beside its target by now, and the folder of both."""
    sound, folder = tmp_path / "long.wav", tmp_path / "out"
    folder.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(sound, (0.1 * rng.standard_normal(16000 * 400)).astype(np.float32), 16000)
    words = [*COMMAND, "generate", sound, "-q", "-o", folder / "long.csv"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, **options)
    deadline = time.monotonic() + 60
    while not list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(folder.iterdir()), "the run should be writing by now"
    return process, folder


def test_a_terminated_run_leaves_no_file(tmp_path: Path) -> None:
    process, folder = writing(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[1] == "" and process.returncode == 128 + signal.SIGTERM
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_other_ends_leave_no_file_either(tmp_path: Path, number: signal.Signals) -> None:
    process, folder = writing(tmp_path)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number and list(folder.iterdir()) == []
    assert said == ("medtalk: interrupted\n" if number == signal.SIGINT else "")


def test_a_run_outlives_its_terminal_with_nohup(tmp_path: Path) -> None:
    process, folder = writing(tmp_path, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0 and [path.name for path in folder.iterdir()] == ["long.csv"]


def test_ctrl_c_is_quiet_from_the_first_moment(sound: Path, tmp_path: Path) -> None:
    """Python itself needs some hundredths of a second before the command has a say."""
    words = [*COMMAND, "generate", sound, "-q", "-o", tmp_path / "a.csv"]
    for delay in np.linspace(0.06, 0.6, 12):
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        # As late as the command's own signals, however slow the machine is.
        status = Path(f"/proc/{process.pid}/status")
        while int(re.findall(r"SigCgt:\s*(\w+)", status.read_text())[0], 16) >> (signal.SIGTERM - 1) & 1 == 0:
            time.sleep(0.001)
        time.sleep(delay - 0.06)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert (process.returncode, said) in [(130, "medtalk: interrupted\n"), (0, "")]
        assert not list(tmp_path.glob(".medtalk*"))


def test_what_a_kill_left_is_removed_by_the_next_run(sound: Path, tmp_path: Path) -> None:
    process, folder = writing(tmp_path)
    process.kill()
    process.communicate(timeout=30)
    left = [path.name for path in folder.iterdir()]
    assert len(left) == 1 and left[0].startswith(".medtalk-")
    host, pid, _ = left[0].removeprefix(".medtalk-").removesuffix(".csv").split("-")
    # of another machine, of a run that goes on, of nobody knows whom
    others = [f".medtalk-{'0' * 8}-{pid}-{'a' * 12}.csv", f".medtalk-{host}-{os.getpid()}-{'a' * 12}.csv", ".medtalk-x"]
    for name in others:
        (folder / name).touch()
    (folder / f".medtalk-{host}-{pid}-{'b' * 12}.csv").symlink_to(sound)
    if os.geteuid() == 0:  # only root can give a file away
        others.append(f".medtalk-{host}-{pid}-{'c' * 12}.csv")
        (folder / others[-1]).touch()
        os.chown(folder / others[-1], 12345, -1)
    done = subprocess.run([*COMMAND, "generate", sound, "-o", folder / "a.csv"], capture_output=True, text=True)
    assert done.returncode == 0 and "Removed an unfinished file" in done.stderr
    kept = {path.name for path in folder.iterdir()}
    assert left[0] not in kept and kept >= {*others, "a.csv"} and len(kept) == len(others) + 2


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
