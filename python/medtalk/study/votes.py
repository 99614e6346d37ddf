"""The votes of a study: files that participants saved, checked against the key, and who of them counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtalk.errors import StudyError
from medtalk.inputs import path_text
from medtalk.study.key import Key, pairs, read_json
from medtalk.study.questions import QUESTIONS, SCALE

FORMAT = 1
MAX_BYTES = 4 << 20
_PARTICIPANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_NAMES = tuple(question.name for question in QUESTIONS)
_SIDES = ("left", "right")


@dataclass(frozen=True)
class Vote:
    """The answers of a participant to one trial: `takes` by their ids, one or the left and the right one."""

    clip: str
    takes: tuple[str, ...]
    answers: Mapping[str, int | str]


@dataclass(frozen=True)
class Ballot:
    """All votes of a participant that count."""

    participant: str
    votes: tuple[Vote, ...]


@dataclass(frozen=True)
class Votes:
    """The ballots that count, and a line about each that does not, or only in part."""

    ballots: tuple[Ballot, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Paper:
    """A file as it was read."""

    file: str
    participant: str
    session: str
    began: str
    votes: list[Vote]
    failed: int = 0
    checks: int = 0


def read_votes(paths: Iterable[Path], key: Key) -> Votes:
    """Read the files of votes of a study.

    Whoever stopped early has withdrawn, and is left out with a line; so is whoever failed an attention check. Of two
    files of a participant the one that was begun first counts, and of two votes on the same takes the first. A vote
    that lacks an answer does not count.

    Raises StudyError for a damaged file, votes of another study, takes that are not of it and answers out of range.
    """
    papers = [_paper(path, key) for path in paths]
    notes: list[str] = []
    ballots = [ballot for paper in _first(papers, notes) if (ballot := _ballot(paper, key, notes)) is not None]
    return Votes(tuple(sorted(ballots, key=lambda ballot: ballot.participant)), tuple(notes))


def _paper(path: Path, key: Key) -> _Paper:
    file = path_text(path)
    facts = read_json(path, "file of votes", MAX_BYTES)
    if not isinstance(facts, dict) or facts.get("medtalk_votes") != FORMAT:
        raise StudyError(f"{file} is no file of votes.", "Give the files that the page saved, after the key.")
    if facts.get("study") != key.study or facts.get("kind") != key.kind:
        raise StudyError(f"{file} has votes of another study.", "Give the key that was written with its page.")
    participant, rows = facts.get("participant"), facts.get("votes")
    if not (isinstance(participant, str) and _PARTICIPANT.fullmatch(participant) and isinstance(rows, list)):
        raise _damaged(file, "it has no participant or no votes")
    paper = _Paper(file, participant, str(facts.get("session", "")), str(facts.get("began", "")), [])
    for number, row in enumerate(rows, 1):
        _add(paper, row, f"{file}, vote {number}", key)
    return paper


def _add(paper: _Paper, row: Any, where: str, key: Key) -> None:
    """Read a vote or an attention check into a paper."""
    if not isinstance(row, dict):
        raise _damaged(where, "it is no vote")
    answers = _answers(row.get("answers"), where, key)
    if "wanted" in row:
        paper.checks += 1
        paper.failed += any(answers.get(name) != row["wanted"] for name in _NAMES)
        return
    clip, takes = row.get("clip"), row.get("takes")
    size = 1 if key.kind == "rating" else 2
    known = key.of(clip) if isinstance(clip, str) else []
    if not isinstance(takes, list) or len(takes) != size or any(take not in known for take in takes):
        raise StudyError(f"{where} is about takes that are not in this study.", "Give votes as the page saved them.")
    if len(set(takes)) != size:
        raise _damaged(where, "it compares a take with itself")
    paper.votes.append(Vote(str(clip), tuple(takes), answers))


def _answers(given: Any, where: str, key: Key) -> dict[str, int | str]:
    if not isinstance(given, dict):
        raise _damaged(where, "it has no answers")
    valid = tuple(SCALE) if key.kind == "rating" else _SIDES
    for name, answer in given.items():
        if name not in _NAMES:
            raise _damaged(where, f"{name[:40]!r} is no question")
        if isinstance(answer, bool) or not isinstance(answer, int | str) or answer not in valid:
            told = "1 to 5" if key.kind == "rating" else "left and right"
            raise StudyError(f"{where} answers {answer!r:.40} to {name}; valid are {told}.")
    return given


def _first(papers: list[_Paper], notes: list[str]) -> Iterator[_Paper]:
    """The first paper of each participant."""
    known: dict[str, _Paper] = {}
    for paper in sorted(papers, key=lambda paper: paper.began):
        first = known.setdefault(paper.participant, paper)
        if first is paper:
            continue
        again = "is the same session again" if paper.session == first.session else "was begun later"
        notes.append(f"{paper.participant} voted twice: {first.file} counts, {paper.file} {again} and does not.")
    yield from known.values()


def _ballot(paper: _Paper, key: Key, notes: list[str]) -> Ballot | None:
    """The votes of a paper that count; None where it does not count at all."""
    once: dict[frozenset[str], Vote] = {}
    twice = 0
    for vote in paper.votes:
        twice += frozenset(vote.takes) in once
        once.setdefault(frozenset(vote.takes), vote)
    who = paper.participant
    if twice:
        notes.append(f"{who} repeated {twice} vote{'s' * (twice != 1)}: the first on the same takes counts.")
    if not _whole(once, key) or paper.checks < key.checks:
        notes.append(f"{who} stopped early, after {len(once)} of {key.trials} votes, and is left out as withdrawn.")
        return None
    if paper.failed:
        notes.append(f"{who} failed {paper.failed} of {paper.checks} attention checks and is left out.")
        return None
    votes = tuple(vote for vote in once.values() if len(vote.answers) == len(_NAMES))
    if lacking := len(once) - len(votes):
        notes.append(f"{who} left a question open in {lacking} of {len(once)} votes: such votes do not count.")
    if not votes:
        return None
    return Ballot(who, votes)


def _whole(votes: Mapping[frozenset[str], Vote], key: Key) -> bool:
    """Whether these are all trials of as many clips as a participant is to judge."""
    clips = {vote.clip for vote in votes.values()}
    wanted = {
        frozenset(shown)
        for clip in clips
        for shown in ([(take,) for take in key.of(clip)] if key.kind == "rating" else pairs(key.of(clip)))
    }
    return len(clips) == key.each and wanted == set(votes)


def _damaged(where: str, why: str) -> StudyError:
    return StudyError(f"{where} is damaged: {why}.", "Give the file as the page saved it.")
