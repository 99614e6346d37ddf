"""The bundle that ships, live, beside the same offline: lips that close where they should, and stillness."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.finishing import Finishing
from medtalk.quality.articulation import articulation, measure
from medtalk.rig.channels import AREAS
from tests.library.live.conftest import Played

PLAIN = Finishing(life=False, blink=False, gaze=False, head=False)
MOUTH = np.concatenate([AREAS[area] for area in ("mouth", "jaw", "tongue", "teeth")])


def test_lips_on_recordings(shipped: medtalk.Model, speech_data: Path, played: Played) -> None:
    phones = json.loads((speech_data / "phones.json").read_text())
    rigs, offline = [], []
    for name, spans in phones.items():
        speech, known = medtalk.read_speech(speech_data / f"{name}.flac"), [tuple(span) for span in spans]
        rigs.append((played(shipped.live(), speech.samples), known))
        offline.append((shipped.perform(speech).decode("neutral").values, known))
    found, whole = articulation(rigs), articulation(offline)
    closure = found.seen["closure"]
    assert closure.f1 >= 0.90
    assert closure.false / found.minutes <= 6.0
    assert np.mean(list(found.auc.values())) >= np.mean(list(whole.auc.values())) - 0.03
    assert found.jitter <= 0.09  # .115 where each step shows its own guess of what comes


@pytest.mark.parametrize("what", ["silence", "noise"])
def test_where_nobody_speaks_the_mouth_is_still(shipped: medtalk.Model, played: Played, what: str) -> None:
    sound = np.zeros(64000, np.float32)
    if what == "noise":
        sound += 0.02 * np.random.default_rng(1).standard_normal(64000).astype(np.float32)
    live = shipped.live("happy", finishing=PLAIN)
    values = played(live, sound)
    assert np.ptp(values[30:, MOUTH], axis=0).max() < 0.02
    assert measure(values, "jaw").max() < 0.05
    assert not live.speaking


def test_after_a_long_silence_the_voice_is_heard_at_once(shipped: medtalk.Model, sample: Path) -> None:
    sound = medtalk.read_speech(sample).samples
    plain = shipped.live(finishing=PLAIN)
    fresh = np.concatenate([plain.push(sound).values, plain.finish().values])
    late = shipped.live(finishing=PLAIN)
    late.skip(600.0)
    values = np.concatenate([late.push(sound).values, late.finish().values])[-len(fresh) :]
    assert late.frames == 36000 + len(fresh)
    assert np.abs(values - fresh)[:, MOUTH].mean() < 0.01
