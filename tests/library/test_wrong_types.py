"""Arguments of wrong types, mixed up or forgotten, end in a MedtalkError with one line, as all that is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.audio import Speech, read_speech
from medtalk.errors import MedtalkError
from medtalk.finishing import Finishing
from medtalk.rig import RigSequence, from_arkit, read_rig, to_arkit, write_rig
from tests.helpers.sounds import babble

CALLS = """
at.model.perform(None)
at.model.perform(5)
at.model.perform(at.speech, 5)
at.model.perform(at.sound, channel='a')
at.model.perform(at.sound, channel=1.5)
at.model.perform(at.sound, limits=None)
at.model.perform(at.speech, language=5)
at.model.perform(at.speech, emotion2vec='x')
at.model.perform_all(None)
at.model.perform_all(5)
at.model.perform_all('a.wav')
at.model.perform_all([None])
at.model.perform_all([at.speech], 5)
at.performance.decode({1: 1.0})
at.performance.decode(None)
at.performance.decode(5)
at.performance.decode({'happy': 'x'})
at.performance.decode({'happy': None})
at.performance.decode(intensity='x')
at.performance.decode(intensity=None)
at.performance.decode(finishing=None)
at.performance.decode(finishing='x')
at.performance.decode(region=3)
Finishing(blink='no')
Finishing(smooth=None)
medtalk.AudioLimits('x')
medtalk.AudioLimits(max_seconds=-1)
medtalk.AudioLimits(max_bytes=1.5)
at.performance.decode(region=[])
at.performance.decode(region=None)
at.performance.with_transcript(5)
at.performance.with_transcript(None)
at.performance.with_intensity('x')
at.performance.with_intensity(None)
at.model.guide(text=5)
at.model.guide(image=5)
at.model.guide(text='sad', features='x')
medtalk.load(bundle=3)
medtalk.load(engine=3)
medtalk.load(engine=[])
medtalk.load(device=None)
medtalk.load(threads='x')
medtalk.load(threads=1.5)
medtalk.load(backbones=5)
medtalk.load(backbones={1: 2})
medtalk.load(backbones={'clip': 5})
medtalk.load(backbones={'emotion2vec_plus': 5})
write_rig(None, at.take)
write_rig(5, at.take)
write_rig(at.rig, None)
read_rig(None)
read_rig(5)
read_rig(at.rig, 'x')
read_speech(None)
read_speech(at.sound, channel='0')
read_speech(at.sound, limits=5)
read_speech(b'x', name=5)
Speech.from_array(None, 16000)
Speech.from_array(np.zeros(16000), 'x')
Speech.from_array(np.zeros(16000), None)
Speech.from_array(np.zeros(16000), float('nan'))
Speech.from_array(np.zeros(16000), float('inf'))
Speech.from_array([[1], [1, 2]], 16000)
RigSequence(None)
RigSequence('x')
RigSequence(np.zeros((1, 174)), None)
RigSequence(np.zeros((1, 174)), 60, 5)
RigSequence(np.zeros((1, 174)), 60, {}, 5)
at.take.resample('x')
at.take.resample(None)
at.take.slice('a')
at.take.slice(None)
at.take.slice(0, 'b')
at.take.blend(None)
at.take.blend(at.take, 5)
at.take.blend(at.take, [[]])
at.take.blend(at.take, None, 'x')
RigSequence.concatenate(None)
RigSequence.concatenate([None])
RigSequence.concatenate([at.take, at.take], 'a')
from_arkit(None)
from_arkit('x')
to_arkit(None)
Finishing(smoothing=5)
Finishing(smoothing={1: 2})
Finishing(seed='x')
at.take.with_meta(a=object())
"""


@pytest.fixture(scope="module")
def at(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("types")
    soundfile.write(folder / "voice.wav", babble(0.5), 16000)
    model = medtalk.load(tiny_bundle)
    speech = read_speech(folder / "voice.wav")
    performance = model.perform(speech)
    take = performance.decode()
    write_rig(folder / "take.csv", take)
    return SimpleNamespace(
        sound=folder / "voice.wav",
        rig=folder / "take.csv",
        model=model,
        speech=speech,
        performance=performance,
        take=take,
    )


_NAMES = {"medtalk": medtalk, "np": np, "Speech": Speech, "read_speech": read_speech, "Finishing": Finishing,
          "RigSequence": RigSequence, "from_arkit": from_arkit, "read_rig": read_rig, "to_arkit": to_arkit,
          "write_rig": write_rig}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.split("\n")[1:-1])
def test_wrong_types(at: Any, call: str) -> None:
    with pytest.raises(MedtalkError) as caught:
        eval(call, {**_NAMES, "at": at})
    line = str(caught.value)
    assert line and "\n" not in line and len(line) < 250
