"""What a click reads and looks at: the settings once, the target before sending and before writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plugin.clicking import finish, make, open_form
from tests.plugin.running import do
from tests.plugin.takes import a_sound


@pytest.fixture
def bench(desk: Any) -> Any:
    """A desk that has met its sidecar, with a MetaHuman that is selected."""
    from medtalk_unreal.sidecar import the_sidecar

    assert do(desk, the_sidecar.connect(lambda _: None)).error is None
    desk.select_actors(desk.add_metahuman("mh4"))
    return desk


@pytest.fixture
def settings_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every read of settings.json from here on."""
    reads: list[Path] = []
    read_text = Path.read_text

    def counted(path: Path, *arguments: Any, **more: Any) -> str:
        if path.name == "settings.json":
            reads.append(path)
        return read_text(path, *arguments, **more)

    monkeypatch.setattr(Path, "read_text", counted)
    return reads


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, editor: Any) -> list[int]:
    """A 1 for every search for the face of a target from here on."""
    from medtalk_unreal import facerig

    found: list[int] = []
    resolve = facerig.resolve

    def counted(*arguments: Any) -> Any:
        found.append(1)
        return resolve(*arguments)

    monkeypatch.setattr(facerig, "resolve", counted)
    return found


def sounds(editor: Any, folder: Path, count: int) -> list[str]:
    return [a_sound(editor, folder, 0.3, f"line{number}") for number in range(count)]


def test_the_settings_are_read_once_for_the_form_and_once_for_all_takes(
    bench: Any, tmp_path: Path, settings_reads: list[Path]
) -> None:
    form = open_form(bench, sounds(bench, tmp_path, 2), sequence=bench.new_sequence(30))
    assert len(settings_reads) == 1
    bench.press(form, "generate")
    finish(bench)
    assert "2 takes written" in form.get_editor_property("status") and len(settings_reads) == 2


def test_what_a_new_sidecar_tells_is_kept_beside_what_the_user_changed_meanwhile(
    desk: Any, settings_reads: list[Path]
) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.sidecar import the_sidecar

    earlier = settings.load()
    desk_settings = settings.PluginSettings(server=earlier.server, max_seconds=60.0, labels=["old"])
    settings.save(desk_settings)
    del settings_reads[:]
    assert do(desk, the_sidecar.connect(lambda _: None, earlier)).error is None
    assert len(settings_reads) == 1, "to be written again"
    now = settings.load()
    assert now.max_seconds == 60.0 and "happy" in now.labels


@pytest.mark.parametrize("count", [1, 3])
def test_the_target_is_found_before_sending_and_before_writing(
    bench: Any, tmp_path: Path, looks: list[int], count: int
) -> None:
    sequence = bench.new_sequence(30)
    for _ in range(2):  # a new board, and one that is there with an earlier take
        del looks[:]
        make(bench, sounds(bench, tmp_path, count), sequence=sequence)
        assert len(looks) == 2 * count
