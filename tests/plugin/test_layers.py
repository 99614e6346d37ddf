"""The emotion as a layer: the two sections together are the take, and the Weight of one is the intensity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig.channels import CHANNELS, INDEX, MAXIMUM, MINIMUM, N_CHANNELS
from tests.fake_unreal import inside
from tests.helpers.sidecars import Sidecar
from tests.plugin.clicking import asked, make
from tests.plugin.takes import KEYED, as_take, moving, state_of, write
from tests.plugin.test_marks import mark

FRAMES = 30
JAW, BROW = "CTRL_C_jaw.Y", "CTRL_L_brow_down"
STILL = INDEX["CTRL_L_ear_up-translateY"]


@pytest.fixture
def shot(editor: Any) -> tuple[Any, Any, Any]:
    """An editor, a sequence at 60 frames a second and a MetaHuman."""
    return editor, editor.new_sequence(60), editor.add_metahuman()


def rigs() -> tuple[np.ndarray, np.ndarray]:
    """A face without emotion, and with one: some of it beyond the limits of the board, one channel not moved by it."""
    base = moving(FRAMES)
    whole = base + 0.6 * (moving(FRAMES, seed=1) - 0.3)
    whole[:, STILL] = base[:, STILL]
    return base, whole.astype(np.float32)


def layered(shot: Any, base: np.ndarray, whole: np.ndarray, **target: Any) -> Any:
    """The report of a take whose emotion is a layer."""
    from medtalk_unreal.take import Target, write_take

    editor, sequence, actor = shot
    take = replace(as_take(whole), base=np.ascontiguousarray(base, np.float32).data)
    where = {"sequence": sequence.get_path_name(), "actor": actor.get_path_name(), "layers": "emotion"}
    with editor.plugin_code():
        return write_take(take, Target(**{**where, "tolerance": 0.0, **target}))


def parts(shot: Any) -> tuple[Any, Any]:
    """The section of the take, and that of its emotion."""
    editor, sequence, _ = shot
    kinds = editor.unreal.MovieSceneBlendType
    (under,) = [one for one in editor.sections(sequence) if one.get_blend_type().blend_type != kinds.ADDITIVE]
    (above,) = [one for one in editor.sections(sequence) if one.get_blend_type().blend_type == kinds.ADDITIVE]
    return under, above


def shown(editor: Any, sequence: Any, frames: int, fps: float = 60.0) -> np.ndarray:
    """(frames, 174): what the track of the board shows."""
    track = inside.track_of(editor.sections(sequence)[0])
    ticks = [float(frame * inside.tick_rate(sequence) / Fraction(fps)) for frame in range(frames)]
    values = np.zeros((frames, N_CHANNELS))
    for channel in CHANNELS:
        if name := editor.unreal.boards.channel_of(channel.name, "mh4"):
            values[:, channel.index] = inside.shown(track, name, ticks)
    return values


@pytest.mark.parametrize("tolerance", [0.0, 0.002])
def test_the_two_sections_together_are_the_take(shot: Any, tolerance: float) -> None:
    editor, sequence, _ = shot
    base, whole = rigs()
    report = layered(shot, base, whole, tolerance=tolerance)
    held = np.clip(whole, MINIMUM, MAXIMUM)
    np.testing.assert_allclose(shown(editor, sequence, FRAMES)[:, KEYED], held[:, KEYED], atol=tolerance + 1e-6)
    under, above = parts(shot)
    assert sum(len(editor.keys(one, name)) for one in (under, above) for name in editor.keyed(one)) == report.keys
    assert set(editor.keyed(under)) - set(editor.keyed(above)) == {"CTRL_L_ear_up"}, "no keys where nothing is added"
    assert (above.get_start_frame(), above.get_end_frame()) == (under.get_start_frame(), under.get_end_frame())
    assert len(report.clamped) > 50 and editor.undo_steps == ["MEDTalk: line"]
    assert inside.track_of(under).get_section_to_key() == under, "what the animator keys goes into the take"
    assert any("the emotion has a section of its own" in line and "tick Weight" in line for line in report.lines())


def test_the_weight_is_the_intensity(shot: Any) -> None:
    """Sequencer alone does it; at 0 the mouth speaks without emotion."""
    editor, sequence, _ = shot
    base, whole = rigs()
    layered(shot, base, whole)
    _, above = parts(shot)
    inside.show_weight(above)
    for tick, weight in ((0, 0.0), ((FRAMES - 1) * 400, 1.0)):
        inside.add_key(above, "Weight", tick, weight)
    held = np.clip(whole, MINIMUM, MAXIMUM)
    share = np.linspace(0.0, 1.0, FRAMES)[:, None]
    wanted = (base + share * (held - base))[:, KEYED]
    np.testing.assert_allclose(shown(editor, sequence, FRAMES)[:, KEYED], wanted, atol=1e-5)


def test_a_take_that_is_generated_again_keeps_the_keys_of_the_weight(shot: Any) -> None:
    editor, sequence, _ = shot
    base, whole = rigs()
    layered(shot, base, whole)
    _, above = parts(shot)
    inside.show_weight(above)
    inside.add_key(above, "Weight", 4000, 0.5)
    report = layered(shot, whole * 0.5, base)
    assert parts(shot)[1] == above and editor.keys(above, "Weight") == [(4000, 0.5)]
    assert not any("tick Weight" in line for line in report.lines()), "the animator has found it"
    held, under = (np.clip(one, MINIMUM, MAXIMUM) for one in (base, whole * 0.5))
    wanted = (under + 0.5 * (held - under))[:, KEYED]
    np.testing.assert_allclose(shown(editor, sequence, FRAMES)[:, KEYED], wanted, atol=1e-5)


def test_the_animators_changes_to_the_emotion_stay(shot: Any) -> None:
    editor, _, _ = shot
    base, whole = rigs()
    layered(shot, base, whole)
    _, above = parts(shot)
    before = dict(editor.keys(above, BROW))
    for key in above.get_channel(BROW).get_keys()[10:13]:
        key.set_value(key.get_value() + 0.25)
    inside.add_key(above, "CTRL_L_ear_up", 4000, 0.125)  # where the take adds nothing
    for _ in range(2):
        report = layered(shot, base, whole)
        after = dict(editor.keys(above, BROW))
        assert [after[tick] - before[tick] for tick in (4000, 4400, 4800)] == pytest.approx([0.25] * 3, abs=1e-3)
        assert after[8000] == pytest.approx(before[8000], abs=1e-3)
        assert editor.values_at(above, "CTRL_L_ear_up", [4000]) == pytest.approx([0.125], abs=1e-3)
        assert any("line (emotion): your changes were added" in line and BROW in line for line in report.lines())


def test_written_as_one_again_the_layer_goes(shot: Any) -> None:
    """Else the emotion would show twice."""
    editor, sequence, _ = shot
    base, whole = rigs()
    layered(shot, base, whole)
    report = layered(shot, base, whole, layers="one")
    (only,) = editor.sections(sequence)
    assert only.get_blend_type().blend_type == editor.unreal.MovieSceneBlendType.ABSOLUTE
    held = np.clip(whole, MINIMUM, MAXIMUM)
    np.testing.assert_allclose(shown(editor, sequence, FRAMES)[:, KEYED], held[:, KEYED], atol=1e-6)
    assert any("The layer of the emotion of line was removed" in line for line in report.warnings)
    assert not layered(shot, base, whole, layers="one").warnings


def test_a_take_under_the_layer_of_another_one_says_so(shot: Any) -> None:
    """Put there, or grown into it; not its own layer, and not one that is muted."""
    editor, sequence, actor = shot
    where = {"sequence": sequence, "actor": actor}
    told = r"line (emotion) lies there, too, and may add to"
    assert not layered(shot, *rigs(), start_frame=FRAMES).warnings
    assert not layered(shot, *rigs(), start_frame=FRAMES).warnings
    assert not write(editor, moving(FRAMES), name="before", **where).warnings
    for report in (
        write(editor, moving(FRAMES + 5), name="before", **where),
        write(editor, moving(FRAMES), name="over", **where, start_frame=FRAMES + 10),
        write(editor, moving(FRAMES), **where, start_frame=FRAMES + 10, replace=False),
    ):
        assert f"{told} {report.take}: mute that layer" in " ".join(report.warnings)
    (layer,) = [one for one in editor.sections(sequence) if one.get_blend_type().blend_type.name == "ADDITIVE"]
    layer.set_is_active(False)
    report = write(editor, moving(FRAMES), name="last", **where, start_frame=FRAMES + 10)
    assert report.warnings and told not in " ".join(report.warnings)


def test_a_layer_that_undo_brought_back_is_known(shot: Any) -> None:
    """Undo leaves the metadata of the asset."""
    editor, sequence, _ = shot
    base, whole = rigs()
    layered(shot, base, whole)
    layered(shot, base, whole, layers="one")
    editor.undo()
    under, above = parts(shot)
    layered(shot, base, whole)
    assert parts(shot) == (under, above), "not a second layer, which would show the emotion twice"
    held = np.clip(whole, MINIMUM, MAXIMUM)
    np.testing.assert_allclose(shown(editor, sequence, FRAMES)[:, KEYED], held[:, KEYED], atol=1e-6)


@pytest.mark.parametrize("now", ["one", "emotion"])
def test_a_locked_layer_is_refused_at_the_click(shot: Any, now: str) -> None:
    """Also where it would give way. A new take beside the earlier one leaves it alone."""
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.take import Target, check_target

    editor, sequence, actor = shot
    layered(shot, *rigs())
    parts(shot)[1].set_is_locked(True)
    target = Target(sequence.get_path_name(), actor=actor.get_path_name(), layers=now)
    with editor.plugin_code():
        with pytest.raises(PluginError, match=r"section of line \(emotion\) on .* is locked"):
            check_target(target, "line", "")
        assert check_target(replace(target, replace=False), "line", "") == 60


def test_what_cannot_be_written_leaves_nothing(shot: Any) -> None:
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.take import Target

    base, whole = rigs()
    with pytest.raises(PluginError, match="without its emotion does not fit"):
        layered(shot, base[:-1], whole)
    with pytest.raises(PluginError, match="array setters cannot write layers"):
        Target(layers="emotion", writer="arrays")
    layered(shot, base, whole)
    _, above = parts(shot)
    above.set_is_locked(True)
    before = state_of(shot[0])
    with pytest.raises(PluginError, match="is locked"):
        layered(shot, base, whole)
    assert state_of(shot[0]) == before


# --- with a sidecar


@pytest.fixture(scope="module")
def shipped(shipped_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """A sidecar with the bundle that ships."""
    sidecar = Sidecar(tmp_path_factory.mktemp("shipped"), "--bundle", shipped_bundle).wait_until_ready()
    yield sidecar
    sidecar.close()


@pytest.mark.slow
def test_a_click_makes_layers_that_together_are_the_take(editor: Any, shipped: Sidecar, sample: Path) -> None:
    """The shipped bundle, through the form; the second decoding touches no sound."""
    import medtalk_unreal
    from medtalk_unreal import settings, sidecar, ticks
    from medtalk_unreal.choices import LAYERS

    (emotion,) = [shown for shown, layers in LAYERS.items() if layers == "emotion"]
    settings.save(settings.PluginSettings(server=str(shipped.file)))
    medtalk_unreal.startup()
    editor.select_actors(editor.add_metahuman())
    sequence = editor.new_sequence(60)
    try:
        make(
            editor, [editor.add_sound(sample)], sequence=sequence, emotion="angry", mood_intensity=1.5,
            layers=emotion,
        )  # fmt: skip
    finally:
        ticks.cancel_all()
        sidecar.the_sidecar.leave()
    wanted = asked(shipped.connection, sample, emotion="angry", intensity=1.5)
    np.testing.assert_allclose(
        shown(editor, sequence, len(wanted))[:, KEYED], np.clip(wanted, MINIMUM, MAXIMUM)[:, KEYED], atol=1e-3
    )
    under, above = parts((editor, sequence, None))
    inside.show_weight(above)
    inside.add_key(above, "Weight", 0, 0.0)
    calm = asked(shipped.connection, sample, emotion="angry", intensity=1e-6)
    np.testing.assert_allclose(shown(editor, sequence, len(calm))[:, KEYED], calm[:, KEYED], atol=1e-3)
    assert 40 < len(editor.keyed(above)) < len(editor.keyed(under)), "what the emotion does not move has no keys"
    assert BROW in editor.keyed(above)


def test_moods_over_time_from_marked_frames_make_layers(desk: Any, serving: Sidecar, sample: Path) -> None:
    desk.select_actors(desk.add_metahuman())
    sequence = desk.new_sequence(30)
    mark(sequence, f30="angry", f60="happy:0.8")
    from medtalk_unreal.choices import LAYERS

    (emotion,) = [shown for shown, layers in LAYERS.items() if layers == "emotion"]
    make(desk, [desk.add_sound(sample)], sequence=sequence, emotion="sad", marked_frames=True, layers=emotion)
    timeline = [{"start": 1.0, "end": 2.0, "emotion": "angry"}, {"start": 2.0, "emotion": "happy:0.8"}]
    wanted = asked(serving.connection, sample, fps=30.0, emotion="sad", timeline=timeline)
    found = shown(desk, sequence, len(wanted), 30.0)
    np.testing.assert_allclose(found[:, KEYED], np.clip(wanted, MINIMUM, MAXIMUM)[:, KEYED], atol=1e-3)
    _, above = parts((desk, sequence, None))
    assert max(len(desk.keys(above, name)) for name in desk.keyed(above)) > 10, "the emotion moves with the moods"
