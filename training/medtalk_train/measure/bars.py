"""The bars that a bundle's figures must reach before it ships, so that wrong lips do not pass the tests again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medtalk_train.measure.evaluate import SNR_DB, WITH


@dataclass(frozen=True)
class Bar:
    """A figure of `evaluate`, by name, and the range in which it must lie, ends included."""

    name: str
    low: float = float("-inf")
    high: float = float("inf")

    def fault(self, figures: Mapping[str, float]) -> str | None:
        """The problem in a line, or None. A figure that is missing, or not a number, is a problem."""
        value = figures.get(self.name)
        if value is None:
            return f"{self.name} is missing"
        if self.low <= value <= self.high:
            return None
        short = not value > self.high
        return f"{self.name} is {value:.3g}, but must be {'at least' if short else 'at most'} " + (
            f"{self.low if short else self.high:g}"
        )


MOUTH = (
    Bar("closure F1", low=0.85),
    Bar("closure recall", low=0.80),
    Bar("closure precision", low=0.85),
    Bar("closure false/min", high=6.0),
    Bar("closure lag, frames", -2.0, 2.0),
    Bar("bite F1", low=0.80),
    Bar("bite false/min", high=5.0),
    Bar("rounding F1", low=0.72),
    Bar("open vowels shut", high=0.11),
    Bar("AUC mean", low=0.91),
    Bar("MLE / still mouth, phones known", high=0.65),
    Bar("lips / phones known", 0.5, 1.5),
    Bar("jitter", high=0.12),
)
"""Of any mouth on recordings, see `evaluate.mouth`."""
TRANSCRIPT = tuple(
    Bar(name + WITH, low, high)
    for name, low, high in (
        ("closure F1", 0.92, 1.0),
        ("closure precision", 0.92, 1.0),
        ("closure false/min", 0.0, 4.0),
        ("bite F1", 0.88, 1.0),
        ("bite false/min", 0.0, 4.0),
        ("rounding F1", 0.80, 1.0),
        ("open vowels shut", 0.0, 0.10),
        ("AUC mean", 0.925, 1.0),
    )
)
EMOTION = (Bar("closure F1 lost to emotion", high=0.05),)
NOISE = (Bar(f"jaw sd, noise {SNR_DB:.0f} dB / clean", low=0.6),)
REST = (Bar("jaw p95, nobody speaks", high=0.08), Bar("jaw p95, breaths", high=0.20))
BARS: dict[str, tuple[Bar, ...]] = {
    "mouth": MOUTH, "transcript": TRANSCRIPT, "emotion": EMOTION, "noise": NOISE, "rest": REST,
}  # fmt: skip
"""The bars by what they judge.

Each is what the project has set itself, with a margin for recordings that are short: one false closure is 2 a minute.
"""


def faults(figures: Mapping[str, float], bars: Iterable[Bar]) -> list[str]:
    """A line for each bar that the figures miss; none if they may ship."""
    return [fault for bar in bars if (fault := bar.fault(figures)) is not None]
