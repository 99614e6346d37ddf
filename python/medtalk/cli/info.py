"""The command `info`: what is in a rig file or a sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from medtalk.cli.options import AsJson, Debug
from medtalk.cli.printing import human


def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="Rig file or sound.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what is in a rig file or a sound."""
    from medtalk.rig import RIG_ENDINGS

    is_rig = file.name.lower().endswith(tuple(RIG_ENDINGS))
    facts = _rig_facts(file) if is_rig else _sound_facts(file)
    if as_json:
        print(json.dumps(facts))
        return
    for name, value in facts.items():
        print(f"{name:>16}: {human(value)}")


def _rig_facts(file: Path) -> dict[str, Any]:
    import numpy as np

    from medtalk.rig import read_rig
    from medtalk.rig.channels import CHANNEL_NAMES
    from medtalk.rig.formats import keeps_heard

    rig = read_rig(file)
    spread = np.ptp(rig.values, axis=0) if len(rig) else np.zeros(len(CHANNEL_NAMES))
    most = [CHANNEL_NAMES[index] for index in np.argsort(-spread)[:8] if spread[index] > 0.0]
    spans = rig.meta.get("timeline")
    return {
        "file": str(file),
        "seconds": rig.seconds,
        "frames": len(rig),
        "fps": rig.fps,
        "moving_channels": int((spread > 0.0).sum()),
        "most_moving": most,
        "lowest": float(rig.values.min(initial=0.0)),
        "highest": float(rig.values.max(initial=0.0)),
        "head_turns": rig.head is not None,
        "decodes": keeps_heard(file),
        "spans": len(spans) if isinstance(spans, list) else 0,
        "meta": dict(rig.meta),
    }


def _sound_facts(file: Path) -> dict[str, Any]:
    from medtalk.audio import read_speech

    speech = read_speech(file)
    return {
        "file": str(file),
        "seconds": speech.seconds,
        "rig_frames": speech.frames,
        "rate": speech.source_rate,
        "channels": speech.source_channels,
        "peak": float(abs(speech.samples).max()),
        "sha256": speech.sha256,
    }
