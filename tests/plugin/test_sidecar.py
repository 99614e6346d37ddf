"""The plugin and real sidecars: found, started, greeted, replaced, stopped. Each failure names its step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medtalk_board.moods import MOODS
from tests.helpers.sidecars import SEES, Sidecar
from tests.helpers.sounds import babble
from tests.plugin.running import PATIENCE, do, is_alive, pid_of_sidecar, saved, stops, tick_until


def connect(editor: Any) -> tuple[Any, list[str]]:
    """The ended task of a connect, and what it told."""
    from medtalk_unreal.sidecar import the_sidecar

    lines: list[str] = []
    return do(editor, the_sidecar.connect(lines.append)), lines


def change(**values: Any) -> None:
    from medtalk_unreal import settings

    settings.save(replace(settings.load(), **values))


@pytest.fixture
def other(configured: Any, tiny_bundle: Path) -> Iterator[Sidecar]:
    """The sidecar of another editor of the same project."""
    saved(configured).mkdir(parents=True, exist_ok=True)
    sidecar = Sidecar(saved(configured), "--bundle", tiny_bundle).wait_until_ready()
    yield sidecar
    sidecar.close()


def test_it_is_started_and_told_of(configured: Any) -> None:
    from medtalk_unreal import settings

    task, lines = connect(configured)
    assert task.error is None
    assert [line.split("'")[1] for line in lines] == ["client", "start", "start", "greeting"]
    assert is_alive(pid_of_sidecar(configured))
    known = settings.load()
    assert set(known.labels) == set(MOODS) and len(known.labels) == 12
    assert known.guidance == ["label", *SEES, "auto"] and known.limits["max_text"] == 65536


def test_starting_never_keeps_the_editor_waiting(configured: Any) -> None:
    from medtalk_unreal import ticks
    from medtalk_unreal.sidecar import the_sidecar

    task = ticks.begin(the_sidecar.connect(lambda _: None))
    ticked, slowest = 0, 0.0
    while not task.ended:
        start = time.perf_counter()
        configured.tick()
        slowest = max(slowest, time.perf_counter() - start)
        ticked += 1
        time.sleep(0.01)
    assert ticked > 10 and slowest < 5.0  # a sidecar needs more than ten ticks, and none of them waits for it


def test_a_second_connect_uses_the_same_client_and_process(configured: Any) -> None:
    first, _ = connect(configured)
    pid = pid_of_sidecar(configured)
    second, lines = connect(configured)
    assert second.result is first.result and pid_of_sidecar(configured) == pid
    assert [line.split("'")[1] for line in lines] == ["client", "greeting"]


def test_one_that_was_killed_is_replaced(configured: Any) -> None:
    connect(configured)
    pid = pid_of_sidecar(configured)
    os.kill(pid, signal.SIGKILL)
    tick_until(configured, lambda: not is_alive(pid), "the sidecar's end")
    task, _ = connect(configured)
    assert task.error is None and pid_of_sidecar(configured) != pid


@stops
def test_one_of_ours_that_is_frozen_is_replaced_and_ended(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import sidecar

    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.0)
    connect(configured)
    pid = pid_of_sidecar(configured)
    os.kill(pid, signal.SIGSTOP)
    task, _ = connect(configured)
    assert task.error is None and pid_of_sidecar(configured) != pid
    assert not is_alive(pid)
    assert "has not answered" in configured.log.warnings[0]


@stops
def test_one_of_another_editor_that_is_frozen_is_left_alone(
    configured: Any, other: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import sidecar

    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.0)
    os.kill(other.process.pid, signal.SIGSTOP)
    task, _ = connect(configured)
    assert task.error is None and pid_of_sidecar(configured) != other.process.pid
    assert other.process.poll() is None


def test_the_sidecar_of_another_editor_is_used_and_outlives_us(configured: Any, other: Sidecar) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    task, _ = connect(configured)
    assert task.error is None and the_sidecar.about["pid"] == other.process.pid
    the_sidecar.close()
    time.sleep(0.3)
    assert other.process.poll() is None


def test_the_end_of_the_editor_ends_the_sidecar_that_it_started(configured: Any) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    connect(configured)
    pid = pid_of_sidecar(configured)
    the_sidecar.close()
    tick_until(configured, lambda: not is_alive(pid), "the sidecar's end")
    assert not (saved(configured) / "sidecar.json").exists()


def test_stop_ends_it_and_says_so(configured: Any) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    assert do(configured, the_sidecar.stop()).result == "No sidecar is running."
    connect(configured)
    pid = pid_of_sidecar(configured)
    assert do(configured, the_sidecar.stop()).result == "The sidecar has ended."
    tick_until(configured, lambda: not is_alive(pid), "the sidecar's end")
    assert connect(configured)[0].error is None


def test_two_buttons_at_once_start_one_sidecar(configured: Any) -> None:
    from medtalk_unreal import ticks
    from medtalk_unreal.sidecar import the_sidecar

    tasks = [ticks.begin(the_sidecar.connect(lambda _: None)) for _ in range(3)]
    tick_until(configured, lambda: all(task.ended for task in tasks), "the connections")
    assert [task.error for task in tasks] == [None] * 3
    assert len({id(task.result) for task in tasks}) == 1
    task = ticks.begin(the_sidecar.connect(lambda _: None))
    task.cancel()  # and a cancelled one does not keep the next from beginning
    assert connect(configured)[0].error is None


@stops
def test_stop_ends_a_frozen_one_by_force_if_it_is_ours(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import sidecar

    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.0)
    connect(configured)
    pid = pid_of_sidecar(configured)
    os.kill(pid, signal.SIGSTOP)
    assert "by force" in do(configured, sidecar.the_sidecar.stop()).result
    assert not is_alive(pid)


@stops
def test_stop_leaves_a_frozen_one_of_another_editor(
    configured: Any, other: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import sidecar

    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.0)
    os.kill(other.process.pid, signal.SIGSTOP)
    assert "has not answered" in str(do(configured, sidecar.the_sidecar.stop()).error)
    assert other.process.poll() is None


def test_the_end_of_the_editor_also_ends_one_that_failed_us(configured: Any) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    connect(configured)
    pid = pid_of_sidecar(configured)
    the_sidecar.leave()
    the_sidecar.close()
    tick_until(configured, lambda: not is_alive(pid), "the sidecar's end")


@stops
def test_the_end_of_the_editor_does_not_wait_for_a_frozen_one(configured: Any) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    connect(configured)
    pid = pid_of_sidecar(configured)
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    the_sidecar.close()
    assert time.monotonic() - start < 20.0
    os.kill(pid, signal.SIGCONT)
    tick_until(configured, lambda: not is_alive(pid), "the sidecar's end")


def test_the_end_of_the_editor_spares_one_that_works_for_another(configured: Any) -> None:
    from medtalk_unreal.sidecar import the_sidecar
    from medtalk_wire import Client, Sound, find_connection

    connect(configured)
    pid = pid_of_sidecar(configured)
    with Client(find_connection(str(saved(configured) / "sidecar.json"))) as client:
        sounds = [Sound.from_pcm(babble(60.0, seed=seed), 16000, (60 * 16000,), "float32") for seed in range(12)]
        jobs = [client.generate(sound) for sound in sounds]
        while any(job.state == "sent" for job in jobs):
            client.poll(0.05)
        the_sidecar.close()
        assert not all(job.ended for job in jobs), "the sidecar was too quick for this test"
        # One that was asked to end would still be there for a moment, but would do no more jobs.
        tick_until(configured, lambda: client.poll(0.02) or all(job.ended for job in jobs), "the other editor's jobs")
        assert [str(job.error) for job in jobs if job.error] == [] and is_alive(pid)


def test_a_busy_sidecar_is_not_stopped_under_another_editor(configured: Any, other: Sidecar) -> None:
    from medtalk_unreal.sidecar import the_sidecar
    from medtalk_wire import Client, Sound

    with Client(other.connection) as client:
        jobs = []
        for seed in range(20):  # each another sound: what was heard is remembered
            jobs.append(client.generate(Sound.from_pcm(babble(60.0, seed=seed), 16000, (60 * 16000,), "float32")))
        while any(job.state == "sent" for job in jobs):
            client.poll(0.05)
        task, lines = do(configured, the_sidecar.stop()), []
        assert "working for another editor" in task.result
        task = do(configured, the_sidecar.restart(lines.append))
        assert not all(job.ended for job in jobs), "the sidecar was too quick for this test"
        assert "working for another editor" in lines[0] and "still runs with the old settings" in task.result
    assert other.process.poll() is None


def test_an_idle_sidecar_of_another_editor_is_restarted(configured: Any, other: Sidecar) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    assert do(configured, the_sidecar.restart(lambda _: None)).result == "The sidecar now runs with the new settings."
    assert other.process.wait(PATIENCE) == 0 and pid_of_sidecar(configured) != other.process.pid
    assert "in its place" not in configured.log.text, "it was not taken for one that is still there"


def test_a_server_of_the_settings_is_used_and_never_stopped(configured: Any, other: Sidecar, tmp_path: Path) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    elsewhere = tmp_path / "elsewhere.json"
    other.file.rename(elsewhere)
    change(server=str(elsewhere), python="")
    assert connect(configured)[0].error is None
    assert "not started here" in str(do(configured, the_sidecar.stop()).error)
    other.process.kill()
    other.process.wait()
    task, _ = connect(configured)
    assert str(task.error).startswith("Step 'greeting': ")
    elsewhere.unlink()
    assert str(connect(configured)[0].error).startswith("Step 'sidecar': ")


class TestFailures:
    """Each names its step, and the next click works."""

    @pytest.fixture(autouse=True)
    def the_next_click_works(self, configured: Any, tiny_bundle: Path) -> Iterator[None]:
        yield
        change(python=sys.executable, bundle=str(tiny_bundle))
        os.environ.setdefault("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        assert connect(configured)[0].error is None

    def failure(self, editor: Any, step: str) -> str:
        task, _ = connect(editor)
        line = str(task.error)
        assert line.startswith(f"Step '{step}': ") and "\n" not in line
        return line

    def test_no_python(self, configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("MEDTALK_PYTHON", raising=False)
        change(python="")
        assert "medtalk plugin install" in self.failure(configured, "Python")

    def test_a_python_that_is_not_there(self, configured: Any) -> None:
        change(python="/nowhere/python")
        assert "/nowhere/python" in self.failure(configured, "Python")

    def test_a_python_that_is_none(self, configured: Any, tmp_path: Path) -> None:
        (tmp_path / "python").write_text("I am a text")
        change(python=str(tmp_path / "python"))
        assert "cannot be run" in self.failure(configured, "Python")

    def test_no_package(self, configured: Any, empty_python: str) -> None:
        change(python=empty_python)
        assert "medtalk plugin install" in self.failure(configured, "package")

    def test_no_bundle(self, configured: Any, tmp_path: Path) -> None:
        change(bundle=str(tmp_path / "nowhere"))
        assert "nowhere" in self.failure(configured, "bundle")

    def test_the_time_out(self, configured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from medtalk_unreal import sidecar

        monkeypatch.setattr(sidecar, "START_SECONDS", 0.5)
        slow = tmp_path / "python"
        slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
        slow.chmod(0o755)
        change(python=str(slow))
        self.failure(configured, "time-out")
        assert not is_alive(int((tmp_path / "pid").read_text()))
        monkeypatch.undo()

    def test_no_pyzmq_in_the_editor(self, configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "zmq", None)
        assert "pyzmq" in self.failure(configured, "client")
        monkeypatch.undo()

    def test_a_place_that_cannot_be_written(self, configured: Any) -> None:
        file = saved(configured) / "sidecar.json"
        file.mkdir()
        self.failure(configured, "connection file")
        file.rmdir()

    @pytest.mark.parametrize("behaviour", ["http", "channels", "version"])
    def test_another_program_at_the_address(self, configured: Any, behaviour: str) -> None:
        """The port of a sidecar that was killed was taken by something else; or it is of another MEDTalk."""
        little = Path(__file__).parents[1] / "helpers" / "little_sidecar.py"
        file = saved(configured) / "sidecar.json"
        process = subprocess.Popen([sys.executable, little, file, behaviour])
        try:
            tick_until(configured, file.exists, "the connection file")
            assert connect(configured)[0].error is None
            assert "Starting another sidecar in its place" in configured.log.warnings[0] and process.poll() is None
        finally:
            process.kill()
            process.wait()


def test_cancelling_the_start_leaves_no_process(configured: Any, tmp_path: Path) -> None:
    from medtalk_unreal import ticks
    from medtalk_unreal.errors import CancelledError
    from medtalk_unreal.sidecar import the_sidecar

    task = ticks.begin(the_sidecar.connect(lambda _: None))
    tick_until(configured, lambda: the_sidecar._program is not None, "the start")
    assert the_sidecar._program is not None
    pid = the_sidecar._program.process.pid
    task.cancel()
    assert isinstance(task.error, CancelledError) and not is_alive(pid)
    assert connect(configured)[0].error is None


def test_test_connection_shows_each_step(configured: Any) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    lines: list[str] = []
    assert do(configured, the_sidecar.test(lines.append)).error is None
    assert [line.split("'")[1] for line in lines] == [
        "Python",
        "package",
        "client",
        "start",
        "start",
        "greeting",
        "bundle",
    ]
    assert "tiny" in lines[-1] and "happy" in lines[-1]


def test_test_connection_ends_at_the_step_that_fails(configured: Any, empty_python: str) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    change(python=empty_python)
    lines: list[str] = []
    task = do(configured, the_sidecar.test(lines.append))
    assert [line.split("'")[1] for line in lines] == ["Python"]
    assert str(task.error).startswith("Step 'package': ")


def test_patience_does_not_count_the_time_without_ticks(editor: Any) -> None:
    from medtalk_unreal.ticks import Patience

    patience = Patience(1.5)
    time.sleep(1.7)  # the editor is minimised
    assert not patience.over
    time.sleep(0.6)
    assert patience.over


def test_an_editor_that_was_minimised_finds_its_sidecar_started(
    configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import sidecar, ticks

    monkeypatch.setattr(sidecar, "START_SECONDS", 1.5)
    task = ticks.begin(sidecar.the_sidecar.connect(lambda _: None))
    configured.tick()
    time.sleep(3.0)  # longer than the time-out, and long enough for the sidecar
    tick_until(configured, lambda: task.ended, "the connection")
    assert task.error is None
