"""The job file, the result file, and the end of the editor."""

from __future__ import annotations

import json
import runpy
import time
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.running import PATIENCE
from tests.plugin.test_generate import add_sounds

SCRIPT = (
    Path(__file__).parents[2]
    / "unreal_plugin" / "MEDTalk" / "Content" / "Python" / "medtalk_unreal" / "headless.py"
)  # fmt: skip


def run(editor: Any, monkeypatch: pytest.MonkeyPatch, job: Any, tmp_path: Path) -> dict[str, Any]:
    """What `-ExecutePythonScript` does with a job; its result, when the editor has quit."""
    file = tmp_path / "job.json"
    file.write_text(job if isinstance(job, str) else json.dumps(job))
    monkeypatch.setenv("MEDTALK_JOB", str(file))
    editor.state.unattended, editor.state.quit = True, False
    runpy.run_path(str(SCRIPT), run_name="__main__")
    deadline = time.monotonic() + PATIENCE
    while not editor.state.quit and not editor.state.commandlet:
        assert editor.state.keep_alive, "the editor would have closed itself"
        assert time.monotonic() < deadline, editor.log.text
        editor.tick()
        time.sleep(0.002)
    result = Path((job.get("result") if isinstance(job, dict) else None) or tmp_path / "job.result.json")
    assert not [path for path in result.parent.iterdir() if path.suffix == ".new"]
    return json.loads(result.read_text())


def test_a_job_is_done_and_saved(configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sounds = add_sounds(configured, tmp_path, 1.0, 0.5)
    actor = configured.add_metahuman("mh4").get_path_name()
    job = {
        "requests": [
            {"sounds": [sounds[0]], "actor": "BP_Ada", "emotion": "happy"}, {"sounds": [sounds[1]], "actor": actor}
        ],
        "result": str(tmp_path / "elsewhere.json"),
    }  # fmt: skip
    result = run(configured, monkeypatch, job, tmp_path)
    assert result["ok"] and result["error"] == "" and result["engine"].startswith("5.6")
    assert [one["state"] for one in result["requests"]] == ["done", "done"]
    saved = configured.state.saved
    for one in result["requests"]:
        assert one["takes"][0]["keys"] > 0 and one["takes"][0]["sequence"] in saved
    assert configured.dialogs.messages == []


@pytest.mark.parametrize("dotted", [False, True])
def test_an_actor_is_found_by_its_label(
    configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dotted: bool
) -> None:
    sounds = add_sounds(configured, tmp_path, 0.5)
    label = "Ada 2.0" if dotted else "Ada"
    configured.add_metahuman("mh4").set_actor_label(label)
    request = {"sounds": list(sounds), "actor": label}
    assert run(configured, monkeypatch, {"requests": [request]}, tmp_path)["ok"]
    configured.add_metahuman("mh4", "Bob").set_actor_label(label)
    (done,) = run(configured, monkeypatch, {"requests": [request]}, tmp_path)["requests"]
    assert done["text"].startswith("2 actors of the level are called")


def test_a_request_that_fails_does_not_keep_the_others(
    configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sounds = add_sounds(configured, tmp_path, 1.0)
    actor = configured.add_metahuman("mh4").get_path_name()
    job = {
        "requests": [
            {"sounds": ["/Game/Nowhere"], "actor": actor}, {"sounds": list(sounds), "actor": "Nobody"}, {"sonds": []},
            {"sounds": list(sounds), "actor": actor},
        ]
    }  # fmt: skip
    result = run(configured, monkeypatch, job, tmp_path)
    assert not result["ok"]
    assert [one["state"] for one in result["requests"]] == ["failed", "failed", "failed", "done"]
    assert "'Nobody'" in result["requests"][1]["text"]


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "not hold a JSON object"),
        ({"request": []}, "Unknown name 'request'"),
        ({"requests": {}}, "must be a list"),
        ({"map": "/Game/Nowhere", "requests": []}, "/Game/Nowhere"),
    ],
)
def test_a_bad_job_is_one_line_in_the_result(
    configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job: Any, said: str
) -> None:
    result = run(configured, monkeypatch, job, tmp_path)
    assert not result["ok"] and said in result["error"] and "\n" not in result["error"]


def test_the_result_of_an_earlier_run_is_not_taken_for_this_one(
    configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "job.result.json").write_text('{"ok": true}')
    assert run(configured, monkeypatch, {"requests": [{"sounds": []}]}, tmp_path)["ok"] is False


def test_without_a_job_nothing_is_done(editor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDTALK_JOB", raising=False)
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert len(editor.log.errors) == 1 and "MEDTALK_JOB" in editor.log.errors[0]
    assert not editor.state.keep_alive and not editor.state.post_ticks


def test_the_self_test_can_be_asked_for(configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from medtalk_unreal import selftest

    every = selftest.all_of_them
    monkeypatch.setattr(
        selftest, "all_of_them", lambda menus: {name: every(menus)[name] for name in ("jaw", "sockets")}
    )
    configured.add_metahuman("mh4")
    result = run(configured, monkeypatch, {"selftest": True}, tmp_path)
    assert result["selftest"]["questions"]["sockets"]["echo"] is True
    assert result["selftest"]["ok"] is True and result["ok"] is True


def test_a_question_of_the_self_test_that_fails_is_not_ok(
    configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from medtalk_unreal import selftest

    def question(_: str) -> dict[str, Any]:
        raise selftest.PluginError("It does not.")

    monkeypatch.setattr(selftest, "all_of_them", lambda _: {"sockets": ("Does it?", question)})
    result = run(configured, monkeypatch, {"requests": [], "selftest": True}, tmp_path)
    assert result["selftest"]["questions"]["sockets"]["outcome"] == "failed" and result["error"] == ""
    assert result["selftest"]["ok"] is False and result["ok"] is False
    assert any("questions of the self-test failed" in line for line in configured.log.errors)  # the exit code


def test_a_commandlet_has_no_sequencer(editor: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unreal would end with an assert. The next request, of which the sound is missing, is still looked at."""
    editor.add_metahuman()
    sound = editor.add_samples("/Game/Sounds/Line", bytes(32000)).get_path_name()
    editor.state.commandlet = True
    editor.state.command_line += " -run=pythonscript"
    mesh = "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"
    job = {"requests": [{"sounds": [sound], "actor": "BP_Ada"}, {"sounds": ["/Game/None"], "skeleton": mesh}]}
    done = run(editor, monkeypatch, job, tmp_path)
    assert done["error"] == "", editor.log.text
    first, second = done["requests"]
    assert first["text"].startswith("A commandlet has no Sequencer") and first["state"] == "failed"
    assert "/Game/None is not in the project" in second["text"]
    assert editor.sequences() == []


def test_a_commandlet_bakes_without_a_level(configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sounds = add_sounds(configured, tmp_path, 1.0, 0.5)
    configured.add_metahuman("mh4")
    mesh = "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"
    configured.state.commandlet = True
    configured.state.command_line += " -run=pythonscript"
    job = {"requests": [{"sounds": list(sounds), "skeleton": mesh, "sequence_folder": "/Game/Baked", "emotion": "sad"}]}
    result = run(configured, monkeypatch, job, tmp_path)
    assert result["ok"], result
    assets = [take["asset"] for take in result["requests"][0]["takes"]]
    assert assets == ["/Game/Baked/AS_line0", "/Game/Baked/AS_line1"]
    assert set(assets) <= set(configured.state.saved) and configured.sequences() == []
    assert all(take["curves"] > 100 for take in result["requests"][0]["takes"])
    assert not configured.state.post_ticks
    job["requests"][0]["skeleton"] = "/Game/Nowhere"
    assert "is not a Skeleton" in run(configured, monkeypatch, job, tmp_path)["requests"][0]["text"]
