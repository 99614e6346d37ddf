"""Takes for tests: rigs that move, written as the plugin writes them, and what is on the board then."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from medtalk.rig.channels import CHANNELS, MAXIMUM, MINIMUM, N_CHANNELS
from tests.fake_unreal import inside
from tests.helpers.sounds import babble

KEYED = np.array([channel.index for channel in CHANNELS if channel.keyed])


def moving(frames: int, seed: int = 0) -> np.ndarray:
    """(frames, 174) float32 inside the board's limits; all channels move."""
    rng = np.random.default_rng(seed)
    at = np.linspace(0.0, 4.0, frames)[:, None]
    waves = 0.5 + 0.4 * np.sin(at * rng.uniform(1.0, 5.0, N_CHANNELS) + rng.uniform(0.0, 6.0, N_CHANNELS))
    values = MINIMUM + (MAXIMUM - MINIMUM) * waves + rng.uniform(-0.05, 0.05, (frames, N_CHANNELS))
    return np.clip(values, MINIMUM, MAXIMUM).astype(np.float32)


def as_take(values: np.ndarray, fps: float = 60.0, name: str = "line", sound: str | None = None) -> Any:
    from medtalk_unreal.take import Take

    return Take(name, np.ascontiguousarray(values, np.float32).data, fps, sound)


def write(
    editor: Any, values: np.ndarray, fps: float = 60.0, name: str = "line", sound: str | None = None, **target: Any
) -> Any:
    """The report of a take that was written, as it happens in a tick. `target` names its things, or has them."""
    from medtalk_unreal.take import Target, write_take

    for key, value in target.items():
        target[key] = value.get_path_name() if hasattr(value, "get_path_name") else value
    with editor.plugin_code():
        return write_take(as_take(values, fps, name, sound), Target(**{"tolerance": 0.0, **target}))


def _sequence(editor: Any, sequence: Any) -> Any:
    return editor.asset(sequence) if isinstance(sequence, str) else sequence


def board_section(editor: Any, sequence: Any) -> Any:
    """The one section of a face board in a sequence."""
    (section,) = [one for one in editor.sections(sequence) if inside.channels(one)]
    return section


def on_board(
    editor: Any, sequence: Any, frames: int, fps: float = 60.0, start: int = 0, board: str = "mh4"
) -> np.ndarray:
    """(frames, 174): what the keys say at each frame of a rig that starts at a display frame; 0 where none are."""
    sections = [one for one in editor.sections(sequence) if inside.channels(one)]
    shown = _sequence(editor, sequence)
    tick, display = inside.tick_rate(shown), inside.display_rate(shown)
    ticks = [start * tick / display + frame * tick / Fraction(fps) for frame in range(frames)]
    values = np.zeros((frames, N_CHANNELS))
    for channel in CHANNELS:
        name = editor.unreal.boards.channel_of(channel.name, board)
        if name is not None:
            values[:, channel.index] = shown_at(editor, sections, name, ticks)
    return values


def shown_at(editor: Any, sections: list[Any], channel: str, ticks: Sequence[Any]) -> list[float]:
    """What the sections of a track show of a channel at some ticks: the absolute ones averaged, or the one above them,
    and all additive ones. None of the weights is looked at.
    """
    found: list[dict[str, list[float]]] = [{"ABSOLUTE": [], "OVERRIDE": [], "ADDITIVE": []} for _ in ticks]
    for section in sections:
        start, end = inside.extent(section)
        if section.is_active() and inside.drives(section, channel):
            blend = section.get_blend_type().blend_type.name
            for tick, value, there in zip(ticks, editor.values_at(section, channel, ticks), found, strict=True):
                if (start is None or start <= tick) and (end is None or tick < end):
                    there[blend].append(value)
    bases = [there["OVERRIDE"][-1:] or there["ABSOLUTE"] for there in found]
    return [
        (sum(base) / len(base) if base else 0.0) + sum(there["ADDITIVE"])
        for base, there in zip(bases, found, strict=True)
    ]


def a_sound(editor: Any, folder: Path, seconds: float = 1.0, name: str = "line") -> str:
    """The asset path of a new SoundWave, which lies in `folder`, too."""
    path = folder / f"{name}.wav"
    soundfile.write(path, babble(seconds), 16000)
    return editor.add_sound(path).get_path_name()


def state_of(editor: Any) -> tuple[Any, ...]:
    """All that a take could leave behind: assets, tags, bindings, tracks, sections, keys, ranges; what is open.

    Without the notes on takes and their sections: Undo leaves them, and they say nothing where the section is gone.
    """
    sequences = [(path, inside.whole(editor.asset(path))) for path in editor.sequences()]
    tags = {path: _lasting(inside.tags(editor.asset(path))) for path in editor.assets()}
    opened = [one and inside.path(one) for one in (editor.state.sequence, editor.state.focused)]
    return tags, opened, sequences


def _lasting(tags: dict[str, str]) -> dict[str, str]:
    notes = ("medtalk.section.", "medtalk.written.", "medtalk.take.")
    return {name: value for name, value in tags.items() if not name.startswith(notes)}


def but_new_ones(editor: Any, before: tuple[Any, ...]) -> tuple[Any, ...]:
    """The state now, as of `state_of`, without sequences that were not there before; those must be empty."""
    tags, opened, sequences = state_of(editor)
    for path in set(editor.sequences()) - {path for path, _ in before[2]}:
        assert not inside.bindings(editor.asset(path)) and not inside.tracks(editor.asset(path)), path
        del tags[path]
    return tags, opened, [(path, one) for path, one in sequences if path in dict(before[2])]
