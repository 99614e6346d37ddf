"""The settings survive the editor, and damage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.running import saved


def test_they_come_back_as_they_were_saved(editor: Any) -> None:
    from medtalk_unreal import settings

    wanted = settings.PluginSettings(
        python="C:/Python/python.exe", max_seconds=60.0, form={"emotion": "happy", "blink": False}
    )
    settings.save(wanted)
    assert settings.load() == wanted
    assert [path.name for path in saved(editor).iterdir()] == ["settings.json"]


def test_without_a_file_they_are_the_default(editor: Any) -> None:
    from medtalk_unreal import settings

    assert settings.load() == settings.PluginSettings()
    assert editor.log.warnings == []


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"x"', "\x00\xff", "[" * 100_000])
def test_a_damaged_file_is_the_default_and_one_warning(editor: Any, text: str) -> None:
    from medtalk_unreal import settings

    settings.folder().joinpath("settings.json").write_bytes(text.encode("latin-1"))
    assert settings.load() == settings.PluginSettings()
    assert len(editor.log.warnings) == 1 and "settings.json" in editor.log.warnings[0]
    settings.save(settings.PluginSettings(device="cpu"))
    assert settings.load().device == "cpu"


def test_single_values_that_do_not_fit_are_the_default(editor: Any) -> None:
    from medtalk_unreal import settings

    content = {"python": 7, "device": "cuda:0", "idle_exit": float("nan"), "max_seconds": 60, "labels": [1], "form": [],
               "guidance": ["label", "text"], "of_a_later_version": True}  # fmt: skip
    settings.folder().joinpath("settings.json").write_text(json.dumps(content))
    assert settings.load() == settings.PluginSettings(device="cuda:0", max_seconds=60.0, guidance=["label", "text"])


def test_a_place_that_cannot_be_written_costs_a_warning(editor: Any) -> None:
    from medtalk_unreal import settings

    settings.folder().joinpath("settings.json").mkdir()
    settings.save(settings.PluginSettings())
    assert len(editor.log.warnings) == 1 and "cannot be written" in editor.log.warnings[0]
    assert [path.name for path in saved(editor).iterdir()] == ["settings.json"]
