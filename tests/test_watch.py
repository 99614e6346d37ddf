"""Work that is watched: its progress, and that it stops soon wherever it is."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.audio import RATE, Speech
from medtalk.errors import CancelledError
from medtalk.watch import Watch, checkpoint, interruptible, stage


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
