"""The sounds among the files and folders that a user names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medtalk.audio import SOUND_ENDINGS
from medtalk.errors import AudioError

_OTHERS = (".mp4", ".m4v", ".mov", ".mkv", ".mka", ".webm", ".avi", ".wma", ".caf", ".amr")
"""Endings of videos and the like, which may hold a voice but are not taken from a folder."""


@dataclass(frozen=True)
class Source:
    """A sound to animate: its file, and where it lies below the folder that was given (for a file: its name)."""

    file: Path
    below: Path

    def twin(self, folder: Path, ending: str) -> Path:
        """The file that belongs to it in another folder, such as its transcript."""
        return folder / self.below.with_name(f"{self.below.stem}{ending}")


def find_sources(paths: Sequence[Path]) -> tuple[list[Source], list[str]]:
    """The sounds among files and folders, and a line for each folder in which something was skipped.

    A folder stands for all sounds in and below it, in the order of their names, but hidden ones. Videos in it and
    folders behind links are passed over. A file is taken whatever it is called.

    Raises:
        AudioError: a folder without a sound, or one that cannot be read.
    """
    sources: list[Source] = []
    notes: list[str] = []
    for place in paths:
        if not place.is_dir():
            sources.append(Source(place, Path(place.name)))
            continue
        inside: list[Path] = []
        others: list[Path] = []
        for folder, folders, names in os.walk(place, onerror=_closed):
            folders[:] = [name for name in folders if not name.startswith(".")]
            others += [path for name in folders if (path := Path(folder, name)).is_symlink()]
            files = [Path(folder, name) for name in names if not name.startswith(".")]
            inside += [path for path in files if path.name.lower().endswith(SOUND_ENDINGS) and path.is_file()]
            others += [path for path in files if path.name.lower().endswith(_OTHERS)]
        if not inside:
            raise AudioError(f"The folder {place} holds no sound ({' '.join(SOUND_ENDINGS)}).", "Check the path.")
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            notes.append(f"Skipped, videos or links: {min(others)}{more}. Name them to include them.")
        sources += [Source(file, file.relative_to(place)) for file in sorted(inside)]
    return sources, notes


def _closed(error: OSError) -> None:
    raise AudioError(f"The folder {error.filename} cannot be read: {error.strerror}.", "Check its permissions.")
