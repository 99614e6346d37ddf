"""The table of the 174 channels."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from medtalk.errors import RigError
from medtalk.rig import channels
from medtalk.rig.channels import AREAS, CHANNEL_NAMES, CHANNELS, INDEX, MIRROR, MIRROR_SIGN, indices


def test_names_are_the_papers_but_for_the_two_wrong_ones(root: Path) -> None:
    theirs = (root / "tests" / "data" / "metahuman_attr_names.txt").read_text().split()
    different = {i for i, (own, other) in enumerate(zip(CHANNEL_NAMES, theirs, strict=True)) if own != other}
    assert different == {25, 26}
    tongue = tuple(f"CTRL_C_tongue_{what}-translate{axis}" for what in ("roll", "tip") for axis in "XY")
    assert CHANNEL_NAMES[25:29] == tongue


def test_ranges_are_those_of_the_board(shared: Path) -> None:
    seen: dict[str, list[float]] = {}
    with (shared / "faceboard_to_expressions.csv").open() as file:
        for row in csv.DictReader(file):
            if row["board"] == "mh3":
                limits = [float(row["control_min"]), float(row["control_max"])]
                seen.setdefault(f"{row['control']}-{row['axis']}", []).extend(limits)
    # A movement in phases has a row a phase; together they span the control.
    assert len(seen) == 174 - 9  # the eyes (6) and the multipliers (3) are not in that table
    for name, limits in seen.items():
        channel = CHANNELS[INDEX[name]]
        assert (channel.minimum, channel.maximum) == (min(limits), max(limits)), name


def test_counts() -> None:
    assert len(CHANNELS) == channels.N_CHANNELS == 174
    assert len({channel.control for channel in CHANNELS}) == 160
    assert [channel.index for channel in CHANNELS] == list(range(174))
    assert sum(channel.axis == "translateX" for channel in CHANNELS) == 14
    assert sum(len(members) for members in AREAS.values()) == 174
    assert len(AREAS["mouth"]) + len(AREAS["jaw"]) == 102
    assert hashlib.sha256("\n".join(CHANNEL_NAMES).encode()).hexdigest() == channels.CHANNEL_HASH


def test_only_switches_and_multipliers_are_not_keyed() -> None:
    assert [channel.control for channel in CHANNELS if not channel.keyed] == [
        "CTRL_lookAtSwitch",
        *(f"CTRL_neckCorrectivesMultiplyer{which}" for which in "DMU"),
    ]


def test_mirror_partners_differ_only_in_the_side() -> None:
    for channel in CHANNELS:
        partner = CHANNELS[channel.mirror]
        assert CHANNELS[partner.mirror] is channel
        assert partner.mirror_sign == channel.mirror_sign
        if channel.control[5:7] in ("L_", "R_"):
            assert partner.name.replace("CTRL_R_", "CTRL_L_") == channel.name.replace("CTRL_R_", "CTRL_L_")
            assert partner is not channel
        else:
            assert partner is channel


def test_what_turns_over_in_a_mirror_is_sideways() -> None:
    turned = {CHANNELS[i].short for i in np.flatnonzero(MIRROR_SIGN < 0)}
    middle = {"C_eye", "C_jaw", "C_mouth", "C_teethD", "C_teethU", "C_tongue", "C_tongue_roll", "C_tongue_tip"}
    assert turned == {f"{control}.X" for control in middle | {"L_eye", "R_eye"}} | {
        "C_mouth_lipShiftD",
        "C_mouth_lipShiftU",
    }
    assert (MIRROR[INDEX["CTRL_L_nose-translateX"]], MIRROR_SIGN[INDEX["CTRL_L_nose-translateX"]]) == (
        INDEX["CTRL_R_nose-translateX"],
        1.0,
    )


def test_sets() -> None:
    assert channels.S_INT.tolist() == sorted([29, 30, 31, 32, 98, 99, 100, 101, 36, 43, 105, 112, 53, 122])
    lip, up, emotion = (set(s.tolist()) for s in (channels.S_LIP, channels.S_UP, channels.S_EMO))
    assert up < emotion
    assert not lip & emotion
    assert not up & set(indices("?_eye", "?_eye_pupil", "?_eyelashes*", "C_eye*").tolist())
    assert set(indices("C_jaw.Y", "?_mouth_lipsTogether?", "?_mouth_funnel?", "?_mouth_lipBiteD").tolist()) < lip
    assert set(indices("?_mouth_cornerPull", "?_mouth_cornerDepress", "?_mouth_dimple").tolist()) < emotion
    for chosen in (lip, up, emotion):  # a set that favoured a side would measure half a face
        assert {int(MIRROR[i]) for i in chosen} == chosen


def test_indices_match_controls_and_axes() -> None:
    assert indices("C_jaw.Y").tolist() == [4]
    assert indices("C_jaw").tolist() == [3, 4]
    assert indices("?_mouth_lipsTogether?").tolist() == [66, 67, 135, 136]
    assert indices("[LR]_brow_down", "L_brow_down").tolist() == [29, 98]
    with pytest.raises(RigError, match="L_jaw_drop"):
        indices("L_jaw_drop")


def test_arrays_cannot_be_changed() -> None:
    for array in (channels.MINIMUM, channels.MAXIMUM, MIRROR, MIRROR_SIGN, channels.S_LIP, *AREAS.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
