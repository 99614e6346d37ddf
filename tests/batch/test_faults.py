"""What may happen to a bake in a night, with real processes: nothing that was finished is lost, or made twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk import RigSequence, read_rig
from medtalk.batch.manifest import read_manifest
from medtalk.batch.plan import Job, fingerprint, plan
from medtalk.batch.pool import Died, Pool
from medtalk.batch.work import Maker, Making
from medtalk.edits import capture, write_edits
from medtalk_wire.settings import Settings
from tests.batch.conftest import Production, made
from tests.helpers.sounds import babble

pytestmark = [pytest.mark.process, pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and /proc")]
LINES = 30
SLOW = 6.0
"""Seconds that a line may take: far more than one takes on a machine that is busy."""


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that do the work of a bake."""
    found = []
    for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found.append(int(pid))
    return found


def is_gone(pid: int) -> bool:
    """Whether a process has ended, perhaps not yet buried by the init of a container."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def whole(production: Production) -> None:
    """The folder holds whole rigs, and nothing unfinished."""
    assert not list(production.out.rglob(".medtalk-*"))
    assert all(np.isfinite(read_rig(path).values).all() for path in production.out.rglob("*.npz"))


def done(production: Production) -> set[str]:
    return {record["id"] for record in production.ledger() if record["state"] == "done"}


# -- processes that are ended


def test_killed_again_and_again(raw: Production) -> None:
    """The whole group of processes dies at any moment, five times at most: what was finished is never made again."""
    raw.write(LINES)
    chance = random.Random(16)
    finished: dict[str, int] = {}
    for _ in range(5):
        before = len(raw.ledger()) if raw.out.exists() else 0
        if len(finished) == LINES:
            break  # a fast machine has made them all
        process = raw.begin("--jobs", 2)
        raw.wait_for_lines(before + 1)
        time.sleep(chance.uniform(0.0, 0.25))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        text = (raw.out / "results.jsonl").read_bytes()
        assert text.endswith(b"\n")
        stamps = raw.stamps()
        assert done(raw) <= stamps.keys() and {name: stamps[name] for name in finished} == finished
        finished = {name: stamps[name] for name in done(raw)}
    counts = made(raw.bake().out)
    assert len(finished) > 0 and counts == [LINES - len(finished), len(finished), 0, 0, 0]
    assert {name: raw.stamps()[name] for name in finished} == finished and len(raw.stamps()) == LINES
    whole(raw)


def test_killed_while_lines_are_made_anew(raw: Production) -> None:
    """Rigs that the killed bake wrote are not taken for edits by hand, which would be left for ever."""
    raw.write(8)
    assert made(raw.bake().out)[0] == 8
    process = raw.begin("--seed", 5, "--jobs", 1)
    raw.wait_for_lines(8 + 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    first = next(record for record in raw.ledger()[::-1] if record["state"] == "failed")
    assert first["error"]["code"] == "begun"
    raw.bake("--seed", 5, "-o", raw.folder / "other", "--rows", first["row"])
    name = f"{first['id']}.npz"  # its new rig, written before its record
    shutil.copy(raw.folder / "other" / name, raw.out / name)
    counts = made(raw.bake("--seed", 5).out)
    assert sum(counts[:2]) == 8 and counts[2:] == [0, 0, 0]
    whole(raw)


def test_an_edit_after_a_kill(production: Production) -> None:
    """Of the line that was begun: it is neither the old rig nor the new one."""
    records = production.ledger()
    begun = records[0] | {"state": "failed", "bake": 2, "error": {"code": "begun", "message": "It was begun."}}
    with (production.out / "results.jsonl").open("a") as stream:
        stream.write(json.dumps(begun) + "\n")
    both = ("--format", "npz", "--format", "csv", "--seed", 5, "--rows", begun["row"])
    edit = production.out / begun["out"][0]
    for _ in range(2):
        edit.write_bytes(b"an edit")
        outcome = production.bake(*both)
        assert outcome.code == 1 and made(outcome.out) == [0, 0, 1, 0, 0] and "so it is left" in outcome.err
        assert edit.read_bytes() == b"an edit"
    assert made(production.bake(*both, "--overwrite-edits").out) == [1, 0, 0, 0, 0]


def test_an_edit_while_the_bake_is_at_work(production: Production) -> None:
    process = production.begin("--seed", 5)
    end = time.monotonic() + 60.0
    while len(production.ledger()) < 5:  # it has looked at all rigs, and begins to load the model
        assert time.monotonic() < end
        time.sleep(0.01)
    edit = production.out / "L3.npz"
    edit.write_bytes(b"an edit")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, made(out)) == (1, [3, 0, 1, 0, 0]) and "L3.npz was changed by hand since" in err
    assert edit.read_bytes() == b"an edit"


def test_again_goes_on_where_it_was_interrupted(raw: Production) -> None:
    raw.write(LINES)
    process = raw.begin("--again")
    raw.wait_for_lines(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    number = made(out)[0]
    assert 0 < number < LINES and f"To go on rather than begin anew, give --again --rows {number + 1}-." in err


def test_a_worker_that_is_killed_costs_nothing(raw: Production) -> None:
    raw.write(LINES)
    process = raw.begin("--jobs", 2)
    raw.wait_for_lines(2)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "") and made(out) == [LINES, 0, 0, 0, 0]
    assert sorted(record["id"] for record in raw.ledger()) == sorted(f"L{n}" for n in range(LINES))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_was_begun(raw: Production, number: int) -> None:
    """Also where a terminal, or systemd, sends it to all processes at once."""
    raw.write(LINES)
    process = raw.begin("--jobs", 2)
    raw.wait_for_lines(2)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (
        process.returncode == 1
        and err == "medtalk: Stopping: the lines at work are finished. Once more ends at once.\n"
    )
    counts = made(out)
    assert counts[0] == len(raw.ledger()) == len(done(raw)) < LINES and counts[4] == LINES - counts[0]
    assert raw.stamps().keys() == done(raw)
    whole(raw)


def test_a_second_signal_ends_at_once(raw: Production) -> None:
    """Though a line hangs, as on a drive that stalls: here its process is stopped."""
    raw.write(LINES)
    process = raw.begin("--jobs", 1)
    raw.wait_for_lines(1)
    (worker,) = workers_of(process)
    os.kill(worker, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err and is_gone(worker)
    counts = made(raw.bake("--rows", "1-3").out)
    assert sum(counts[:2]) == 3
    whole(raw)


# -- drives


def stalled(making: Making, sound: str) -> Maker:
    """A worker that waits for ever when it opens this sound."""

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]) == sound:
            time.sleep(3600)

    sys.addaudithook(see)
    return making.open()


def test_a_drive_that_stalls(raw: Production) -> None:
    """A line that takes too long fails alone."""
    raw.write(4)
    pool: Pool[Job] = Pool(partial(stalled, Making(raw.out, raw.bundle), str(raw.sound(1))), 1, timeout=SLOW)
    found = {job.id: record for job, record in pool.run(jobs_of(raw))}
    assert isinstance(found["L1"], Died) and found["L1"].reason.startswith(f"It took more than {SLOW:g} s. ")
    assert [found[name]["state"] for name in ("L0", "L2", "L3")] == ["done"] * 3
    whole(raw)


def test_a_stall_that_passes(raw: Production) -> None:
    """A process that hung is replaced, and its line tried again."""
    raw.write(8)
    process = raw.begin("--timeout", SLOW)
    raw.wait_for_lines(1)
    (worker,) = workers_of(process)
    os.kill(worker, signal.SIGSTOP)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "") and made(out) == [8, 0, 0, 0, 0] and is_gone(worker)
    whole(raw)


def test_a_pipe_in_the_place_of_a_sound(raw: Production) -> None:
    """Reading it would wait for ever."""
    raw.write(3)
    raw.sound(1).unlink()
    os.mkfifo(raw.sound(1))
    outcome = raw.bake()
    assert outcome.code == 1 and made(outcome.out) == [2, 0, 1, 0, 0] and "is a device or pipe" in outcome.err
    assert made(raw.bake().out) == [0, 2, 1, 0, 0]


def test_a_full_disk_ends_the_bake(raw: Production, full_disk: Path) -> None:
    raw.write()
    outcome = raw.bake("-o", full_disk, "--format", "csv")
    assert outcome.code == 1 and "the disk is full" in outcome.err and len(outcome.err.splitlines()) <= 2
    assert not list(full_disk.glob(".medtalk-*"))


def test_a_full_disk_under_the_ledger(raw: Production) -> None:
    """What cannot be recorded is not gone on with: one line says why."""
    raw.write()
    raw.out.mkdir()
    (raw.out / "results.jsonl").symlink_to("/dev/full")
    outcome = raw.bake()
    assert outcome.code == 1 and "results.jsonl: the disk is full" in outcome.err and len(outcome.err.splitlines()) == 1
    (raw.out / "results.jsonl").unlink()
    assert made(raw.bake().out) == [4, 0, 0, 0, 0]


def test_a_limit_on_the_size_of_files(raw: Production) -> None:
    """A rig that does not fit fails alone, and leaves no half file; the ledger, which does not fit either, is whole."""
    raw.write(6)
    soundfile.write(raw.sound(1), babble(20.0), 16000)
    limit = ("prlimit", "--fsize=400000", "--")
    process = raw.begin("--format", "csv", before=limit)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and made(out) == [4, 0, 2, 0, 0]
    assert len(err.splitlines()) == 2 and all("File too large" in line for line in err.splitlines())
    assert {path.stem for path in raw.out.glob("*.csv")} == {"L0", "L2", "L3", "L4"}
    assert not list(raw.out.glob(".medtalk-*"))


def test_a_folder_and_a_ledger_that_are_read_only(raw: Production) -> None:
    raw.write()
    command = [sys.executable, "-m", "medtalk", *raw.words()]
    if os.geteuid() == 0:  # who may write anything, but for this
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    raw.out.mkdir()
    ledger = raw.out / "results.jsonl"
    ledger.touch()
    for path, mode in ((ledger, 0o444), (raw.out, 0o555)):
        path.chmod(mode)
        outcome = subprocess.run(command, capture_output=True, text=True)
        raw.out.chmod(0o755)
        ledger.unlink(missing_ok=True)
        assert outcome.returncode == 1 and "no permission" in outcome.stderr
        assert len(outcome.stderr.splitlines()) == 1 and not list(raw.out.glob("*.npz"))


def test_two_bakes_on_one_folder(raw: Production) -> None:
    """The second is refused, and works when the first has been killed, whose worker ends by itself."""
    raw.write(6)
    process = raw.begin()
    raw.wait_for_lines(1)
    (worker,) = workers_of(process)
    os.kill(worker, signal.SIGSTOP)
    outcome = raw.bake()
    assert outcome.code == 1 and "Another bake is at work" in outcome.err and len(outcome.err.splitlines()) == 1
    assert process.poll() is None
    process.kill()
    process.wait()
    os.kill(worker, signal.SIGCONT)
    end = time.monotonic() + 30.0
    while not is_gone(worker):
        assert time.monotonic() < end, "a worker outlives the bake"
        time.sleep(0.02)
    counts = made(raw.bake().out)
    assert counts[1] >= 1 and sum(counts[:2]) == 6
    whole(raw)


def test_two_chunks_side_by_side(raw: Production) -> None:
    """Neither takes what the other is writing for a rest of a bake that was killed."""
    raw.write(8)
    both = [raw.begin("--rows", rows) for rows in ("1-4", "5-8")]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "") and made(out) == [4, 0, 0, 0, 0]
    assert made(raw.bake().out) == [0, 8, 0, 0, 0]
    whole(raw)


# -- sounds, memory, clocks


def jobs_of(production: Production, **options: Any) -> list[Job]:
    jobs, refused = plan(read_manifest(production.table).lines, Settings(), **options)
    assert not refused
    return jobs


def test_a_sound_that_vanishes_or_changes_after_the_plan(raw: Production) -> None:
    """The ledger has the hash of the sound that was used."""
    raw.write(3)
    jobs = jobs_of(raw)
    raw.sound(0).unlink()
    soundfile.write(raw.sound(1), babble(1.4), 16000)
    maker = Making(raw.out, raw.bundle).open()
    gone, other, _ = [maker.make(job) for job in jobs]
    assert gone["state"] == "failed" and "cannot be read: No such file" in gone["error"]["message"]
    assert other["state"] == "done" and other["input"] == fingerprint(raw.sound(1)) and other["seconds"] > 1.3


def meddling(making: Making, sound: str, edits: str) -> Maker:
    """A worker in whose process the sound changes after it was heard: when the edits of its line are read."""

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]) == edits:
            soundfile.write(sound, babble(1.5), 16000)

    sys.addaudithook(see)
    return making.open()


def test_a_sound_that_changes_while_it_is_worked_on(raw: Production) -> None:
    raw.write(2)
    edits = raw.folder / "edits" / "L0.edits.json"
    edits.parent.mkdir()
    rig = RigSequence(np.zeros((30, 174), np.float32))
    write_edits(edits, capture(rig, rig))
    jobs = jobs_of(raw, edits=edits.parent)
    pool: Pool[Job] = Pool(partial(meddling, Making(raw.out, raw.bundle), jobs[0].sound, str(edits)), 1)
    changed, other = [record for _, record in sorted(pool.run(jobs), key=lambda each: each[0].number)]
    assert changed["state"] == "failed" and "has changed meanwhile" in changed["error"]["message"], changed
    assert other["state"] == "done" and {path.name for path in raw.out.iterdir()} == {"L1.npz"}


def limited(making: Making, job: Job) -> Maker:
    """A worker that may take a little more memory than a short line needs."""
    import resource

    maker = making.open()
    maker.make(job)
    (used,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line)
    most = (int(used) << 10) + (64 << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    return maker


def test_a_line_for_which_the_memory_is_too_small(raw: Production) -> None:
    raw.write(4)
    soundfile.write(raw.sound(1), np.tile(babble(2.0), 60), 16000)
    jobs = jobs_of(raw)
    pool: Pool[Job] = Pool(partial(limited, Making(raw.out, raw.bundle), jobs[0]), 1)
    found = {job.id: record for job, record in pool.run(jobs)}
    assert found["L1"] == Died("The memory was full. Use fewer --jobs.")
    assert [getattr(found[name], "reason", "done") for name in ("L0", "L2", "L3")] == ["done"] * 3
    whole(raw)


def test_a_clock_that_jumps(production: Production) -> None:
    """Records of the future do not outlive later ones: no clock orders them."""
    ledger = production.out / "results.jsonl"
    ledger.write_text(ledger.read_text().replace('"time":"20', '"time":"29'))
    outcome = production.bake("--seed", 4, "--rows", "2-3")
    assert made(outcome.out) == [2, 0, 0, 0, 0]
    said = production.bake("--seed", 4, "--changed").out.splitlines()
    assert said[-1] == "2 lines to make, 2 done already"
