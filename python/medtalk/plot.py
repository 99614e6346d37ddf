"""A picture of a rig's main curves under the sound that they belong to (needs the extra `report`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import MissingExtraError
from medtalk.files import write_atomic
from medtalk.rig.channels import indices

if TYPE_CHECKING:
    from medtalk.audio import Speech
    from medtalk.rig import RigSequence

PANELS = {
    "mouth": {
        "jaw opens": ("C_jaw.Y",),
        "lips close": ("?_mouth_lipsTogether?", "?_mouth_lipsPressU"),
        "lips round": ("?_mouth_purse?", "?_mouth_funnel?", "?_mouth_towards?"),
        "lower lip bitten": ("?_mouth_lipBiteD",),
    },
    "mood of the mouth": {
        "corners pull (smile)": ("?_mouth_cornerPull",),
        "corners fall": ("?_mouth_cornerDepress",),
        "lips stretch": ("?_mouth_stretch",),
    },
    "brows and nose": {
        "brows down": ("?_brow_down",),
        "brows in and up": ("?_brow_raiseIn",),
        "brows out and up": ("?_brow_raiseOut",),
        "nose wrinkles": ("?_nose_wrinkleUpper",),
    },
    "eyes": {
        "blink (down: wide)": ("?_eye_blink",),
        "squint": ("?_eye_squintInner",),
        "cheeks raise": ("?_eye_cheekRaise",),
    },
}
"""Each panel's curves: the mean of the channels that the patterns name."""


def draw(rig: RigSequence, speech: Speech, path: str | Path) -> None:
    """Write a PNG with the waveform of `speech` above panels of the main curves of `rig`."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingExtraError("Drawing needs matplotlib.", "Run pip install 'medtalk[report]'.") from None

    figure = Figure(figsize=(12, 10), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(PANELS) + 1, 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": [0.7] + [1.0] * len(PANELS)}
    )[:, 0]
    low, high, seconds = _envelope(speech)
    axes[0].fill_between(seconds, low, high, color="0.35", linewidth=0)
    axes[0].set_ylabel("sound")
    axes[0].set_yticks([])
    for axis, (title, curves) in zip(axes[1:], PANELS.items(), strict=True):
        for name, patterns in curves.items():
            axis.plot(rig.times, rig.values[:, indices(*patterns)].mean(axis=1), label=name, linewidth=1.2)
        axis.set_ylabel(title)
        bottom, top = axis.get_ylim()
        axis.set_ylim(min(bottom, -0.05), max(top, 0.5))  # a face at rest shall look like one
        axis.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("seconds")
    axes[-1].set_xlim(0.0, max(speech.seconds, rig.seconds))
    emotion = " + ".join(f"{label} {weight:.0%}" for label, weight in rig.meta.get("emotion", {}).items())
    figure.suptitle(f"{speech.name}: {len(rig)} frames at {rig.fps:g} fps{f', {emotion}' if emotion else ''}")
    write_atomic(path, lambda temporary: figure.savefig(temporary, format="png", dpi=110))


def _envelope(speech: Speech, columns: int = 1200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest and highest sample, and the time in seconds, of each column of the picture."""
    edges = np.linspace(0, len(speech.samples), min(columns, len(speech.samples)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(speech.samples, edges), np.maximum.reduceat(speech.samples, edges)
    return low, high, edges / len(speech.samples) * speech.seconds
