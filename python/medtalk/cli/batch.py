"""Which sounds become which rig files, and what is said in them: a file to a file, folders to mirrored folders."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from medtalk.batch.sources import Source
from medtalk.errors import GuidanceError, OutputError, RigError, SettingError
from medtalk.files import check_folder
from medtalk.inputs import read_input
from medtalk.rig import RIG_ENDINGS, check_output, rig_ending
from medtalk.tags import read_tags
from medtalk.timeline import within

MAX_TRANSCRIPT_BYTES = 1 << 16
_LIMIT = f"{MAX_TRANSCRIPT_BYTES >> 10} KiB"


def find_targets(
    sources: Sequence[Source], output: str, file_format: str | None, *, into_folder: bool, force: bool, skip: bool
) -> list[Path | None]:
    """The rig file of each sound, checked before any work: all can be written, and no two are the same.

    Args:
        sources: what `find_sources` found.
        output: what the user wrote: a file, or a folder, which need not exist.
        file_format: ending of files in a folder; None is "csv".
        into_folder: whether the user gave a folder, which must become one.
        force: whether a read-only file may be replaced.
        skip: whether a file that is there is left alone: its place in the list is None.

    Raises:
        OutputError: a place that cannot be written, or two sounds for one file.
        RigError: a format that is not known, or a name that means another one.
        SettingError: a format beside a file that has its own.
    """
    if not output:
        raise OutputError("The name after -o is empty.", "Give a file, or a folder such as -o rigs/.")
    folder, several = Path(output), into_folder or len(sources) > 1
    if output.endswith(("/", "\\")) or folder.is_dir() or (several and not folder.name.lower().endswith(RIG_ENDINGS)):
        targets = _in_folder(sources, folder, file_format)
    elif into_folder:
        raise OutputError(
            f"A folder of sounds cannot go into the one file {output}.", "Give a folder, such as -o rigs/."
        )
    elif several:
        raise OutputError(
            f"{len(sources)} sounds cannot go into the one file {output}.", "Give a folder, such as -o rigs/."
        )
    elif file_format is not None and _dotted(file_format) != rig_ending(folder):
        raise SettingError(f"--format {file_format} cannot be used with -o {output}, whose ending sets the format.")
    else:
        check_output(folder, force=True)  # whether it is read-only matters only if it is not left out
        targets = [folder]
    taken: dict[str, Source] = {}
    clashes: list[str] = []
    for source, target in zip(sources, targets, strict=True):
        # Windows and Mac take names that differ in case, or in how an accent is written, for one.
        first = taken.setdefault(unicodedata.normalize("NFC", str(target)).casefold(), source)
        if first is not source and first.file == source.file:
            raise OutputError(f"{source.file} is given twice.", "Give it once.")
        if first is not source:
            clashes.append(f"{first.file} and {source.file} would both become {target}.")
    if clashes:
        more = f" The same goes for {len(clashes) - 1} more." if len(clashes) > 1 else ""
        raise OutputError(clashes[0] + more, "Rename one, or give each kind a folder of its own.")
    done = [skip and target.is_file() for target in targets]
    for target, there in zip(targets, done, strict=True):
        if not there and target.parent.exists():
            check_output(target, force=force)
        elif not there:  # the folder will be made, and those above it
            check_folder(next(above for above in target.absolute().parents if above.parent.exists()))
    return [None if there else target for target, there in zip(targets, done, strict=True)]


def find_transcripts(sources: Sequence[Source], transcript: str | None) -> list[str | None]:
    """The words of each sound, by what the user wrote: a text, a file, or a folder with a file for each sound.

    None means that none are given, blank text that they are unknown.

    Raises:
        GuidanceError: a file that cannot be read, is not text or is too large.
        SettingError: one text for several sounds.
    """
    if transcript is None:
        return [None] * len(sources)
    if not transcript.strip():
        return [""] * len(sources)
    path = Path(transcript)
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except OSError:  # longer than any file name: a text
        exists = is_folder = False
    if is_folder:
        return [_read_transcript(source.twin(path, ".txt")) for source in sources]
    if len(sources) > 1:
        raise SettingError(
            "One transcript cannot fit several sounds.", "Give a folder that holds NAME.txt for each NAME.wav."
        )
    if exists:
        return [_read_transcript(path)]
    one_word = len(transcript.split()) == 1 and not transcript[0].isspace() and "[" not in transcript
    if one_word and (path.suffix or "/" in transcript or "\\" in transcript):
        raise GuidanceError(
            f"The transcript {transcript} does not exist.", "Check the path. If it is text, put a space before it."
        )
    return [_checked_transcript(transcript, "--transcript")]


def _read_transcript(path: Path) -> str:
    data = read_input(path, "transcript", GuidanceError, MAX_TRANSCRIPT_BYTES)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise GuidanceError(f"The transcript {path} is not UTF-8 text.", "Save it as UTF-8.") from None
    with within(str(path)):
        read_tags(text)
    return text


def _checked_transcript(text: str, source: str) -> str:
    if len(text.encode("utf-8", "replace")) > MAX_TRANSCRIPT_BYTES:
        raise GuidanceError(f"The transcript in {source} is larger than {_LIMIT}.", "Shorten it.")
    return text


def _in_folder(sources: Sequence[Source], folder: Path, file_format: str | None) -> list[Path]:
    ending = _dotted(file_format or "csv")
    if ending not in RIG_ENDINGS:
        raise RigError(f"Unknown format {file_format!r}; valid are {', '.join(RIG_ENDINGS)}.")
    targets = [source.twin(folder, ending) for source in sources]
    for source, target in zip(sources, targets, strict=True):
        if rig_ending(target) != ending:
            raise RigError(
                f"{source.file} would become {target}, which would be read as {rig_ending(target)}.",
                f"Rename the sound, or ask for --format {rig_ending(target)[1:]}.",
            )
    return targets


def _dotted(ending: str) -> str:
    return "." + ending.lower().removeprefix(".")
