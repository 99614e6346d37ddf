"""What a take costs in Unreal: calls, objects and keys of each key writer, in each version of the editor.

    python benchmarks/unreal_calls.py [--bundle DIR] [--sound FILE] [--seconds N ...] [--engines V ...]

There is no Unreal here: calls and objects are counted, and the time is taken, in the stand-in editor of the tests. Keys
and errors are those of a real editor, and so are calls (of functions: to make a FrameNumber counts as none) and
objects (UObjects: a channel and a key are one each time they are handed out, and stay until garbage is collected). The
time is not: it is that of the plugin's Python and of the stand-in, and tells whether a change made the plugin slower,
not how the writers compare. In a real editor the plugin's self-test takes the time (question `speed`, docs/unreal.md).

A take is written in one undo step, and Unreal lets none stay open over a tick. So the writing is not spread over
ticks, and what a second of sound costs is how long the editor stands still for it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.audio import Speech, read_speech
from medtalk.rates import RATE
from medtalk.rig import RigSequence
from medtalk.rig.channels import CHANNELS, MAXIMUM, MINIMUM

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fake_unreal.editor import Editor, stand_in

ENGINES = ("5.4", "5.5", "5.6", "5.7", "5.8")
LONG = 60.0
"""Seconds of sound; what is longer is written in the last engine only, and once."""
WAYS = {"channels": {}, "arrays": {"writer": "arrays"}, "import": {"writer": "import"}, "layers": {"layers": "emotion"}}
"""What is compared: the key writers, and a take whose emotion is a layer."""
IMPORTS = "RigMapper", ("5.7", "5.8")
TOLERANCES = (0.0, 0.0005, 0.002, 0.01)
DEFAULT = 0.002
BARELY = 1e-6  # of the intensity, as the plugin asks for a face without emotion
SLACK = 1e-6  # keys hold float32


class Cost(NamedTuple):
    """Of a take that is written into a new sequence: `again` are the seconds that it takes to write it over itself,
    where that was done."""

    keys: int
    error: float
    calls: int
    objects: int
    seconds: float
    again: float | None


class Speaking(NamedTuple):
    """A take to write: its sound, its rig and that without its emotion."""

    seconds: float
    sound: Path
    whole: RigSequence
    base: RigSequence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None)
    parser.add_argument(
        "--sound", type=Path, default=Path("assets/audio/sample.wav"), help="repeated as long as it takes"
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 300.0], help="of the takes")
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--emotion", default="angry")
    settings = parser.parse_args()
    model = medtalk.load(settings.bundle, threads=1)
    voice = read_speech(settings.sound).samples
    console = Console(width=140)
    table = Table(
        "Unreal", "sound s", "written as", "keys", "largest error", "calls", "objects", "calls/s", "objects/s",
        "seconds", "again",
        title=f"Takes with a tolerance of {DEFAULT:g}, 60 frames a second",
        caption="calls/s, objects/s: for a second of sound. seconds: in the stand-in editor, not in Unreal. again: the "
        "take replaces itself.",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        spoken = [_spoken(model, voice, seconds, settings.emotion, Path(folder)) for seconds in settings.seconds]
        for engine in settings.engines:
            for speaking in spoken:
                if speaking.seconds > LONG and engine != settings.engines[-1]:
                    continue
                for way, cost in _costs(engine, speaking, Path(folder)):
                    row = (
                        engine, f"{speaking.seconds:g}", way, f"{cost.keys}", f"{cost.error:.6f}", f"{cost.calls}",
                        f"{cost.objects}", f"{cost.calls / speaking.seconds:.0f}",
                        f"{cost.objects / speaking.seconds:.0f}", f"{cost.seconds:.2f}",
                        "" if cost.again is None else f"{cost.again:.2f}",
                    )  # fmt: skip
                    print(*row, file=sys.stderr, flush=True)  # a long take is a matter of minutes
                    table.add_row(*row)
            table.add_section()
        console.print(table)
        kept = Table("tolerance", "keys", "largest error", title=f"Keys of the first take, Unreal {ENGINES[2]}")
        for tolerance in TOLERANCES:
            cost, _ = _cost(ENGINES[2], spoken[0], Path(folder), tolerance)
            kept.add_row(f"{tolerance:g}", f"{cost.keys}", f"{cost.error:.6f}")
        console.print(kept)
        _, most = _cost(ENGINES[2], spoken[0], Path(folder), DEFAULT)
        often = Table("what is called most by the channel keys, in both writings", "calls")
        for name, count in most:
            often.add_row(name, f"{count}")
        console.print(often)


def _spoken(model: Any, voice: np.ndarray, seconds: float, emotion: str, folder: Path) -> Speaking:
    samples = np.resize(voice, round(seconds * RATE))
    sound = folder / f"line{seconds:g}.wav"
    soundfile.write(sound, samples, RATE)
    heard = model.perform(Speech.from_array(samples, RATE))
    return Speaking(seconds, sound, heard.decode(emotion), heard.decode(emotion, BARELY))


def _costs(engine: str, speaking: Speaking, folder: Path) -> Iterator[tuple[str, Cost]]:
    """The cost of each way in an engine that has it."""
    for way, target in WAYS.items():
        if way != "import" or engine in IMPORTS[1]:
            yield way, _cost(engine, speaking, folder, DEFAULT, **target)[0]


def _cost(
    engine: str, speaking: Speaking, folder: Path, tolerance: float, **target: Any
) -> tuple[Cost, list[tuple[str, int]]]:
    """What a take costs, and the functions that it calls most. Ends the program if its keys are off by too much."""
    plugins = IMPORTS[:1] if engine in IMPORTS[1] else ()
    with stand_in(engine, *plugins) as unreal, tempfile.TemporaryDirectory(dir=folder) as project:
        editor = Editor(unreal, Path(project))
        try:
            cost, most = _written(editor, speaking, tolerance, target)
        finally:
            editor.shut_down()
    if cost.error > tolerance + SLACK:
        raise SystemExit(f"{engine}, {target}: the error {cost.error:g} is beyond the tolerance {tolerance:g}.")
    return cost, most


def _written(editor: Editor, speaking: Speaking, tolerance: float, target: dict[str, Any]) -> Any:
    from medtalk_unreal.take import Take, Target, write_take

    actor = editor.add_metahuman("mh4").get_path_name()
    values, base = (np.ascontiguousarray(rig.values, np.float32) for rig in (speaking.whole, speaking.base))
    sound = editor.add_sound(speaking.sound, "/Game/Sounds/line").get_path_name()
    take = Take("line", values.data, speaking.whole.fps, sound, base=base.data)
    costs, report = [], None
    for _ in range(1 if speaking.seconds > LONG else 2):
        calls, objects, start = sum(editor.calls.values()), editor.objects, time.perf_counter()
        with editor.plugin_code():
            report = write_take(take, Target(actor=actor, tolerance=tolerance, frame_rate="60", **target))
        costs.append((sum(editor.calls.values()) - calls, editor.objects - objects, time.perf_counter() - start))
    assert report is not None
    error = _error(editor, report.sequence, np.clip(values, MINIMUM, MAXIMUM), speaking.whole.fps)
    again = costs[1][2] if costs[1:] else None
    called, made, seconds = costs[0]
    return Cost(report.keys, error, called, made, seconds, again), editor.calls.most_common(4)


def _error(editor: Editor, path: str, values: np.ndarray, fps: float) -> float:
    """How far all sections together are off at any frame, on any control that the board has."""
    sequence: Any = editor.asset(path)
    ticks = [round(frame * sequence._tick / fps) for frame in range(len(values))]
    worst = 0.0
    for channel in CHANNELS:
        name = editor.unreal.boards.channel_of(channel.name, "mh4")
        if name is None:
            continue
        shown = np.zeros(len(values))
        for section in editor.sections(path):
            if keys := editor.keys(section, name):
                at, to = zip(*keys, strict=True)
                shown += np.interp(ticks, at, to)
        worst = max(worst, float(np.abs(shown - values[:, channel.index]).max()))
    return worst


if __name__ == "__main__":
    main()
