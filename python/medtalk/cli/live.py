"""The command `live`: the face while somebody speaks."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medtalk.cli.options import (
    Backbones,
    Debug,
    Offline,
    OtherBundle,
    Threads,
    backbone_folders,
    wish,
    with_settings,
)
from medtalk.cli.printing import clean_up, complain, count, length, print_table, shown
from medtalk.errors import OutputError, SettingError
from medtalk.limits import LIVE_LOOK_AHEAD, LIVE_STEP, check_within
from medtalk.signals import Stopping
from medtalk_board.moods import MOODS
from medtalk_wire.settings import Settings

if TYPE_CHECKING:
    from medtalk.audio import Speech
    from medtalk.cli.streaming import Source, Stream
    from medtalk.live import Live
    from medtalk.senders import Outlet, Sender

OscLayout = Literal["channels", "arkit", "vmc"]


@partial(
    with_settings,
    leave=("transcript", "language", "curve", "curve_mode", "span", "fps"),
    changes={  # auto needs the whole sound
        "emotion": {
            "help": f"{', '.join(MOODS)}, or a mixture such as happy:0.7,surprised:0.3; neutral if left out.",
            "metavar": "MOOD[:WEIGHT][,...]",
        }
    },
)
def live(
    sound: Annotated[
        Path | None,
        typer.Argument(metavar="[SOUND]", readable=False, help="Sound file to play; or give --microphone."),
    ] = None,
    microphone: Annotated[bool, typer.Option("--microphone", "-m", help="Listen to a microphone.")] = False,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="NAME", help="Which microphone: its number, its name or a part of it."),
    ] = None,
    list_devices: Annotated[bool, typer.Option("--devices", help="List the microphones of this machine.")] = False,
    channel: Annotated[
        int | None, typer.Option(metavar="N", help="Use channel N of the sound or microphone (0 is the first).")
    ] = None,
    *,
    settings: Settings,
    look_ahead: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help=f"Sound to wait for beyond what is shown, {LIVE_LOOK_AHEAD[0]:g} to {LIVE_LOOK_AHEAD[1]:g}: more sees "
            "the lips better.",
        ),
    ] = 0.08,
    step: Annotated[
        float,
        typer.Option(metavar="SECONDS", help=f"Sound to hear at a time, {LIVE_STEP[0]:g} to {LIVE_STEP[1]:g}."),
    ] = 0.04,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Send frames to Unreal as Live Link Face does (UDP, port 11111); may be repeated.",
        ),
    ] = None,
    subject: Annotated[str, typer.Option(metavar="NAME", help="Name of the face in Unreal's Live Link.")] = "MEDTalk",
    osc: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="Send frames by OSC (UDP); may be repeated.")
    ] = None,
    osc_layout: Annotated[
        OscLayout,
        typer.Option(help="What OSC messages say: the 174 channels, ARKit's 52 shapes, or those for VRM avatars."),
    ] = "channels",
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", callback=wish("json_errors"), help="Print frames as lines of JSON; a failure as one on stderr."
        ),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="TAKE",
            readable=False,
            help="Keep what was streamed as a rig file, and the sound beside it, where no other may lie.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that are read-only, and a sound beside the take.")
    ] = False,
    steering: Annotated[
        bool,
        typer.Option(
            "--steer", help='Read changes from stdin, one a line: a mood, {"text": "tired", "intensity": 1.2}, or stop.'
        ),
    ] = False,
    bound: Annotated[
        bool,
        typer.Option(
            "--bound",
            help='For a program that starts this one, with --steer: end when stdin ends, take {"record": "TAKE.npz"} '
            'and {"record": null}, and say on stderr what becomes of them, and errors, as lines of JSON.',
        ),
    ] = False,
    as_fast: Annotated[bool, typer.Option("--as-fast", help="Play the sound as fast as it can be heard.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Play the sound again and again.")] = False,
    status: Annotated[
        float, typer.Option(metavar="SECONDS", help="Print a line of JSON about the stream on stderr this often.")
    ] = 0.0,
    bundle: OtherBundle = None,
    backbone: Backbones = None,
    offline: Offline = False,
    threads: Threads = 1,
    debug: Debug = False,
) -> None:
    """Animate a face while somebody speaks, into Unreal by Live Link, other programs, or a take. Ctrl-C ends it."""
    if list_devices:
        return _list_devices(as_json)
    if bound:
        wish("json_errors")(True)
    stopping = Stopping()

    from medtalk.cli.recording import Recorder, tell
    from medtalk.cli.steering import Steering
    from medtalk.cli.streaming import Stream
    from medtalk.cli.tape import Tape
    from medtalk.perform import load
    from medtalk.take import checked

    # Everything that can be wrong is checked before any work is done.
    settings = checked(settings)
    if bound and not steering:
        raise SettingError("--bound ends with stdin, which only --steer reads.", "Give both.")
    check_within(look_ahead, LIVE_LOOK_AHEAD, "--look-ahead", "seconds")
    check_within(step, LIVE_STEP, "--step", "seconds")
    _check(sound, microphone, device, as_fast, loop, status, outputs=bool(to or osc or as_json or record))
    if as_json and sys.stdout is None:
        raise OutputError("--json prints to stdout, which is closed.", "Leave it out, or give it a stdout.")
    makers = _senders(to or (), subject, osc or (), osc_layout)
    speech = None if sound is None else _read(sound, channel)
    if speech is not None and speech.note:
        complain(speech.note)
    if record is not None:
        clean_up({record.absolute().parent})
    model = load(bundle, threads=threads, device="cpu", backbones=backbone_folders(backbone or ()), offline=offline)
    begin = partial(
        model.live,
        "neutral" if settings.emotion is None else settings.emotion,
        text=settings.text or None,
        image=settings.image or None,
        intensity=settings.intensity,
        look_ahead=look_ahead,
        step=step,
        finishing=settings.finishing,  # type: ignore[arg-type]  # of checked settings
        region=settings.region,
        kinds=(settings.persona or {}).get("kinds"),
        timeline=settings.timeline,
    )
    _warm(begin())
    source = _source(speech, device, channel, loop, as_fast)
    try:
        face = begin(rate=source.rate, name=source.name)
        guided = Steering(bound) if steering else None
        # The file that is played is not written over.
        make = partial(Tape, rate=source.rate, sound=sound, force=force)
        told = tell if bound else partial(_say_take, quiet=as_json)
        recorder = Recorder(face, make, lambda: _facts(face, stream, settings), told)
        if record is not None:
            recorder.begin(str(record))
        outlets = _outlets(makers, face, as_json, as_fast)
        stream = Stream(face, source, outlets, recorder, guided, status, as_fast)
        stopping.by(stream.stop)
        if not as_json:
            print(_ready_line(source, outlets, record, face), flush=True)
        try:
            stream.run()
        finally:  # what was recorded is kept whatever happens, also where nothing can be printed
            try:
                ended = _end(stream, outlets, quiet=as_json)
            finally:
                recorder.close()
    finally:
        source.close()
    if status:
        stream.tell(done=True)
    if not ended or (record is not None and recorder.failed):
        raise typer.Exit(1)


def _list_devices(as_json: bool) -> None:
    from medtalk.microphone import devices

    found = devices()
    if as_json:
        print(json.dumps([each.facts() for each in found]))
    elif found:
        print_table([{**each.facts(), "usual": "yes" if each.usual else "-"} for each in found])
    else:
        print("This machine has no microphone.")


def _check(
    sound: Path | None, microphone: bool, device: str | None, as_fast: bool, loop: bool, status: float, outputs: bool
) -> None:
    """SettingError for options that do not fit one another."""
    microphone |= device is not None
    if (sound is not None) == microphone:
        what = (
            "Neither a sound nor --microphone is given" if sound is None else "A sound and a microphone are both given"
        )
        raise SettingError(f"{what}.", "Give one of them: medtalk live SOUND, or medtalk live --microphone.")
    if not outputs:
        raise SettingError(
            "The frames would go nowhere.",
            "Give one or more of --to HOST (Unreal), --osc HOST:PORT, --json (stdout), --record TAKE.npz.",
        )
    for option, given in {"--as-fast": as_fast, "--loop": loop}.items():
        if given and sound is None:
            raise SettingError(f"{option} is for a sound; a microphone has its own time.", "Leave it out.")
    if as_fast and loop:
        raise SettingError("--loop never ends, and --as-fast does not wait.", "Leave one of them out.")
    if not 0.0 <= status < float("inf"):
        raise SettingError(f"--status is {status:g}; valid are seconds above 0, or 0 for none.")


def _read(sound: Path, channel: int | None) -> Speech:
    from medtalk.audio import read_speech

    return read_speech(sound, channel=channel)


def _source(speech: Speech | None, device: str | None, channel: int | None, loop: bool, fast: bool) -> Source:
    if speech is not None:
        from medtalk.cli.played import Played

        return Played(speech, loop, fast)
    from medtalk.microphone import Microphone

    return Microphone(device, complain, channel)


def _warm(face: Live) -> None:
    """Let the networks run once: the first time takes longer, for which nobody should have to wait while speaking."""
    import numpy as np

    noise = np.random.default_rng(0).normal(0.0, 0.1, face.rate // 2).astype(np.float32)
    for block in np.array_split(noise, 10):
        face.push(block)


def _senders(to: list[str] | tuple[()], subject: str, osc: list[str] | tuple[()], layout: str) -> list[Sender]:
    """Those that need no stream yet, checked."""
    from medtalk.senders import LiveLinkSender, OscSender, read_address
    from medtalk.senders.livelink import PORT, check_subject

    check_subject(subject)
    places = [read_address(each, "--to", PORT) for each in to], [read_address(each, "--osc") for each in osc]
    return [
        *(LiveLinkSender(place, complain, subject) for place in places[0]),
        *(OscSender(place, complain, layout) for place in places[1]),
    ]


def _outlets(senders: list[Sender], face: Live, as_json: bool, fast: bool) -> list[Outlet]:
    from medtalk.senders import Closed, JsonSender, Outlet

    if as_json:
        try:
            senders = [*senders, JsonSender(sys.stdout.buffer, face.delay, face.head)]
        except Closed as error:
            _let_go_of_stdout()
            if str(error):
                raise OutputError(str(error), "Give it a file or pipe that takes them.") from error
            raise typer.Exit from None  # its reader has enough already
    return [Outlet(sender, at_once=fast) for sender in senders]


def _ready_line(source: Source, outlets: list[Outlet], record: Path | None, face: Live) -> str:
    names = [outlet.sender.name for outlet in outlets] + ([str(record)] if record is not None else [])
    return shown(
        f"medtalk live: {source.name} at {source.rate} Hz to {', '.join(names)}, {1e3 * face.delay:.0f} ms behind the "
        "voice"
    )


def _facts(face: Live, stream: Stream, settings: Settings) -> dict[str, Any]:
    """What is known of a stream, for the rig of a take."""
    meta = face.facts()
    if settings.persona is not None and (name := settings.persona.get("name")):
        meta["persona"] = name
    return {**meta, "live": {**meta["live"], "lost": round(stream.state.lost, 3)}}


def _say_take(line: dict[str, Any], quiet: bool) -> None:
    """Say to people what became of a take."""
    if refused := line.get("refused"):
        complain(f"{refused['message']} {refused['hint']}")
    elif (done := line.get("recorded")) and not quiet:
        sound = f", with {shown(done['sound'])}" if done["sound"] else ""
        print(f"{shown(done['rig'])}: {count(done['frames'], 'frame')}{sound}", flush=True)


def _let_go_of_stdout() -> None:
    """What Python still holds for it is not written when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(stream: Stream, outlets: list[Outlet], quiet: bool) -> bool:
    """Say how it was; whether all went well."""
    good = True
    for outlet in outlets:
        if outlet.closed and outlet.sender.name == "stdout":
            _let_go_of_stdout()
        if outlet.problem:
            complain(outlet.problem)
            good = False
    state = stream.state
    facts = [length(state.seconds), count(state.frames, "frame")]
    if latency := stream.overall_ms():
        facts.append(f"{latency[0]} ms behind the voice, {latency[1]} at most in 95 of 100")
    if state.lost:
        facts.append(f"{state.lost:.1f} s of sound were lost")
    if state.dropped:
        facts.append(f"{count(state.dropped, 'late frame')} left out")
    if not quiet:
        print(", ".join(facts), flush=True)
    elif state.dropped or state.lost:
        complain(", ".join(facts))
    return good
