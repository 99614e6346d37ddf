"""Commands: the steps of a run, all of them, recipes, and the evaluation of a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.errors import TrainingError
from medtalk_train.cli.options import (
    Again,
    Captures,
    Corpus,
    Emotional,
    Kokoro,
    People,
    Quiet,
    Recipe,
    Speech,
    Transcripts,
    Whisper,
    Work,
    Writer,
    app,
    open_run,
    recordings_in,
    report,
)


def _command(name: str, about: str) -> None:
    def command(
        recipe: Recipe,
        work: Work = None,
        corpus: Corpus = None,
        whisper: Whisper = None,
        kokoro: Kokoro = None,
        people: People = None,
        writer: Writer = None,
        emotional: Emotional = None,
        again: Again = False,
        quiet: Quiet = False,
    ) -> None:
        open_run(recipe, work, quiet, corpus, whisper, kokoro, people, writer, emotional).step(name, again)

    app.command(name, help=about)(command)


_command("corpus", "Speech with exact phone times, by espeak-ng, flite and festival, where the recipe needs it.")
_command("voices", "Natural voices with phone times, by Kokoro, where the recipe wants them.")
_command("people", "Recordings of people with phone times: text by Whisper, times by PocketSphinx.")
_command("features", "Run the frozen backbones over the data; later steps read the result.")
_command("backbone", "Train the head of the ear on Whisper's layers, or locate the pretrained backbones.")
_command("stage1", "Cross reconstruction: E_e, E_c and D (paper, section 3.2).")
_command("stage2", "Audio content mapping: ACM (paper, section 3.3).")
_command("stage3", "Fusion intensity modelling: CMF, label embedding, E_fuse (paper, section 3.3).")
_command("stage4", "Guidance by descriptions and pictures: P_text, P_image, E_fuse (section 3.4), if there is a CLIP.")
_command("wording", "The text encoder of a compact bundle: descriptions in words to labels and strength.")
_command("emotions", "What hears emotions in voices, from acted and plain recordings, if there are any.")
_command("export", "Write WORK/bundle: networks, weights, model card.")


@app.command("all", help="Every step in order, then the evaluation (into the bundle and WORK/report.json).")
def everything(
    recipe: Recipe,
    work: Work = None,
    corpus: Corpus = None,
    whisper: Whisper = None,
    kokoro: Kokoro = None,
    people: People = None,
    writer: Writer = None,
    emotional: Emotional = None,
    speech: Speech = None,
    transcripts: Transcripts = None,
    captures: Captures = [],  # noqa: B006 (typer's way of a list; it is never changed)
    again: Again = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.run import STEPS

    recordings = recordings_in(speech)
    run = open_run(recipe, work, quiet, corpus, whisper, kokoro, people, writer, emotional)
    run.check()
    for name in STEPS[:-1]:
        run.step(name, again)
    metrics = run.evaluate(run.export(), recordings, transcripts=transcripts, captures=captures)
    run.export(metrics)
    report(metrics, run.work / "report.json", run.recipe.name, quiet)


@app.command(help="Copy a recipe that ships into a file of your own, to change it there.")
def recipe(
    name: Annotated[str, typer.Argument(help="Its name, such as paper.")],
    to: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; it must not exist yet.")],
) -> None:
    from medtalk.files import write_atomic
    from medtalk_train.recipe import SHIPPED

    if name not in SHIPPED:
        raise TrainingError(f"No recipe {name[:40]!r} ships.", f"Valid are {', '.join(SHIPPED)}.")
    if to.exists():
        raise TrainingError(f"{to} already exists.", "Choose another name.")
    write_atomic(to, lambda temporary: temporary.write_bytes(SHIPPED[name].read_bytes()))


@app.command(help="Judge a bundle: the paper's metrics on held-out voices, articulation on real recordings.")
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    recipe: Annotated[
        Path | None, typer.Option("--recipe", "-r", help="A recipe with data; judges on the takes that it holds back.")
    ] = None,
    work: Annotated[Path | None, typer.Option("--work", "-w", help="Folder of a run; its corpus is used.")] = None,
    corpus: Corpus = None,
    speech: Speech = None,
    transcripts: Transcripts = None,
    captures: Captures = [],  # noqa: B006 (typer's way of a list; it is never changed)
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the figures here as JSON.")] = None,
    clips: Annotated[int, typer.Option(min=1, help="Held-out clips to judge on.")] = 84,
    quiet: Quiet = False,
) -> None:
    from medtalk.bundle import load_bundle
    from medtalk.files import check_folder
    from medtalk_train.measure.evaluate import evaluate as judge
    from medtalk_train.stages.ground import Held

    if out is not None:
        check_folder(out)
    recordings = recordings_in(speech)
    if recipe is not None:
        run = open_run(recipe, work, quiet, corpus)
        metrics = run.evaluate(load_bundle(bundle), recordings, clips, transcripts, captures)
    else:
        held = Held(corpus or (work / "corpus" if work else None))
        metrics = judge(load_bundle(bundle), held, recordings, clips, transcripts, captures)
    report(metrics, out, bundle.name, quiet)
