"""Some seconds of fuzzing of what reads messages, as far as anybody who runs the tests can wait."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = 60_000


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64") or sys.version_info >= (3, 15),
    reason="atheris has wheels for x86-64 Linux and Python below 3.15 only",
)
def test_no_bytes_bring_the_readers_down(root: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    bounds = ("-max_total_time=600", "-max_len=16384", "-timeout=120", "-rss_limit_mb=0")
    options = (f"-runs={RUNS}", "-seed=1", *bounds)
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.fuzz_messages", corpus, *options, f"-artifact_prefix={tmp_path}/"],
        cwd=root, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    said = done.stdout + done.stderr
    found = [f"{path.name}: {path.read_bytes()!r}" for path in tmp_path.iterdir() if path.is_file()]
    assert done.returncode == 0 and not found, "\n".join([*found, said[-4000:]])
    covered = [int(count) for count in re.findall(r"cov: (\d+)", said)]
    runs = re.search(r"Done (\d+) runs", said)
    assert runs and int(runs[1]) > RUNS / 10 and max(covered) > 150, said[-4000:]
