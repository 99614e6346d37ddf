"""Whose take is made, and whose is not: only the last change of a tab matters, and tabs take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk.errors import CancelledError, LimitError, ServiceError
from medtalk.limits import ServiceLimits
from medtalk.perform import Model
from medtalk.studio.session import Session, Take
from tests.helpers.sidecars import SEES


@pytest.fixture
def session(model: Model) -> Iterator[Session]:
    own = Session(model, ServiceLimits())
    yield own
    assert own.close()


@pytest.fixture
def line(session: Session, sample: Path) -> str:
    """The id of the sample, which was heard."""
    sound = session.keep("line.wav", sample.read_bytes()).sha256
    together(session.take({"sound": sound}, "x", live=True))
    return sound


def in_a_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives; in a thread, because a browser of other tests keeps a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def together(*works: Coroutine[Any, Any, Take]) -> list[Any]:
    """What each gives, or its error, when all are asked for at once."""

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*works, return_exceptions=True)

    return in_a_loop(all_of_them())


def long_sound(seconds: int) -> bytes:
    file = BytesIO()
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000 * seconds)
    soundfile.write(file, noise.astype(np.float32), 16000, format="WAV")
    return file.getvalue()


def seed_of(take: Take) -> int:
    return take.rig.meta["finishing"]["seed"]


def test_what_waits_makes_room_for_what_is_newer(session: Session, line: str) -> None:
    first, *between, last = together(
        *(session.take({"sound": line, "finishing": {"seed": seed}}, "tab", live=True) for seed in range(6))
    )
    assert seed_of(first) == 0 and seed_of(last) == 5
    assert all(isinstance(each, CancelledError) for each in between)


def test_other_tabs_and_exports_keep_their_place(session: Session, line: str) -> None:
    def ask(seed: int, tab: str, live: bool = True) -> Coroutine[Any, Any, Take]:
        return session.take({"sound": line, "finishing": {"seed": seed}}, tab, live=live)

    made = together(ask(0, "one"), ask(1, "two"), ask(2, "two", live=False), ask(3, "one"), ask(4, "two", live=False))
    assert [seed_of(each) for each in made] == [0, 1, 2, 3, 4]


def test_another_sound_ends_the_hearing_of_the_first(session: Session, line: str) -> None:
    long = session.keep("long.wav", long_sound(600)).sha256

    async def change_the_mind() -> tuple[Any, Any]:
        hearing = asyncio.create_task(session.take({"sound": long}, "tab", live=True))
        while not session.progress("tab")["phase"]:
            await asyncio.sleep(0.01)
        assert session.progress("other") == {"phase": "", "fraction": 0.0}
        return await asyncio.gather(hearing, session.take({"sound": line}, "tab", live=True), return_exceptions=True)

    heard, take = in_a_loop(change_the_mind())
    assert isinstance(heard, CancelledError) and len(take.rig) > 100
    assert session.progress("tab") == {"phase": "", "fraction": 0.0}


def test_a_caller_that_goes_leaves_the_worker_free(session: Session, line: str) -> None:
    async def go() -> Take:
        asking = asyncio.create_task(session.take({"sound": line, "finishing": {"seed": 1}}, "tab", live=True))
        await asyncio.sleep(0)
        asking.cancel()
        return await session.take({"sound": line, "finishing": {"seed": 2}}, "other", live=True)

    assert seed_of(in_a_loop(go())) == 2


def test_files_are_forgotten_in_time(model: Model) -> None:
    small = Session(model, ServiceLimits.parse(["max_bytes=1000", "max_client_queue_bytes=1000"]))
    first = small.keep("a.wav", bytes(600))
    assert small.file(first.sha256).name == "a.wav"
    small.keep("b.wav", bytes(601))
    with pytest.raises(ServiceError, match="no longer keeps this file"):
        small.file(first.sha256)
    with pytest.raises(LimitError, match=r"c\.wav has 1001 bytes; the studio keeps 1000\."):
        small.keep("c.wav", bytes(1001))
    assert small.close()


def test_too_many_at_once(model: Model, sample: Path) -> None:
    small = Session(model, ServiceLimits.parse(["max_queue=2"]))
    sound = small.keep("line.wav", sample.read_bytes()).sha256
    made = together(*(small.take({"sound": sound}, f"tab{number}", live=True) for number in range(5)))
    assert [getattr(each, "code", "made") for each in made] == ["made"] * 3 + ["queue_full"] * 2
    assert small.close()


def test_a_timeline_of_a_tab(session: Session, line: str) -> None:
    spans = [{"start": 0.5, "end": 2, "emotion": "happy", "fade": 0.2}]
    wrong = [{"start": 0.5, "image": "0" * 64}]
    late = [{"start": 50, "emotion": "sad"}]
    asked = [{"sound": line, "timeline": timeline} for timeline in (spans, wrong, late, "happy")]
    take, *errors = together(*(session.take(each, f"t{number}", live=True) for number, each in enumerate(asked)))
    assert take.rig.meta["timeline"] == spans
    assert [error.code for error in errors] == ["not_heard", "setting", "bad_message"]
    picture = session.keep("face.png", b"x").sha256
    (error,) = together(session.take({"sound": line, "timeline": [{"start": 1, "image": picture}]}, "x", live=True))
    assert error.code == ("guidance" if SEES else "unsupported")
    assert error.message.startswith("The timeline, span 1: ")
