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


def test_results_are_baked_and_a_line_that_fails_makes_it_fail(
    editor: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rigs: Path
) -> None:
    """Without a sidecar; the others are made and saved, and the next job leaves them."""
    editor.add_metahuman()
    bake = {"results": str(rigs), "actor": "BP_Ada", "sequence_folder": "/Game/VO/{language}", "tolerance": 0.01}
    result = run(editor, monkeypatch, {"bakes": [bake, {**bake, "character": "Anna"}]}, tmp_path)
    first, second = result["bakes"]
    assert result["ok"] is False and result["error"] == ""
    assert first["state"] == "failed" and [one["line"] for one in first["failed"]] == ["en/L3"]
    assets = [one["asset"] for one in first["made"]]
    assert assets == ["/Game/VO/en/LS_L1", "/Game/VO/de/LS_L1", "/Game/VO/en/LS_L2"]
    assert all(one["keys"] > 100 for one in first["made"]) and set(assets) <= set(editor.state.saved)
    assert (second["state"], second["kept"], second["made"]) == ("done", assets[:2], [])
    assert len(editor.log.errors) == 1 and "en/L3" in editor.log.errors[0], "the exit code shows it"
    assert run(editor, monkeypatch, {"bakes": [{**bake, "language": "de"}]}, tmp_path)["ok"] is True


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"results": "nowhere"}, "nowhere is not there. Choose the folder that medtalk bake has written."),
        ({"results": ""}, "No results are chosen."),
        ({"skelton": "/Game/X"}, "Unknown name 'skelton' in a bake of results. Valid are results, character, "),
        ({"start_frame": "1"}, "start_frame is '1'; it must be a whole number."),
        ({"actor": "Nobody"}, "No actor of the level is called 'Nobody'."),
        ({"actor": ""}, "No MetaHuman is selected, nor a sequence that has one."),
        ({"sequence_name": "{face}"}, "The sequence name '{face}' has {face}. Valid are {name} and {id} and"),
        ({"sequence_folder": "C:/VO"}, "'C:/VO' is not a project folder."),
        ({"import_sounds": True}, "No folder is chosen for the sounds."),
        ({"skeleton": "/Game/Nothing"}, "/Game/Nothing is not a Skeleton."),
        ({"frame_rate": "31"}, "The frame rate must be one of project, 24"),
    ],
)
def test_a_bake_of_results_that_cannot_begin_is_one_line(
    editor: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    editor.add_metahuman()
    (tmp_path / "results.jsonl").write_text("")
    bake = {"results": str(tmp_path), "actor": "BP_Ada", **values}
    (done,) = run(editor, monkeypatch, {"bakes": [bake]}, tmp_path)["bakes"]
    assert done["state"] == "failed" and done["text"].startswith(said) and editor.sequences() == []


def test_a_folder_of_sounds_is_resumed(configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The bad one fails alone. What is done is left, until its sound or the mood is another one."""
    add_sounds(configured, tmp_path, 0.4, 0.3, 0.05)
    configured.add_metahuman()
    mesh = "/Game/MetaHumans/Ada/Face/SKM_Ada_Face"
    request = {"sounds": ["/Game/Sounds"], "skeleton": mesh, "sequence_folder": "/Game/Baked", "resume": True,
               "emotion": "happy"}  # fmt: skip
    assets = ["/Game/Baked/AS_line0", "/Game/Baked/AS_line1"]
    result = run(configured, monkeypatch, {"requests": [request]}, tmp_path)["requests"][0]
    assert [take["asset"] for take in result["takes"]] == assets and result["state"] == "failed"
    assert [line[:35] for line in result["failures"]] == ["The sound line2 lasts 0.05 s; at le"]
    assert {path: configured.state.saved[path] for path in assets} == dict.fromkeys(assets, 1)
    configured.delete("/Game/Sounds/line2")
    result = run(configured, monkeypatch, {"requests": [request]}, tmp_path)["requests"][0]
    assert (result["state"], result["kept"], result["takes"]) == ("done", assets, [])
    assert result["text"] == "0 takes written; 2 left, which were done before."
    sound = configured.asset("/Game/Sounds/line1")
    sound._fill(sound._pcm[:-640], 16000, 1)  # recorded anew
    result = run(configured, monkeypatch, {"requests": [request]}, tmp_path)["requests"][0]
    assert result["kept"] == assets[:1] and [take["asset"] for take in result["takes"]] == assets[1:]
    result = run(configured, monkeypatch, {"requests": [{**request, "emotion": "sad"}]}, tmp_path)["requests"][0]
    assert [take["asset"] for take in result["takes"]] == assets and result["kept"] == []
    wrong = {"requests": [{**request, "sounds": ["/Game/Baked"]}]}
    assert "has no SoundWave" in run(configured, monkeypatch, wrong, tmp_path)["requests"][0]["text"]


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
