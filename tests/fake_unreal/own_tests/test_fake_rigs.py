"""The rig of a body, and the import of keys: what the real editor does, as far as it is known (see rigmapper.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fake_unreal import inside


def test_a_control_tells_how_it_lies(editor: Any, unreal: Any) -> None:
    """docs: the identity for a key that is not there."""
    hierarchy = editor.add_rig("body").get_editor_property("hierarchy")
    kind = unreal.RigElementType.CONTROL
    turn = hierarchy.get_global_transform(unreal.RigElementKey(kind, "head_ctrl"), True).rotation
    assert (turn.x, turn.y, turn.z, turn.w) == pytest.approx((0.0, -(0.5**0.5), 0.0, 0.5**0.5))
    none = hierarchy.get_global_transform(unreal.RigElementKey(kind, "tail_ctrl"), True).rotation
    assert (none.x, none.y, none.z, none.w) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.engine("5.7", "RigMapper")
def test_an_import_replaces_all_keys_of_the_channels_that_it_names(unreal: Any, section: Any, tmp_path: Path) -> None:
    table = tmp_path / "keys.csv"
    table.write_text("curve_name, frame_number, value\nCTRL_C_jaw.ty, 3, 0.5\nCTRL_C_jaw.ty, 4, 0.75\n")
    for channel in ("CTRL_C_jaw.Y", "CTRL_C_jaw.X"):
        inside.add_key(section, channel, 100_000, 1.0)
    call = unreal.RigMapperEditorSubsystem.convert_csv_to_control_rig_section
    assert not call(unreal.FilePath(str(table)), section, []), "nothing without a definition"
    definition = unreal.RigMapperDefinition()
    definition.set_editor_property("inputs", ["CTRL_C_jaw.ty"])
    definition.set_editor_property("outputs", {"CTRL_C_jaw.ty": "CTRL_C_jaw.tx"})
    assert not call(unreal.FilePath(str(table)), section, [definition]), "an output of no input"
    definition.set_editor_property("outputs", {"CTRL_C_jaw.ty": "CTRL_C_jaw.ty"})
    assert call(unreal.FilePath(str(table)), section, [definition])
    data = section._channels["CTRL_C_jaw.Y"]
    assert list(zip(data.times(), data.values(), strict=True)) == [(2400, 0.5), (3200, 0.75)], "display frames"
    assert len(section._channels["CTRL_C_jaw.X"].keys) == 1, "what the table does not name stays"
