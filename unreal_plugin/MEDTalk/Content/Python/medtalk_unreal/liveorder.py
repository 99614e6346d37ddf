"""What to stream, and what becomes of a recording of it. Only texts and numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from medtalk_board.moods import NEUTRAL
from medtalk_unreal.edits import asset_path
from medtalk_unreal.errors import PluginError
from medtalk_unreal.places import SEQUENCE_NAME
from medtalk_unreal.settings import PluginSettings, fitting
from medtalk_unreal.take import Target
from medtalk_wire import settings as wire

LOOK_AHEAD = (0.0, 0.5)
"""Seconds, the lowest and the highest."""
PORTS = (1, 65535)
STATUS_SECONDS = 1.0
OF_ONCE = ("actor", "sequence", "start_frame")
"""Of the fields of an order, those that belong to its target: they are not remembered."""
_LONGEST_SUBJECT = 64


@dataclass(frozen=True)
class LiveOrder:
    """`microphone` is the name of a device, "" the system's own; a `sound` (a file) is streamed in its place.

    The mood is `text`, else the label `emotion`, "" that of the persona, else neutral; these and `mood_intensity` may
    change while it streams. `persona` is the name of one that the sidecar has. `look_ahead` are the seconds of sound
    that a frame waits for: more are better lips, and later. Frames go to Live Link at `host`:`port`, as the subject
    `subject`.

    A recording becomes a take called `take_name` and a number, of `actor` (path name, "" the one that `sequence` has)
    in `sequence`, "" in a new one of `sequence_folder`. With `import_sound` its sound is imported into `sound_folder`.
    The rest is that of `take.Target`.
    """

    microphone: str = ""
    sound: str = ""
    look_ahead: float = 0.08
    emotion: str = ""
    text: str = ""
    mood_intensity: float = 1.0
    persona: str = ""
    subject: str = "MEDTalk"
    host: str = "127.0.0.1"
    port: int = 11111
    actor: str = ""
    sequence: str = ""
    start_frame: int = 0
    take_name: str = "Live"
    sequence_folder: str = "/Game/MEDTalk"
    import_sound: bool = True
    sound_folder: str = "/Game/MEDTalk/Live"
    head: str = "off"
    process_mask: str = "full"
    tolerance: float = 0.002

    @classmethod
    def remembered(cls, settings: PluginSettings) -> LiveOrder:
        """As the form was last used; what does not fit any more is the default."""
        good, _ = fitting(cls, settings.live)
        order = cls(**{name: value for name, value in good.items() if name not in OF_ONCE})
        if not Path(order.sound).is_file():
            order = replace(order, sound="")
        if order.persona not in settings.personas:
            order = replace(order, persona="")
        try:
            order.check(settings)
            order.check_target()
        except PluginError:
            return cls()
        return order

    def to_remember(self) -> dict[str, Any]:
        """What the form shows the next time."""
        return {name: value for name, value in asdict(self).items() if name not in OF_ONCE}

    def check(self, settings: PluginSettings) -> None:
        """Check what is streamed, as far as that can be done here. Raises `PluginError`."""
        low, high = LOOK_AHEAD
        if not low <= self.look_ahead <= high:
            raise PluginError(f"The look-ahead is {self.look_ahead:g} s; valid are {low:g} to {high:g} s.")
        if not PORTS[0] <= self.port <= PORTS[1]:
            raise PluginError(f"The port is {self.port}; valid are {PORTS[0]} to {PORTS[1]}.", "Live Link has 11111.")
        self.check_guidance()
        if not 0 < len(self.subject) <= _LONGEST_SUBJECT or not self.subject.isprintable():
            raise PluginError(
                f"The subject is {self.subject[:40]!r}; it must be a name of 1 to {_LONGEST_SUBJECT} characters.",
                "MEDTalk is the usual one.",
            )
        named = self.host and not any(letter.isspace() or letter in ":/" for letter in self.host)
        if not (named or _is_ipv6(self.host)):
            raise PluginError(
                f"The host is {self.host[:40]!r}; it must be the name or address of a machine.",
                "127.0.0.1 is this one. The port has a row of its own.",
            )
        if self.persona and self.persona not in settings.personas:
            known = ", ".join(settings.personas) or "none yet: choose Test Connection first"
            raise PluginError(f"There is no persona called {self.persona[:60]!r}.", f"There are {known}.")
        if self.sound and not Path(self.sound).is_file():
            raise PluginError(f"The sound file {self.sound} is not there.", "Choose another, or clear the row.")

    def check_guidance(self) -> None:
        """Raise `PluginError` for a mood that cannot be shown."""
        if not 0 <= self.mood_intensity <= wire.MAX_INTENSITY:
            raise PluginError(f"Mood intensity is {self.mood_intensity:g}; valid are 0 to {wire.MAX_INTENSITY:g}.")
        if len(self.text) > wire.MAX_TEXT:
            raise PluginError(f"The text has {len(self.text)} characters; at most {wire.MAX_TEXT} are read.", "Cut it.")

    def check_target(self) -> None:
        """Check what becomes of a recording, as far as that can be done without the editor. Raises `PluginError`."""
        self.target()
        asset_path(self.sequence_folder)
        if self.import_sound:
            asset_path(self.sound_folder)

    def led(self, settings: PluginSettings) -> LiveOrder:
        """This order with a mood in every case: what it leaves to the persona is the persona's, else neutral."""
        of_persona = settings.personas.get(self.persona) or {}
        mood, strength = of_persona.get("emotion") or NEUTRAL, of_persona.get("intensity")
        if isinstance(mood, dict):
            mood = ",".join(f"{label}:{weight:g}" for label, weight in mood.items())
        if self.mood_intensity != 1.0 or not isinstance(strength, (int, float)):
            strength = self.mood_intensity
        return replace(self, emotion=self.emotion or str(mood), mood_intensity=float(strength))

    @property
    def guidance(self) -> dict[str, Any]:
        """The mood of an order that is `led`, as `medtalk live --steer` takes it."""
        mood = {"text": self.text} if self.text else {"emotion": self.emotion}
        return {**mood, "intensity": self.mood_intensity}

    def words(self, settings: PluginSettings) -> list[str]:
        """The command that streams an order that is `led`, for the Python of MEDTalk."""
        if self.sound:
            source = [Path(self.sound).as_posix()]
        else:
            source = ["--microphone", *(["--device", self.microphone] if self.microphone else [])]
        host = f"[{self.host}]" if _is_ipv6(self.host) else self.host
        words = ["-m", "medtalk", "live", *source, "--to", f"{host}:{self.port}", "--subject", self.subject,
                 "--look-ahead", f"{self.look_ahead:g}", "--intensity", f"{self.mood_intensity:g}",
                 "--steer", "--bound", "--status", f"{STATUS_SECONDS:g}"]  # fmt: skip
        words += ["--text", self.text] if self.text else ["--emotion", self.emotion]
        for option, value in (("--persona", self.persona), ("--bundle", settings.bundle)):
            if value:
                words += [option, value]
        return words

    def target(self) -> Target:
        """Where the keys of a recording go."""
        return Target(
            sequence=self.sequence or None, sequence_folder=self.sequence_folder, sequence_name=SEQUENCE_NAME,
            actor=self.actor or None, start_frame=self.start_frame, head=self.head, process_mask=self.process_mask,
            tolerance=self.tolerance,
        )  # fmt: skip


def _is_ipv6(host: str) -> bool:
    try:
        return bool(IPv6Address(host))
    except ValueError:
        return False


def devices_in(line: str) -> list[str]:
    """The names of the microphones that `medtalk live --devices --json` has printed, the system's own first.

    Raises `PluginError` for anything else.
    """
    try:
        rows: Sequence[Any] = json.loads(line)
        rows = sorted(rows, key=lambda row: not (row.get("usual") or row.get("default")))
        names = [str(row["name"]) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PluginError("The list of microphones cannot be read.", "Update MEDTalk: choose Set Up.") from error
    return list(dict.fromkeys(names))


def number(value: Any) -> float:
    """A number of a status; NaN for anything else."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if usable else math.nan
