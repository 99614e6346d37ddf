"""Results of a real `medtalk bake` become an asset a line: what is written, left, made again, and what can go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk.rig import RigSequence, read_rig, to_expressions, write_rig
from medtalk.rig.channels import INDEX
from tests.fake_unreal import inside
from tests.plugin.bakes import LINES, assets_of, bake, change_ledger, ledger_of
from tests.plugin.takes import KEYED, board_section, on_board
from tests.plugin.test_bake import curves

FOLDER = "/Game/MEDTalk"
ASSETS = [f"{FOLDER}/de/LS_L1", f"{FOLDER}/en/LS_L1", f"{FOLDER}/en/LS_L2"]
MESH = "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"


def change_rig(rigs: Path, line: str, by: float = 0.05) -> RigSequence:
    """Bake a line anew: another rig of the same length."""
    path = rigs / f"{line}.npz"
    rig = read_rig(path)
    changed = RigSequence(np.clip(rig.values + np.float32(by), -1.0, 1.0), rig.fps)
    write_rig(path, changed)
    return changed


def saves(editor: Any) -> dict[str, int]:
    """How often each asset was saved."""
    return {path: count for path, count in editor.state.saved.items() if path.startswith(FOLDER)}


def make_jaw_move(rigs: Path, line: str) -> None:
    """The jaw of a line opens and closes: the bundle is random, and may keep it still."""
    path = rigs / f"{line}.npz"
    rig = read_rig(path)
    values = rig.values.copy()
    values[:, INDEX["CTRL_C_jaw-translateY"]] = 0.3 + 0.2 * np.sin(np.arange(len(rig)))
    write_rig(path, RigSequence(values, rig.fps))


@pytest.mark.parametrize("engine", ["5.4", "5.8"])
def test_each_line_becomes_a_sequence_with_the_curves_of_its_rig(editor: Any, rigs: Path) -> None:
    baking = bake(editor, rigs)
    assert editor.sequences() == ASSETS and saves(editor) == dict.fromkeys(ASSETS, 1)
    for line, asset in zip(LINES, ASSETS, strict=True):
        rig = read_rig(rigs / f"{line}.npz")
        found = on_board(editor, asset, len(rig), rig.fps)
        np.testing.assert_allclose(found[:, KEYED], rig.values[:, KEYED], atol=1e-6)
        assert inside.display_rate(editor.asset(asset)) == 30 and not inside.tracks(editor.asset(asset))
    assert [(one["line"], one["asset"]) for one in baking.made] == list(
        zip(("en/L1", "de/L1", "en/L2"), (ASSETS[1], ASSETS[0], ASSETS[2]), strict=True)
    )
    (failure,) = baking.failures
    assert failure.line == "en/L3" and "medtalk bake has failed" in failure.error and "gone.wav" in failure.error
    assert baking.status.text.startswith("3 assets made; 1 failed: en/L3: medtalk bake has failed: ")
    assert editor.log.errors == [f"MEDTalk: en/L3: {failure.error}"] and editor.state.sequence is None
    book = {record["asset"]: record for record in assets_of(editor)}
    assert {path: record["state"] for path, record in book.items()} == {
        **dict.fromkeys(ASSETS, "made"), f"{FOLDER}/en/LS_L3": "failed"
    }  # fmt: skip
    assert book[ASSETS[0]]["rig"]["bytes"] == (rigs / "de" / "L1.npz").stat().st_size
    assert editor.undo_steps == ["MEDTalk: L1", "MEDTalk: L1", "MEDTalk: L2"]


def test_what_is_done_is_left_and_what_was_baked_anew_is_made_again(editor: Any, rigs: Path) -> None:
    make_jaw_move(rigs, "de/L1")
    bake(editor, rigs)
    again = bake(editor, rigs)
    assert sorted(again.status.kept) == ASSETS and again.made == [] and saves(editor) == dict.fromkeys(ASSETS, 1)
    assert "0 assets made; 3 left, which were done before; 1 failed" in again.status.text
    section, rig = board_section(editor, ASSETS[0]), change_rig(rigs, "de/L1")
    jaw = INDEX["CTRL_C_jaw-translateY"]
    for tick, value in editor.keys(section, "CTRL_C_jaw.Y")[:3]:
        inside.set_key(section, "CTRL_C_jaw.Y", tick, value + 0.25)
    again = bake(editor, rigs)
    assert [one["line"] for one in again.made] == ["de/L1"] and len(again.status.kept) == 2
    assert saves(editor) == {**dict.fromkeys(ASSETS, 1), ASSETS[0]: 2}
    found = on_board(editor, ASSETS[0], len(rig), rig.fps)
    assert found[0, jaw] == pytest.approx(rig.values[0, jaw] + 0.25, abs=1e-3), "the edit of the animator is kept"
    np.testing.assert_allclose(found[3:, jaw], rig.values[3:, jaw], atol=1e-3)
    assert len(editor.sections(ASSETS[0])) == 1
    assert len(bake(editor, rigs, again=True, character="Bo").made) == 1
    other = bake(editor, rigs, head="control", character="Bo")
    assert len(other.made) == 1, "another setting of the writing makes another asset"


@pytest.mark.parametrize("ledger", ["whole", "cut", "gone"])
def test_an_editor_that_dies_loses_the_line_it_is_at(
    editor: Any, rigs: Path, crash: type[BaseException], monkeypatch: pytest.MonkeyPatch, ledger: str
) -> None:
    from medtalk_unreal import lines

    write, written = lines.write_take, []

    def dying(take: Any, target: Any) -> Any:
        report = write(take, target)
        written.append(report)
        if len(written) == 2:
            raise crash("the power fails")
        return report

    monkeypatch.setattr(lines, "write_take", dying)
    with pytest.raises(crash):
        bake(editor, rigs)
    editor.state.post_ticks.clear()
    editor.restart()
    for path in set(editor.sequences()) - set(saves(editor)):  # what was not saved is not on the disk
        editor.state.assets.pop(path.lower())
    assert editor.sequences() == [ASSETS[1]]
    book = Path(editor.project_dir) / "Saved" / "MEDTalk" / "assets.jsonl"
    if ledger == "cut":
        book.write_text(book.read_text("utf-8")[:-20], "utf-8")
    elif ledger == "gone":
        book.unlink()
    done = bake(editor, rigs)
    assert done.status.kept == [ASSETS[1]] and [one["line"] for one in done.made] == ["de/L1", "en/L2"]
    assert editor.sequences() == ASSETS and saves(editor) == dict.fromkeys(ASSETS, 1)
    assert all(json.loads(line) for line in book.read_text("utf-8").splitlines()[1:])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def other_channels(path: Path) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["channels"] = arrays["channels"][[1, 0, *range(2, 174)]]
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.unlink, "cannot be read: No such file"),
        (cut, "is no complete rig. It may be cut short"),
        (other_channels, "is of another list of channels: its channel 1 is"),
        (lambda path: path.write_bytes(b""), "is no complete rig"),
    ],
)
def test_a_rig_that_is_no_more_fails_alone(editor: Any, rigs: Path, harm: Any, said: str) -> None:
    harm(rigs / "en" / "L1.npz")
    baking = bake(editor, rigs, language="en")
    failures = {one.line: one.error for one in baking.failures}
    assert set(failures) == {"en/L1", "en/L3"} and said in failures["en/L1"] and "\n" not in failures["en/L1"]
    assert editor.sequences() == [ASSETS[2]]
    (record,) = [one for one in assets_of(editor) if one.get("line") == "en/L1"]
    assert record["state"] == "failed" and said in record["error"]


def test_a_ledger_that_is_cut_in_the_middle_of_a_line(editor: Any, rigs: Path) -> None:
    path = rigs / "results.jsonl"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    last = next(line for line in lines if '"de/L1.npz"' in line)
    lines.remove(last)
    path.write_text("".join([*lines, '{"out":["../../x.npz"],"state":"done"}\n', last[:90]]), "utf-8")
    assert len(bake(editor, rigs).made) == 2
    assert any("2 lines cannot be read. Run medtalk bake again" in line for line in editor.log.warnings)


def test_of_several_ledgers_the_last_bake_counts(editor: Any, rigs: Path) -> None:
    """Chunks of a farm write one each; no clock says which is later."""
    whole = rigs / "results.jsonl"
    records = ledger_of(rigs)
    newer = [{**record, "bake": 7, "state": "failed", "error": {"message": "no sound"}} for record in records]
    (rigs / "results.1-2.jsonl").write_text("".join(json.dumps(one) + "\n" for one in newer[:2]), "utf-8")
    (rigs / "results.3-end.jsonl").write_text("", "utf-8")
    (rigs / "results-old.jsonl").write_text("no ledger\n", "utf-8")
    baking = bake(editor, rigs)
    assert [one.line for one in baking.failures] == ["en/L1", "de/L1", "en/L3"] and len(baking.made) == 1
    assert "medtalk bake has failed: no sound" in baking.failures[0].error and editor.log.warnings == []
    assert len(bake(editor, whole).made) == 2, "one of the ledgers alone"


def test_an_asset_that_cannot_be_saved_fails_alone_and_is_not_taken_for_done(editor: Any, rigs: Path) -> None:
    editor.make_read_only(ASSETS[1])
    baking = bake(editor, rigs)
    assert [one.line for one in baking.failures] == ["en/L1", "en/L3"] and len(baking.made) == 2
    assert "cannot be saved" in baking.failures[0].error
    editor.state.read_only.clear()
    again = bake(editor, rigs)
    assert [one["asset"] for one in again.made] == [ASSETS[1]] and len(again.status.kept) == 2


def test_an_asset_that_source_control_keeps_is_not_touched(editor: Any, rigs: Path) -> None:
    bake(editor, rigs)
    file = Path(editor.unreal.SystemLibrary.get_system_path(editor.asset(ASSETS[1])))
    file.parent.mkdir(parents=True)
    file.touch(0o444)
    change_rig(rigs, "en/L1")
    before = inside.whole(editor.asset(ASSETS[1]))
    baking = bake(editor, rigs)
    assert baking.failures[0].error == f"The file of {ASSETS[1]} is write-protected. Check it out, then run it again."
    assert inside.whole(editor.asset(ASSETS[1])) == before
    assert editor.calls["EditorAssetLibrary.checkout_loaded_asset"] == 1


def test_two_lines_of_one_name(editor: Any, rigs: Path) -> None:
    baking = bake(editor, rigs, sequence_folder="/Game/VO", sequence_name="{id}")
    assert editor.sequences() == ["/Game/VO/L1", "/Game/VO/L2"]
    assert baking.failures[0].line == "de/L1" and "It would be /Game/VO/L1, as en/L1 is." in baking.failures[0].error
    named = bake(editor, rigs, sequence_folder="/Game/VO/{language}", sequence_name="{character}_{id}")
    assert [one["asset"] for one in named.made] == ["/Game/VO/en/Anna_L1", "/Game/VO/de/Anna_L1", "/Game/VO/en/Bo_L2"]


def test_an_asset_of_somebody_else_is_left_alone(editor: Any, rigs: Path) -> None:
    theirs = editor.new_sequence(24, ASSETS[0])
    before = inside.whole(theirs)
    for _ in range(2):
        baking = bake(editor, rigs)
        assert f"{ASSETS[0]} is in the project already, and was not made of this" in baking.failures[0].error
    assert inside.whole(theirs) == before and editor.sequences() == ASSETS


def test_one_character_and_language(editor: Any, rigs: Path) -> None:
    baking = bake(editor, rigs, character="anna", language="DE")
    assert [one["line"] for one in baking.made] == ["de/L1"] and baking.failures == []
    change_ledger(rigs, lambda record: record.update(language=""))
    none = bake(editor, rigs, language="de")
    assert none.status.state == "failed" and "is meant" in none.status.text, "where none is said, a folder is none"
    change_ledger(rigs, lambda record: record.pop("language"))
    assert len(bake(editor, rigs, language="de").status.kept) == 1, "a ledger of old"
    none = bake(editor, rigs, character="Carl")
    assert none.status.state == "failed" and "is meant; they are of Anna, Bo. Choose another" in none.status.text


def test_a_blueprint_is_spawned_in_each(editor: Any, rigs: Path) -> None:
    """And found again in a sequence that is closed."""
    blueprint = editor.add_blueprint().get_path_name()
    assert len(bake(editor, rigs, blueprint=blueprint, camera=True).made) == 3
    rig = change_rig(rigs, "en/L2")
    assert len(bake(editor, rigs, blueprint=blueprint, camera=True).made) == 1
    assert len(editor.sections(ASSETS[2])) == 1 and len(editor.asset(ASSETS[2]).get_spawnables()) == 2
    found = on_board(editor, ASSETS[2], len(rig), rig.fps)
    np.testing.assert_allclose(found[:, KEYED], np.clip(rig.values, -1, 1)[:, KEYED], atol=2e-3)


@pytest.mark.parametrize("engine", ["5.4", "5.8"])
def test_animations_without_a_level(editor: Any, rigs: Path) -> None:
    editor.delete(editor.add_metahuman())
    editor.state.commandlet = editor.state.unattended = True
    asset = f"{FOLDER}/de/AS_L1"
    assert len(bake(editor, rigs, skeleton=MESH).made) == 3 and editor.sequences() == []
    rig = read_rig(rigs / "de" / "L1.npz")
    _, found = curves(editor, asset, np.arange(len(rig)) / rig.fps)
    keyed = np.zeros_like(rig.values)
    keyed[:, KEYED] = rig.values[:, KEYED]
    np.testing.assert_allclose(found, to_expressions(RigSequence(keyed, rig.fps), "mh4")[1], atol=1e-5)
    assert len(bake(editor, rigs, skeleton=MESH).status.kept) == 3
    editor.asset(asset)._curves["ctrl_expressions_jawopen"][1][0] += 0.5  # somebody edits it
    change_rig(rigs, "de/L1")
    for _ in range(2):
        left = bake(editor, rigs, skeleton=MESH)
        assert left.status.edited == [asset] and len(left.status.kept) == 2
        assert "1 left, which were changed by hand" in left.status.text
    assert assets_of(editor)[-2]["state"] == "edited"
    assert [one["asset"] for one in bake(editor, rigs, skeleton=MESH, hand_edits="drop").made][:1] == [
        f"{FOLDER}/en/AS_L1"
    ]


def test_sounds_are_found_by_name_or_imported(editor: Any, rigs: Path, production: Path) -> None:
    for language in ("en", "de"):
        editor.add_sound(production / "vo" / language / "L1.wav", f"/Game/VO/{language}/L1")
    baking = bake(editor, rigs, sound_folder="/Game/VO")
    assert [inside.tracks(editor.asset(asset)) for asset in ASSETS] == [[], [], []]
    assert sum("2 sounds in /Game/VO are called L1" in line for line in editor.log.warnings) == 2
    assert len(baking.made) == 3
    baking = bake(editor, rigs, sound_folder="/Game/VO/{language}")
    assert [one["line"] for one in baking.made] == ["en/L1", "de/L1"], "they have sounds now"
    change_ledger(rigs, lambda record: record.update(sound="/nowhere/x.wav") if record["id"] == "L1" else None)
    baking = bake(editor, rigs, sound_folder="/Game/VO/{language}", import_sounds=True)
    assert [one["line"] for one in baking.made] == ["en/L2"]
    heard = []
    for asset in ASSETS:
        (track,) = inside.tracks(editor.asset(asset))
        (section,) = inside.sections(track)
        heard.append(section.get_sound().get_path_name())
        assert len(editor.sections(asset)) == 1
    assert heard == ["/Game/VO/de/L1.L1", "/Game/VO/en/L1.L1", "/Game/VO/en/L2.L2"]
    seconds = soundfile.info(production / "vo" / "en" / "L2.wav").duration
    assert editor.asset("/Game/VO/en/L2").get_editor_property("duration") == pytest.approx(seconds)


def test_a_tick_has_one_line_and_garbage_is_collected(editor: Any, rigs: Path) -> None:
    """The editor never waits for more than a line, and its memory does not grow with their number."""
    from medtalk_unreal import generate, lines
    from medtalk_unreal.order import Order

    lines._KEYS = 1000
    with editor.plugin_code():
        lines.start(Order(results=str(rigs), actor=editor.add_metahuman().get_path_name(), tolerance=0.0))
    counts, most = [0], 0
    while generate.running() is not None:
        editor.tick()
        counts.append(len(editor.sequences()))
        most = max(most, editor.objects)
    assert max(np.diff(counts)) == 1
    assert editor.objects < most, "what the lines have left is collected"


def test_cancel_in_the_middle_keeps_what_is_made(editor: Any, rigs: Path) -> None:
    from medtalk_unreal import generate, lines
    from medtalk_unreal.order import Order

    with editor.plugin_code():
        baking = lines.start(Order(results=str(rigs), actor=editor.add_metahuman().get_path_name()))
    while not baking.made:
        editor.tick()
    generate.cancel()
    editor.tick()
    assert baking.status.state == "cancelled" and baking.status.text == "Cancelled. 1 asset made before."
    assert len(bake(editor, rigs, tolerance=0.002).status.kept) == 1
