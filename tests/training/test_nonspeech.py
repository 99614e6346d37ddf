from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medtalk.rig.channels import INDEX
from medtalk_train.measure.nonspeech import in_noise, rest, rest_of, sounds

MEANS = {
    "silence": 0.0, "room": 0.0008, "white30": 0.023974, "white12": 0.199724, "rumble": 0.01755, "hum": 0.146552,
    "music": 0.089219, "breaths": 0.007921, "clicks": 0.000333,
}  # fmt: skip
JAW = INDEX["CTRL_C_jaw-translateY"]


def test_the_same_sounds_as_the_tool(shared: Path, tmp_path: Path) -> None:
    import soundfile

    subprocess.run([sys.executable, shared.parent / "tools" / "nonspeech.py", tmp_path], check=True)
    made = sounds()
    assert {path.stem for path in tmp_path.iterdir()} == set(made)
    for name, sound in made.items():
        theirs, rate = soundfile.read(tmp_path / f"{name}.wav")
        assert rate == 16000
        np.testing.assert_allclose(sound, theirs, atol=1 / 32768 + 1e-6)


def test_the_sounds_are_what_they_say() -> None:
    made = sounds()
    assert len(made) == 9 and all(s.shape == (96000,) and s.dtype == np.float32 for s in made.values())
    level = {name: 20 * np.log10(np.sqrt(np.mean(sound**2)) + 1e-9) for name, sound in made.items()}
    assert level["silence"] < -150 and level["room"] == pytest.approx(-60, abs=0.5)
    assert level["white30"] == pytest.approx(-30.5, abs=0.5) and level["white12"] == pytest.approx(-12, abs=0.5)
    means = {name: float(np.abs(sound).mean()) for name, sound in made.items()}
    assert means == pytest.approx(MEANS, abs=2e-6), "figures of other days stay comparable"
    assert not made["breaths"][:15000].any() and np.abs(made["breaths"][20000:22000]).max() > 0.1


def test_in_noise() -> None:
    tone = 0.3 * np.sin(np.arange(32000) * 0.3)
    noise = in_noise(tone, 10.0) - tone
    assert 10 * np.log10(np.mean(tone**2) / np.mean(noise**2)) == pytest.approx(10.0, abs=0.1)
    assert not np.array_equal(in_noise(tone, seed=1), in_noise(tone, seed=2))
    assert not in_noise(np.zeros(10)).any() and in_noise(np.zeros(0)).shape == (0,)


def test_rest_by_hand() -> None:
    """The jaw opens by .5 in a tenth of the frames of white12, and stands at .1 in breaths."""

    def show(sound: np.ndarray) -> np.ndarray:
        rig = np.zeros((360, 174), np.float32)
        if np.array_equal(sound, made["white12"]):
            rig[:36, JAW] = 0.5
        elif np.array_equal(sound, made["breaths"]):
            rig[:, JAW] = 0.1
        return rig

    made = sounds()
    found = rest(show)
    assert found["jaw p95, white12"] == found["jaw p95, nobody speaks"] == 0.5
    assert found["jaw p95, breaths"] == pytest.approx(0.1) and found["jaw p95, music"] == 0.0
    assert "jaw p95, nobody speaks" not in rest_of({"breaths": show(made["breaths"])})
