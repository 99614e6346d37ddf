"""The key of a study: which take on the page is of which condition. It stays with the experimenter."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from medtalk.errors import StudyError
from medtalk.files import write_atomic
from medtalk.inputs import path_text, read_input
from medtalk.study.questions import KINDS

FORMAT = 1
MAX_BYTES = 16 << 20
MOST_CONDITIONS = 12
MOST_CHECKS = 10
_ID = re.compile(r"[0-9a-f]{8,32}")


@dataclass(frozen=True)
class Key:
    """What a page does not tell.

    Attributes:
        study: the id that page, key and votes share.
        kind: of `KINDS`.
        conditions: their names, in the order of the report.
        clips: the name of each clip, by its id on the page.
        takes: clip id and condition of each take, by its id on the page.
        each: how many clips a participant judges.
        checks: how many attention checks there are.
    """

    study: str
    kind: str
    conditions: tuple[str, ...]
    clips: dict[str, str]
    takes: dict[str, tuple[str, str]]
    each: int
    checks: int = 0

    @property
    def trials(self) -> int:
        """How often a participant votes."""
        count = len(self.conditions)
        return self.each * (count if self.kind == "rating" else count * (count - 1) // 2)

    def of(self, clip: str) -> list[str]:
        """The takes of a clip, sorted by their ids, which are random."""
        return sorted(take for take, (of, _) in self.takes.items() if of == clip)

    def valid(self) -> bool:
        """Whether every clip has exactly one take of each condition, and the numbers are possible."""
        places = sorted(self.takes.values())
        ids = [self.study, *self.clips, *self.takes]
        return (
            self.kind in KINDS
            and 2 <= len(set(self.conditions)) == len(self.conditions) <= MOST_CONDITIONS
            and places == sorted((clip, condition) for clip in self.clips for condition in self.conditions)
            and type(self.each) is type(self.checks) is int  # neither 1.5 nor true
            and 1 <= self.each <= len(self.clips)
            and 0 <= self.checks <= MOST_CHECKS
            and all(_ID.fullmatch(each) for each in ids)
        )


def new_key(
    kind: str, conditions: Sequence[str], clips: Sequence[str], each: int | None = None, checks: int = 0
) -> Key:
    """A key with new random ids: nothing on the page follows from the names or their order.

    each: how many clips a participant judges; all if left out. Raises StudyError for what is out of range.
    """
    if kind not in KINDS:
        raise StudyError(f"The questions are {kind!r}; valid are {' and '.join(KINDS)}.")
    if not 2 <= len(conditions) <= MOST_CONDITIONS:
        raise StudyError(f"A study has 2 to {MOST_CONDITIONS} conditions, not {len(conditions)}.")
    for name in conditions:
        if not name.strip() or not name.isprintable() or len(name) > 60:
            raise StudyError(f"{name[:70]!r} is no name of a condition.", "Use up to 60 letters, digits and signs.")
    if len(set(conditions)) != len(conditions):
        raise StudyError("Two conditions have the same name.", "Give each a name of its own.")
    if each is not None and not 1 <= each <= len(clips):
        raise StudyError(f"{each} clips for each participant; valid are 1 to {len(clips)}, the number of clips.")
    if not 0 <= checks <= MOST_CHECKS:
        raise StudyError(f"{checks} attention checks; valid are 0 to {MOST_CHECKS}.")
    names = dict(zip(_ids(len(clips)), clips, strict=True))
    places = [(clip, condition) for clip in names for condition in conditions]
    takes = dict(sorted(zip(_ids(len(places)), places, strict=True)))
    return Key(secrets.token_hex(8), kind, tuple(conditions), names, takes, each or len(clips), checks)


def _ids(number: int) -> list[str]:
    """So many different ids, in random order."""
    found: set[str] = set()
    while len(found) < number:
        found.add(secrets.token_hex(5))
    made = list(found)
    secrets.SystemRandom().shuffle(made)
    return made


def pairs(takes: Sequence[str]) -> list[tuple[str, str]]:
    """The two takes of each forced choice among the takes of a clip."""
    return list(combinations(takes, 2))


def write_key(path: Path, key: Key) -> Path:
    """Write the key as JSON, whole or not at all."""
    text = json.dumps({"medtalk_study": FORMAT, **asdict(key)}, indent=1) + "\n"
    return write_atomic(path, lambda temporary: temporary.write_text(text, "utf-8", newline="\n"))


def read_key(path: Path) -> Key:
    """Read a key; StudyError for a file that is no key."""
    facts = read_json(path, "key of a study", MAX_BYTES)
    wrong = StudyError(f"{path_text(path)} is no key of a study.", "Give the file that `study page` wrote.")
    if not isinstance(facts, dict) or facts.pop("medtalk_study", None) != FORMAT:
        raise wrong
    try:
        facts["conditions"] = tuple(map(str, facts["conditions"]))
        facts["takes"] = {str(take): (str(clip), str(name)) for take, (clip, name) in facts["takes"].items()}
        facts["clips"] = {str(clip): str(name) for clip, name in facts["clips"].items()}
        key = Key(**facts)
        good = key.valid()
    except (AttributeError, KeyError, TypeError, ValueError):
        raise wrong from None
    if not good:
        raise StudyError(
            f"{path_text(path)} is damaged: its clips, takes and numbers do not fit together.", "Use a copy of it."
        )
    return key


def read_json(path: Path, what: str, limit: int) -> Any:
    """The content of a JSON file; StudyError for a file that is damaged or too large."""
    data = read_input(path, what, StudyError, limit)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise StudyError(f"{path_text(path)} is damaged: it is no JSON.", f"Give the {what} as it was saved.") from None
