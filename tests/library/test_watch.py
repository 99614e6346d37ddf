"""Work that is watched: its progress, and that it stops soon wherever it is."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.audio import Speech
from medtalk.cli.rigs import LocalRigs
from medtalk.errors import CancelledError
from medtalk.rates import RATE
from medtalk.take import checked
from medtalk.watch import Watch, checkpoint, interruptible, stage, telling
from medtalk_wire import Settings


def test_nothing_happens_where_nobody_watches() -> None:
    stage("read", 0.5)
    checkpoint(0.5)
    with interruptible(lambda: pytest.fail("nobody cancelled")):
        pass


def test_the_fraction_follows_the_stages_and_never_falls() -> None:
    watch = Watch()
    assert watch.fraction() == 0.0
    with watch:
        stage("read", 0.2)
        checkpoint(0.5)
        assert (watch.phase, watch.fraction()) == ("read", 0.1)
        checkpoint(0.25)
        assert watch.fraction() == 0.1
        stage("listen", 0.6, expected=1e-3)
        assert 0.2 <= watch.fraction() <= 0.6
        time.sleep(0.02)
        assert watch.fraction() == pytest.approx(0.6, abs=1e-3)
        stage("decode", 1.0)
        assert watch.fraction() == pytest.approx(0.6)
    checkpoint()  # outside again


def test_a_cancelled_watch_stops_at_the_next_checkpoint_and_calls_what_interrupts() -> None:
    watch, stopped = Watch(), threading.Event()
    with watch, pytest.raises(CancelledError), interruptible(stopped.set):
        watch.cancel()
    assert stopped.is_set()
    with watch, pytest.raises(CancelledError):
        stage("read", 0.1)
    stopped.clear()
    with watch, pytest.raises(CancelledError), interruptible(stopped.set):
        assert stopped.is_set(), "cancelled before it began"


@pytest.fixture(scope="module")
def minute() -> Speech:
    rng = np.random.default_rng(0)
    buzz = np.sign(np.sin(2 * np.pi * 120 * np.arange(60 * RATE) / RATE)) * 0.1
    return Speech.from_array(buzz + 0.01 * rng.standard_normal(len(buzz)), RATE)


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_every_moment_of_a_performance_can_be_cancelled(engine: str, tiny_bundle: Path, minute: Speech) -> None:
    model = medtalk.load(tiny_bundle, engine, threads=1)
    stopped = set()
    for at in _moments():
        watch = Watch()

        def cancel_at(watch: Watch = watch, at: float = at) -> None:
            while watch.fraction() < at:
                time.sleep(0.0005)
            watch.cancel()

        canceller = threading.Thread(target=cancel_at)
        canceller.start()
        try:
            with watch:
                model.perform(minute).decode("angry")
        except CancelledError:
            stopped.add(watch.phase)
        else:
            assert at > 0.9, "only in its last steps may the work outrun the cancelling"
        canceller.join(20)
    assert stopped >= {"listen"}


def _moments() -> Iterator[float]:
    yield from (0.0, 0.04, 0.08, 0.2, 0.4, 0.6, 0.8, 0.9)


def test_telling_stops_with_its_block() -> None:
    told: list[float] = []
    heard = threading.Event()

    def tell(done: float) -> None:
        told.append(done)
        if done >= 0.5:
            heard.set()

    with pytest.raises(ZeroDivisionError), telling(tell, 0.001):
        stage("listen", 0.5)
        stage("decode", 1.0)
        assert heard.wait(20)
        _ = 1 / 0
    count = len(told)
    assert told == sorted(told) and told[-1] == 0.5
    assert all(thread.name != "medtalk-progress" for thread in threading.enumerate()) and len(told) == count


def test_the_bar_of_generate_moves_while_it_listens(
    tiny_bundle: Path, minute: Speech, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "minute.wav"
    soundfile.write(path, minute.samples, RATE)
    model = medtalk.load(tiny_bundle, threads=1)
    engine: Any = model.engine
    told: list[float] = []
    listen, windows = engine._listen, iter(range(100))

    def slow(mel: np.ndarray) -> Any:
        reached = 0.05 + 0.6 * next(windows) / 8  # reading is over, and so many windows
        deadline = time.monotonic() + 20.0
        while not told or told[-1] < reached:
            assert time.monotonic() < deadline, f"still at {told[-1:]}"
            time.sleep(0.001)
        assert told[-1] < 0.65, "the rest is yet to come"
        return listen(mel)

    monkeypatch.setattr(engine, "_listen", slow)
    with LocalRigs(model, checked(Settings()), None, {}) as rigs:
        rig = rigs.make(path, None, told.append)
    assert len(rig) == 3600 and next(windows) == 8 and told == sorted(told)
