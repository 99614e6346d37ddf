"""What a 10 s take costs in Unreal: calls of `unreal` for each key writer, keys after key reduction and their error.

    python benchmarks/unreal_calls.py [--bundle DIR] [--sound FILE] [--seconds N]

There is no Unreal here: the calls are counted, and the time is taken, in the stand-in editor of the tests. Keys and
errors are those of a real editor, and so are the calls (of functions: to make a FrameNumber counts as none). The time
is not: it is that of the plugin's Python and of the stand-in, and tells whether a change made the plugin slower, not
how the writers compare. In a real editor the plugin's self-test takes the time (question `speed`, docs/unreal.md).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.audio import Speech, read_speech
from medtalk.rates import RATE
from medtalk.rig.channels import CHANNELS

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fake_unreal.editor import Editor, stand_in

WRITERS = {"channels": ("channels", False), "arrays": ("arrays", False), "arrays, linear keys": ("arrays", True)}
"""Writer, and whether the editor is set to make new keys linear: if not, what arrays have keyed must be made so."""
TOLERANCES = (0.0, 0.0005, 0.002, 0.01)
DEFAULT = 0.002
SLACK = 1e-6  # keys hold float32


class Cost(NamedTuple):
    """Of a take that is written: `first` into a new sequence, `again` over itself; (calls, seconds) each."""

    keys: int
    error: float
    first: tuple[int, float]
    again: tuple[int, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None)
    parser.add_argument(
        "--sound", type=Path, default=Path("assets/audio/sample.wav"), help="repeated as long as it takes"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of the take")
    parser.add_argument("--emotion", default="angry")
    parser.add_argument("--runs", type=int, default=3)
    settings = parser.parse_args()
    samples = np.resize(read_speech(settings.sound).samples, round(settings.seconds * RATE))
    model = medtalk.load(settings.bundle, threads=1)
    rig = model.perform(Speech.from_array(samples, RATE)).decode(settings.emotion)
    values = np.ascontiguousarray(rig.values, np.float32)

    table = Table(
        "writer", "tolerance", "keys", "largest error", "calls", "calls again", "ms", "ms again",
        title=f"{settings.seconds:g} s of speech, {len(values)} frames, on a board of Unreal 5.6",
        caption="ms: in the stand-in editor, not in Unreal; median (least-most). again: the take replaces itself.",
    )  # fmt: skip
    most_calls: list[tuple[str, int]] = []
    with stand_in() as unreal, tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "line.wav"
        soundfile.write(sound, samples, RATE)
        for title, (writer, linear) in WRITERS.items():
            for tolerance in TOLERANCES:
                runs = []
                for run in range(settings.runs):
                    editor = Editor(unreal, Path(folder) / f"{title}{tolerance}-{run}")
                    editor.state.linear_keys = linear
                    try:
                        runs.append(_cost(editor, values, rig.fps, sound, writer, tolerance))
                        if tolerance == DEFAULT and run == 0:
                            most_calls += [(f"{title}: {name}", count) for name, count in editor.calls.most_common(4)]
                    finally:
                        editor.shut_down()
                cost = runs[0]
                if cost.error > tolerance + SLACK:
                    raise SystemExit(f"{title}: the error {cost.error:g} is beyond the tolerance {tolerance:g}.")
                table.add_row(
                    title, f"{tolerance:g}" + (" (default)" if tolerance == DEFAULT else ""), f"{cost.keys}",
                    f"{cost.error:.6f}", f"{cost.first[0]}", f"{cost.again[0]}",
                    _spread([one.first[1] for one in runs]), _spread([one.again[1] for one in runs]),
                )  # fmt: skip
            table.add_section()
    often = Table("what is called most, with the default tolerance, in both writings", "calls")
    for name, count in most_calls:
        often.add_row(name, f"{count}")
    console = Console(width=120)
    console.print(table)
    console.print(often)


def _cost(editor: Editor, values: np.ndarray, fps: float, sound: Path, writer: str, tolerance: float) -> Cost:
    from medtalk_unreal.take import Take, Target, write_take

    actor = editor.add_metahuman("mh4").get_path_name()
    take = Take("line", values.data, fps, editor.add_sound(sound).get_path_name())
    target = Target(actor=actor, tolerance=tolerance, writer=writer)
    costs, report = [], None
    for _ in range(2):
        before, start = sum(editor.calls.values()), time.perf_counter()
        with editor.plugin_code():
            report = write_take(take, target)
        costs.append((sum(editor.calls.values()) - before, time.perf_counter() - start))
    assert report is not None
    return Cost(report.keys, _error(editor, report.sequence, values, fps), *costs)


def _error(editor: Editor, path: str, values: np.ndarray, fps: float) -> float:
    """How far the keys are off at any frame, on any control that the board has."""
    (section,) = editor.sections(path)
    sequence: Any = editor.asset(path)
    ticks = [round(frame * sequence._tick / fps) for frame in range(len(values))]
    worst = 0.0
    for channel in CHANNELS:
        name = editor.unreal.boards.channel_of(channel.name, "mh4")
        if name is not None:
            worst = max(worst, float(np.abs(editor.values_at(section, name, ticks) - values[:, channel.index]).max()))
    return worst


def _spread(seconds: list[float]) -> str:
    """Milliseconds: median, least and most."""
    median, least, most = (1000 * figure(seconds) for figure in (np.median, min, max))
    return f"{median:.0f} ({least:.0f}-{most:.0f})"


if __name__ == "__main__":
    main()
