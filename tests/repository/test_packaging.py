"""What is released: an sdist that holds all that the repository does, and the two wheels that are made from it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

import medtalk

URL = "https://host.example/medtalk/blob/v1"
FILES = """.gitattributes .gitignore CHANGELOG.md CITATION.cff CONTRIBUTING.md LICENSE MANIFEST.in Makefile README.md
SECURITY.md constraints.txt pyproject.toml setup.py""".split()
FOLDERS = (".ci", "assets", "benchmarks", "docs", "examples", "python", "tests", "training", "unreal_plugin")
MODEL = "medtalk_assets/models/compact/"


class Wheel(NamedTuple):
    """A wheel that was built."""

    path: Path
    names: set[str]
    about: Message

    @property
    def licences(self) -> set[str]:
        return {name.partition("/licenses/")[2] for name in self.names if "/licenses/" in name}

    def needs(self, extra: str) -> set[str]:
        """Requirements of an extra; of none for ""."""
        lines = [line.partition("; ") for line in self.about.get_all("Requires-Dist", [])]
        return {line[0] for line in lines if (f'extra == "{extra}"' in line[2] if extra else "extra" not in line[2])}


def run(*words: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True)


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds, where a build may leave what it likes."""
    folder = tmp_path_factory.mktemp("packaging") / "clone"
    litter = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name, ignore=litter)
    for name in FILES:
        shutil.copy(root / name, folder)
    return folder


@pytest.fixture(scope="module")
def sdist(clone: Path) -> Path:
    """The sdist, unpacked."""
    held = files_of(clone)
    done = run("setup.py", "-q", "sdist", "--formats=tar", "--dist-dir", clone.parent, folder=clone, MEDTALK_URL="")
    assert done.returncode == 0, done.stderr
    name = f"medtalk-{medtalk.__version__}"
    run("-m", "tarfile", "-e", f"{name}.tar", folder=clone.parent)
    assert held <= files_of(clone.parent / name)
    return clone.parent / name


def wheel(sdist: Path, part: str) -> Wheel:
    """A part of a release, built as `make wheels` does."""
    folder = shutil.copytree(sdist, sdist.parent / part)
    words = ("-m", "pip", "wheel", "-q", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist")
    done = run(*words, folder=folder, MEDTALK_PART=part, MEDTALK_URL=f"{URL}/")
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = (folder / "dist").iterdir()
    with zipfile.ZipFile(path) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        return Wheel(path, names, message_from_string(archive.read(metadata).decode("utf-8")))


@pytest.fixture(scope="module")
def lean(sdist: Path) -> Wheel:
    return wheel(sdist, "lean")


@pytest.fixture(scope="module")
def weights(sdist: Path) -> Wheel:
    return wheel(sdist, "weights")


@pytest.fixture(scope="module")
def site(lean: Wheel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the lean wheel is installed, and nothing else of ours."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(lean.path) as archive:
        archive.extractall(folder)
    return folder


def test_the_lean_wheel_has_all_but_the_weights(lean: Wheel, weights: Wheel, clone: Path) -> None:
    assert lean.path.stat().st_size < 35e6
    assert not [name for name in lean.names if name.endswith(".safetensors")]
    data = {f"medtalk_assets/{name}" for name in files_of(clone / "assets")}
    assert {name for name in lean.names | weights.names if name.startswith("medtalk_assets/")} == data
    recipes = {f"medtalk_train/recipes/{path.name}" for path in (clone / "training").rglob("*.yaml")}
    assert recipes <= lean.names and "medtalk_train/recipes/compact.yaml" in recipes
    assert "medtalk_plugin/MEDTalk/MEDTalk.uplugin" in lean.names


def test_the_weights_share_no_file_with_the_lean_wheel(lean: Wheel, weights: Wheel) -> None:
    """Whoever uninstalls them takes nothing else away."""
    held = {name for name in weights.names if ".dist-info/" not in name}
    assert held == {f"{MODEL}{name}.safetensors" for name in ("live", "text", "weights")}
    assert not lean.names & weights.names


def test_what_each_distribution_brings(lean: Wheel, weights: Wheel, sdist: Path) -> None:
    version, plain = medtalk.__version__, message_from_string((sdist / "PKG-INFO").read_text("utf-8"))
    assert (lean.about["Name"], weights.about["Name"], plain["Name"]) == ("medtalk", "medtalk-weights", "medtalk")
    assert lean.about["Version"] == weights.about["Version"] == plain["Version"] == version
    with_weights = {extra for extra in lean.about.get_all("Provides-Extra", []) if "torch>=2.10" in lean.needs(extra)}
    assert with_weights == {"full", "train"}
    for extra in ("", *lean.about.get_all("Provides-Extra", [])):
        assert (f"medtalk-weights=={version}" in lean.needs(extra)) == (extra in with_weights), extra
    assert weights.needs("") == {f"medtalk=={version}"}
    assert not [line for line in plain.get_all("Requires-Dist", []) if "medtalk-weights" in line], "it has them itself"


def test_what_is_said_of_it(lean: Wheel, weights: Wheel, sdist: Path) -> None:
    """The same by pyproject.toml in every build; the weights' wheel takes nothing of it."""
    with (sdist / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert lean.about["Summary"] == project["description"] != weights.about["Summary"]
    assert lean.about["Keywords"].split(",") == project["keywords"] and weights.about["Keywords"] is None
    assert lean.about.get_all("Classifier") == project["classifiers"]
    assert lean.needs("") == set(project["dependencies"])
    for each in (lean, weights):
        assert (each.about["Requires-Python"], each.about["License-Expression"]) == (">=3.11", "MIT")
        assert each.about["Author"] == "MEDTalk for MetaHuman contributors"
    with zipfile.ZipFile(lean.path) as archive:
        [points] = [archive.read(name).decode() for name in lean.names if name.endswith("/entry_points.txt")]
    assert re.findall(r"^(\S+) = ", points, re.M) == [
        name for group in (project["scripts"], *project["entry-points"].values()) for name in group
    ]
    assert not [name for name in weights.names if name.endswith("/entry_points.txt")]


def test_licences_are_in_both_wheels(lean: Wheel, weights: Wheel) -> None:
    for each in (lean, weights):
        assert {"LICENSE", "assets/models/compact/LICENSE.whisper", "assets/english/README.md"} <= each.licences
    assert {
        f"{MODEL}LICENSE.whisper",
        "medtalk_assets/english/README.md",
        "medtalk_train/synthetic/whisper_license.txt",
    } <= (lean.names)


def links(page: str) -> list[str]:
    """Targets of the links of a page in Markdown."""
    return re.findall(r"\]\(([^)\s]+)\)", page)


def test_links_on_an_index_page(lean: Wheel, sdist: Path, root: Path) -> None:
    page, plain = lean.about.get_payload(), (sdist / "PKG-INFO").read_text("utf-8")
    assert isinstance(page, str)
    absolute = links(page)
    assert len(absolute) == len(links((root / "README.md").read_text("utf-8"))) > 4
    for target in absolute:  # no heading of its own: an index page has no anchors
        assert target.startswith(f"{URL}/"), target
        assert (root / target.removeprefix(f"{URL}/").partition("#")[0]).is_file(), target
    assert links(plain) == [] and "| docs/protocol.md |" in plain


def test_the_lean_wheel_makes_the_same_face(site: Path, sample: Path, tmp_path: Path) -> None:
    words = ("-m", "medtalk", "generate", sample, "--emotion", "angry", "-o")
    ours = run(*words, "line.csv", folder=tmp_path)
    text, before = ours.stdout, (tmp_path / "line.csv").read_bytes()
    done = run(*words, "line.csv", folder=tmp_path, PYTHONPATH=str(site))
    assert (done.returncode, done.stderr) == (ours.returncode, ours.stderr) == (0, "")
    speed = r"\d+ times"
    assert re.sub(speed, "", done.stdout) == re.sub(speed, "", text) and "angry" in text
    assert (tmp_path / "line.csv").read_bytes() == before
    done = run("-m", "medtalk", "bundle", "info", folder=tmp_path, PYTHONPATH=str(site))
    assert str(site) in done.stdout
    size = sum(path.stat().st_size for path in (site / MODEL).glob("[!Rb]*"))  # without README.md, bundle.json
    assert f"files: 10, {size / 1e6:.1f} MB, all verified; without live.safetensors, text.safe" in done.stdout


TORCH = """
import json, medtalk
try:
    models = [medtalk.load(engine=engine) for engine in ("onnx", "torch")]
except medtalk.MedtalkError as error:
    print(error)
else:
    moods = [model.guide(text="slightly annoyed, but glad") for model in models]
    print(json.dumps([[mood.strength, *mood.weights.values()] for mood in moods]))
    print(json.dumps([model.label_vectors[3].tolist() for model in models]))
"""


def test_torch_runs_with_the_weights_only(site: Path, weights: Wheel, tmp_path: Path) -> None:
    done = run("-c", TORCH, folder=tmp_path, PYTHONPATH=str(site))
    assert done.stderr == "" and done.stdout.count("\n") == 1
    assert f"{site / MODEL} came without weights.safetensors" in done.stdout
    assert "pip install 'medtalk[full]'" in done.stdout
    whole = shutil.copytree(site, tmp_path / "whole")
    with zipfile.ZipFile(weights.path) as archive:
        archive.extractall(whole)
    done = run("-c", TORCH, folder=tmp_path, PYTHONPATH=str(whole))
    assert done.stderr == ""
    for line in done.stdout.splitlines():
        onnx, torch = json.loads(line)
        assert onnx == pytest.approx(torch, abs=1e-5) and len(onnx) >= 2
