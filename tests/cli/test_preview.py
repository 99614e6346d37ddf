"""`medtalk preview`: what it writes, finds, says and refuses. tests/browser looks at the page itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medtalk.rig import RigSequence, write_rig


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    """`line.npz`, 2 s, made from a `voice.wav` that may lie beside it."""
    values = np.zeros((120, 174), np.float32)
    values[:, :60] = 0.5 + 0.5 * np.sin(np.arange(120)[:, None] / np.linspace(3.0, 30.0, 60))
    return write_rig(tmp_path / "line.npz", RigSequence(values, 60, {"source": {"name": "voice.wav"}}))


def test_the_page_lies_beside_the_rig_and_has_its_sound(medtalk, rig, sound):
    done = medtalk("preview", rig)
    page = rig.with_name("line.html")
    assert (done.code, done.err) == (0, "")
    size = page.stat().st_size
    assert done.out == f"{page}: 2.0 s, with the sound of {sound}, {size / 1000:.0f} KB; open it in a browser\n"
    text = page.read_text("utf-8")
    assert text.count('data-blob="sound"') == 1 and text.count('data-blob="take"') == 1
    silent = medtalk("preview", rig, "--audio", sound, "-o", rig.with_name("other.html"))
    assert silent.code == 0 and rig.with_name("other.html").read_text("utf-8") == text


def test_a_page_is_small_and_asks_for_nothing(medtalk, rig):
    assert medtalk("preview", rig, rig).code == 0
    text = rig.with_name("line.html").read_text("utf-8")
    assert len(text) < 700_000
    assert "default-src 'none'" in text and "connect-src" not in text
    assert set(re.findall(r"https?://[^\"'\s]+", text)) == {"http://www.w3.org/2000/svg"}, "a name, not an address"


def test_no_sound_and_a_sound_of_another_length_are_said(medtalk, rig, sample):
    done = medtalk("preview", rig)
    page = rig.with_name("line.html")
    assert done.code == 0
    assert done.err == f"medtalk: {page} has no sound: none lies beside the rig. Give it with --audio.\n"
    done = medtalk("preview", rig, "--audio", sample)
    assert done.code == 0 and "The sound lasts 4.86 s and the rig 2.00 s." in done.err


def test_several_takes_are_one_page(medtalk, rig, tmp_path):
    other = shutil.copy(rig, tmp_path / "other.npz")
    done = medtalk("preview", rig, other, "-o", tmp_path / "both.html")
    assert done.code == 0 and done.out.startswith(f"{tmp_path / 'both.html'}: 2 takes, ")
    text = (tmp_path / "both.html").read_text("utf-8")
    assert "<title>line, other</title>" in text and text.count('data-blob="take"') == 2


def test_what_is_wrong_is_one_line_and_nothing_is_written(medtalk, rig, sound, tmp_path):
    lines = rig.with_name("rig.csv")
    write_rig(lines, RigSequence(np.zeros((2, 174))))
    text = lines.read_text()
    lines.write_text(text.replace("CTRL_C_eye-translateX", "CTRL_C_ear"))
    (tmp_path / "nan.csv").write_text(text.replace(",0,", ",nan,", 1))
    for words, said in [
        ([lines], "channel 1 is 'CTRL_C_ear'"),
        ([tmp_path / "nan.csv"], "nan is not finite"),
        ([tmp_path / "nothing.npz"], "nothing.npz does not exist"),
        ([sound], "does not have the ending of a rig file"),
        ([rig, "--audio", rig], "no sound format"),
        ([rig, "-o", tmp_path / "no" / "page.html"], f"the folder {tmp_path / 'no'} does not exist"),
        ([rig, "-o", tmp_path], "is a folder"),
    ]:
        done = medtalk("preview", *words)
        assert done.code == 1 and len(done.err.splitlines()) == 1 and said in done.err, done.err
    assert not list(tmp_path.glob("*.html")) and not list(tmp_path.glob(".medtalk*"))


def test_a_full_disk_is_one_line(medtalk, rig, full_disk):
    done = medtalk("preview", rig, "-o", full_disk / "page.html")
    assert (done.code, done.out) == (1, "")
    assert "the disk is full" in done.err and list(full_disk.iterdir()) == []


def test_open_shows_it_in_the_browser(rig, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    words = [sys.executable, "-m", "medtalk", "preview", rig, "--open"]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "BROWSER": f"{browser} %s"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "opened").read_text().strip() == (tmp_path / "line.html").as_uri()
