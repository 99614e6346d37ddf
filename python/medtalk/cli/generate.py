"""The command `generate`: sounds to rigs, in this process or by the sidecar."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medtalk.cli.options import (
    AsJson,
    Backbones,
    Debug,
    Force,
    Keys,
    Offline,
    backbone_folders,
)
from medtalk.cli.printing import clean_up, complain, shown
from medtalk.errors import DiskFullError, GuidanceError, MedtalkError, ServiceError, SettingError
from medtalk.signals import check_stop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.cli.batch import Source
    from medtalk.cli.remote import RigMaker
    from medtalk.guidance import Mood
    from medtalk.performance import Guide, Model, Performance
    from medtalk.rig import RigSequence

_WRITTEN = 0.8  # of the work on a sound is done when its rig begins to be written

Region = Literal["full", "mouth", "upper"]
FinishingKind = Literal["full", "paper"]


@dataclass(frozen=True)
class _Job:
    source: Source
    output: Path
    transcript: str | None

    @property
    def sound(self) -> Path:
        return self.source.file


def generate(
    sounds: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOUND", readable=False,
            help="WAV, FLAC or OGG files (MP3, M4A, videos by the extra media), or folders: all sounds in and below "
            "them, in the same folders in OUT.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Rig file (.csv .txt .npz .json .arkit.csv .expressions.csv), or a folder, made if missing, that gets "
            "a file a sound.",
        ),
    ],
    emotion: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL[:WEIGHT][,...]|auto",
            help="angry, disgust, fear, happy, neutral, sad, surprised, or a mixture as happy:0.7,surprised:0.3; "
            "neutral if left out. auto: what is heard in the voice.",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="DESCRIPTION", help="In place of --emotion, in English: 'slightly annoyed, hides it'."),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="In place of --emotion: a picture; needs a bundle for it."),
    ] = None,
    intensity: Annotated[float, typer.Option(help="Multiplies the intensity heard in the voice, 0 to 4.")] = 1.0,
    transcript: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|FILE",
            help="What is said. For several sounds: a folder with a NAME.txt for each. Left out, a bundle that hears "
            'words hears them; "" tells it that they are unknown.',
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Language of words that are heard, as en; found if left out.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(readable=False, help="Folder of another model than the one that ships.")
    ] = None,
    backbone: Backbones = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            readable=False,
            help="Ready-made features by name (emotion2vec, clip_text, clip_image), so that these backbones do not "
            "run. For several sounds: a folder with a NAME.npz for each.",
        ),
    ] = None,
    offline: Offline = False,
    fps: Annotated[float, typer.Option(help="Frames a second of the rig, 1 to 240.")] = 60.0,
    region: Annotated[Region, typer.Option(help="Part of the face to animate.")] = "full",
    seed: Annotated[int, typer.Option(help="Seed of blinks and gaze.")] = 0,
    blink: Annotated[bool, typer.Option("--blink/--no-blink", help="Add blinks.")] = True,
    gaze: Annotated[bool, typer.Option("--gaze/--no-gaze", help="Add small eye movements.")] = True,
    limits: Annotated[bool, typer.Option("--limits/--no-limits", help="Keep channels in their ranges.")] = True,
    smooth: Annotated[bool, typer.Option("--smooth/--no-smooth", help="Smooth the curves over time.")] = True,
    finishing: Annotated[
        FinishingKind, typer.Option(help="paper: its smoothing alone, without blinks, gaze and limits.")
    ] = "full",
    channel: Annotated[
        int | None, typer.Option(metavar="N", help="Take channel N of the sounds (0 is the first), not the mix.")
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="ENDING", help="Ending of the files in a folder; csv if left out.")
    ] = None,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out the sounds whose rig file is there: go on with a batch.")
    ] = False,
    force: Force = False,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Cores to use; all if left out.")] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where to compute.")] = "auto",
    server: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]",
            help="Let `medtalk serve` do it: the one at HOST:PORT or of a connection file, or the one that runs.",
        ),
    ] = None,
    keys: Keys = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Animate a face from recordings: SOUND to a rig of 174 channels."""
    from medtalk.cli.batch import find_sources, find_targets, find_transcripts
    from medtalk.finishing import PAPER, Finishing
    from medtalk.guidance import AUTO, check_text, emotion_weights, is_auto, read_picture
    from medtalk.limits import check_fps, check_range

    # Everything that can be wrong is looked at before any work is done.
    if (text is not None) + (image is not None) + (emotion is not None) > 1:
        raise GuidanceError("Only one of --emotion, --text and --image can lead.", "Leave the others out.")
    emotion = "neutral" if emotion is None else AUTO if is_auto(emotion) else emotion
    led = AUTO if emotion == AUTO else emotion_weights(emotion)
    if text is not None:
        text = check_text(text)
    check_range(intensity)
    check_fps(fps, "--fps")
    found, passed = find_sources(sounds)
    for line in passed:
        complain(line)
    targets = find_targets(
        found, output, file_format, into_folder=any(map(Path.is_dir, sounds)), force=force, skip=skip_existing
    )
    texts = find_transcripts(found, transcript)
    jobs = [
        _Job(source, target, text)
        for source, target, text in zip(found, targets, texts, strict=True)
        if target is not None
    ]
    clean_up({job.output.parent for job in jobs})
    if len(jobs) < len(found) and not (quiet or as_json):
        print(f"{len(found) - len(jobs)} of {len(found)} rig files are there already and stay as they are", flush=True)
    if not jobs:
        return
    unheard = any(job.transcript is None for job in jobs)
    if language is not None and not unheard:
        raise SettingError("--language is of words to be heard, and --transcript tells them.", "Leave one of them out.")
    ready = {} if features is None else _features(found, features)
    felt = _given("emotion2vec", ready)
    finish = Finishing(smooth=smooth, blink=blink, gaze=gaze, limits=limits, seed=seed)
    if finishing == "paper":
        if not (smooth and blink and gaze and limits):
            raise SettingError("--finishing paper is the paper's smoothing and nothing else.", "Leave the others out.")
        finish = PAPER
    if server is None:
        if keys is not None:
            raise SettingError("--keys is for --server; without it nobody is asked.", "Leave it out.")

        def decode(performance: Performance, guide: Guide | Mood | None) -> RigSequence:
            rig = performance.decode(led if guide is None else guide, intensity, finish, region)
            return rig if fps == rig.fps else rig.resample(fps)

        def open_model() -> Model:
            from medtalk.performance import VOICE, load

            folders = backbone_folders(backbone or ())
            model = load(bundle, threads=threads, device=device, backbones=folders, offline=offline)
            # What is missing is told before any work is done, and once.
            if language is not None:
                model.engine.check_language(language)
            needed = {VOICE: led == AUTO, "whisper": unheard, "emotion2vec": not felt, "roberta": True}
            model.prepare(*(part for part, wanted in needed.items() if wanted))
            return model

        rigs = _local_rigs(open_model, channel, language, ready, text, image, decode)
    else:
        own = {"--bundle": bundle, "--threads": threads, "--device": device != "auto", "--backbone": backbone,
               "--offline": offline, "--features": features, "--finishing paper": finishing == "paper"}  # fmt: skip
        if given := [option for option, value in own.items() if value is not None and value is not False]:
            raise SettingError(
                f"{' and '.join(given)} cannot go with --server.",
                "Leave it out; what belongs to a model is given to `medtalk serve`.",
            )
        from medtalk.cli.remote import sidecar_rigs
        from medtalk_wire import Settings

        name, picture = ("", b"") if image is None else read_picture(image)
        settings = Settings(
            emotion=emotion, text=text or "", image=picture, image_name=Path(name).name, language=language or "",
            intensity=intensity, fps=fps, region=region,
            smooth=smooth, blink=blink, gaze=gaze, limits=limits, seed=seed,
        )  # fmt: skip
        rigs = sidecar_rigs(server, keys, settings, channel)

    failed = False
    notes: dict[str, list[Path]] = {}
    with rigs as make, _progress(len(jobs), quiet or as_json) as show:
        for number, job in enumerate(jobs):
            check_stop()
            try:
                result = _generate_one(job, make, partial(show, number, job.sound.name), force)
            except MedtalkError as error:
                if debug:
                    raise
                failed = True
                told = len(jobs) == 1 or str(job.sound) in str(error)
                complain(str(error) if told else f"{job.sound}: {error}")
                if as_json:
                    problem = {"code": error.code, "message": error.message, "hint": error.hint}
                    print(json.dumps({"sound": str(job.sound), "error": problem}), flush=True)
                if isinstance(error, ServiceError | DiskFullError):
                    break  # nothing is wrong with this sound; the next one would meet the same
                continue
            if note := result.get("note"):
                notes.setdefault(note, []).append(job.sound)
            if as_json:
                print(json.dumps(result), flush=True)
            elif not quiet:
                print(
                    f"{shown(result['file'])}: {result['seconds']:.1f} s, {result['frames']} frames at "
                    f"{result['fps']:g} fps, {_felt(result)}, {result['speed']:.0f} times real time",
                    flush=True,
                )
    for note, noted in notes.items():
        more = f" and {len(noted) - 1} more" if len(noted) > 1 else ""
        complain(note if len(noted) == len(jobs) else f"{noted[0]}{more}: {note}")
    if failed:
        raise typer.Exit(1)


def _features(sources: list[Source], path: Path) -> dict[Path, Path]:
    """The file of ready-made features of each sound."""
    if path.is_dir():
        return {source.file: source.twin(path, ".npz") for source in sources}
    ready = dict.fromkeys((source.file for source in sources), path)
    if len(sources) > 1 and _given("emotion2vec", ready):
        raise SettingError(
            "The features emotion2vec of one sound cannot fit several.",
            "Give a folder that holds NAME.npz for each NAME.wav.",
        )
    return ready


def _given(name: str, ready: dict[Path, Path]) -> bool:
    """Whether every sound has ready-made features of that name; `SettingError` for a file that is not there."""
    from medtalk.cli.ready_made import feature_names

    return bool(ready) and all([name in feature_names(file) for file in ready.values()])


@contextmanager
def _local_rigs(
    open_model: Callable[[], Model],
    channel: int | None,
    language: str | None,
    ready: dict[Path, Path],
    text: str | None,
    image: Path | None,
    decode: Callable[[Performance, Guide | Mood | None], RigSequence],
) -> Iterator[RigMaker]:
    """What makes rigs in this process, led by a text or picture if there is one; `ready` has files of features."""
    from medtalk.cli.ready_made import read_features
    from medtalk.watch import telling

    model = open_model()
    for library in ("scipy.fft", "scipy.ndimage", "soundfile", "soxr"):
        import_module(library)  # else at first use, and counted into the first sound's time

    @cache
    def from_backbone() -> Guide | Mood:
        return model.guide(text=text, image=image)

    shown = "clip_image" if text is None else "clip_text"

    def guide(features: dict[str, NDArray]) -> Guide | Mood | None:
        if text is None and image is None:
            return None
        own = features.get(shown)
        return from_backbone() if own is None else model.guide(text=text, image=image, features=own)

    if not _given(shown, ready):
        guide({})  # what is wrong with it is told before any work is done

    def make(sound: Path, transcript: str | None, tell: Callable[[float], None]) -> RigSequence:
        features = read_features(ready[sound]) if ready else {}
        with telling(lambda done: tell(_WRITTEN * done)):
            performance = model.perform(
                sound, transcript, channel=channel, emotion2vec=features.get("emotion2vec"), language=language
            )
            return decode(performance, guide(features))

    yield make


_TOLD = ("emotion", "guidance", "strength", "transcript", "note")
"""What a rig's `meta` has of how it was made, as `generate` tells it."""


def _generate_one(job: _Job, make: RigMaker, tell: Callable[[float], None], force: bool) -> dict[str, Any]:
    from medtalk.files import make_folder
    from medtalk.rig import write_rig

    started = time.perf_counter()
    tell(0.0)
    rig = make(job.sound, job.transcript, tell)
    check_stop()
    make_folder(job.output.parent)
    write_rig(job.output, rig, force=force)
    tell(1.0)
    elapsed = time.perf_counter() - started
    seconds = rig.meta["source"]["seconds"]
    return {
        "sound": str(job.sound),
        "file": str(job.output),
        "seconds": seconds,
        "frames": len(rig),
        "fps": rig.fps,
        "elapsed": elapsed,
        "speed": seconds / elapsed,
        **{name: rig.meta[name] for name in _TOLD if rig.meta.get(name)},
    }


def _felt(result: dict[str, Any]) -> str:
    """What led a rig: its emotion, what a description or the voice was taken for, that it was a text or a picture."""
    from medtalk.guidance import Mood

    if "strength" in result:
        return f"understood as {Mood(result['guidance']['text'], result['emotion'], result['strength'])}"
    if "guidance" not in result:
        return "+".join(result["emotion"])
    if "voice" in result["guidance"]:
        return f"heard as {max(result['emotion'], key=result['emotion'].get)}"
    return f"by a {'picture' if 'image' in result['guidance'] else 'text'}"


@contextmanager
def _progress(steps: int, hidden: bool) -> Iterator[Callable[[int, str, float], None]]:
    """A bar on stderr while the block runs, where a person looks on.

    The function given takes the number of the step (from 0), what it works on, and the fraction of it that is done.
    """
    if hidden or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # Lines of results must not break the bar, nor may they be drawn into it when stdout is a file.
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=steps)
        yield lambda step, name, done: bar.update(task, completed=step + done, description=name)
