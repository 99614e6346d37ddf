"""The plugin RigMapper, as far as it imports a CSV file into a section (docs 5.7).

What the page does not say is the engine's behaviour, read of a public copy: frames are those of the display rate;
`CONTROL.tx` is the channel `CONTROL.X` or `CONTROL.Location.X`; a channel that the file names loses all its keys; new
keys are cubic; without a valid definition nothing is imported, and a definition passes on the outputs that it names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .enums import MovieSceneKeyInterpolation
from .objects import EditorSubsystem, Object

HEADER = "curve_name, frame_number, value"


class RigMapperDefinition(Object):
    """Which output is made of which input."""

    def validate(self) -> bool:
        inputs = {str(one) for one in self._values.get("inputs") or ()}
        outputs = self._values.get("outputs") or {}
        return all(str(source) in inputs for source in outputs.values())


class RigMapperEditorSubsystem(EditorSubsystem):
    @staticmethod
    def convert_csv_to_control_rig_section(input_file: Any, target: Any, definitions: Any) -> bool:
        path = Path(input_file._values["file_path"])
        chosen = list(definitions)
        if not path.is_file() or not chosen or not all(one.validate() for one in chosen):
            return False
        rows = [line.replace(" ", "").split(",") for line in path.read_text("utf-8").splitlines()[1:]]
        found: dict[str, dict[int, float]] = {}
        for name, frame, value in (row for row in rows if len(row) == 3):
            found.setdefault(name, {})[int(frame)] = float(value)
        for definition in chosen:
            outputs = definition._values.get("outputs") or {}
            found = {str(name): found[str(source)] for name, source in outputs.items() if str(source) in found}
        if not found:
            return False
        target._touch()
        sequence = target._sequence()
        for name, values in found.items():
            data = target._channels.get(_channel(name, target._channels))
            if data is None:
                continue
            data.keys.clear()
            for frame, value in sorted(values.items()):
                tick = int(frame * sequence._tick / sequence._display)
                data.add(tick, value, MovieSceneKeyInterpolation.AUTO)
        return True


def _channel(curve: str, there: Any) -> str:
    """The channel of a curve, "" for none."""
    control, _, part = curve.partition(".")
    axis = part[-1:].upper()
    kinds = {"t": "Location", "r": "Rotation", "s": "Scale"}
    names = (control, f"{control}.{axis}", f"{control}.{kinds.get(part[:1], '')}.{axis}")
    return next((name for name in names if name in there), "")
