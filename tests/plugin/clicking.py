"""What the user does for a take: sounds selected, the form filled, a click; and what the sidecar says to the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk_board.channels import CHANNEL_HASH
from medtalk_wire import Client, Result, Settings, Sound
from medtalk_wire.connection import Connection
from medtalk_wire.settings import Finishing
from tests.helpers.sidecars import Sidecar
from tests.plugin.running import tick_until

SOUNDS = "ContentBrowser.AssetContextMenu.SoundWave.MEDTalk"
TOOLS = "LevelEditor.MainMenu.Tools"


@pytest.fixture(scope="session")
def serving(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """A sidecar that serves all tests that do it no harm."""
    sidecar = Sidecar(tmp_path_factory.mktemp("serving"), "--bundle", tiny_bundle).wait_until_ready()
    yield sidecar
    sidecar.close()


@pytest.fixture
def desk(editor: Any, serving: Sidecar) -> Iterator[Any]:
    """An editor that has the plugin started, and uses `serving`."""
    with started(editor, serving):
        yield editor


@contextmanager
def started(editor: Any, server: Sidecar) -> Iterator[None]:
    """In the block, the editor has the plugin started, and uses `server`."""
    import medtalk_unreal
    from medtalk_unreal import settings, sidecar, ticks

    settings.save(settings.PluginSettings(server=str(server.file)))
    medtalk_unreal.startup()
    yield
    ticks.cancel_all()
    sidecar.the_sidecar.leave()


def open_form(editor: Any, sounds: Sequence[Any], **fields: Any) -> Any:
    """The generate form of some selected sounds, its fields filled; all keys are kept unless told otherwise."""
    editor.select_assets(*sounds)
    editor.click(SOUNDS, "MEDTalk.generate")
    form = next(one for one in editor.tabs if type(one).__name__ == "MEDTalkGenerateForm")
    for name, value in {"tolerance": 0.0, **fields}.items():
        form.set_editor_property(name, value)
    return form


def press(editor: Any, sounds: Sequence[Any], **fields: Any) -> Any:
    """The button Generate is pressed; the form."""
    form = open_form(editor, sounds, **fields)
    editor.press(form, "generate")
    return form


def status(form: Any) -> str:
    """What the form shows."""
    return str(form.get_editor_property("status"))


def finish(editor: Any) -> None:
    """Ticks until nothing is on its way."""
    from medtalk_unreal import generate

    tick_until(editor, lambda: generate.running() is None, "the end of the generation")


def make(editor: Any, sounds: Sequence[Any], **fields: Any) -> str:
    """A click that must lead to takes; the last line of the form."""
    form = press(editor, sounds, **fields)
    finish(editor)
    assert " written, " in status(form), f"{status(form)}\n{editor.log.text}"
    return status(form)


def asked(connection: Connection, sound: Path, **settings: Any) -> np.ndarray:
    """(T, 174): what the sidecar makes of a sound file; as in the form, the head does not turn."""
    with Client(connection, channel_hash=CHANNEL_HASH) as client:
        result: Result = client.wait(
            client.generate(Sound.from_file(sound), Settings(**{"finishing": Finishing(head=False), **settings}))
        )
        return np.asarray(result.rig).copy()
