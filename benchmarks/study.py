"""How often reports of `medtalk study` are wrong, by made-up studies whose answer is known.

python -m benchmarks.study                             # no difference: how many reports name one
python -m benchmarks.study --better 0.5                # a difference: how many find it
python -m benchmarks.study --questions choice --studies 100 --people 42 --clips 10 --conditions 6
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np

from medtalk.study import Ballot, Key, Votes, new_key, report
from medtalk.study.questions import KINDS, QUESTIONS
from medtalk.study.votes import Vote


def made_up(
    key: Key,
    people: int,
    random: np.random.Generator,
    better: float = 0.0,
    clip_matters: float = 0.0,
    lean: float = 0.0,
) -> Votes:
    """Votes of people who differ, on clips that differ, with answers to the three questions that are much alike.

    Args:
        better: by how many points the last condition is better than the others.
        clip_matters: deviation of how much each condition is better on some clips and worse on others, in points.
        lean: by how many points the left side of a choice looks better than it is.
    """
    conditions, clips = len(key.conditions), sorted(key.clips, key=key.clips.__getitem__)
    place = {take: (clips.index(clip), key.conditions.index(name)) for take, (clip, name) in key.takes.items()}
    liked = random.normal(0.0, 0.3, (len(clips), 1)) + random.normal(0.0, clip_matters, (len(clips), conditions))
    liked[:, -1] += better
    ballots = []
    for person in range(people):
        # each finds all faces good or bad, and likes some conditions more
        points = liked + random.normal(3.0, 0.4) + random.normal(0.0, 0.3, conditions)
        votes = []
        for clip in clips:
            takes = sorted(key.of(clip), key=place.__getitem__)
            for shown in combinations(takes, 1 if key.kind == "rating" else 2):
                sides = tuple(shown[i] for i in random.permutation(len(shown)))
                seen = np.array([points[place[take]] for take in sides])
                # the impression of a moment, and what each question adds to it
                seen = seen + random.normal(0.0, 0.5, len(sides))
                felt = seen + random.normal(0.0, 0.3, (len(QUESTIONS), len(sides)))
                if key.kind == "rating":
                    told = np.clip(np.round(felt[:, 0]), 1, 5).astype(int).tolist()
                else:
                    told = ["left" if left + lean > right else "right" for left, right in felt]
                answers = {question.name: answer for question, answer in zip(QUESTIONS, told, strict=True)}
                votes.append(Vote(clip, sides, answers))
        ballots.append(Ballot(f"p{person:03}", tuple(votes)))
    return Votes(tuple(ballots))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", choices=KINDS, default=KINDS[0])
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--conditions", type=int, default=3)
    parser.add_argument("--better", type=float, default=0.0, metavar="POINTS", help="of the last condition")
    parser.add_argument("--clip-matters", type=float, default=0.0, metavar="POINTS")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    random = np.random.default_rng(wanted.seed)
    names = [f"c{i}" for i in range(wanted.conditions)]
    named = sides = 0
    for _ in range(wanted.studies):
        key = new_key(wanted.questions, names, [f"clip{i}" for i in range(wanted.clips)])
        done = report(key, made_up(key, wanted.people, random, wanted.better, wanted.clip_matters))
        named += any(each.found for each in done.results)
        sides += any("One side" in line for line in done.warnings)
    about = f"{wanted.people} people, {wanted.clips} clips and {wanted.conditions} conditions"
    print(f"{wanted.studies} studies of {about}:")
    print(f"{named} reports name a difference; {sides} say that one side was chosen more often.")


if __name__ == "__main__":
    main()
