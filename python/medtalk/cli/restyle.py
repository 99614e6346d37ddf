"""The command `restyle`: a take in another emotion, from the rig alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medtalk.cli.generate import FinishingKind
from medtalk.cli.options import (
    AsJson,
    Backbones,
    Debug,
    Force,
    Offline,
    OtherBundle,
    Threads,
    backbone_folders,
)
from medtalk.cli.printing import clean_up, complain, count, length, shown
from medtalk.errors import GuidanceError, SettingError

if TYPE_CHECKING:
    from medtalk.perform import Model
    from medtalk.restyle import Like
    from medtalk.rig import RigSequence

_NAMES = {"mouth": "mouth", "upper": "upper face"}


def restyle(
    rig: Annotated[Path, typer.Argument(metavar="RIG", readable=False, help="The take: a rig file of any kind.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", readable=False, help="Rig file to write, of any format.")
    ],
    emotion: Annotated[
        str | None,
        typer.Option(
            metavar="MOOD[:WEIGHT][,...]|auto",
            help="The emotion to show, as in `medtalk generate`; auto hears it in --sound.",
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="DESCRIPTION", help="The emotion as a description.")] = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", readable=False, help="The emotion as a picture of a face.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="RIG",
            readable=False,
            help="The emotion of another take: frame by frame where both have as many frames, else its mean.",
        ),
    ] = None,
    intensity: Annotated[float, typer.Option(help="Multiplies the strength of the emotion, 0 to 4.")] = 1.0,
    sound: Annotated[
        Path | None,
        typer.Option(
            metavar="SOUND",
            readable=False,
            help="The take's own sound: the strength then follows the voice. Without it, it is that of plain speech.",
        ),
    ] = None,
    remake: Annotated[
        bool, typer.Option("--remake", help="Make blinks, looks and turns of the head anew instead of keeping them.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of what is made anew; the take's own if left out.")] = None,
    finishing: Annotated[
        FinishingKind | None,
        typer.Option(help="full, or the paper's smoothing only; as the take was made if left out."),
    ] = None,
    source_fps: Annotated[
        float | None, typer.Option(help="Frames a second of a RIG whose format stores none (.txt); 60 if left out.")
    ] = None,
    force: Force = False,
    bundle: OtherBundle = None,
    backbone: Backbones = None,
    offline: Offline = False,
    threads: Threads = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only warnings and errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Give a take another emotion: what it says stays. Needs the extra full, but no sound."""
    from medtalk.files import check_file
    from medtalk.finishing import PAPER, Finishing
    from medtalk.guidance import check_text, guidance_of, is_auto
    from medtalk.limits import MAX_INTENSITY, check_fps, check_range
    from medtalk.perform import load
    from medtalk.restyle import finishing_of, poor
    from medtalk.restyle import restyle as give
    from medtalk.rig import check_output, read_rig, write_rig

    check_output(output, force=force)
    check_file(output, force=force, inputs=[rig, like, sound, image])
    if like is not None and (emotion is not None or text is not None or image is not None):
        raise SettingError("--like already gives the emotion.", "Leave out --emotion, --text and --image, or --like.")
    if emotion is None and text is None and image is None and like is None:
        raise SettingError("No emotion is given.", "Give --emotion, --text, --image or --like.")
    if text is not None and image is not None:
        raise GuidanceError("--text and --image are both given.", "Leave one out.")
    check_range(intensity, "--intensity", MAX_INTENSITY)
    if text is not None:
        check_text(text)
    elif image is None and emotion is not None:
        guidance_of(emotion)
    if emotion is not None and is_auto(emotion) and sound is None:
        raise GuidanceError("The emotion auto is heard in the voice.", "Give the take's sound with --sound.")
    if source_fps is not None:
        check_fps(source_fps, "--source-fps")
    take = read_rig(rig, source_fps)
    steps = {None: finishing_of(take), "full": Finishing(), "paper": PAPER}[finishing]
    if seed is not None:
        steps = replace(steps, seed=seed)
    other = None if like is None else read_rig(like)
    from medtalk.engine.spaces import Spaces  # after the checks that need no torch

    clean_up([output.parent])
    model = load(bundle, threads=threads, backbones=backbone_folders(backbone or ()), offline=offline)
    spaces = Spaces(model.bundle)
    heard = None if sound is None else model.perform(sound, _transcript(take))
    guidance: Any = (
        _like(other, like, spaces, take)
        if other is not None and like is not None
        else model.guide(emotion, text=text, image=image)
    )
    done = give(take, model, guidance, spaces=spaces, intensity=intensity, sound=heard, finishing=steps, remake=remake)
    done = done.with_meta(restyled={"from": rig.name, **done.meta["restyled"]})
    write_rig(output, done, force=force)
    if note := done.meta.get("note"):
        complain(note)
    if missed := poor(done):
        complain(_warning(rig, model, done, missed))
    if as_json:
        print(json.dumps(_result(output, done)), flush=True)
    elif not quiet:
        mood = "+".join(done.meta["emotion"]) or "an emotion without a name"
        mood = f"like {like.name}" if like is not None else mood
        print(
            shown(
                f"{output}: {length(done.seconds)}, {count(len(done), 'frame')} at {done.fps:g} fps, {mood}; "
                f"rebuilt: {_figures(done)}"
            ),
            flush=True,
        )


def _transcript(take: RigSequence) -> str:
    said = take.meta.get("transcript")
    return said if isinstance(said, str) else ""


def _like(other: RigSequence, path: Path, spaces: Any, take: RigSequence) -> Like:
    from medtalk.rates import FPS
    from medtalk.restyle import like

    return like(other, path.name, spaces, len(take.resample(FPS)))


def _figures(done: RigSequence) -> str:
    """How well each part of the take was rebuilt, in words."""
    parts = []
    for part, found in done.meta["restyled"]["rebuilt"].items():
        share = "still" if found["r2"] is None else f"R2 {found['r2']:.2f}"
        parts.append(f"{_NAMES[part]} {share}, error {found['error']:.3f}")
    return "; ".join(parts)


def _warning(rig: Path, model: Model, done: RigSequence, missed: list[str]) -> str:
    parts = " and the ".join(_NAMES[part] for part in missed)
    return (
        f"{rig.name}: the bundle {model.bundle.name} cannot rebuild the {parts} of this take ({_figures(done)}; R2 is "
        "1 for a perfect copy and 0 for its mean face). It learned from other faces: compare the result with the take."
    )


def _result(output: Path, done: RigSequence) -> dict[str, Any]:
    names = ("emotion", "guidance", "strength", "intensity", "restyled", "note")
    return {
        "file": str(output),
        "frames": len(done),
        "fps": done.fps,
        **{name: done.meta[name] for name in names if done.meta.get(name)},
    }
