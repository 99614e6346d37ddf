"""Where takes of a request go, with a real sidecar: a sequence for each sound, a Blueprint, a part of a sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fake_unreal import inside
from tests.plugin.running import tick_until
from tests.plugin.takes import board_section, on_board
from tests.plugin.test_generate import add_sounds, run

BLUEPRINT = "/Game/MetaHumans/Ada/BP_Ada"


def test_each_sound_gets_its_own_sequence_and_the_next_run_finds_it(configured: Any, tmp_path: Path) -> None:
    """Without a level, in the sounds' folder, at the rate of the form, with a camera each."""
    from medtalk_unreal.request import Request

    configured.add_blueprint()
    request = Request(
        sounds=add_sounds(configured, tmp_path, 1.0, 0.5), blueprint=BLUEPRINT, camera=True, one_each=True,
        sequence_name="{sound}_{face}", sequence_folder="{folder}/Faces", frame_rate="24", start_frame=10,
    )  # fmt: skip
    status = run(configured, request)
    assert (status.state, status.failures) == ("done", [])
    names = ["/Game/Sounds/Faces/line0_BP_Ada", "/Game/Sounds/Faces/line1_BP_Ada"]
    assert [report.sequence for report in status.reports] == names
    assert [(report.first_frame, report.last_frame) for report in status.reports] == [(10, 33), (10, 21)]
    for name in names:
        sequence = configured.asset(name)
        assert inside.display_rate(sequence) == 24 and len(sequence.get_spawnables()) == 2
        ticks = {tick for tick, _ in configured.keys(board_section(configured, sequence), "CTRL_C_jaw.Y")}
        assert all(tick % 1000 == 0 for tick in ticks), "the sidecar was asked for that rate: keys lie on frames"
    assert run(configured, request).state == "done"
    assert configured.sequences() == names and len(configured.asset(names[0]).get_bindings()) == 3
    assert configured.log.errors == []


def test_one_each_cannot_be_in_one(configured: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    sequence = configured.new_sequence(30)
    request = Request(
        sounds=add_sounds(configured, tmp_path, 1.0), actor=configured.add_metahuman().get_path_name(), one_each=True,
        sequence=sequence.get_path_name(),
    )  # fmt: skip
    with pytest.raises(PluginError, match="One for Each Sound makes new sequences"):
        generate.start(request)
    with pytest.raises(PluginError, match=r"lasts 1 s; its part begins at 0\.95 s"):
        generate.start(replace(request, one_each=False, sound_start=0.95))


def test_animations_are_named_by_the_rule(configured: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    configured.add_metahuman()
    request = Request(
        sounds=add_sounds(configured, tmp_path, 0.5), skeleton="/Game/MetaHumans/Common/Face/Face_Archetype_Skeleton",
        sequence_folder="{folder}/Faces", frame_rate="24",
    )  # fmt: skip
    with pytest.raises(PluginError, match=r"has \{face\}. Valid is \{sound\}"):
        generate.start(replace(request, sequence_name="{face}_{sound}"))
    assert [report.asset for report in run(configured, request).reports] == ["/Game/Sounds/Faces/AS_line0"]
    named = run(configured, replace(request, sequence_name="Mouth_{sound}"))
    assert [report.asset for report in named.reports] == ["/Game/Sounds/Faces/Mouth_line0"]
    assert inside.frames(configured.asset("/Game/Sounds/Faces/Mouth_line0"))[1] == 24


def test_a_part_of_a_sound_moves_as_in_the_whole(configured: Any, unreal: Any, tmp_path: Path) -> None:
    """From the selection in Sequencer: what is trimmed away is heard by the model, but not on the face."""
    from medtalk_unreal import generate, selection, settings
    from medtalk_unreal.request import Request

    (sound,) = add_sounds(configured, tmp_path, 2.0)
    actor = configured.add_metahuman()
    whole = run(
        configured, Request(sounds=(sound,), actor=actor.get_path_name(), blink=False, gaze=False, tolerance=0.0)
    )
    frames = whole.reports[0].last_frame + 1
    expected = on_board(configured, whole.reports[0].sequence, frames, 30.0)

    shot = configured.new_sequence(30)
    shot.add_possessable(configured.face_of(actor))
    section = shot.add_track(unreal.MovieSceneAudioTrack).add_section()
    section.set_sound(configured.object(sound))
    section.set_range(100, 130)
    section.set_start_offset(unreal.FrameNumber(15 * 800))
    configured.open(shot)
    configured.select_sections(section)
    with configured.plugin_code():
        request = replace(Request(blink=False, gaze=False, tolerance=0.0), **selection.from_sequencer(settings.load()))
        generate.start(request)
    tick_until(configured, lambda: generate.running() is None, "the end of the generation")
    found = on_board(configured, shot, 30, 30.0, start=100)
    np.testing.assert_allclose(found, expected[15:45], atol=2e-3)
    assert [one.is_active() for track in inside.tracks(shot) for one in inside.sections(track)] == [True, False]
