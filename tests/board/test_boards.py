"""Names on the boards, and raw expression curves."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from medtalk.errors import RigError
from medtalk.rig import (
    BOARDS,
    CHANNEL_NAMES,
    CHANNELS,
    EXPRESSIONS,
    MH3,
    MH4,
    RigSequence,
    board_rows,
    indices,
    to_expressions,
)
from medtalk.rig.boards import PREFIX, expression_curves

MH4_HAS_MORE = {
    "CTRL_C_tongue_roll",
    "CTRL_C_tongue_thickThin",
    *(f"CTRL_{side}_mouth_thicknessInward{lip}" for side in "LR" for lip in "UD"),
}


def rig_of(**settings: float) -> RigSequence:
    """One frame; `C_jaw__Y=0.5` sets C_jaw.Y."""
    values = np.zeros((1, 174))
    for short, value in settings.items():
        values[0, indices(short.replace("__", "."))] = value
    return RigSequence(values)


def curves_of(rig: RigSequence, board: str = "mh4") -> dict[str, float]:
    """The curves of the first frame that are not at rest."""
    names, values = to_expressions(rig, board)
    curves = zip(names, values[0].round(6).tolist(), strict=True)
    return {name.removeprefix(PREFIX): round(value, 6) for name, value in curves if value}


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_curves_equal_the_table_of_the_board(shared: Path, board: str) -> None:
    targets = MH3 if board == "mh3" else MH4
    ours = {
        (targets[CHANNELS[curve.channels[0]].name], curve.name): curve.points
        for curve in expression_curves(board)
        if not curve.name.startswith("eyeLook")
    }
    theirs = {}
    with (shared / "faceboard_to_expressions.csv").open() as file:
        for row in csv.DictReader(file):
            if row["board"] != board or (board == "mh4" and row["control"] in MH4_HAS_MORE):
                continue
            if row["control"] == "CTRL_lookAtSwitch":  # a switch, never keyed
                continue
            with_axis = f"{row['control']}.{row['axis'][-1]}"
            target = with_axis if with_axis in targets.values() else row["control"]
            pairs = list(row.values())[-1].split()
            points = tuple(tuple(float(number) for number in pair.split(":")) for pair in pairs)
            theirs[target, row["expression"]] = points
    assert len(theirs) == 232
    assert ours == theirs


def test_mh4_names_are_on_a_real_board(shared: Path) -> None:
    real = set((shared / "ue_faceboard_channels.txt").read_text().split())
    ours = [target for target in MH4.values() if target]
    assert len(ours) == len(set(ours)) == 170
    assert set(ours) <= real
    changed = {name: (MH3[name], MH4[name]) for name in CHANNEL_NAMES if MH3[name] != MH4[name]}
    assert len(changed) == 7
    assert MH4["CTRL_C_tongue_roll-translateX"] == "CTRL_C_tongue_bendTwist.X"


TONGUE_OF_MH4 = {
    "CTRL_C_tongue": "CTRL_C_tongue_move",
    "CTRL_C_tongue_tip": "CTRL_C_tongue_tipMove",
    "CTRL_C_tongue_roll": "CTRL_C_tongue_bendTwist",
    "CTRL_C_tongue_narrowWide": "CTRL_C_tongue_wideNarrow",
}
SWITCHES = {"CTRL_lookAtSwitch", *(f"CTRL_neckCorrectivesMultiplyer{end}" for end in "DMU")}


@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_a_channel_is_called_as_its_attribute(board: str) -> None:
    """By the rule and not by our table: with its axis where the control has two, with other names of mh4's tongue."""
    axes = Counter(name.partition("-")[0] for name in CHANNEL_NAMES)
    for name, target in (MH3 if board == "mh3" else MH4).items():
        control, _, attribute = name.partition("-")
        renamed = TONGUE_OF_MH4.get(control, control) if board == "mh4" else control
        wanted = f"{renamed}.{attribute[-1]}" if axes[control] == 2 else renamed
        assert target == (None if control in SWITCHES else wanted), name


def test_opposites_share_a_control() -> None:
    assert curves_of(rig_of(C_jaw__X=-0.5, L_eye_blink=0.25)) == {"jawLeft": 0.5, "eyeBlinkL": 0.25}
    assert curves_of(rig_of(C_jaw__X=0.5, L_eye_blink=-0.25)) == {"jawRight": 0.5, "eyeWidenL": 0.25}


def test_values_beyond_the_range_are_held() -> None:
    assert curves_of(rig_of(C_jaw__Y=1.5, C_jaw__X=-2.0)) == {"jawOpen": 1.0, "jawLeft": 1.0}
    assert curves_of(rig_of(C_jaw__Y=-0.3)) == {}


def test_phases_of_a_swallow_follow_each_other() -> None:
    assert curves_of(rig_of(C_neck_swallow=0.2)) == {"neckSwallowPh1": 1.0}
    assert curves_of(rig_of(C_neck_swallow=0.5)) == {"neckSwallowPh2": 0.5, "neckSwallowPh3": 0.5}
    assert curves_of(rig_of(L_mouth_lipSticky=1.0)) == {"mouthLipsStickyLPh3": 1.0}


def test_eyes_add_the_common_control() -> None:
    assert curves_of(rig_of(L_eye__X=0.5, C_eye__X=0.25)) == {"eyeLookLeftL": 0.75, "eyeLookLeftR": 0.25}
    assert curves_of(rig_of(R_eye__Y=-0.5, C_eye__Y=0.5)) == {"eyeLookUpL": 0.5}
    assert curves_of(rig_of(C_eye__X=-0.8, L_eye__X=-0.8)) == {"eyeLookRightL": 1.0, "eyeLookRightR": 0.8}


def test_the_tongues_roll_is_called_otherwise_on_mh4() -> None:
    rig = rig_of(C_tongue_roll__X=0.5, C_tongue_roll__Y=-0.5)
    assert curves_of(rig, "mh3") == {"tongueRollLeft": 0.5, "tongueRollDown": 0.5}
    assert curves_of(rig, "mh4") == {"tongueTwistLeft": 0.5, "tongueBendDown": 0.5}


def test_switches_drive_no_curve() -> None:
    rest = rig_of(lookAtSwitch=1.0, neckCorrectivesMultiplyerU=1.0)
    assert curves_of(rest) == {}
    names, values = to_expressions(rest)
    assert len(names) == len(set(names)) == values.shape[1] == 240
    assert values.dtype == np.float32


def test_unknown_boards_are_refused() -> None:
    with pytest.raises(RigError, match="mh3 and mh4"):
        to_expressions(rig_of(), "arkit")
    with pytest.raises(RigError, match="mh3, mh4, expressions, arkit"):
        board_rows("mh5")


@pytest.mark.parametrize("board", BOARDS)
def test_rows(board: str) -> None:
    rows = json.loads(json.dumps(board_rows(board)))
    assert [row["name"] for row in rows] == list(CHANNEL_NAMES)
    keys = ["index", "name", "control", "axis", "region", "min", "max", "target"]
    assert all(list(row) == keys + ["drawn"] * (board == "head") for row in rows)
    assert all(row["target"] is None for row in rows if row["region"] == "switch")
    assert all(row["target"] is None or row["target"] for row in rows)


def test_targets() -> None:
    def targets(board: str) -> dict[str, str | None]:
        return {row["name"]: row["target"] for row in board_rows(board)}

    assert targets("mh3")["CTRL_C_tongue-translateY"] == "CTRL_C_tongue.Y"
    assert targets("mh4")["CTRL_C_tongue-translateY"] == "CTRL_C_tongue_move.Y"
    assert targets("mh4")["CTRL_L_brow_down-translateY"] == "CTRL_L_brow_down"
    assert targets("expressions")["CTRL_C_jaw-translateX"] == "CTRL_expressions_jawLeft CTRL_expressions_jawRight"
    assert targets("arkit")["CTRL_C_jaw-translateY"] == "JawOpen"
    assert targets("arkit")["CTRL_L_ear_up-translateY"] is None
    assert EXPRESSIONS["CTRL_C_jaw-translateY"] == ("CTRL_expressions_jawOpen",)
    assert set(EXPRESSIONS["CTRL_C_eye-translateX"]) == {
        f"CTRL_expressions_eyeLook{way}{side}" for way in ("Left", "Right") for side in "LR"
    }
