"""The command `restyle`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk import RigSequence, load, read_rig, write_rig
from medtalk.rig.channels import N_CHANNELS

pytestmark = pytest.mark.torch  # which the command loads


@pytest.fixture(scope="module")
def neutral(sample: Path) -> RigSequence:
    return load(threads=1).perform(sample, sample.with_suffix(".txt").read_text("utf-8")).decode("neutral")


@pytest.fixture
def take(neutral: RigSequence, tmp_path: Path) -> Path:
    return write_rig(tmp_path / "take.npz", neutral)


def test_the_command(medtalk: Callable[..., Any], take: Path, tmp_path: Path, sample: Path) -> None:
    done = medtalk("restyle", take, "--emotion", "sad", "-o", tmp_path / "sad.csv")
    assert (done.code, done.err) == (0, "")
    assert "sad; rebuilt: mouth R2 1.00, error 0.00" in done.out
    for options in (("--text", "furious"), ("--emotion", "happy:0.6,sad:0.4", "--sound", sample, "--remake"),
                    ("--like", tmp_path / "sad.csv"), ("--emotion", "auto", "--sound", sample)):  # fmt: skip
        done = medtalk("restyle", take, *options, "-o", tmp_path / "more.npz")
        assert (done.code, done.err) == (0, ""), options
    assert (
        '"restyled": {"from": "take.npz"'
        in medtalk("restyle", take, "--emotion", "sad", "-o", tmp_path / "a.npz", "--json").out
    )


def test_any_format_is_read(medtalk: Callable[..., Any], neutral: RigSequence, tmp_path: Path) -> None:
    for ending in (".txt", ".csv", ".json", ".arkit.csv"):
        path = write_rig(tmp_path / f"take{ending}", neutral)
        done = medtalk("restyle", path, "--emotion", "happy", "-o", tmp_path / "out.npz", "-q")
        assert done.code == 0 and done.out == "", done
        assert len(read_rig(tmp_path / "out.npz")) == pytest.approx(len(neutral), abs=1)


def test_a_take_that_cannot_be_rebuilt_is_a_warning(medtalk: Callable[..., Any], tmp_path: Path) -> None:
    values = np.random.default_rng(3).uniform(0.0, 1.0, (90, N_CHANNELS))
    path = write_rig(tmp_path / "other.csv", RigSequence(values))
    done = medtalk("restyle", path, "--emotion", "sad", "-o", tmp_path / "out.npz")
    assert done.code == 0 and "cannot rebuild the mouth and the upper face" in done.err and "R2 " in done.err
    assert done.err.count("\n") == 1 and (tmp_path / "out.npz").exists()


def test_what_the_command_refuses(medtalk: Callable[..., Any], take: Path, tmp_path: Path, sample: Path) -> None:
    out = tmp_path / "out.npz"
    other = tmp_path / "other.npz"
    shutil.copy(take, other)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK no rig")
    for words, message in [
        ((take,), "No emotion is given"),
        ((take, "--emotion", "wild"), "Unknown emotion"),
        ((take, "--emotion", "sad", "--like", other), "--like already gives the emotion"),
        ((take, "--text", "sad", "--image", sample), "both given"),
        ((take, "--text", "  "), "empty"),
        ((take, "--emotion", "auto"), "--sound"),
        ((take, "--emotion", "sad", "--intensity", "9"), "0 to 4"),
        ((tmp_path / "no.npz", "--emotion", "sad"), "does not exist"),
        ((take, "--like", tmp_path / "no.npz"), "does not exist"),
        ((sample, "--emotion", "sad"), "ending of a rig"),
        ((broken, "--emotion", "sad"), "broken.npz"),
        ((take, "--emotion", "sad", "--sound", tmp_path / "no.wav"), "does not exist"),
        ((take, "--emotion", "sad", "--bundle", tmp_path), "bundle.json"),
    ]:
        done = medtalk("restyle", *words, "-o", out)
        assert done.code == 1 and message in done.err and done.err.count("\n") == 1, done
        assert not out.exists()


def test_nothing_that_is_read_is_written_over(medtalk: Callable[..., Any], take: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.npz"
    shutil.copy(take, other)
    (tmp_path / "link.npz").symlink_to(other)
    before = take.read_bytes()
    for words, output in [
        ((take, "--emotion", "sad"), tmp_path / "." / take.name),
        ((take, "--emotion", "sad", "--force"), take),
        ((take, "--like", other), tmp_path / "link.npz"),
        ((take, "--emotion", "sad", "--sound", other), other),
        ((take, "--image", other), other),
    ]:
        done = medtalk("restyle", *words, "-o", output)
        assert done.code == 1 and "is read by this command, and would be lost" in done.err, done
        assert done.err.count("\n") == 1 and take.read_bytes() == other.read_bytes() == before


def test_without_torch_it_says_what_to_install(take: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'safetensors')))\n"
        "from medtalk.cli.app import main; main()"
    )
    words = [sys.executable, "-c", code, "restyle", take, "--emotion", "sad", "-o", tmp_path / "out.npz"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "torch, which is not installed. Run pip install 'medtalk[full]'." in done.stderr
    assert not (tmp_path / "out.npz").exists()
