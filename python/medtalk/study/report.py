"""The report of a study: a table as the paper's Table 2, differences between the conditions, and what can be said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from medtalk.errors import StudyError
from medtalk.study import statistics
from medtalk.study.key import Key
from medtalk.study.questions import QUESTIONS
from medtalk.study.statistics import SIGNIFICANT, Estimate, least_people
from medtalk.study.votes import Votes

FEW_PEOPLE, FEW_CLIPS = 20, 5
"""Below these, the report warns of how little it can show."""


@dataclass(frozen=True)
class Result:
    """One condition against another, by one question: by how much it is better (points, or the share of votes over one
    half), the p of the signed-rank test, as it is and by Holm, and the number of votes."""

    question: str
    one: str
    other: str
    better: Estimate
    p: float | None
    p_holm: float | None
    votes: int
    share: Estimate | None = None

    @property
    def found(self) -> bool:
        """Whether a difference is shown: by the test over participants, and by the interval over clips too."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT and not self.better.low <= 0.0 <= self.better.high


@dataclass(frozen=True)
class Report:
    """What the votes of a study say.

    Attributes:
        means: of each question and condition: of points (rating), or of the share of its votes that chose it (choice).
        results: of each question and pair of conditions.
        friedman: the p of each question, over all conditions.
        left: how often the left side was chosen (choice), over participants.
        warnings: what to know before quoting any of this.
        notes: which votes do not count, and why.
    """

    kind: str
    conditions: tuple[str, ...]
    people: int
    clips: int
    votes: int
    means: dict[str, dict[str, Estimate]]
    results: tuple[Result, ...]
    friedman: dict[str, float | None]
    left: Estimate | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The report as it is written to JSON."""
        return {
            "kind": self.kind,
            "participants": self.people,
            "clips": self.clips,
            "votes": self.votes,
            "means": {
                question: {name: _numbers(each) for name, each in row.items()} for question, row in self.means.items()
            },
            "friedman": self.friedman,
            "left": None if self.left is None else _numbers(self.left),
            "differences": [
                {"question": each.question, "one": each.one, "other": each.other, "better": _numbers(each.better)}
                | ({} if each.share is None else {"share": _numbers(each.share)})
                | {"p": each.p, "p_holm": each.p_holm, "votes": each.votes, "found": each.found}
                for each in self.results
            ],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "bootstrap": {"seed": self.seed, "resamples": statistics.RESAMPLES},
        }

    def to_markdown(self) -> str:
        """The report as a page of Markdown."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield "# User study"
        yield ""
        counts = ((self.people, "participant"), (self.clips, "clip"), (self.votes, "vote"))
        told = ", ".join(f"{number} {noun}{'s' * (number != 1)}" for number, noun in counts)
        yield f"{told} on {len(self.conditions)} conditions."
        for line in self.warnings:
            yield f"\n**{line}**"
        rating = self.kind == "rating"
        yield ""
        yield (
            "Average rating (1 = very poor, 5 = very good) with 95 % interval, over participants:"
            if rating
            else "Share of all its comparisons in which it was chosen, with exact 95 % interval:"
        )
        titles = {question.name: question.title for question in QUESTIONS}
        yield ""
        yield f"| condition | {' | '.join(titles[name] for name in self.means)} |"
        yield f"|---|{'---|' * len(self.means)}"
        for condition in self.conditions:
            cells = [row[condition] for row in self.means.values()]
            yield f"| {_cell(condition)} | {' | '.join(_plus(each) if rating else _range(each) for each in cells)} |"
        if any(p is not None for p in self.friedman.values()):
            told = ", ".join(f"{titles[name]} {_p(p)}" for name, p in self.friedman.items() if p is not None)
            yield f"\nFriedman's test of all conditions, p: {told}."
        yield ""
        yield f"{'Points' if rating else 'Share of votes over one half'} by which one is better than another:"
        yield ""
        share = "" if rating else " chosen |"
        yield f"| question | one | other |{share} better by | p | p (Holm) | |"
        yield f"|---|---|---|{'---|' * (not rating)}---|---|---|---|"
        for each in self.results:
            names = f"{titles[each.question]} | {_cell(each.one)} | {_cell(each.other)}"
            chosen = "" if each.share is None else f" {_range(each.share)} |"
            shown = "a difference" if each.found else "none shown"
            yield f"| {names} |{chosen} {_range(each.better)} | {_p(each.p)} | {_p(each.p_holm)} | {shown} |"
        yield ""
        yield (
            "Better by: mean of paired differences with the 95 % interval of a bootstrap over participants and clips "
            f"({statistics.RESAMPLES} draws, seed {self.seed}). p: Wilcoxon's signed-rank test of the participants' "
            f"own means, corrected by Holm for {len(self.results)} tests. A difference is one that both show."
        )
        if self.left is not None:
            yield f"\nOn average, participants chose the left side in {_range(self.left)} of their answers."
        for line in self.notes:
            yield f"\n{_cell(line)}"


def report(key: Key, votes: Votes, seed: int = 1) -> Report:
    """The report of votes; `seed` is that of the bootstrap. Raises StudyError where no vote is left."""
    if not votes.ballots:
        more = f" {votes.notes[0]}" if votes.notes else ""
        raise StudyError(f"No votes are left to report.{more}", "Give files of participants who finished.")
    judged = sorted({vote.clip for ballot in votes.ballots for vote in ballot.votes}, key=key.clips.__getitem__)
    tables = {question.name: _tables(key, votes, judged, question.name) for question in QUESTIONS}
    found = [
        _compare(question, one, other, key, pair[one, other], seed)
        for question, pair in tables.items()
        for one, other in combinations(key.conditions, 2)
    ]
    corrected = statistics.holm([each.p for each in found])
    results = tuple(
        Result(each.question, each.one, each.other, each.better, each.p, p, each.votes, each.share)
        for each, p in zip(found, corrected, strict=True)
    )
    rating = key.kind == "rating"
    means = {name: _means(key, each) for name, each in tables.items()}
    if rating:
        alike = {
            name: statistics.friedman([each[condition, ""] for condition in key.conditions])
            for name, each in tables.items()
        }
    else:
        alike = dict.fromkeys(tables)
    people = len(votes.ballots)
    left = None if rating else _left(votes)
    warnings = tuple(_warnings(people, len(results), len(judged), left))
    return Report(
        key.kind, key.conditions, people, len(judged), sum(len(ballot.votes) for ballot in votes.ballots), means,
        results, alike, None if left is None else statistics.mean(left), warnings, votes.notes, seed,
    )  # fmt: skip


Tables = dict[tuple[str, str], np.ndarray]
"""(P, C) by two conditions: how much better the one is than the other, or which was chosen, 1 or 0. With "" for the
other, the points of the one."""


def _tables(key: Key, votes: Votes, clips: Sequence[str], question: str) -> Tables:
    shape = len(votes.ballots), len(clips)
    column = {clip: i for i, clip in enumerate(clips)}
    if key.kind == "rating":
        tables = {(name, ""): np.full(shape, np.nan) for name in key.conditions}
        for row, ballot in enumerate(votes.ballots):
            for vote in ballot.votes:
                condition = key.takes[vote.takes[0]][1]
                tables[condition, ""][row, column[vote.clip]] = float(vote.answers[question])
        for one, other in combinations(key.conditions, 2):
            tables[one, other] = tables[one, ""] - tables[other, ""]
        return tables
    tables = {pair: np.full(shape, np.nan) for pair in combinations(key.conditions, 2)}
    for row, ballot in enumerate(votes.ballots):
        for vote in ballot.votes:
            left, right = (key.takes[take][1] for take in vote.takes)
            chosen = left if vote.answers[question] == "left" else right
            one, other = (left, right) if (left, right) in tables else (right, left)
            tables[one, other][row, column[vote.clip]] = float(chosen == one)
    return tables


def _compare(question: str, one: str, other: str, key: Key, table: np.ndarray, seed: int) -> Result:
    votes = int((~np.isnan(table)).sum())
    if not votes:
        raise StudyError(f"No vote compares {one} with {other}.", "Give more files of votes.")
    if key.kind == "rating":
        return Result(
            question, one, other, statistics.difference(table, seed), statistics.signed_rank(table), None, votes
        )
    centred = table - 0.5
    chosen = statistics.share(int(np.nansum(table)), votes)
    better = statistics.difference(centred, seed)
    return Result(question, one, other, better, statistics.signed_rank(centred), None, votes, chosen)


def _means(key: Key, tables: Tables) -> dict[str, Estimate]:
    if key.kind == "rating":
        return {name: statistics.mean(tables[name, ""]) for name in key.conditions}
    means = {}
    for name in key.conditions:
        chosen = [
            table if name == one else 1.0 - table for (one, other), table in tables.items() if name in (one, other)
        ]
        every = np.concatenate(chosen)
        means[name] = statistics.share(int(np.nansum(every)), int((~np.isnan(every)).sum()))
    return means


def _left(votes: Votes) -> np.ndarray:
    """Each participant's own share of "left", (P, 1). A participant's answers are much alike, and so count as one."""
    answers = [[answer for vote in ballot.votes for answer in vote.answers.values()] for ballot in votes.ballots]
    return np.array([[own.count("left") / len(own)] for own in answers])


def _warnings(people: int, tests: int, clips: int, left: np.ndarray | None) -> Iterator[str]:
    who = "One participant is" if people == 1 else f"{people} participants are"
    if people < (least := least_people(tests)):
        yield f"{who} too few to show any difference, however they vote: {tests} tests need at least {least}."
    elif people < FEW_PEOPLE:
        yield f"{who} few: only large differences can be shown, and their size stays uncertain."
    if clips < FEW_CLIPS:
        what = "One clip says" if clips == 1 else f"{clips} clips say"
        yield f"{what} little about others: the result is about these."
    if left is not None and (p := statistics.signed_rank(left - 0.5)) is not None and p < SIGNIFICANT:
        yield "One side was chosen more often than the other, whatever it showed: some people may not have looked."


def _numbers(each: Estimate) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else round(value, 6) for name, value in each._asdict().items()}


def _plus(each: Estimate) -> str:
    """As the paper's Table 2 has it."""
    return f"{each.value:.3f}" if np.isnan(each.high) else f"{each.value:.3f} ± {each.high - each.value:.3f}"


def _range(each: Estimate) -> str:
    return f"{each.value:.3f}" if np.isnan(each.low) else f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})"


def _p(p: float | None) -> str:
    return "-" if p is None else "< .001" if p < 0.001 else f"{p:.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
