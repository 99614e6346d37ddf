"""What goes wrong around a click: one line, nothing half-written, and the next click works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from medtalk_board.channels import CHANNEL_HASH
from medtalk_wire import Client, Sound
from tests.fake_unreal import inside
from tests.helpers.sidecars import Sidecar
from tests.helpers.sounds import babble
from tests.plugin.clicking import SOUNDS, TOOLS, asked, finish, make, press, status
from tests.plugin.running import is_alive, pid_of_sidecar, saved, stops, tick_until
from tests.plugin.takes import KEYED, a_sound, but_new_ones, on_board, state_of

ROOT = Path(__file__).parents[2]
SHOT = "/Game/Cinematics/Shot"


class Shot:
    """A user at work: a sequence with a face board and his keys, a MetaHuman selected, a sound."""

    def __init__(self, editor: Any, folder: Path, seconds: float = 1.0) -> None:
        self.editor, self.folder = editor, folder
        self.actor = editor.add_metahuman().get_path_name()
        editor.new_sequence(30, SHOT)
        section = editor.add_board(editor.asset(SHOT), editor.object(self.actor))
        for tick in (0, 4000, 400_000):
            inside.add_key(section, "CTRL_C_jaw.Y", tick, 0.5)
        self.sound = a_sound(editor, folder, seconds)
        editor.select_actors(self.actor)

    def fields(self, **more: Any) -> dict[str, Any]:
        """What the form is filled with."""
        return {"sequence": self.editor.asset(SHOT), **more}

    def press(self, **more: Any) -> Any:
        """The button Generate; the form."""
        return press(self.editor, [self.sound], **self.fields(**more))

    def until(self, phase: str) -> None:
        """Ticks until the generation is in a phase."""
        from medtalk_unreal import generate

        generation = generate.running()
        assert generation is not None
        tick_until(self.editor, lambda: generation.status.phase == phase or generate.running() is None, phase)
        assert generation.status.phase == phase, generation.status

    def one_line(self, form: Any, before: Any, said: str = "") -> str:
        """The failure that the form and the log tell of, once; nothing else came of the click."""
        finish(self.editor)
        self.editor.tick(n=5)
        (line,) = self.editor.log.errors
        assert status(form) in line and said in line and "\n" not in line and "The plugin failed" not in line, line
        assert state_of(self.editor) == before
        assert self.editor.state.transaction is None
        return line

    def next_click_works(self) -> None:
        """With another MetaHuman, sequence and sound, whatever became of these."""
        editor = self.editor
        editor.log.lines.clear()
        editor.dialogs.messages.clear()
        editor.select_actors(editor.add_metahuman("mh3", "Eve"))
        sequence = editor.new_sequence(30, "/Game/Next")
        make(editor, [a_sound(editor, self.folder, 0.5, "next")], sequence=sequence)
        assert editor.log.errors == [] and editor.dialogs.messages == []


@pytest.fixture
def shot(desk: Any, tmp_path: Path) -> Iterator[Shot]:
    """At a sidecar that is well."""
    made = Shot(desk, tmp_path)
    yield made
    made.next_click_works()


@pytest.fixture
def lonely(configured: Any, tmp_path: Path) -> Shot:
    """With no sidecar yet: the click starts one."""
    import medtalk_unreal

    medtalk_unreal.startup()
    return Shot(configured, tmp_path, 0.5)


# --- the sidecar


def change(**values: Any) -> None:
    from medtalk_unreal import settings

    settings.save(replace(settings.load(), **values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"python": "/nowhere/python"}, "Step 'Python'"),
        ({"bundle": "/nowhere/bundle"}, "Step 'bundle'"),
        ({"server": "/nowhere/sidecar.json"}, "Step 'sidecar'"),
        ({"server": "127.0.0.1:9"}, "Step '"),
    ],
)
def test_a_sidecar_that_cannot_be_had(
    lonely: Shot, values: dict[str, str], said: str, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import sidecar

    with monkeypatch.context() as patch:
        patch.setattr(sidecar, "GREETING_SECONDS", 1.5)
        change(**values)
        before = state_of(lonely.editor)
        lonely.one_line(lonely.press(), before, said)
    change(python=sys.executable, bundle=str(tiny_bundle), server="")
    lonely.next_click_works()


@contextlib.contextmanager
def little_sidecar(file: Path, behaviour: str) -> Iterator[None]:
    """A sidecar that misbehaves, with our channels unless that is how it does."""
    code = f"from tests.helpers import little_sidecar; little_sidecar.CHANNEL_HASH = {CHANNEL_HASH!r}; "
    code += "little_sidecar.main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file), behaviour], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not (file.exists() and str(process.pid) in file.read_text()):
            assert process.poll() is None and time.monotonic() < deadline, behaviour
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("version", "speaks protocol 2.0; this one speaks 1.6"),
        ("channels", "Step 'greeting': The sidecar at tcp://127.0.0.1:"),
        ("result-channels", "a different channel table"),
        ("hello-error", "Step 'greeting': No. Look."),
        ("hello-without-limits", "Step 'greeting'"),
        ("http", "Step 'greeting'"),
        ("hangs-up", "Step 'greeting'"),
        ("error", "No such emotion. Try happy."),
        ("small", "this sidecar accepts at most 1000"),
        ("bad-result", "rig is not float32"),
        ("deaf", "has sent nothing"),
        ("mute", "has sent nothing"),
        ("garbage", "is not msgpack"),
        ("error-without-parent", "Unreadable."),
        ("die-accepted", "is gone: nothing is listening there"),
        ("die-progress", "is gone: nothing is listening there"),
    ],
)
def test_a_server_that_is_not_as_it_should_be(
    lonely: Shot, tmp_path: Path, behaviour: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was named in the settings, so that none is started in its place."""
    from medtalk_unreal import sidecar

    file, editor = tmp_path / "elsewhere.json", lonely.editor
    with monkeypatch.context() as patch, little_sidecar(file, behaviour):
        patch.setattr(sidecar, "GREETING_SECONDS", 2.0)
        patch.setattr(sidecar, "PATIENCE_SECONDS", 2.0)
        change(server=str(file))
        if behaviour == "bad-result":  # the little one spoils what is said to be bad
            inside.put(editor.object(lonely.sound), spoken_text="bad")
        lonely.one_line(lonely.press(), state_of(editor), said)
        assert not (saved(editor) / "sidecar.json").exists()
    change(server="")
    lonely.next_click_works()


@pytest.mark.parametrize("behaviour", ["later-version", "strange", "talks-on", "loses-request", "loses-result", "full"])
def test_a_server_that_is_strange_but_does(
    lonely: Shot, tmp_path: Path, behaviour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rig is of values far beyond the board's limits, which is said, and not written."""
    from medtalk_unreal import generate

    monkeypatch.setattr(generate, "AGAIN_SECONDS", 0.1)  # where its queue is full
    file, editor = tmp_path / "elsewhere.json", lonely.editor
    with little_sidecar(file, behaviour):
        change(server=str(file))
        form = lonely.press()
        finish(editor)
        assert status(form).startswith("1 take written"), editor.log.text
        assert "held at the limits of the board" in editor.log.text and editor.log.errors == []
        assert ("too much to do" in editor.log.text) == (behaviour == "full")


@pytest.mark.parametrize("phase", ["sidecar", "sent"])
def test_killed(lonely: Shot, phase: str) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    editor = lonely.editor
    if phase == "sent":
        lonely.next_click_works()
        editor.select_actors(lonely.actor)
        lonely.sound = a_sound(editor, lonely.folder, 60.0, "long")
    before = state_of(editor)
    form = lonely.press()
    lonely.until(phase)
    tick_until(editor, lambda: the_sidecar._program is not None, "the start")
    assert the_sidecar._program is not None
    os.kill(the_sidecar._program.process.pid, signal.SIGKILL)
    # Said at once, by its process: not what is said when it has been silent for too long.
    lonely.one_line(form, before, "Step 'start'" if phase == "sidecar" else "The sidecar has ended.")
    lonely.next_click_works()


@pytest.mark.parametrize("phase", ["sound", "writing"])
def test_killed_where_it_is_not_needed_at_that_moment(lonely: Shot, phase: str) -> None:
    """When the rig has come the take is written. Before the sound is sent it is a failure like any other."""
    editor = lonely.editor
    before = state_of(editor)
    form = lonely.press()
    lonely.until(phase)
    pid = pid_of_sidecar(editor)
    os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        time.sleep(0.01)
    if phase == "writing":
        finish(editor)
        assert status(form).startswith("1 take written") and editor.log.errors == []
    else:
        lonely.one_line(form, before)
    lonely.next_click_works()


@stops
def test_frozen_at_work_and_before_the_next_click(lonely: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import sidecar

    editor = lonely.editor
    monkeypatch.setattr(sidecar, "PATIENCE_SECONDS", 2.0)
    before = state_of(editor)
    form = lonely.press()
    lonely.until("sound")
    frozen = pid_of_sidecar(editor)
    os.kill(frozen, signal.SIGSTOP)
    lonely.one_line(form, before, "has sent nothing")
    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.0)
    form = lonely.press()
    lonely.until("sidecar")
    tick_until(editor, lambda: not is_alive(frozen), "the end of the frozen one")
    monkeypatch.undo()
    finish(editor)
    assert status(form).startswith("1 take written")
    lonely.editor.log.lines.clear()


@stops
def test_frozen_for_a_while_is_no_failure(lonely: Shot) -> None:
    form = lonely.press()
    lonely.until("sound")
    os.kill(pid_of_sidecar(lonely.editor), signal.SIGSTOP)
    lonely.until("sent")
    for _ in range(100):
        lonely.editor.tick()
        time.sleep(0.01)
    os.kill(pid_of_sidecar(lonely.editor), signal.SIGCONT)
    finish(lonely.editor)
    assert status(form).startswith("1 take written") and lonely.editor.log.errors == []


# --- the editor


def _lock(shot: Shot) -> None:
    shot.editor.open(SHOT + ".Shot")
    shot.editor.unreal.LevelSequenceEditorBlueprintLibrary.set_lock_level_sequence(True)


def _face(shot: Shot) -> Any:
    return next(one for one in shot.editor.asset(SHOT).get_bindings() if one.get_name() == "Face")


def _animate(shot: Shot) -> None:
    section = _face(shot).add_track(shot.editor.unreal.MovieSceneSkeletalAnimationTrack).add_section()
    section.set_range(0, 100)


def _another_level(shot: Shot) -> None:
    shot.editor.delete(shot.actor)
    shot.editor.reload_level()


AROUND: dict[str, tuple[Callable[[Shot], Any], str]] = {
    "actor deleted": (lambda shot: shot.editor.delete(shot.actor), "not in the level"),
    "another level": (_another_level, "not in the level"),
    "sequence deleted": (lambda shot: shot.editor.delete(SHOT + ".Shot"), "Was it renamed or deleted?"),
    "sequence renamed": (lambda shot: shot.editor.rename(SHOT + ".Shot", "/Game/Other"), "Was it renamed or deleted?"),
    "sequence read-only": (lambda shot: shot.editor.asset(SHOT).set_read_only(True), "read-only"),
    "sequence locked": (_lock, "is locked"),
    "FK rig on the face": (lambda shot: shot.editor.add_fk_rig(shot.editor.asset(SHOT), _face(shot)), "An FK rig"),
}


@pytest.mark.parametrize("phase", ["sidecar", "sent", "writing"])
@pytest.mark.parametrize("what", AROUND)
def test_what_the_user_does_while_the_job_runs(shot: Shot, what: str, phase: str) -> None:
    happens, said = AROUND[what]
    form = shot.press()
    if phase != "sidecar":
        shot.until(phase)
    happens(shot)
    shot.one_line(form, state_of(shot.editor), said)
    assert shot.editor.dialogs.messages == [], "a dialog from the tick"
    _unlock(shot)


@pytest.mark.parametrize("what", list(AROUND)[4:])
def test_what_is_so_before_the_click(shot: Shot, what: str) -> None:
    """Actor and sequence are whatever the level and the form have then."""
    happens, said = AROUND[what]
    happens(shot)
    refused(shot, shot.sound, state_of(shot.editor), said)
    _unlock(shot)


PHASES = ["click", "sidecar", "sent", "writing"]


def refused_in(shot: Shot, phase: str, happens: Callable[[], Any], said: str) -> None:
    """What happens before the click or in a phase of the job is answered with one line, and nothing is written."""
    if phase == "click":
        happens()
        refused(shot, shot.sound, state_of(shot.editor), said)
        return
    form = shot.press()
    if phase != "sidecar":
        shot.until(phase)
    happens()
    shot.one_line(form, state_of(shot.editor), said)


@pytest.mark.parametrize("phase", PHASES)
def test_the_section_of_the_earlier_take_is_locked(shot: Shot, phase: str) -> None:
    """Its keys are what the lock is for: they are not replaced, and no second section is laid above them."""
    make(shot.editor, [shot.sound], **shot.fields())
    take = shot.editor.sections(SHOT + ".Shot")[-1]
    refused_in(shot, phase, lambda: take.set_is_locked(True), "The section of line on the control board of BP_Ada")


@pytest.mark.engine("5.4")
@pytest.mark.parametrize("phase", PHASES)
def test_a_locked_section_that_the_take_would_have_to_go_into(shot: Shot, phase: str) -> None:
    """Here nothing overrides the endless section of the user, so the take has no other place."""
    (his,) = shot.editor.sections(SHOT + ".Shot")
    refused_in(shot, phase, lambda: his.set_is_locked(True), "The section of the control board of BP_Ada is locked.")


@pytest.mark.engine("5.6")
@pytest.mark.parametrize("phase", PHASES)
def test_a_locked_section_of_the_users_is_left_as_it_is(shot: Shot, phase: str) -> None:
    """The take needs no key of it, and lies above."""
    editor = shot.editor
    (his,) = editor.sections(SHOT + ".Shot")
    if phase == "click":
        his.set_is_locked(True)
    form = shot.press()
    if phase not in ("click", "sidecar"):
        shot.until(phase)
    his.set_is_locked(True)
    before = inside.whole_section(his)
    finish(editor)
    assert status(form).startswith("1 take written") and editor.log.errors == []
    assert inside.whole_section(his) == before and his.is_locked()
    assert len(editor.sections(SHOT + ".Shot")) == 2


def _unlock(shot: Shot) -> None:
    shot.editor.unreal.LevelSequenceEditorBlueprintLibrary.set_lock_level_sequence(False)
    shot.editor.open(None)


@pytest.mark.parametrize("phase", ["sidecar", "sent", "writing"])
@pytest.mark.parametrize(
    "what", ["sequence closed", "level reloaded", "form closed", "selection changed", "user keys", "animation"]
)
@pytest.mark.engine("5.6")
def test_what_may_happen_while_the_job_runs(shot: Shot, serving: Sidecar, what: str, phase: str) -> None:
    """The take comes, above the keys of the user, which all stay."""
    editor = shot.editor
    editor.open(SHOT + ".Shot")
    form = shot.press()
    if phase != "sidecar":
        shot.until(phase)
    match what:
        case "sequence closed":
            editor.open(None)
        case "level reloaded":
            editor.reload_level()
        case "form closed":
            editor.close_tab(form)
        case "selection changed":
            editor.select_actors()
            editor.select_assets()
        case "user keys":
            inside.add_key(editor.sections(SHOT + ".Shot")[0], "CTRL_C_jaw.X", 500_000, 0.25)
        case "animation":
            _animate(shot)
    finish(editor)
    assert "1 take written" in editor.log.text and editor.log.errors == []
    his, take = editor.sections(SHOT + ".Shot")
    assert editor.keys(his, "CTRL_C_jaw.Y") == [(0, 0.5), (4000, 0.5), (400_000, 0.5)]
    assert editor.keys(his, "CTRL_C_jaw.X") == ([(500_000, 0.25)] if what == "user keys" else [])
    assert (take.get_start_frame(), take.get_end_frame()) == (0, 30)
    rig = asked(serving.connection, shot.folder / "line.wav", fps=30.0)
    shown = on_board(editor, SHOT, len(rig), 30)
    np.testing.assert_allclose(shown[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)


@pytest.mark.parametrize("phase", ["sidecar", "sent", "writing"])
@pytest.mark.parametrize("what", ["playing", "dragging"])
def test_the_take_waits_until_the_project_can_be_changed(shot: Shot, what: str, phase: str) -> None:
    """While the level is played nothing can be loaded; what is done while the user drags is a part of his undo step."""
    editor, before = shot.editor, state_of(shot.editor)
    form = shot.press()
    if phase != "sidecar":
        shot.until(phase)
    setattr(editor.state, what, True)
    for _ in range(150):
        editor.tick()
        time.sleep(0.01)
    assert state_of(editor) == before and editor.log.errors == [] and "written" not in status(form)
    if what == "playing":
        assert status(form) == "Waiting for the end of Play In Editor."
    setattr(editor.state, what, False)
    finish(editor)
    assert status(form).startswith("1 take written") and editor.undo_steps == ["MEDTalk: line"]


def test_a_click_while_the_level_is_played(shot: Shot) -> None:
    shot.editor.state.playing = True
    press(shot.editor, [shot.sound], **shot.fields())
    shot.editor.state.playing = False
    (message,) = shot.editor.dialogs.messages
    assert "The editor is playing the level." in message[1]
    shot.editor.dialogs.messages.clear()


@pytest.mark.parametrize("phase", ["sound", "writing"])
@pytest.mark.parametrize("what", ["deleted", "renamed"])
def test_the_sound_goes_away(shot: Shot, what: str, phase: str) -> None:
    form = shot.press()
    if phase == "writing":
        shot.until(phase)
    if what == "deleted":
        shot.editor.delete(shot.sound)
    else:
        shot.editor.rename(shot.sound, "/Game/Sounds/other")
    shot.one_line(form, state_of(shot.editor), "Was it renamed or deleted?")


def test_a_new_sequence_leaves_nothing_when_the_actor_goes(shot: Shot) -> None:
    form = shot.press(sequence=None)
    shot.until("writing")
    shot.editor.delete(shot.actor)
    shot.one_line(form, state_of(shot.editor))


@pytest.mark.parametrize("at", [1, 5, 40, 100])
@pytest.mark.parametrize("new", [False, True])
def test_a_fault_while_the_keys_are_written(shot: Shot, at: int, new: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that nobody has thought of: all is as it was, the artist reads a sentence, the log has the fault."""
    from medtalk_unreal import keys

    written = keys.ChannelWriter.write
    count = 0

    def fails(self: Any, curves: Any, pause: Any) -> int:
        nonlocal count
        count += 1
        if count == at:
            raise RuntimeError("Quite\nstrange")
        return written(self, curves, pause)

    with monkeypatch.context() as patch:
        patch.setattr(keys.ChannelWriter, "write", fails)
        before = state_of(shot.editor)
        form = shot.press(sequence=None if new else shot.editor.asset(SHOT))
        finish(shot.editor)
    (line,) = shot.editor.log.errors
    assert status(form) in line
    assert status(form).startswith("Something went wrong in MEDTalk; this take was not written.")
    assert "RuntimeError" not in line and "Quite" not in line and "\n" not in line
    said = [message for _, message in shot.editor.log.lines]
    fault = said.index("MEDTalk: RuntimeError: Quite")
    assert said[fault + 1] == "MEDTalk: strange" and any("in write" in one or "in fails" in one for one in said[:fault])
    assert said.index(line) > fault, "the lines before that of the artist"
    assert but_new_ones(shot.editor, before) == before


def test_minimised_for_longer_than_all_patience(shot: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ticks. The sidecar is well, so it is no failure; in a real editor this is a minute or a night."""
    from medtalk_unreal import sidecar

    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.2)
    monkeypatch.setattr(sidecar, "PATIENCE_SECONDS", 1.2)
    sidecar.the_sidecar.leave()
    form = shot.press()
    for phase in ("sidecar", "sound", "sent", "writing"):
        shot.until(phase)
        time.sleep(2.0)
    finish(shot.editor)
    assert status(form).startswith("1 take written") and shot.editor.log.errors == []


@pytest.mark.parametrize("button", ["form", "menu"])
@pytest.mark.parametrize("phase", ["waiting", "sidecar", "sound", "sent", "writing"])
def test_cancel(shot: Shot, phase: str, button: str) -> None:
    before = state_of(shot.editor)
    form = shot.press()
    if phase != "waiting":
        shot.until(phase)
    if button == "form":
        shot.editor.press(form, "cancel")
    else:
        shot.editor.click(TOOLS, "MEDTalk.cancel")
    finish(shot.editor)
    shot.editor.tick(n=20)
    assert status(form) == "Cancelled." and shot.editor.log.errors == []
    assert state_of(shot.editor) == before and shot.editor.undo_steps == []


def test_cancel_reaches_the_sidecar(shot: Shot, serving: Sidecar) -> None:
    """The job waits behind a long one of another editor; when nobody wants it any more it leaves the queue."""
    samples = babble(1200.0, seed=1)
    with Client(serving.connection) as other:

        def until(working: int, queued: int, what: str) -> None:
            wanted = {"working": working, "queued": queued}.items()
            tick_until(shot.editor, lambda: other.wait(other.ping()).items() >= wanted, what)

        busy = other.generate(Sound.from_pcm(samples, 16000, samples.shape, "float32"))
        until(1, 0, "the work for the other editor")
        form = shot.press()
        until(1, 1, "the job in the queue")
        shot.editor.press(form, "cancel")
        until(1, 0, "the job leaves the queue")
        assert status(form) == "Cancelled." and not busy.ended
        other.cancel(busy)


def test_the_job_of_a_preview_ends_with_it(lonely: Shot, tmp_path: Path) -> None:
    from medtalk_unreal import ticks
    from medtalk_wire.connection import read_connection

    file, editor = tmp_path / "elsewhere.json", lonely.editor
    with little_sidecar(file, "works-on"):
        change(server=str(file))
        with Client(read_connection(file), channel_hash=CHANNEL_HASH) as other:

            def until(working: int, what: str) -> None:
                tick_until(editor, lambda: other.wait(other.ping())["working"] == working, what)

            editor.select_assets(lonely.sound)
            editor.click(SOUNDS, "MEDTalk.preview")
            until(1, "the work for the preview")
            ticks.cancel_all()
            until(0, "its end")


def test_a_preview_waits_for_a_sidecar_that_has_too_much_to_do(
    lonely: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import generate

    monkeypatch.setattr(generate, "AGAIN_SECONDS", 0.1)
    file, editor = tmp_path / "elsewhere.json", lonely.editor
    with little_sidecar(file, "full"):
        change(server=str(file))
        editor.select_assets(lonely.sound)
        editor.click(SOUNDS, "MEDTalk.preview")
        tick_until(editor, lambda: editor.state.urls or editor.log.errors, "the page")
    assert editor.log.errors == [] and editor.log.text.count("too much to do") == 1


@pytest.mark.parametrize("after", [0, 1, 30, 100])
def test_cancel_in_the_progress_window(shot: Shot, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import edits

    monkeypatch.setattr(edits, "LONG", 0)
    before = state_of(shot.editor)
    shot.editor.state.cancel_slow_task_after = after
    form = shot.press(sequence=None)
    finish(shot.editor)
    shot.editor.state.cancel_slow_task_after = None
    assert "cancelled" in status(form) and shot.editor.log.errors == []
    assert but_new_ones(shot.editor, before) == before


def test_cancel_while_the_sidecar_starts(lonely: Shot) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    before = state_of(lonely.editor)
    form = lonely.press()
    tick_until(lonely.editor, lambda: the_sidecar._program is not None, "the start")
    assert the_sidecar._program is not None
    pid = the_sidecar._program.process.pid
    lonely.editor.press(form, "cancel")
    assert status(form) == "Cancelled." and not is_alive(pid)
    assert state_of(lonely.editor) == before and lonely.editor.log.errors == []
    lonely.next_click_works()


# --- two editors


@contextlib.contextmanager
def second_editor(editor: Any, sound: Path) -> Iterator[subprocess.Popen[str]]:
    """Another editor of the project at its click. No sidecar of the project is left afterwards."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("second_editor.py"), editor.project_dir, sound],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as other:  # fmt: skip
        try:
            yield other
        finally:
            for process in [other, *sidecars_of(editor)]:
                process.kill()


def sidecars_of(editor: Any) -> list[psutil.Process]:
    """All living sidecars of the project, whether they can be found or not."""
    file = (saved(editor) / "sidecar.json").as_posix()
    return [process for process in psutil.process_iter(["cmdline"]) if file in (process.info["cmdline"] or ())]


def test_two_editors_of_one_project(lonely: Shot, sample: Path) -> None:
    """They click at the same time, at one sidecar, and the end of the other editor does it no harm."""
    from medtalk_unreal.sidecar import the_sidecar

    editor, done = lonely.editor, 0
    lonely.next_click_works()
    editor.select_actors(lonely.actor)
    with second_editor(editor, sample) as other:
        assert other.stdin is not None and other.stdout is not None
        other.stdin.close()
        while other.poll() is None:
            form = lonely.press()
            finish(editor)
            assert status(form).startswith("1 take written"), editor.log.text
            done += 1
        said = other.stdout.read()
        assert other.returncode == 0 and said.startswith("1 take written"), said
        assert said.split()[-1] == the_sidecar.about["instance"], "they use one sidecar"
        form = lonely.press()
        finish(editor)
        assert status(form).startswith("1 take written") and editor.log.errors == [] and done > 0
        assert [process.pid for process in sidecars_of(editor)] == [pid_of_sidecar(editor)]


@pytest.mark.parametrize("quicker", ["ours", "theirs"])
def test_two_editors_start_a_sidecar_at_once(lonely: Shot, sample: Path, quicker: str) -> None:
    """Both use the one that is ready first; the other one, which nobody would find, is ended."""
    from medtalk_unreal.sidecar import the_sidecar

    editor = lonely.editor
    with second_editor(editor, sample) as other:
        assert other.stdin is not None and other.stdout is not None
        theirs = int(other.stdout.readline())
        form = lonely.press()
        tick_until(editor, lambda: the_sidecar._program is not None, "our start")
        assert the_sidecar._program is not None
        ours = the_sidecar._program.process.pid
        assert {process.pid for process in sidecars_of(editor)} == {ours, theirs}
        slower = psutil.Process(theirs if quicker == "ours" else ours)
        slower.suspend()  # it would be ready a moment later
        finish(editor)
        assert status(form).startswith("1 take written"), editor.log.text
        said, instance = other.stdout.readline(), other.stdout.readline().strip()
        assert said.startswith("1 take written") and instance == the_sidecar.about["instance"], said
        left = ours if quicker == "ours" else theirs
        assert [process.pid for process in sidecars_of(editor)] == [left] == [pid_of_sidecar(editor)]
        other.stdin.close()
        assert other.wait() == 0
        form = lonely.press()  # where it was theirs it has ended with them
        finish(editor)
        assert status(form).startswith("1 take written") and editor.log.errors == []
        assert [process.pid for process in sidecars_of(editor)] == [pid_of_sidecar(editor)]


# --- bad input


def _samples(shot: Shot, seconds: float, channels: int, rate: int = 8000) -> str:
    pcm = b"\x10\x00" * (int(seconds * rate) * channels)
    return shot.editor.add_samples("/Game/Sounds/Bad", pcm, rate, channels).get_path_name()


BAD_SOUNDS: dict[str, tuple[Callable[[Shot], str], str]] = {
    "empty": (lambda shot: _samples(shot, 0.0, 1), "lasts 0 s"),
    "8 channels": (lambda shot: _samples(shot, 1.0, 8), "has 8 channels"),
    "10 minutes": (lambda shot: _samples(shot, 600.0, 1), "lasts 600 s; at most 300 s"),
}


def refused(shot: Shot, sound: str, before: Any, said: str, **fields: Any) -> None:
    """The click is answered with one line in a dialog; the sidecar hears nothing of it."""
    from medtalk_unreal import generate

    press(shot.editor, [sound], **shot.fields(**fields))
    (message,) = shot.editor.dialogs.messages
    (line,) = shot.editor.log.errors
    assert said in message[1] and message[1] in line and "\n" not in line, line
    assert generate.running() is None and state_of(shot.editor) == before


@pytest.mark.parametrize("what", BAD_SOUNDS)
def test_bad_sounds(shot: Shot, what: str) -> None:
    how, said = BAD_SOUNDS[what]
    sound = how(shot)
    refused(shot, sound, state_of(shot.editor), said)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mixture": "x" * 100_000}, "The mixture has 100000 characters"),
        ({"text": "x" * 100_000, "takes_text": True}, "The text has 100000 characters"),
        ({"mood_intensity": float("nan")}, "Mood intensity is nan"),
        ({"frame_step": 0}, "frame step is 0"),
        ({"start_frame": 2**31 - 1}, "outside the range of a sequence"),
        ({"image": __file__, "takes_image": True}, "test_editor_faults.py is not a picture"),
    ],
)
def test_bad_fields(shot: Shot, fields: dict[str, Any], said: str) -> None:
    if "image" in fields:
        change(guidance=["label", "image"])
        fields = {**fields, "image": shot.editor.unreal.FilePath(fields["image"])}
    refused(shot, shot.sound, state_of(shot.editor), said, **fields)


def test_a_long_text_that_is_spoken(shot: Shot) -> None:
    """Of the asset, which may have anything in it."""
    inside.put(shot.editor.object(shot.sound), spoken_text="x" * 100_000)
    before = state_of(shot.editor)
    shot.one_line(shot.press(), before, "The transcript has 100000 bytes")


def test_two_metahumans(shot: Shot) -> None:
    shot.editor.select_actors(shot.actor, shot.editor.add_metahuman("mh4", "Bob"))
    refused(shot, shot.sound, state_of(shot.editor), "2 MetaHumans are selected: BP_Ada, BP_Bob.")


def test_no_metahuman(shot: Shot) -> None:
    shot.editor.select_actors(shot.editor.add_actor("Cube"))
    refused(shot, shot.sound, state_of(shot.editor), "No MetaHuman is selected", target="Selected actor")


def test_a_metahuman_without_a_face_rig(desk: Any, tmp_path: Path) -> None:
    shot = Shot.__new__(Shot)
    shot.editor, shot.folder = desk, tmp_path
    desk.select_actors(desk.add_metahuman(rig=False))
    shot.sound = a_sound(desk, tmp_path)
    refused(shot, shot.sound, state_of(desk), "has no control board", sequence=None)
    shot.next_click_works()


def test_after_all_of_that_the_sidecar_is_alive(shot: Shot, serving: Sidecar) -> None:
    assert serving.process.poll() is None
