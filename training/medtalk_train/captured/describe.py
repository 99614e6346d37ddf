"""A table of descriptions for a data set (Sec. 3.4): filled in by hand, or by a command that looks at the pictures."""

from __future__ import annotations

import csv
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from medtalk.errors import TrainingError
from medtalk.files import write_atomic
from medtalk.guidance import LABELS, check_text
from medtalk_train.captured.takes import FaceTake, read_takes
from medtalk_train.captured.takes.take import text_of

COLUMNS = ("clip", "description", "emotion", "picture")
TIMEOUT = 120.0


def describe(
    data: Path, table: Path, command: str = "", timeout: float = TIMEOUT, seen: Callable[[], object] = lambda: None
) -> tuple[int, int]:
    """Write `table`, a row for each take; what it already has stays. Returns takes, and those described.

    Args:
        data: folder of the data set.
        table: where to; `descriptions.csv` in the data's folder is where training looks.
        command: run for each take without a description, without a shell, with `{image}`, `{sound}` and `{emotion}`
            replaced; what it prints is the description. The table is written after each, so a cut run goes on.
        timeout: seconds that it may take for one.
        seen: called after each take.

    Raises:
        TrainingError: the data cannot be read, a picture is missing, or the command fails.
    """
    words = shlex.split(command) if command else []
    takes = read_takes(data)
    found = _known(table)
    known = {take.name: text_of(found, take.name) or "" for take in takes}
    # what names no take stays too: check tells of it, and a slip in a name shall not cost the text
    seen_as = known.keys() | {Path(name).name for name in known}
    known |= {clip: text for clip, text in found.items() if text and clip not in seen_as}
    if unseen := [take.name for take in takes if words and "{image}" in command and take.picture is None]:
        raise TrainingError(
            f"{len(unseen)} takes have no picture, the first is {unseen[0]}.",
            f"Make them with medtalk-train peak -o {data / 'peaks'}.",
        )
    _write(table, takes, known)
    for take in takes:
        if words and not known[take.name]:
            known[take.name] = _ask(words, take, timeout)
            _write(table, takes, known)
        seen()
    return len(takes), sum(bool(known[take.name]) for take in takes)


def _ask(words: list[str], take: FaceTake, timeout: float) -> str:
    """The command's description of a take."""
    values = {
        "{image}": str(take.picture),
        "{sound}": "" if take.sound is None else str(take.sound.file),
        "{emotion}": LABELS[take.label],
    }
    call = []
    for word in words:
        for name, value in values.items():
            word = word.replace(name, value)
        call.append(word)
    try:
        done = subprocess.run(call, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise TrainingError(f"{words[0]} took more than {timeout:g} s over {take.name}.", "Raise --timeout.") from error
    except OSError as error:
        raise TrainingError(f"{words[0]} cannot be run: {error.strerror}.", "Check --command.") from error
    if done.returncode:
        output = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it printed nothing"]
        raise TrainingError(
            f"{words[0]} failed on {take.name} with {done.returncode}: {output[0][:200]}.", "Try it alone."
        )
    text = " ".join(done.stdout.decode("utf-8", "replace").split())
    if not text:
        raise TrainingError(f"{words[0]} printed nothing for {take.name}.", "It must print the description.")
    return check_text(text)


def _known(table: Path) -> dict[str, str]:
    if not table.exists():
        return {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            return {row["clip"]: (row["description"] or "").strip() for row in csv.DictReader(lines)}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise TrainingError(
            f"{table} is not a table of descriptions: {error}.", "Give another name with -o."
        ) from error


def _write(table: Path, takes: list[FaceTake], known: dict[str, str]) -> None:
    def write(to: Path) -> None:
        with to.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(COLUMNS)
            for take in takes:
                rows.writerow([take.name, known[take.name], LABELS[take.label], take.picture or ""])
            names = {take.name for take in takes}
            rows.writerows([clip, text, "", ""] for clip, text in known.items() if clip not in names)

    write_atomic(table, write)
