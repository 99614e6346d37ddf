"""From sounds to takes: the job behind every button, node and command line.

One sound after the other: read from the project, sent to the sidecar, its rig written as a take. Everything is looked
at before anything is sent, and again before anything is written: in between, the user goes on with his work.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import unreal

from medtalk_unreal import compat, made, marks, places, ticks
from medtalk_unreal import settings as settings_file
from medtalk_unreal import sound as sounds
from medtalk_unreal.bake import bake_curves, find_skeleton
from medtalk_unreal.edits import asset_path, check_editable, place
from medtalk_unreal.errors import CancelledError, PluginError
from medtalk_unreal.layers import BARELY, EMOTION
from medtalk_unreal.places import SEQUENCE_NAME, filled, folder_of, new_rate
from medtalk_unreal.request import Request
from medtalk_unreal.settings import PluginSettings
from medtalk_unreal.sidecar import the_sidecar
from medtalk_unreal.sound import SoundFacts
from medtalk_unreal.take import Take, TakeReport, check_target, target_place, write_take
from medtalk_unreal.ticks import Patience
from medtalk_unreal.work import PLAYING, Report, Status, Work, until_editable
from medtalk_wire.settings import DEFAULT, MAX_FPS

if TYPE_CHECKING:
    from medtalk_wire import Client, Job, Result, Settings, Sound

_OF_THE_SOUND = ("audio", "limit", "checksum")  # codes of errors that the next sound need not have
MODEL_FPS = DEFAULT.fps
_DOING = {
    "read": "Reading", "transcribe": "Hearing the words of", "listen": "Listening to", "decode": "Animating",
}  # fmt: skip
"""What the sidecar does with a sound, by the phases of docs/protocol.md."""
FULL_SECONDS, AGAIN_SECONDS = 600.0, 5.0
"""How long and how often to ask again a sidecar whose queue is full."""


class Generation:
    """A request on its way. `watch(status)` is called whenever the status has changed.

    settings: those to go by; by default they are read, once for the whole request.
    """

    def __init__(
        self,
        request: Request,
        watch: Callable[[Status], None] = lambda status: None,
        settings: PluginSettings | None = None,
    ) -> None:
        self.status = Status()
        self._request, self._watch = request, watch
        self._settings = settings or settings_file.load()
        self._facts: Facts | None = None
        self._picture = b""
        self._personas: Mapping[str, Any] = {}
        self._done = 0  # sounds
        self._note = ""  # for the end
        self._book: made.Book | None = None  # of bulk work

    def check(self) -> None:
        """Check everything that can be checked without the sidecar. Raises `PluginError`."""
        self._facts = check(self._request, self._settings)

    def steps(self) -> Generator[None, None, Status]:
        """The steps, for `ticks`. Raises `PluginError` if nothing at all could be done."""
        yield from self._until_editable()
        facts = self._facts or check(self._request, self._settings)
        self._say("sidecar", 0.0, "Looking for the sidecar.")

        def tell(line: str) -> None:
            self._say("sidecar", 0.0, line)

        client = yield from the_sidecar.connect(tell, self._settings)
        request, settings = self._request, self._settings.with_sidecar(the_sidecar.about)
        asked, request = request, request.heard(settings)
        if request.emotion != asked.emotion and not settings.hears:
            self._note = " The face is neutral: this model hears no moods in voices."
        request.check_guidance(settings)  # only now it is known what this sidecar takes
        self._picture, self._personas = request.read_picture(settings), settings.personas
        self._book = made.Book() if request.bulk else None
        for self._done, path in enumerate(request.sounds):
            lost = False
            try:
                sound = facts.sounds[self._done] if facts.sounds else _look(request, path, self._settings)
                fps = None if self._done or not facts.sounds else _fps_now(request, facts)
                report = yield from self._take(client, request, sound, fps)
            except CancelledError:
                raise
            except Exception as fault:
                if not isinstance(fault, _SoundError) and not request.bulk:
                    raise
                # No error is kept: its frames hold objects of the editor.
                said = str(fault if isinstance(fault, PluginError) else ticks.fault(fault))
                lost = not isinstance(fault, _SoundError)
                self.status.failures.append(said)
                if len(request.sounds) > 1:  # else the end of it all says the same
                    unreal.log_error(f"MEDTalk: {said}")
                report = None
            if lost:  # the sidecar may have ended
                client = yield from the_sidecar.connect(tell, self._settings)
            if report is None:
                continue
            self.status.reports.append(report)
            unreal.SystemLibrary.collect_garbage()  # at the end of this frame: every key was an object
            for line in report.lines():
                unreal.log(f"MEDTalk: {line}")
            if isinstance(report, TakeReport):
                for line in report.warnings:
                    unreal.log_warning(f"MEDTalk: {line}")
            if isinstance(report, TakeReport) and not request.one_each:
                request = replace(request, sequence=report.sequence, start_frame=report.next_frame)
        status = self.status
        if status.failures and not (status.reports or status.kept or status.edited):
            raise PluginError(status.failures[0])
        return status

    def ended(self, task: ticks.Task) -> None:
        """For `ticks`: the steps have ended, however it was."""
        status, written = self.status, len(self.status.reports)
        takes = f"{written} take{'s' if written != 1 else ''} written"
        if task.error is None:
            status.state, status.fraction = "done", 1.0
            failed = f"; {len(status.failures)} failed: {status.failures[0]}" if status.failures else "."
            keys = sum(report.keys for report in status.reports)
            assets = {one.sequence if isinstance(one, TakeReport) else one.asset for one in status.reports}
            where = f"in {next(iter(assets))}" if len(assets) == 1 else f"in {len(assets)} assets"
            written = f"{takes}, {keys} keys {where}" if written else takes
            self._say("done", 1.0, f"{written}{status.left()}{failed}{self._note}")
        else:
            status.state = "cancelled" if isinstance(task.error, CancelledError) else "failed"
            before = f" {takes} before." if written else ""
            self._say(status.phase, status.fraction, f"{task.error}{before}")
            if status.state == "failed":
                unreal.log_error(f"MEDTalk: {status.text}")

    def _take(
        self, client: Client, request: Request, sound: SoundFacts, fps: float | None
    ) -> Generator[None, None, Report | None]:
        """Steps from one sound to its take; None where that was left. fps: None where its target is not known yet."""
        self._say("sound", 0.0, f"Reading the sound {sound.name}.")
        yield from self._until_editable()
        sent, settings = self._prepare(request, sound, fps)
        asset, key = "", ""
        if self._book is not None:
            asset, key = _asset(request, sound), _key(request, sent, settings)
            if left := self._book.left(asset, key, compat.package(sound.path), request.hand_edits):
                self.status.leave(asset, left)
                return None
        result, base = yield from self._animate(client, request, sound.name, sent, settings)
        self._say("writing", 1.0, f"Writing the keys of {sound.name}.")
        yield from self._until_editable()
        if line := _mood(result.meta):
            unreal.log(f"MEDTalk: {line}")
        if note := result.meta.get("note"):
            unreal.log_warning(f"MEDTalk: {note}")
        take = Take(
            sound.name, result.rig, result.fps, sound.path, dict(result.meta), result.head, request.sound_start,
            request.sound_end, base.rig if base is not None else None,
        )  # fmt: skip
        if self._book is None:
            return _write(take, request, sound)
        with self._book.writing(asset, key, sound=compat.package(sound.path)) as record:
            view = compat.View.now()
            try:
                report = _write(take, request, sound)
            finally:
                view.again()  # hundreds of sequences are not to stay open
            record["keys"] = report.keys
        return report

    def _until_editable(self) -> Generator[None, None, None]:
        """Steps until the project can be changed, at least one: not while it is played, nor while the user drags."""
        yield from until_editable(lambda: self._say("waiting", 0.0, PLAYING))

    def _prepare(self, request: Request, sound: SoundFacts, fps: float | None) -> tuple[Sound, Settings]:
        """What to send for a sound."""
        from medtalk_wire import RequestError, Sound

        try:
            data, notes = sounds.read(sound.path)
            data = sounds.only(data, sound.name, request.sound_channel)
            for note in notes:
                unreal.log_warning(f"MEDTalk: {note}")
            fps = _fps(request, sound) if fps is None else fps
            timeline = _timeline(request, sound, self._settings.with_sidecar(the_sidecar.about))
            settings = request.wire_settings(self._picture, fps, sound.spoken, timeline, self._personas)
            return Sound.from_bytes(data, sound.name), settings
        except (PluginError, RequestError) as error:
            raise _SoundError(f"Generating {sound.name}: {error.message}", error.hint) from error

    def _animate(
        self, client: Client, request: Request, name: str, sent: Sound, settings: Settings
    ) -> Generator[None, None, tuple[Result, Result | None]]:
        """Steps from a sound to its rig, and where its emotion is to be a layer, to the one without."""
        result = yield from answer(client, sent, settings, name, self._say)
        if request.layers != EMOTION or request.skeleton or not settings.intensity:
            return result, None
        # The sidecar keeps what it heard of a sound, so that this costs it milliseconds.
        barely = replace(settings, intensity=BARELY)
        base = yield from answer(client, sent, barely, name, self._say)
        return result, base

    def _say(self, phase: str, fraction: float, text: str) -> None:
        """Report the progress; log a line only if more than its percentage is new."""
        status, count = self.status, len(self._request.sounds)
        if phase != status.phase:
            unreal.log(f"MEDTalk: {text}")
        status.phase, status.text = phase, text
        if phase != "waiting":
            status.fraction = 1.0 if phase == "done" else min(1.0, (self._done + fraction) / max(count, 1))
        self._watch(status)


class _SoundError(PluginError):
    """One sound cannot be animated; the next may."""


Say = Callable[[str, float, str], None]
"""Called with the phase of a job, its fraction from 0 to 1, and a line for the user."""


def answer(client: Client, sent: Sound, settings: Settings, name: str, say: Say) -> Generator[None, None, Result]:
    """Steps from a request for a sound of that name to its result; the job ends with them. Raises `PluginError`."""
    from medtalk_wire import RequestError, SidecarError

    what = f"Generating {name}"
    full = Patience(FULL_SECONDS)
    while True:
        try:
            job = client.generate(sent, settings)
        except RequestError as error:
            raise _SoundError(f"{what}: {error.message}", error.hint) from error
        except SidecarError as error:  # another button has closed the client meanwhile
            raise PluginError(f"{what}: {error.message}", error.hint) from error
        if (yield from _follow(client, job, name, say)) != "queue_full" or full.over:
            break
        say("queue", 0.0, f"{name} waits: the sidecar has too much to do.")
        pause = Patience(AGAIN_SECONDS)
        while not (pause.over or full.over):
            yield
            the_sidecar.check_alive()
    error = job.error
    if error is None:
        return job.result
    if error.code in _OF_THE_SOUND:
        raise _SoundError(f"{what}: {error.message}", error.hint)
    if not isinstance(error, RequestError):
        the_sidecar.leave()
    raise PluginError(f"{what}: {error.message}", error.hint)


def _follow(client: Client, job: Job, name: str, say: Say) -> Generator[None, None, str]:
    """Steps to the end of a job; the code of its error, or ""."""
    try:
        while not job.ended:
            doing = f"{_DOING.get(job.phase, 'Sending')} {name}, {job.fraction:.0%}."
            wait = f"{name} waits: {job.ahead} before it."
            say(job.phase or "sent", job.fraction, wait if job.ahead else doing)
            yield
            client.poll()
            if not job.ended:
                the_sidecar.check_alive()
    finally:
        if not job.ended:
            client.cancel(job)
    return job.error.code if job.error else ""


_running: tuple[Work, ticks.Task] | None = None


def start(
    request: Request, watch: Callable[[Status], None] = lambda status: None, settings: PluginSettings | None = None
) -> Generation:
    """Begin a request, if none is on its way; the tick goes on with it. The parameters are those of `Generation`.

    `PluginError` if it cannot be done.
    """
    generation = Generation(request, watch, settings)
    begin(generation)
    return generation


def begin(work: Work) -> None:
    """Begin work, if none is on its way; the tick goes on with it. `PluginError` if it cannot be done."""
    global _running
    if running():
        raise PluginError("A face animation is already being generated.", "Wait until it is done, or cancel it.")
    work.check()
    _running = work, ticks.begin(work.steps(), work.ended)


def running() -> Work | None:
    """The work on its way."""
    return _running[0] if _running and not _running[1].ended else None


def cancel() -> None:
    """End the work on its way; takes that are written stay."""
    if _running:
        _running[1].cancel()


@dataclass(frozen=True)
class Facts:
    """The facts known before anything is sent. `fps` is the rate of the rig to ask for, for the first sound."""

    sounds: list[SoundFacts]
    fps: float


def check(request: Request, settings: PluginSettings) -> Facts:
    """Check everything that can be checked without the sidecar. Raises `PluginError`."""
    request.check(settings)
    check_editable()
    if compat.is_commandlet() and not request.skeleton:  # Unreal would end with an assert: it closes open menus first
        raise PluginError(
            "A commandlet has no Sequencer, so it cannot put a face board into a sequence.",
            "Give a skeleton for an AnimSequence, or start the editor without -run.",
        )
    if not request.sounds:
        raise PluginError("No sound is selected.", "Select one or more SoundWaves in the Content Browser.")
    if request.one_each and request.sequence:
        raise PluginError("One for Each Sound makes new sequences.", "Clear Level Sequence, or switch it off.")
    if request.skeleton:
        find_skeleton(request.skeleton)
    if request.bulk:  # each is looked at in its turn: hundreds would hold the editor, and one may fail alone
        return Facts([], MODEL_FPS)
    waves = [_look(request, path, settings) for path in request.sounds]
    facts = Facts(waves, _fps(request, waves[0]))
    for wave in waves[1:] if request.one_each else ():
        _fps(request, wave)
    _timeline(request, waves[0], settings, max(wave.seconds for wave in waves))
    return facts


def _look(request: Request, path: str, settings: PluginSettings) -> SoundFacts:
    """The facts of a sound of a request. Raises `PluginError` where it cannot be animated as that asks."""
    wave = sounds.look(path, settings.max_seconds)
    sounds.check_channel(wave, request.sound_channel)
    if request.sound_start > wave.seconds - sounds.MIN_SECONDS:
        raise PluginError(
            f"The sound {wave.name} lasts {wave.seconds:.3g} s; its part begins at {request.sound_start:.3g} s.",
            "Begin earlier.",
        )
    if request.skeleton:
        _animation_path(request, wave)
    return wave


def _asset(request: Request, sound: SoundFacts) -> str:
    """The asset that a sound of its own gets: the one that an earlier run has made of it, or a new one."""
    source = compat.package(sound.path)
    if request.skeleton:
        return place(_animation_path(request, sound), source, request.replace)
    return places.find(request.target(), sound.name, source).path


def _write(take: Take, request: Request, sound: SoundFacts) -> Report:
    """Write a take where a request wants it."""
    if not request.skeleton:
        return write_take(take, request.target())
    folder, _, name = _asset(request, sound).rpartition("/")
    return bake_curves(take, request.skeleton, folder, name, request.tolerance)


def _key(request: Request, sent: Sound, settings: Settings) -> str:
    """What the asset of a sound is made of: the same text for the same sound, settings, place and model."""
    from medtalk_wire.request import body_of

    where = replace(request.target(), actor=None)  # its path has the name of the level in it
    bundle = (the_sidecar.about.get("bundle") or {}).get("sha256", "")
    return made.key_of(dict(sent.fields), body_of(settings), asdict(where), request.skeleton, bundle)


def _animation_path(request: Request, sound: SoundFacts) -> str:
    """Where the AnimSequence of a sound goes; its name is that of the rule, if the user has one of his own."""
    rule = "AS_{sound}" if request.sequence_name == SEQUENCE_NAME else request.sequence_name
    title = filled("sequence_name", rule, {"sound": sound.name})
    return asset_path(folder_of(request.sequence_folder, compat.package(sound.path)), title)


def _fps_now(request: Request, facts: Facts) -> float:
    """The rate for the first sound: users may change that of its sequence while the sidecar starts."""
    sequence = compat.load(request.sequence) if request.sequence and not request.skeleton else None
    return facts.fps if sequence is None else _rig_fps(compat.rate(sequence.get_display_rate()))


def _fps(request: Request, sound: SoundFacts) -> float:
    """The rate of the rig to ask for: one row for each frame of the sequence, so that keys lie on frames.

    Raises `PluginError` where the take could not be written.
    """
    if request.skeleton:
        return _rig_fps(None if request.frame_rate == "project" else Fraction(request.frame_rate))
    target = request.target()
    seconds = min(request.sound_end or sound.seconds, sound.seconds) - request.sound_start
    return _rig_fps(check_target(target, sound.name, sound.path, seconds) or new_rate(target))


def _timeline(
    request: Request, sound: SoundFacts, settings: PluginSettings, longest: float = math.inf
) -> list[Any] | None:
    """The moods over time of a sound, None if the request asks for none: those that it names, without those behind the
    end of this sound, or those at the marked frames of the sound's sequence. longest: seconds of the longest sound,
    where moods behind all of them shall be an error. Raises `PluginError` for moods that are none."""
    if request.moods_over_time.strip():
        named = marks.written(request.moods_over_time, longest, settings)
        return [span for span in named if float(span["start"]) < sound.seconds]
    if not request.marked_frames:
        return None
    sequence, start = None, request.start_frame
    if not request.skeleton:
        sequence, start = target_place(request.target(), sound.name, sound.path)
    whole = request.sound_start  # spans are of the whole sound, marked frames of what is heard
    seconds = (request.sound_end or sound.seconds) - whole
    spans = marks.timeline(sequence, start, seconds, settings)
    return [{name: whole + at if isinstance(at, float) else at for name, at in span.items()} for span in spans]


def _rig_fps(rate: Fraction | None) -> float:
    """A sequence's rate, if a rig may have it."""
    return float(rate) if rate is not None and 1 <= rate <= MAX_FPS else MODEL_FPS


def _mood(meta: Mapping[str, Any]) -> str:
    """A line about the source of a take's mood, unless that is a label."""
    ways = {
        "text": "The text is understood as",
        "image": "The mood is that of the picture",
        "voice": "The voice sounds",
    }
    guidance = meta.get("guidance", {})
    way = next((way for way in ways if way in guidance), None)
    if way is None:
        return ""
    moods = ", ".join(f"{label} {weight:.2f}" for label, weight in meta.get("emotion", {}).items())
    if guidance.get("weight", 1.0) < 1.0:
        return f"A mixture of the {way} ({guidance['weight']:.2f}) and labels: {moods}."
    what = moods or str(guidance[way])
    strength = f"; strength {meta['strength']:.2f}" if "strength" in meta else ""
    return f"{ways[way]} {what}{strength}."


def result(status: Status) -> Mapping[str, Any]:
    """The status for programs."""
    return {
        "state": status.state, "phase": status.phase, "fraction": round(status.fraction, 4), "text": status.text,
        "takes": [asdict(report) for report in status.reports], "failures": list(status.failures),
        "kept": list(status.kept), "edited": list(status.edited),
    }  # fmt: skip
