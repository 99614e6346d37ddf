"""`medtalk.study`: what votes say, by hand-made ones whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmarks.study import made_up
from medtalk.errors import StudyError
from medtalk.study import Key, new_key, read_key, read_votes, report, statistics, write_key
from medtalk.study.key import pairs
from medtalk.study.questions import QUESTIONS

NAMES = [question.name for question in QUESTIONS]
Answer = Callable[[str, str, str], Any]
"""The answer to a question about a clip and a condition, or the better condition of two."""


def ballot(key: Key, participant: str, answer: Answer, **changes: Any) -> dict[str, Any]:
    """What the page saves of a participant who saw all clips."""
    votes = []
    # by the names, as ids are new in each run
    for clip, name in sorted(key.clips.items(), key=lambda each: each[1]):
        takes = sorted(key.of(clip), key=lambda take: key.takes[take][1])
        shown = [(take,) for take in takes] if key.kind == "rating" else pairs(takes)
        for takes in shown:
            conditions = [key.takes[take][1] for take in takes]
            answers = {each: answer(each, name, "/".join(conditions)) for each in NAMES}
            votes.append({"clip": clip, "takes": list(takes), "answers": answers, "plays": 1, "seconds": 9.5})
    facts = {"medtalk_votes": 1, "study": key.study, "kind": key.kind, "participant": participant,
             "session": participant * 2, "began": "2026-11-29T12:00:00Z", "votes": votes}  # fmt: skip
    return facts | changes


def saved(folder: Path, *ballots: dict[str, Any]) -> list[Path]:
    paths = []
    for i, each in enumerate(ballots):
        paths.append(folder / f"votes-{i}.json")
        paths[-1].write_text(json.dumps(each))
    return paths


def rated(key: Key, people: int, better: float, seed: int = 5, odd: str = "Ours") -> list[dict[str, Any]]:
    """Ratings from 1 to 5 of people and clips that differ; those of one condition are higher by so much."""
    random = np.random.default_rng(seed)
    liked = dict(zip(sorted(key.clips.values()), random.normal(0.0, 0.3, len(key.clips)), strict=True))
    ballots = []
    for i in range(people):
        own = random.normal(3.0, 0.4)

        def answer(_: str, clip: str, condition: str, own: float = own) -> int:
            points = own + liked[clip] + random.normal(0.0, 0.6) + (better if condition == odd else 0.0)
            return int(np.clip(round(points), 1, 5))

        ballots.append(ballot(key, f"p{i:02}", answer))
    return ballots


def key_of(*conditions: str, kind: str = "rating", clips: int = 6, **more: Any) -> Key:
    return new_key(kind, conditions, [f"clip{i}" for i in range(clips)], **more)


def test_a_key_is_kept_and_damage_is_seen(tmp_path: Path) -> None:
    key = key_of("A", "B", kind="choice", each=4, checks=2)
    assert read_key(write_key(tmp_path / "key.json", key)) == key and key.trials == 4
    assert key_of("A", "B", "C", "D", kind="choice").trials == 6 * 6 and key_of("A", "B", "C").trials == 18
    good = json.loads((tmp_path / "key.json").read_text())
    lost = {**good, "takes": dict(list(good["takes"].items())[1:])}
    for wrong, said in [
        ({}, "is no key of a study"),
        ([], "is no key of a study"),
        ({**good, "medtalk_study": 2}, "is no key of a study"),
        ({**good, "more": 1}, "is no key of a study"),
        ({**good, "takes": {"x": 3}}, "is no key of a study"),
        (lost, "do not fit together"),
        ({**good, "each": 7}, "do not fit together"),
        ({**good, "each": 1.5}, "do not fit together"),
        ({**good, "each": True}, "do not fit together"),
        ({**good, "checks": 1.0}, "do not fit together"),
        ({**good, "checks": "1"}, "do not fit together"),
        ({**good, "conditions": ["A", "A"]}, "do not fit together"),
        ({**good, "study": "../x"}, "do not fit together"),
    ]:
        (tmp_path / "wrong.json").write_text(json.dumps(wrong))
        with pytest.raises(StudyError, match=said):
            read_key(tmp_path / "wrong.json")
    (tmp_path / "wrong.json").write_text("{")
    with pytest.raises(StudyError, match="it is no JSON"):
        read_key(tmp_path / "wrong.json")


def test_ids_are_new_each_time_and_follow_from_nothing() -> None:
    keys = [key_of("A", "B") for _ in range(40)]
    assert len({take for key in keys for take in key.takes}) == 40 * 12
    first = [key.takes[key.of(clip)[0]][1] for key in keys for clip in key.clips]
    assert stats.binomtest(first.count("A"), len(first)).pvalue > 1e-4, "the first of two is as often A as B"


def test_means_and_intervals_are_those_of_scipy(tmp_path: Path) -> None:
    key = key_of("A", "B", "C")
    ballots = rated(key, 9, 0.0)
    done = report(key, read_votes(saved(tmp_path, *ballots), key))
    for name in NAMES:
        for condition in key.conditions:
            own = [
                np.mean([v["answers"][name] for v in each["votes"] if key.takes[v["takes"][0]][1] == condition])
                for each in ballots
            ]
            expected = stats.ttest_1samp(own, 0.0).confidence_interval(0.95)
            found = done.means[name][condition]
            assert found == pytest.approx((np.mean(own), expected.low, expected.high))
    assert (done.people, done.clips, done.votes) == (9, 6, 9 * 18)
    assert f"{found.value:.3f} ± {found.high - found.value:.3f}" in done.to_markdown()


def test_a_made_difference_is_found_and_no_other(tmp_path: Path) -> None:
    key = key_of("FaceFormer", "EmoTalk", "Ours", clips=8)
    done = report(key, read_votes(saved(tmp_path, *rated(key, 24, 0.8)), key))
    for each in done.results:
        assert each.found == ("Ours" in (each.one, each.other)), each
        if each.found:
            assert each.other == "Ours" and -1.1 < each.better.value < -0.5 and each.better.high < 0.0
            assert each.p is not None and each.p_holm is not None and each.p < each.p_holm < 0.05
    assert all(p is not None and p < 0.01 for p in done.friedman.values())
    assert done.warnings == () and done.to_markdown().count("a difference |") == 6


def test_where_there_is_no_difference_none_is_found(tmp_path: Path) -> None:
    key = key_of("A", "B", "C", clips=8)
    wrong = [
        each.found
        for seed in range(8)
        for each in report(key, read_votes(saved(tmp_path, *rated(key, 20, 0.0, seed)), key)).results
    ]
    assert len(wrong) == 72 and sum(wrong) <= 1, "at 5 % for all of a report, of eight reports one may be wrong"


def test_tests_are_those_of_scipy(tmp_path: Path) -> None:
    table = np.random.default_rng(2).normal(0.2, 1.0, (12, 5))
    wilcoxon: Any = stats.wilcoxon(table.mean(axis=1))
    assert statistics.signed_rank(table) == pytest.approx(wilcoxon.pvalue)
    three = [table, table + 0.1, -table]
    expected = stats.friedmanchisquare(*(each.mean(axis=1) for each in three)).pvalue
    assert statistics.friedman(three) == pytest.approx(expected)
    assert statistics.signed_rank(table[:5]) is None and statistics.friedman([each[:5] for each in three]) is None
    assert statistics.signed_rank(np.zeros((8, 3))) == statistics.friedman([np.ones((8, 3))] * 3) == 1.0
    found = statistics.share(17, 20)
    low, high = stats.beta.ppf([0.025, 0.975], [17, 18], [4, 3])
    assert found == pytest.approx((0.85, low, high))
    assert statistics.share(0, 5).low == 0.0 and statistics.share(5, 5).high == 1.0


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, None, 0.03]) == pytest.approx([0.03, 0.06, None, 0.06])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0] and statistics.holm([None]) == [None]


def test_the_bootstrap_draws_clips_too() -> None:
    """An effect of a few clips that all people agree on is uncertain, which the people alone would not show."""
    random = np.random.default_rng(3)
    table = np.repeat(random.normal(0.3, 1.0, (1, 6)), 40, axis=0) + random.normal(0.0, 0.1, (40, 6))
    found = statistics.difference(table, 1)
    people = statistics.mean(table)
    assert found.high - found.low > 10 * (people.high - people.low)
    spread = table.mean(axis=0).std() / 6**0.5  # of a mean of six that are drawn with replacement
    assert found.high - found.low == pytest.approx(2 * 1.96 * spread, rel=0.15)
    assert statistics.difference(table, 1) == found, "the same seed draws the same"
    one = statistics.difference(table[:, :1], 1)
    assert one.high - one.low < 0.1, "a single clip is not drawn anew"


def test_gaps_are_left_out_of_means() -> None:
    table = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [2.0, 2.0, 5.0]])
    assert statistics.own_means(table).tolist() == [2.0, 3.0]
    assert statistics.mean(table).value == 2.5
    assert statistics.difference(table, 1).value == pytest.approx(13 / 5)


def test_choices_are_shares(tmp_path: Path) -> None:
    key = key_of("A", "B", kind="choice", clips=5)

    def of(people: int) -> Answer:
        # A's lips win wherever a clip has an even number and for half of the people elsewhere; the rest is a draw
        def answer(question: str, clip: str, shown: str) -> str:
            number = int(clip[-1])
            a = number % 2 == 0 or people % 2 == 0 if question == "lip_sync" else (number + people) % 2 == 0
            return "left" if (shown.split("/")[0] == "A") == a else "right"

        return answer

    done = report(key, read_votes(saved(tmp_path, *(ballot(key, f"p{i}", of(i)) for i in range(8))), key))
    lips, emotion, _ = done.results
    assert lips.share == statistics.share(32, 40) and lips.better.value == pytest.approx(0.3)
    assert done.means["lip_sync"]["A"] == lips.share
    assert done.means["lip_sync"]["B"] == statistics.share(8, 40)
    assert emotion.share is not None and emotion.share.value == 0.5 and not emotion.found
    assert lips.p_holm is not None and lips.p_holm < 0.05 and lips.better.low <= 0.0
    assert not lips.found, "people agree, but two clips of five are a draw, and others might be"
    assert "0.800 (0.644 to 0.909)" in done.to_markdown()
    assert done.left is not None and "participants chose the left side in" in done.to_markdown()


def test_a_side_that_always_wins_is_seen(tmp_path: Path) -> None:
    key = key_of("A", "B", kind="choice")
    ballots = [ballot(key, f"p{i}", lambda *_: "left") for i in range(6)]
    assert "One side was chosen more often" in " ".join(
        report(key, read_votes(saved(tmp_path, *ballots), key)).warnings
    )


def test_too_few_people_are_told_plainly(tmp_path: Path) -> None:
    key = key_of("A", "Ours", clips=2)
    for people, said in [
        (1, "One participant is too few"),
        (6, "6 participants are too few to show any difference, however they vote: 3 tests need at least 7."),
        (7, "7 participants are few"),
    ]:
        done = report(key, read_votes(saved(tmp_path, *rated(key, people, 2.0)), key))
        assert said in done.warnings[0] and "2 clips say little about others" in done.warnings[1]
        assert any(each.found for each in done.results) == (people == 7)
        assert f"**{done.warnings[0]}**" in done.to_markdown()
        facts = json.dumps(done.to_dict(), allow_nan=False)
        assert ('"low": null' in facts) == (people == 1)


@pytest.mark.parametrize(("tests", "least"), [(1, 6), (3, 7), (9, 9), (45, 11), (198, 13)])
def test_how_many_people_so_many_tests_take(tests: int, least: int) -> None:
    """By Holm, people who are all on one side show a difference from this many on, and no fewer can."""
    assert statistics.least_people(tests) == least
    for people in (least - 1, least):
        wilcoxon: Any = stats.wilcoxon(np.arange(1.0, people + 1.0))
        [first, *_] = statistics.holm([wilcoxon.pvalue, *[1.0] * (tests - 1)])
        assert first is not None and (first < 0.05) == (people == least)


def test_too_few_people_for_the_tests_of_a_report(tmp_path: Path) -> None:
    key = key_of("A", "B", "C", clips=1)
    for people in (8, 9):
        ballots = [ballot(key, f"p{i}", lambda *of: 5 if of[2] == "A" else 1) for i in range(people)]
        done = report(key, read_votes(saved(tmp_path, *ballots), key))
        assert any(each.found for each in done.results) == (people == 9)
        said = "8 participants are too few to show any difference, however they vote: 9 tests need at least 9."
        assert (said in done.warnings) == (people == 8)


@pytest.mark.parametrize("lean", [0.0, 0.3])
def test_answers_that_are_alike_raise_no_alarm_about_sides(lean: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A participant's three answers about two faces are mostly the same: that is one choice of a side, not three."""
    monkeypatch.setattr(statistics, "RESAMPLES", 9)
    key = key_of("A", "B", kind="choice", clips=4)
    alarms = 0
    for seed in range(100):
        votes = made_up(key, 20, np.random.default_rng(seed), lean=lean)
        alarms += any("One side" in line for line in report(key, votes).warnings)
    assert alarms > 50 if lean else alarms <= 12, "at 5 %, more than 12 of 100 have a chance of .0015"


def test_what_does_not_count_is_told(tmp_path: Path) -> None:
    key = key_of("A", "B", clips=3, checks=1)

    def constant(*_: str) -> int:
        return 3

    passed, failed = ({"wanted": 2, "answers": dict.fromkeys(NAMES, given), "seconds": 1.0} for given in (2, 3))
    good = ballot(key, "good", constant)
    good["votes"].append(passed)
    again = {**good, "session": "other", "began": "2026-12-01T00:00:00Z"}
    short = ballot(key, "short", constant)
    asleep = ballot(key, "asleep", constant)
    asleep["votes"].append(failed)
    gap = ballot(key, "gap", constant)
    gap["votes"] = [passed, *gap["votes"], {**gap["votes"][0], "answers": dict.fromkeys(NAMES, 5)}]
    gap["votes"][1] = {**gap["votes"][1], "answers": {"lip_sync": 3}}
    gap["votes"][2] = {**gap["votes"][2], "answers": dict.fromkeys(NAMES, 5)}
    short["votes"] = [passed, *short["votes"][:4]]
    votes = read_votes(saved(tmp_path, again, good, short, asleep, gap), key)
    assert [each.participant for each in votes.ballots] == ["gap", "good"]
    assert len(votes.ballots[0].votes) == 5
    told = "\n".join(votes.notes)
    for line in (
        f"good voted twice: {tmp_path / 'votes-1.json'} counts, ",
        f"{tmp_path / 'votes-0.json'} was begun later and does not.",
        "short stopped early, after 4 of 6 votes, and is left out as withdrawn.",
        "asleep failed 1 of 1 attention checks and is left out.",
        "gap repeated 1 vote: the first on the same takes counts.",
        "gap left a question open in 1 of 6 votes: such votes do not count.",
    ):
        assert line in told
    done = report(key, votes)
    assert done.votes == 11 and all(line in done.to_markdown() for line in votes.notes)
    with pytest.raises(StudyError, match=r"No votes are left to report\. short stopped early"):
        report(key, read_votes(saved(tmp_path, short), key))


def test_votes_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    key = key_of("A", "B")
    good = ballot(key, "p", lambda *_: 4)
    choice = ballot(key_of("A", "B", kind="choice"), "p", lambda *_: "left")

    def changed(**vote: Any) -> dict[str, Any]:
        return {**good, "votes": [{**good["votes"][0], **vote}, *good["votes"][1:]]}

    for wrong, said in [
        (ballot(key_of("A", "B"), "p", lambda *_: 4), "has votes of another study"),
        ({**choice, "study": key.study}, "has votes of another study"),
        ({"study": key.study}, "is no file of votes"),
        ([], "is no file of votes"),
        ({**good, "participant": "<b>"}, "is damaged: it has no participant"),
        ({**good, "votes": 3}, "is damaged: it has no participant or no votes"),
        (changed(answers=dict.fromkeys(NAMES, 6)), "vote 1 answers 6 to lip_sync; valid are 1 to 5"),
        (changed(answers=dict.fromkeys(NAMES, True)), "vote 1 answers True to lip_sync; valid are 1 to 5"),
        (changed(answers=dict.fromkeys(NAMES, 3.5)), "vote 1 answers 3.5 to lip_sync; valid are 1 to 5"),
        (changed(answers={each: [4] for each in NAMES}), r"vote 1 answers \[4\] to lip_sync; valid are 1 to 5"),
        (changed(answers={"beauty": 3}), "'beauty' is no question"),
        (changed(answers=None), "it has no answers"),
        (changed(takes=["00000000"]), "takes that are not in this study"),
        (changed(takes=[["x"]]), "takes that are not in this study"),
        (changed(clip=5), "takes that are not in this study"),
        ({**good, "votes": [5]}, "vote 1 is damaged: it is no vote"),
    ]:
        with pytest.raises(StudyError, match=said):
            read_votes(saved(tmp_path, wrong), key)
    (tmp_path / "votes-0.json").write_text(json.dumps(good)[:200])
    with pytest.raises(StudyError, match="is damaged: it is no JSON"):
        read_votes([tmp_path / "votes-0.json"], key)


def test_some_of_the_clips_for_each(tmp_path: Path) -> None:
    key = key_of("A", "Ours", clips=6, each=3)
    random = np.random.default_rng(8)
    ballots = []
    for each in rated(key, 20, 1.5):
        mine = set(random.permutation(list(key.clips))[:3])
        ballots.append({**each, "votes": [vote for vote in each["votes"] if vote["clip"] in mine]})
    done = report(key, read_votes(saved(tmp_path, *ballots), key))
    assert done.clips == 6 and done.votes == 20 * 6 and all(each.found for each in done.results)
