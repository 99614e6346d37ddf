"""The one table of channels, boards and expressions, as the plugin uses it: without numpy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medtalk.rig import MH3, MH4
from medtalk.rig import channels as library
from medtalk_board.channels import CHANNEL_NAMES, CHANNELS, REGIONS, in_region
from medtalk_board.targets import TARGETS, board_channels

NEVER_KEYED = [channel.name for channel in CHANNELS if not channel.keyed]


def test_the_library_has_no_second_table() -> None:
    assert library.CHANNEL_NAMES is CHANNEL_NAMES and library.CHANNELS is CHANNELS
    assert (tuple(MH3.values()), tuple(MH4.values())) == (TARGETS["mh3"], TARGETS["mh4"])


def test_it_needs_nothing_but_python(root: Path) -> None:
    path = str(root / "unreal_plugin" / "MEDTalk" / "Content" / "Python")
    code = f"import sys; sys.path.insert(0, {path!r}); import medtalk_board.expressions, medtalk_board.targets"
    code += "; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    assert not {"numpy", "unreal", "zmq", "msgpack", "medtalk"} & set(done.stdout.split())
    assert "medtalk_board" in done.stdout and done.stderr == ""


def test_a_real_board_has_all_that_is_keyed(shared: Path) -> None:
    """The 209 channels of a section of a current board."""
    present = (shared / "ue_faceboard_channels.txt").read_text().split()
    board = board_channels(present)
    assert (board.generation, board.missing) == ("mh4", ())
    assert [name for name, target in zip(CHANNEL_NAMES, board.targets, strict=True) if target is None] == NEVER_KEYED
    assert {target for target in board.targets if target} <= set(present)


@pytest.mark.parametrize("generation", ["mh3", "mh4"])
def test_the_generation_is_told_by_the_names(generation: str) -> None:
    present = [name for name in TARGETS[generation] if name]
    board = board_channels([*present, "CTRL_lookAtSwitch", "Weight"])
    assert (board.generation, board.missing, board.targets) == (generation, (), TARGETS[generation])


def test_letter_case_does_not_count_and_the_boards_own_spelling_is_used() -> None:
    board = board_channels([name.upper() for name in TARGETS["mh4"] if name])
    assert board.generation == "mh4" and board.missing == ()
    assert board.targets[CHANNEL_NAMES.index("CTRL_C_jaw-translateY")] == "CTRL_C_JAW.Y"


def test_missing_controls_are_named_and_a_draw_is_a_current_board() -> None:
    shared_names = [name for name in TARGETS["mh4"] if name and name in TARGETS["mh3"]]
    board = board_channels(shared_names[1:])
    assert board.generation == "mh4"
    assert shared_names[0] in board.missing and "CTRL_C_tongue_move.X" in board.missing
    assert board_channels([]).missing == tuple(name for name in TARGETS["mh4"] if name)


def test_process_masks_never_let_a_switch_through() -> None:
    assert in_region("full") == tuple(channel.index for channel in CHANNELS if channel.keyed)
    assert set(in_region("mouth")) | set(in_region("upper")) < set(in_region("full"))
    assert not set(in_region("mouth")) & set(in_region("upper")) and "switch" not in REGIONS["full"]
    with pytest.raises(KeyError):
        in_region("nose")
