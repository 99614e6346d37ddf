"""Generates the robots' part of the corpus: some hours of speech by three engines, with the time of every phone.

The corpus is a plan and its execution. Chunk ``n`` of seed ``s`` depends on ``s`` and ``n`` alone, so a corpus is the
same for any number of processes and after any interruption. All engines are mixed in every chunk, so that every
beginning of a corpus is a fair sample of it.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from medtalk.errors import TrainingError
from medtalk_train.synthetic.corpus import espeak, festival, flite, text
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span
from medtalk_train.synthetic.corpus.plan import CHUNK, Choice, plan_chunk
from medtalk_train.synthetic.corpus.write import LONGEST, SHORTEST, Refused, Result, fill, finish, make

__all__ = ["LONGEST", "SHORTEST", "check_engines", "finish", "generate", "make_chunk", "say"]


def say(words: str, engine: str = "flite", voice: str = "slt", **settings: float) -> tuple[np.ndarray, list[Span]]:
    """Speaks one sentence; gives (float32 samples (n,) at 16 kHz, phone spans contiguous from 0 to the end).

    ``engine`` is ``espeak``, ``flite`` or ``festival``; ``settings`` are those of its ``speak`` function. Raises
    TrainingError where engine or voice is missing, or the sentence cannot be spoken.
    """
    speakers: dict[str, Callable[..., tuple[np.ndarray, int, list[Span]]]] = {
        "flite": flite.speak,
        "festival": festival.speak,
        "espeak": espeak.speak,
    }
    if engine not in speakers:
        raise TrainingError(f"Speech engine {engine!r} is unknown; valid are espeak, flite, festival.")
    try:
        return finish(*speakers[engine](words, voice, **settings))
    except NotSpoken as error:
        raise TrainingError(f"{engine} could not speak the sentence: {error}.", "Choose other words.") from error


def make_chunk(seed: int, number: int, only: Choice | None = None) -> list[Result]:
    """Speaks the utterances of a chunk that ``only`` chooses, or all: what was made, and what was refused."""
    lines = [line for line in plan_chunk(seed, number) if only is None or only(line)]
    sung = [line for line in lines if line.engine == "festival"]
    read = [line for line in lines if line.engine == "espeak"]
    ready = dict(
        zip(
            [line.id for line in sung],
            festival.speak_all([(line.text, line.settings["stretch"]) for line in sung], sung[0].voice) if sung else [],
            strict=True,
        )
    )
    requests = [(line.text, line.voice, {name: int(value) for name, value in line.settings.items()}) for line in read]
    ready.update(zip([line.id for line in read], espeak.speak_all(requests), strict=True))
    results: list[Result] = []
    for line in lines:
        try:
            if line.engine == "flite":
                extra = {name: value for name, value in line.settings.items() if name != "stretch"}
                raw = flite.speak(line.text, line.voice, line.settings["stretch"], extra)
            else:
                raw = ready[line.id]
                if isinstance(raw, NotSpoken):
                    raise raw
            results.append(make(line, *raw))
        except NotSpoken as error:
            results.append(Refused(line.id, error.reason, str(error)))
    return results


def check_engines() -> None:
    """Raises TrainingError, naming the Debian package, for the first engine, voice or text that is missing."""
    flite.check()
    festival.check()
    espeak.check()
    for language in text.SOURCES:
        text.sentences(language)


def generate(
    folder: Path | str,
    hours: float,
    seed: int = 1,
    progress: bool = True,
    jobs: int = 1,
    only: Choice | None = None,
) -> dict:
    """Writes a corpus of at least ``hours`` of speech into ``folder``, or goes on with one that is there.

    ``jobs`` processes speak at once; ``only`` chooses utterances of the plan, such as `plan.held_foreign`. Gives the
    statistics that also lie in ``corpus.json``. Raises TrainingError for a missing engine or voice, or a folder that
    holds a corpus of another seed; OutputError where it cannot be written.
    """
    if not hours > 0 or jobs < 1:
        raise TrainingError(f"A corpus needs more than 0 hours and at least one job, not {hours} and {jobs}.")
    check_engines()
    return fill(folder, seed, partial(_results, seed, jobs, only), hours, progress)


def _results(seed: int, jobs: int, only: Choice | None, first: int) -> Iterator[Result]:
    """All results from the utterance ``first`` on, in order."""
    for chunk in _chunks(seed, first // CHUNK, jobs, only):
        for result in chunk:
            if result.id >= first:
                yield result


def _chunks(seed: int, first: int, jobs: int, only: Choice | None) -> Iterator[list[Result]]:
    """All chunks from ``first`` on, in order, spoken by ``jobs`` processes."""
    number = first
    if jobs == 1:
        while True:
            yield make_chunk(seed, number, only)
            number += 1
    # spawn: a fork of a caller that has threads could hang
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[list[Result]]] = deque()
        try:
            while True:
                while len(waiting) < 2 * jobs:
                    waiting.append(pool.submit(make_chunk, seed, number, only))
                    number += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
