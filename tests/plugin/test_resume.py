"""Many sounds, an asset each, with a real sidecar: one failure ends nothing, and the next run goes on."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.plugin.bakes import assets_of
from tests.plugin.running import pid_of_sidecar, tick_until
from tests.plugin.test_generate import add_sounds, run

ASSETS = [f"/Game/MEDTalk/LS_BP_Ada_line{number}" for number in range(3)]


def test_a_sidecar_that_dies_costs_the_sound_it_was_at(configured: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate
    from medtalk_unreal.request import Request

    actor = configured.add_metahuman().get_path_name()
    sounds = add_sounds(configured, tmp_path, 0.3, 0.4, 0.3)
    request = Request(sounds=sounds, actor=actor, one_each=True, resume=True, emotion="sad")
    generation: Any = generate.start(request)
    tick_until(configured, lambda: generation.status.reports, "the first")
    tick_until(configured, lambda: "line1" in generation.status.text, "the second")
    os.kill(pid_of_sidecar(configured), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    tick_until(configured, lambda: generate.running() is None, "the end")
    status = generation.status
    assert status.state == "done" and len(status.failures) == 1 and "sidecar has ended" in status.failures[0]
    assert [one.sequence for one in status.reports] == [ASSETS[0], ASSETS[2]]
    assert configured.state.sequence is None, "hundreds are not to stay open"
    saved = dict(configured.state.saved)
    again = run(configured, request)
    assert again.kept == [ASSETS[0], ASSETS[2]] and [one.sequence for one in again.reports] == [ASSETS[1]]
    assert dict(configured.state.saved) == {**saved, ASSETS[1]: 1}
    assert {record["asset"]: record["state"] for record in assets_of(configured)} == dict.fromkeys(ASSETS, "made")


def test_a_sequence_that_cannot_be_written_fails_alone(configured: Any, tmp_path: Path) -> None:
    """In the form it is one line; without Leave Finished it would end the rest."""
    from medtalk_unreal.request import Request

    actor = configured.add_metahuman().get_path_name()
    sounds = add_sounds(configured, tmp_path, 0.3, 0.3)
    request = Request(sounds=sounds, actor=actor, one_each=True, resume=True)
    run(configured, request)
    file = Path(configured.unreal.SystemLibrary.get_system_path(configured.asset(ASSETS[0])))
    file.parent.mkdir(parents=True)
    file.touch(0o444)
    status = run(configured, replace(request, emotion="happy"))
    assert status.failures == [f"The file of {ASSETS[0]} is write-protected. Check it out, then run it again."]
    assert [one.sequence for one in status.reports] == [ASSETS[1]]
    configured.delete(sounds[0])
    status = run(configured, replace(request, emotion="happy"))
    assert "is not in the project" in status.failures[0] and status.kept == [ASSETS[1]]
