"""Takes for tests: rigs that move, written as the plugin writes them, and what is on the board then."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from medtalk.rig.channels import CHANNELS, MAXIMUM, MINIMUM, N_CHANNELS
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
    (section,) = [one for one in editor.sections(sequence) if one._channels]
    return section


def on_board(
    editor: Any, sequence: Any, frames: int, fps: float = 60.0, start: int = 0, board: str = "mh4"
) -> np.ndarray:
    """(frames, 174): what the keys say at each frame of a rig that starts at a display frame; 0 where none are."""
    section = board_section(editor, sequence)
    tick, display = _sequence(editor, sequence)._tick, _sequence(editor, sequence)._display
    ticks = [start * tick / display + frame * tick / Fraction(fps) for frame in range(frames)]
    values = np.zeros((frames, N_CHANNELS))
    for channel in CHANNELS:
        name = editor.unreal.boards.channel_of(channel.name, board)
        if name is not None:
            values[:, channel.index] = editor.values_at(section, name, ticks)
    return values


def a_sound(editor: Any, folder: Path, seconds: float = 1.0, name: str = "line") -> str:
    """The asset path of a new SoundWave, which lies in `folder`, too."""
    path = folder / f"{name}.wav"
    soundfile.write(path, babble(seconds), 16000)
    return editor.add_sound(path).get_path_name()


def state_of(editor: Any) -> tuple[Any, ...]:
    """All that a take could leave behind: assets, tags, bindings, tracks, sections, keys, ranges; what is open."""
    sequences = []
    for path in editor.sequences():
        sequence = editor.asset(path)
        tracks = [(track._title, [_section(one) for one in track._sections]) for track in sequence._all_tracks()]
        shown = [
            getattr(sequence, f"get_{range}_range_{end}")() for range in ("view", "work") for end in ("start", "end")
        ]
        bindings = [(guid, one.name, one.title, one.parent) for guid, one in sorted(sequence._bindings.items())]
        sequences.append((path, sequence._playback, sequence._display, sequence._tick, shown, bindings, tracks))
    tags = {path: dict(editor.asset(path).__dict__.get("_tags", {})) for path in editor.assets()}
    opened = [one and one._path() for one in (editor.state.sequence, editor.state.focused)]
    return tags, opened, sequences


def _section(section: Any) -> tuple[Any, ...]:
    keys = {name: [tuple(key) for key in data.keys.values()] for name, data in section._channels.items()}
    defaults = {name: data.default for name, data in section._channels.items()}
    sound = [copy_of(section.__dict__.get(name)) for name in ("_sound", "_offset", "_looping", "_quiet")]
    return section._range, section._row, dict(section._values), keys, defaults, sound


def copy_of(value: Any) -> Any:
    """A struct as it is now; anything else as it is."""
    return value.copy() if hasattr(value, "to_tuple") else value
