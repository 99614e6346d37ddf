"""Job templates of `medtalk bake --openjd`, read and expanded by the library of Open Job Description, and then run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from openjd.model import (
    IntRangeExpr,
    Job,
    StepParameterSpaceIterator,
    SymbolTable,
    create_job,
    decode_job_template,
    preprocess_job_parameters,
)

from medtalk.batch.openjd import template
from tests.helpers.sounds import babble

pytestmark = [pytest.mark.process, pytest.mark.skipif(os.name != "posix", reason="its tasks are run by bash")]
ROWS = 5
AWKWARD = "a b 'c' \"d\" $HOME {{Param.Out}} }}"


@pytest.fixture
def production(tmp_path: Path) -> Path:
    """A folder with an awkward name, and a manifest of five lines in it."""
    folder = tmp_path / AWKWARD
    (folder / "vo").mkdir(parents=True)
    for number in range(ROWS):
        soundfile.write(folder / "vo" / f"s{number}.wav", babble(0.6), 16000)
    rows = [f"L{n},vo/s{n}.wav,{'Anna' if n % 2 else 'Bo'}" for n in range(ROWS)]
    (folder / "lines.csv").write_text("\n".join(["id,audio,character", *rows]))
    (folder / "cast.json").write_text('{"Anna": {"name": "mine", "seed": 9}}')
    (folder / "edits").mkdir()
    return folder


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with a command `medtalk` that is this Python's."""
    command = tmp_path / "bin" / "medtalk"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m medtalk "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}{os.pathsep}{os.environ['PATH']}"


def job_of(text: str, **values: str) -> Job:
    """The job of a template, as a farm makes it: with its checks, and its defaults where no value is given."""
    read = decode_job_template(template=json.loads(text))
    parameters = preprocess_job_parameters(
        job_template=read, job_parameter_values=values, job_template_dir=Path("/"), current_working_dir=Path("/")
    )
    return create_job(job_template=read, job_parameter_values=parameters)


def run_tasks(job: Job, folder: Path, path: str) -> list[subprocess.CompletedProcess[str]]:
    """Run each task of a job in turn, in a folder of its own, as a worker does: its file, then its action."""
    (step,) = job.steps
    assert step.script is not None and step.script.embeddedFiles
    (file,) = step.script.embeddedFiles
    done = []
    for number, task in enumerate(StepParameterSpaceIterator(space=step.parameterSpace), start=1):
        place = folder / f"task{number}"
        place.mkdir(parents=True)
        known = SymbolTable()
        for name, parameter in (job.parameters or {}).items():
            known[f"Param.{name}"] = parameter.value
        for name, value in task.items():
            known[f"Task.Param.{name}"] = value.value
        known["Task.File.run"] = str(place / str(file.filename))
        Path(known["Task.File.run"]).write_text(file.data.resolve(symtab=known), "utf-8")
        action = step.script.actions.onRun
        words = [each.resolve(symtab=known) for each in (action.command, *(action.args or []))]
        done.append(subprocess.run(words, cwd=place, env={**os.environ, "PATH": path}, capture_output=True, text=True))
    return done


@pytest.fixture
def write(medtalk: Callable[..., Any], production: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes the template of a bake with relative paths; gives its text."""
    monkeypatch.chdir(production)

    def run(*words: object) -> str:
        os.symlink(tiny_bundle, "model {{x}}")
        done = medtalk("bake", "lines.csv", "-o", "out", "--bundle", "model {{x}}", "--openjd", "job", *words)
        assert (done.code, done.err) == (0, "") and done.out == f"{Path('job', 'template.json')}\n"
        return Path("job", "template.json").read_text("utf-8")

    return run


def test_a_farm_makes_each_row_once(write, production, path, tmp_path):
    words = ["--chunk", 2, "--cast=cast.json", "--edits", "edits", "--jobs", 1, "--format", "npz", "--format", "csv"]
    words += ["--transcript", 'it\'s {{{ so }}} "$HOME" `ls`', "--no-qa", "--emotion", "sad"]
    job = job_of(write(*words))
    assert job.name == "medtalk bake lines.csv"
    done = run_tasks(job, tmp_path / "farm", path)
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 3
    out = production / "out"
    assert {each.name for each in out.iterdir()} == {
        ".results.lock", "results.1-2.jsonl", "results.3-4.jsonl", "results.5-6.jsonl",
        *(f"L{n}.{ending}" for n in range(ROWS) for ending in ("npz", "csv")),
    }  # fmt: skip
    records = [json.loads(line) for file in out.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    assert sorted(record["row"] for record in records) == list(range(1, ROWS + 1))
    assert {record["state"] for record in records} == {"done"} and not any("quality" in each for each in records)
    by_id = {record["id"]: record["settings"] for record in records}
    assert by_id["L1"]["seed"] == 9 and "seed" not in by_id["L0"] and by_id["L0"]["emotion"] == "sad"
    assert by_id["L0"]["transcript"] == 'it\'s {{{ so }}} "$HOME" `ls`'
    again = run_tasks(job, tmp_path / "again", path)
    assert [each.returncode for each in again] == [0, 0, 0]
    assert [each.stdout.splitlines()[-1].split()[:2] for each in again] == [["0", "2"], ["0", "2"], ["0", "1"]]


def test_the_manifest_and_the_folder_are_parameters(write, production, path, tmp_path):
    job = job_of(write("--chunk", 100), Out=str(tmp_path / "elsewhere"))
    done = run_tasks(job, tmp_path / "farm", path)
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")]
    assert len(list((tmp_path / "elsewhere").glob("*.npz"))) == ROWS and not (production / "out").exists()


@pytest.mark.parametrize(
    ("rows", "chunk", "tasks"), [(1, 100, 1), (200, 100, 2), (201, 100, 3), (1_000_000, 100, 10_000)]
)
def test_the_chunks_of_a_production(rows, chunk, tasks):
    job = job_of(json.dumps(template(Path("/vo/{{lines}}.csv"), Path("/rigs"), ["--seed", "1"], rows, chunk)))
    space = job.steps[0].parameterSpace
    assert space is not None and len(StepParameterSpaceIterator(space=space)) == tasks
    assert isinstance(space.taskParameterDefinitions["Chunk"].range, IntRangeExpr)


@pytest.mark.parametrize("words", [["--dry-run"], ["--changed"], ["--engine", "ray"], ["--rows", "1-2"]])
def test_what_no_farm_is_to_do(medtalk, production, tmp_path, words):
    """Its tasks would say what they would do, and do nothing, or each begin a cluster."""
    done = medtalk("bake", production / "lines.csv", "-o", tmp_path / "out", "--openjd", tmp_path / "job", *words)
    assert done.code == 1 and words[0] in done.err and "does not go with --openjd" in done.err
    assert not (tmp_path / "job").exists()


def test_a_chunk_has_rows(medtalk, production, tiny_bundle, tmp_path):
    done = medtalk("bake", production / "lines.csv", "-o", tmp_path / "out", "--openjd", tmp_path / "job", "--chunk", 0)
    assert done.code == 1 and "must have at least 1" in done.err and len(done.err.splitlines()) == 1
    assert not (tmp_path / "job").exists()
