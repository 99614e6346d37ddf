"""This repository's recorded rigs as keys in an editor: generated there, exported, and compared by `medtalk verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medtalk.cli.rigs import SidecarRigs
from medtalk.recorded.recording import Recording, read_recording, write_recording
from medtalk.rig import read_rig
from medtalk.take import checked
from tests.fake_unreal import inside
from tests.helpers.sidecars import Sidecar
from tests.plugin.clicking import TOOLS, make, started
from tests.plugin.running import saved
from tests.plugin.takes import board_section, write

OURS = Path(__file__).parents[1] / "rigs"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """A sidecar with the bundle that ships, as that made the recorded rigs."""
    sidecar = Sidecar(tmp_path_factory.mktemp("shipped"), "--offline", "--device", "cpu").wait_until_ready()
    yield sidecar
    sidecar.close()


@pytest.fixture
def shot(editor: Any, shipped: Sidecar) -> Iterator[Any]:
    """An editor that has the plugin started, and uses `shipped`."""
    with started(editor, shipped):
        yield editor


def generated(editor: Any, recording: Recording) -> Any:
    """A sequence with the take of a recorded rig, as an animator generates it."""
    editor.select_actors(editor.add_metahuman("mh4"))
    sequence = editor.new_sequence(recording.rig.fps, f"/Game/Shots/LS_{recording.name}")
    wave = editor.add_sound(recording.find_sound())
    wave.set_editor_property("spoken_text", recording.settings.transcript or "")
    form = {"mixture": recording.settings.emotion, "mood_intensity": recording.settings.intensity}
    make(editor, [wave], sequence=sequence, head="Head of the face board", **form)
    return sequence


def written(editor: Any, recording: Recording, shipped: Sidecar) -> Any:
    """A sequence with the take that the sidecar makes of a recorded rig: an editor has no form for its settings, or
    rounds its sound to 16 bits."""
    actor = editor.add_metahuman("mh4")
    sequence = editor.new_sequence(recording.rig.fps, f"/Game/Shots/LS_{recording.name}")
    sound = recording.find_sound()
    with SidecarRigs(str(shipped.file), None, checked(recording.settings), None) as rigs:
        rig = rigs.make(sound, recording.settings.transcript, lambda done: None)
    write(editor, rig.values, rig.fps, sound.stem, sequence=sequence, actor=actor,
          sound=editor.add_sound(sound).get_path_name())  # fmt: skip
    return sequence


def exported(editor: Any, sequence: Any) -> Path:
    """The folder into which the plugin's menu writes the takes of a sequence."""
    editor.open(sequence)
    editor.click(TOOLS, "MEDTalk.export")
    assert editor.log.errors == [], editor.log.text
    return saved(editor) / "recorded" / inside.path(sequence).rpartition(".")[2]


@pytest.mark.parametrize("name", ["sample", "angry", "sad"])
def test_our_own_by_the_keys_of_an_editor(shot: Any, shipped: Sidecar, medtalk: Callable[..., Any], name: str) -> None:
    recording = read_recording(OURS / f"{name}.rig")
    sequence = generated(shot, recording) if name == "sample" else written(shot, recording, shipped)
    done = medtalk("verify", recording.file, "--from-unreal", exported(shot, sequence))
    assert done.code == 0 and f"{name}.rig: the same" in done.out, done.out
    assert done.err == "", "the export is found by the name of its sound"


def test_a_key_that_somebody_moved_is_named(
    shot: Any, shipped: Sidecar, medtalk: Callable[..., Any], tmp_path: Path
) -> None:
    ours = read_recording(OURS / "sample.rig")
    sequence = generated(shot, ours)
    rig = read_rig(exported(shot, sequence) / "sample.npz")
    mine = write_recording(tmp_path / "sample.rig", rig, ours.find_sound(), ours.settings)  # of this processor
    assert medtalk("verify", mine.file, "--from-unreal", exported(shot, sequence)).code == 0
    section, tick = board_section(shot, sequence), int(inside.tick_rate(sequence))  # the key after one second
    inside.set_key(section, "CTRL_C_jaw.Y", tick, shot.values_at(section, "CTRL_C_jaw.Y", [tick])[0] + 0.05)
    done = medtalk("verify", mine.file, "--from-unreal", exported(shot, sequence))
    assert done.code == 1
    assert "sample.rig: changed: C_jaw.Y moved most, 0.05 at 00:01.00; 1 control over the tolerance\n" in done.out
