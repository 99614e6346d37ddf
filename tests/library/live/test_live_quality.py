"""The bundle that ships, live, beside the same offline: lips that close where they should, and stillness."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.audio import Speech
from medtalk.finishing import Finishing
from medtalk.quality.articulation import articulation, measure
from medtalk.rig.channels import AREAS, indices
from tests.library.live.conftest import Played

PLAIN = Finishing(life=False, blink=False, gaze=False, head=False)
FELT = {"happy": indices("[LR]_mouth_corner[P]*"), "angry": indices("[LR]_brow_down")}
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
    assert found.jitter <= 0.10  # .094; more where each step shows its own guess of what comes


@pytest.mark.parametrize("what", ["silence", "noise"])
def test_where_nobody_speaks_the_mouth_is_still(shipped: medtalk.Model, played: Played, what: str) -> None:
    sound = np.zeros(64000, np.float32)
    if what == "noise":
        sound += 0.02 * np.random.default_rng(1).standard_normal(64000).astype(np.float32)
    live = shipped.live("happy", finishing=PLAIN)
    values = played(live, sound)
    for still in (slice(30, 88), slice(185, None)):  # between them the mood sinks
        assert np.ptp(values[still, MOUTH], axis=0).max() < 0.02
    assert np.abs(np.diff(values[30:, MOUTH], axis=0)).max() < 0.01
    assert measure(values, "jaw").max() < 0.05
    assert not live.speaking


@pytest.mark.parametrize("mood", ["happy", "angry"])
def test_a_long_silence_lets_the_mood_sink_as_offline_does(
    shipped: medtalk.Model, sample: Path, played: Played, mood: str
) -> None:
    speech = medtalk.read_speech(sample).samples[:40000]
    sound = np.concatenate([speech, np.zeros(8 * 16000, np.float32), speech])
    steps = Finishing(blink=False, gaze=False, head=False)
    shown = np.abs(played(shipped.live(mood, finishing=steps), sound)[:, FELT[mood]])
    lasting = float(shown[190:235].mean())  # .7 to 1.4 s into the silence: a pause
    sunken = float(shown[450:600].mean())
    offline = shipped.perform(Speech.from_array(sound, 16000)).decode(mood, finishing=steps)
    assert sunken < 0.6 * lasting
    assert sunken == pytest.approx(float(np.abs(offline.values[450:600, FELT[mood]]).mean()), rel=0.5)
    moved = np.abs(np.diff(shown, axis=0)).max(axis=1)
    assert moved[235:600].max() < 0.02
    assert moved[600:690].max() < 0.2 * (lasting - sunken)
    assert shown[660:740].mean() > 0.8 * shown[40:145].mean()


def test_after_a_long_silence_the_voice_is_heard_at_once(shipped: medtalk.Model, sample: Path) -> None:
    sound = medtalk.read_speech(sample).samples
    plain = shipped.live(finishing=PLAIN)
    fresh = np.concatenate([plain.push(sound).values, plain.finish().values])
    late = shipped.live(finishing=PLAIN)
    late.skip(600.0)
    values = np.concatenate([late.push(sound).values, late.finish().values])[-len(fresh) :]
    assert late.frames == 36000 + len(fresh)
    assert np.abs(values - fresh)[:, MOUTH].mean() < 0.01
