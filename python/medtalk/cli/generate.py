"""The command `generate`: sounds to rigs, in this process or by the sidecar."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medtalk.cli.options import (
    AsJson,
    Backbones,
    Debug,
    Device,
    Force,
    Keys,
    Offline,
    OtherBundle,
    Threads,
    backbone_folders,
    with_settings,
)
from medtalk.cli.printing import clean_up, complain, count, length, progress, shown
from medtalk.errors import DiskFullError, MedtalkError, ServiceError, SettingError
from medtalk.inputs import path_text
from medtalk.signals import check_stop
from medtalk_wire.settings import Finishing, Settings

if TYPE_CHECKING:
    from medtalk.batch.sources import Source
    from medtalk.cli.rigs import Rigs
    from medtalk.rig import RigSequence

_WRITTEN = 0.8  # of the work on a sound is done when its rig begins to be written

FinishingKind = Literal["full", "paper"]


@dataclass(frozen=True)
class _Take:
    source: Source
    output: Path
    transcript: str | None

    @property
    def sound(self) -> Path:
        return self.source.file


@with_settings
def generate(
    sounds: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOUND",
            readable=False,
            help="WAV, FLAC or OGG files (with the extra media also MP3, M4A and videos), or folders: all sounds in "
            "and below them, in the same folders of OUT.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Rig file (.csv .txt .npz .json .arkit.csv .a2f.json .expressions.csv .curves.csv .glb), or a folder "
            "for one file per sound, created if missing.",
        ),
    ],
    settings: Settings,
    finishing: Annotated[
        FinishingKind, typer.Option(help="paper: the paper's smoothing only, without blinks, gaze and limits.")
    ] = "full",
    channel: Annotated[
        int | None, typer.Option(metavar="N", help="Use channel N of the sounds (0 is the first) instead of the mix.")
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="ENDING", help="Format of the files in a folder; csv if left out.")
    ] = None,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Skip sounds whose rig file already exists, to resume a batch.")
    ] = False,
    keep_heard: Annotated[
        bool,
        typer.Option("--keep-heard", help="Keep what was heard in the .npz, for `medtalk decode` without the sound."),
    ] = False,
    force: Force = False,
    bundle: OtherBundle = None,
    backbone: Backbones = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            readable=False,
            help="Ready-made features by name (emotion2vec, clip_text, clip_image), so that these backbones need not "
            "run. For several sounds: a folder with a NAME.npz for each.",
        ),
    ] = None,
    offline: Offline = False,
    threads: Threads = None,
    device: Device = "auto",
    server: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]",
            help="Let `medtalk serve` do it: the sidecar at HOST:PORT or in a connection file, or the running one.",
        ),
    ] = None,
    keys: Keys = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Animate a face from recordings: SOUND to a rig of 174 channels."""
    from medtalk.batch.sources import find_sources
    from medtalk.cli.batch import find_targets, find_transcripts
    from medtalk.take import checked

    # Everything that can be wrong is checked before any work is done.
    settings = checked(finished(settings, finishing))
    sources, passed = find_sources(sounds)
    for line in passed:
        complain(line)
    targets = find_targets(
        sources, output, file_format, into_folder=any(map(Path.is_dir, sounds)), force=force, skip=skip_existing
    )
    if keep_heard and (others := [target for target in targets if target and target.suffix.lower() != ".npz"]):
        raise SettingError(f"{others[0]} cannot keep what was heard.", "Give .npz files, or --format npz.")
    texts = find_transcripts(sources, settings.transcript)
    jobs = [
        _Take(source, target, text)
        for source, target, text in zip(sources, targets, texts, strict=True)
        if target is not None
    ]
    clean_up({job.output.parent for job in jobs})
    if len(jobs) < len(sources) and not (quiet or as_json):
        existing = len(sources) - len(jobs)
        print(f"{existing} of {len(sources)} rig files already exist and are left as they are", flush=True)
    if not jobs:
        return
    transcribed = any(job.transcript is None for job in jobs)
    if settings.language and not transcribed:
        raise SettingError("--language is for transcription, but --transcript gives the words.", "Leave one out.")
    if server is None:
        if keys is not None:
            raise SettingError("--keys needs --server.", "Leave it out.")
        ready = {} if features is None else _features(sources, features)
        rigs = _local_rigs(settings, bundle, backbone, offline, threads, device, channel, ready, transcribed)
    else:
        local = {"--bundle": bundle, "--threads": threads, "--device": device != "auto", "--backbone": backbone,
                 "--offline": offline, "--features": features, "--keep-heard": keep_heard}  # fmt: skip
        if wrong := [option for option, value in local.items() if value is not None and value is not False]:
            raise SettingError(
                f"{' and '.join(wrong)} cannot be used with --server.",
                "Leave it out; give options of the model to `medtalk serve`.",
            )
        from medtalk.cli.rigs import SidecarRigs

        rigs = SidecarRigs(server, keys, settings, channel)

    failed = False
    notes: dict[str, list[Path]] = {}
    with rigs, progress(len(jobs), quiet or as_json) as show:
        for number, job in enumerate(jobs):
            check_stop()
            try:
                result = _generate_one(job, rigs, partial(show, number, job.sound.name), force, keep_heard)
            except MedtalkError as error:
                if debug:
                    raise
                failed = True
                named = len(jobs) == 1 or error.about == path_text(job.sound)
                complain(str(error) if named else f"{job.sound}: {error}")
                if as_json:
                    print(json.dumps({"sound": str(job.sound), "error": error.facts()}), flush=True)
                if isinstance(error, ServiceError | DiskFullError):
                    break  # nothing is wrong with this sound; the next one would meet the same
                continue
            if note := result.get("note"):
                notes.setdefault(note, []).append(job.sound)
            if as_json:
                print(json.dumps(result), flush=True)
            elif not quiet:
                print(line_of(result), flush=True)
    for note, noted in notes.items():
        more = f" and {len(noted) - 1} more" if len(noted) > 1 else ""
        complain(note if len(noted) == len(jobs) else f"{noted[0]}{more}: {note}")
    if failed:
        raise typer.Exit(1)


def finished(settings: Settings, finishing: FinishingKind) -> Settings:
    """The settings with `--finishing`, which stands for all steps of it at once."""
    from medtalk.finishing import PAPER

    if finishing == "full":
        return settings
    if replace(settings.finishing, seed=0) != Finishing():
        raise SettingError("--finishing paper is the paper's smoothing and nothing else.", "Leave the others out.")
    return replace(settings, finishing=replace(PAPER, seed=settings.finishing.seed))


def _features(sources: list[Source], path: Path) -> dict[Path, Path]:
    """The file of ready-made features of each sound."""
    from medtalk.cli.ready_made import all_have

    if path.is_dir():
        return {source.file: source.twin(path, ".npz") for source in sources}
    ready = dict.fromkeys((source.file for source in sources), path)
    if len(sources) > 1 and all_have("emotion2vec", ready):
        raise SettingError(
            "The features emotion2vec of one sound cannot fit several.",
            "Give a folder that holds NAME.npz for each NAME.wav.",
        )
    return ready


def _local_rigs(
    settings: Settings,
    bundle: Path | None,
    backbone: list[str] | None,
    offline: bool,
    threads: int | None,
    device: str,
    channel: int | None,
    ready: dict[Path, Path],
    transcribed: bool,
) -> Rigs:
    """A model of this process with all that it will need: what is missing is reported before any work, and once."""
    from medtalk.cli.ready_made import all_have
    from medtalk.cli.rigs import LocalRigs
    from medtalk.perform import VOICE, load
    from medtalk.take import hears_voice

    has_emotion2vec = all_have("emotion2vec", ready)
    folders = backbone_folders(backbone or ())
    model = load(bundle, threads=threads, device=device, backbones=folders, offline=offline)
    if settings.language:
        model.engine.check_language(settings.language)
    needed = {
        VOICE: hears_voice(settings),
        "whisper": transcribed,
        "emotion2vec": not has_emotion2vec,
        "roberta": True,
    }
    model.prepare(*(part for part, wanted in needed.items() if wanted))
    return LocalRigs(model, settings, channel, ready)


_SHOWN = ("persona", "emotion", "kinds", "guidance", "strength", "base", "timeline", "voice", "transcript", "note")
"""The parts of a rig's `meta` that the command shows."""


def _generate_one(job: _Take, rigs: Rigs, tell: Callable[[float], None], force: bool, keep: bool) -> dict[str, Any]:
    from medtalk.files import make_folder
    from medtalk.rig import write_rig
    from medtalk.saved import save_performance

    started = time.perf_counter()
    tell(0.0)
    rig = rigs.make(job.sound, job.transcript, lambda done: tell(_WRITTEN * done))
    check_stop()
    make_folder(job.output.parent)
    if keep:
        assert rigs.heard is not None
        save_performance(job.output, rigs.heard, rig, force=force)
    else:
        write_rig(job.output, rig, force=force)
    if job.output.name.lower().endswith(".glb"):
        _copy_beside(job.sound, job.output)
    tell(1.0)
    return {"sound": str(job.sound), **result_of(job.output, rig, started)}


def result_of(output: Path, rig: RigSequence, started: float) -> dict[str, Any]:
    """What the command says of a rig that it wrote, as JSON."""
    elapsed = time.perf_counter() - started
    seconds = rig.meta["source"]["seconds"]
    return {
        "file": str(output),
        "seconds": seconds,
        "frames": len(rig),
        "fps": rig.fps,
        "elapsed": elapsed,
        "speed": seconds / elapsed,
        **{name: rig.meta[name] for name in _SHOWN if rig.meta.get(name)},
    }


def line_of(result: dict[str, Any]) -> str:
    """The same in a line."""
    return (
        f"{shown(result['file'])}: {length(result['frames'] / result['fps'])}, {count(result['frames'], 'frame')} at "
        f"{result['fps']:g} fps, {_guidance_line(result)}, {result['speed']:.0f} times real time"
    )


def _copy_beside(sound: Path, output: Path) -> None:
    """The sound under the name of a `.glb`, which holds none; what is there already is left."""
    import shutil

    from medtalk.files import write_atomic

    beside = output.with_suffix(sound.suffix.lower())
    if not beside.exists():
        write_atomic(beside, lambda temporary: shutil.copyfile(sound, temporary))


def _guidance_line(result: dict[str, Any]) -> str:
    """A rig's guidance in words: its persona and mood, and the spans over it."""
    name = f"persona {result['persona']}, " if "persona" in result else ""
    if "timeline" not in result:
        return name + _mood_line(result)
    base = _mood_line({**result, "emotion": result.get("base", {})})
    auto = "voice" in result and "voice" not in result.get("guidance", {})
    heard = f" (auto {_heard_line(result['voice'])})" if auto else ""
    return f"{name}{base} under a timeline of {count(len(result['timeline']), 'span')}{heard}"


def _mood_line(result: dict[str, Any]) -> str:
    """A mood in words: its labels, those read from a description or the voice, or its kind."""
    weights, guidance = result.get("emotion", {}), result.get("guidance", {})
    if "mixture" in guidance:
        return f"a mixture of {len(guidance['mixture'])} guidances"
    if "strength" in result:
        labels = ", ".join(f"{label} {weight:.2f}" for label, weight in sorted(weights.items(), key=lambda e: -e[1]))
        return f"understood as {labels}; strength {result['strength']:.2f}"
    if "voice" in guidance:
        return _heard_line({"heard": weights, **guidance})
    if guidance:
        return "+".join((f"by a {'picture' if 'image' in guidance else 'text'}", *weights))
    return "+".join(weights)


def _heard_line(felt: dict[str, Any]) -> str:
    """What was heard in the voice, of `meta`."""
    if felt.get("silent"):
        return "heard: nobody"
    heard = felt["heard"]
    best = max(heard, key=heard.get)
    if "arousal" not in felt or felt["sure"]:
        return f"heard: {best} ({'sure' if felt.get('sure') else 'not sure'})"
    return f"heard: not sure ({best}?), so neutral with the voice's energy"
