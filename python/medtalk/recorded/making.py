"""A take of a sound, by a model of this process, and its verdict as it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.quality import Report, report
from medtalk.tags import spoken
from medtalk.take import checked, guided, informed, take

if TYPE_CHECKING:
    from medtalk.audio import Speech
    from medtalk.perform import Model
    from medtalk.rig import RigSequence
    from medtalk_wire.settings import Settings

_DIGITS = 4
_MOST_FINDINGS = 20


class Maker:
    """Makes takes with one model: called with a sound, settings and the channel of the sound (None: the mix).

    `speech` is the sound of the last one.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.speech: Speech | None = None

    def __call__(self, sound: Path, settings: Settings, channel: int | None = None) -> RigSequence:
        settings = checked(settings)
        performance = self.model.perform(
            sound, spoken(settings.transcript), channel=channel, language=settings.language or None
        )
        self.speech = performance.speech
        guidance = guided(self.model, replace(settings, transcript=None))
        return take(informed(performance, settings), guidance, settings)


def judged(rig: RigSequence, speech: Speech | None) -> dict[str, Any]:
    """The verdict on a take as a recorded rig keeps it: figures by four digits, so that noise changes no line."""
    return kept(report(rig, speech))


def kept(found: Report) -> dict[str, Any]:
    """A verdict as JSON."""
    return {
        "good": found.good,
        "summary": found.summary,
        "findings": [str(finding) for finding in found.findings[:_MOST_FINDINGS]],
        "figures": {name: float(f"{value:.{_DIGITS}g}") for name, value in found.figures.items()},
    }
