"""What hears emotions in voices: the fit ignores what differs between people, and ends up in a bundle."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

import medtalk
from medtalk.bundle import README, VOICE_GRAPH, load_bundle
from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk_train.cli import app
from medtalk_train.settings import EmotionOptions
from medtalk_train.synthetic.emotions import (
    KINDS,
    METRICS,
    Clip,
    Set,
    clips,
    fit,
    graph_bytes,
    judge,
    sound,
    temperature,
)
from medtalk_train.synthetic.export import add_voice

WIDTH = 32
OPTIONS = EmotionOptions()
ACTORS = ("03", "08", "09", "10", "11", "13")


@pytest.fixture(scope="module")
def data() -> Set:
    """States in which each kind lies in a direction of its own, and in which people differ far more in one other."""
    rng = np.random.default_rng(3)
    kinds = sorted(KINDS.values())
    made, states = [], []
    people = {actor: 4.0 * rng.standard_normal() for actor in ACTORS}

    def add(clip: Clip, person: float) -> None:
        state = rng.standard_normal(WIDTH) * 0.5
        state[kinds.index(clip.kind)] += 2.0
        state[10] += person
        state[11] += 3.0 * bool(clip.corpus) + clip.copy  # the room
        made.append(clip)
        states.append(state)

    for actor in ACTORS:
        for kind in kinds:
            for copy in (0, 1, 0, 1, 0, 1):
                add(Clip(Path("a"), "", kind, actor, copy), people[actor])
    for corpus in ("librispeech", "intents"):
        for _ in range(60):
            add(Clip(Path("b"), corpus, "neutral"), 4.0 * rng.standard_normal())
    return Set(made, np.array(states, np.float32))


def test_what_differs_between_people_says_nothing(data: Set) -> None:
    found = fit(data, OPTIONS)
    said = np.abs(found.kinds).max(axis=1)
    assert said[10] < 0.1 * said[:7].min() and np.abs(found.arousal[10]) < 0.1 * np.abs(found.arousal[:7]).max()


def test_figures_are_of_people_who_were_left_out(data: Set) -> None:
    figures = judge(data, OPTIONS, temperature(data, OPTIONS))
    assert figures["an actor left out: recall"] > 0.8 > figures["an actor left out: chance"]
    assert figures["a sex left out, other rooms: recall"] > 0.8
    assert figures["plain speech of intents, left out: neutral"] > 0.8
    shuffled = Set([Clip(Path("a"), c, "neutral") for c in data.corpus], data.values)
    shuffled.acted, shuffled.actor, shuffled.copy = data.acted, data.actor, data.copy
    shuffled.kind = np.where(data.acted, np.random.default_rng(1).permutation(data.kind), data.kind)
    assert judge(shuffled, OPTIONS, 1.0)["an actor left out: recall"] < 0.35, "labels that mean nothing"


def test_arousal_is_in_order(data: Set) -> None:
    found = fit(data, OPTIONS)
    mean = {
        kind: float((data.values[data.acted & (data.kind == number)] @ found.arousal + found.rest).mean())
        for number, kind in enumerate(data.kinds)
    }
    assert mean["sad"] < mean["neutral"] < mean["fear"] < mean["angry"] and mean["angry"] == pytest.approx(1.0, abs=0.1)


def test_clips_are_found_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds 0 recordings with names of emodb"):
        clips(tmp_path, tmp_path, 1)
    for actor in ("03", "08", "09"):
        for text in ("01", "02"):
            for letter in KINDS:
                (tmp_path / f"{actor}a{text}{letter}a.ogg").touch()
    with pytest.raises(TrainingError, match="holds 0 recordings of plain speech"):
        clips(tmp_path, tmp_path, 1)
    # plain speech beside it
    (tmp_path / "intents").mkdir()
    for number in range(40):
        (tmp_path / "intents" / f"{number}.wav").touch()
    found = clips(tmp_path, tmp_path, 1)
    assert len(found) == 40 + 2 * 42 and {clip.kind for clip in found if not clip.corpus} == set(KINDS.values())


def test_a_copy_is_another_room_and_the_same_each_time(sound_file: Path) -> None:
    first, again, other = (sound(Clip(sound_file, "", "sad", "03", copy), 1) for copy in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or np.abs(first - other).max() > 1e-3


@pytest.fixture
def sound_file(sound: Path) -> Path:
    return sound


def test_it_goes_into_a_bundle(data: Set, own_bundle: Path, tmp_path: Path, sound_file: Path) -> None:
    with pytest.raises(TrainingError, match="holds nothing that hears emotions"):
        add_voice(load_bundle(own_bundle), tmp_path / "empty")
    warmth = temperature(data, OPTIONS)
    folder = tmp_path / "voice"
    folder.mkdir()
    (folder / VOICE_GRAPH).write_bytes(graph_bytes(data, fit(data, OPTIONS), warmth))
    about: dict[str, Any] = {"options": {"seed": 1, **asdict(OPTIONS)}, "metrics": judge(data, OPTIONS, warmth)}
    (folder / METRICS).write_text(json.dumps(about))
    _without_states(own_bundle)
    bundle = add_voice(add_voice(load_bundle(own_bundle), folder), folder)
    card = (own_bundle / README).read_text("utf-8")
    assert card.count("## Emotions in voices") == 1 and "| acted | angry | disgust |" in card and bundle.hears_emotion
    outputs = onnx.load_model_from_string(bundle.read("listen.onnx")).graph.output
    assert [output.name for output in outputs] == ["features", "logits", "states"]
    felt = medtalk.load(own_bundle, offline=True).perform(sound_file).felt
    assert tuple(felt.weights) == LABELS and felt.weights["surprised"] == 0.0 and felt.heard_by == "tiny"


def _without_states(folder: Path) -> None:
    """Make the bundle one of before, whose ear keeps its states to itself."""
    from medtalk.bundle import write_bundle

    bundle = load_bundle(folder)
    files: dict[str, bytes | Path] = {name: bundle.read(name) for name in bundle.manifest["files"]}
    model = onnx.load_model_from_string(bundle.read("listen.onnx"))
    del model.graph.output[2]
    files |= {"listen.onnx": model.SerializeToString(), README: (folder / README).read_bytes()}
    write_bundle(folder, bundle.manifest, files)


def test_the_command_needs_recordings(own_bundle: Path, tmp_path: Path) -> None:
    words = ["voice", "-o", str(tmp_path / "v"), "--bundle", str(own_bundle)]
    with pytest.raises(TrainingError, match="Give --emotional and --people"):
        CliRunner().invoke(app, words, catch_exceptions=False)
