"""The paper's figures of a small bundle: they are drawn, and their numbers are right on made-up spaces."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from medtalk import RigSequence, write_rig
from medtalk.errors import TrainingError
from medtalk.features.phones import PHONE_INDEX
from medtalk.guidance import LABELS
from medtalk.rig.channels import N_CHANNELS, S_EMO, S_LIP
from medtalk_train.cli import app
from medtalk_train.figures import guided, intensity, make, methods, spaces, swap
from medtalk_train.figures.figure import Drawn
from medtalk_train.figures.heads import Row, Tile, drawn, picture_of
from medtalk_train.figures.material import Line, Material, Other
from medtalk_train.figures.moments import chosen, shared
from medtalk_train.figures.probes import carries, clumped, flattened, silhouette, tells

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def speech(speech_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first seconds of two recordings, their phones and words."""
    folder = tmp_path_factory.mktemp("speech")
    phones, words = (
        json.loads((speech_data / f"{name}.json").read_text("utf-8")) for name in ("phones", "transcripts")
    )
    for name, seconds in (("jfk", 3.2), ("sonnet", 4.5)):
        samples, rate = soundfile.read(speech_data / f"{name}.flac", dtype="float32")
        soundfile.write(folder / f"{name}.flac", samples[: int(seconds * rate)], rate)
        phones[name] = [each for each in phones[name] if each[1] <= seconds]
    words = {"jfk": "And so, my fellow Americans", "sonnet": words["sonnet"].partition(",")[0]}
    for name, content in (("phones", phones), ("transcripts", words)):
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.fixture(scope="module")
def material(speech: Path) -> Material:
    return Material(speech=speech, offline=True)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figure 5 of fewer faces."""
    monkeypatch.setattr(spaces, "_FRAMES", 700)
    monkeypatch.setattr(spaces, "_SHOWN", 150)


def is_picture(path: Path) -> bool:
    """Whether a picture is there, small enough, and shows something."""
    from PIL import Image

    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return path.stat().st_size < 200_000 and min(pixels.shape[:2]) > 150 and pixels.std() > 10.0


# --- probes, on spaces that are known


def clumps(count: int, apart: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, their class and their group: clumps of seven classes, so far apart, in eight groups."""
    classes, groups = np.arange(count) % 7, (np.arange(count) // 7) % 8
    centres = RNG.normal(size=(7, 20)) * apart
    return centres[classes] + RNG.normal(size=(count, 20)), classes, groups


def test_clumps_are_told_apart() -> None:
    points, classes, groups = clumps(700, 8.0)
    probe = tells(points, classes, groups)
    assert silhouette(points, classes) > 0.6 and clumped(points, classes) > 0.99
    assert probe.accuracy > 0.99 and probe.chance == pytest.approx(1 / 7, abs=0.02)
    flat = flattened(points[:210])
    assert flat.shape == (210, 2) and silhouette(flat, classes[:210]) > 0.6
    assert np.array_equal(flat, flattened(points[:210]))


def test_a_mixture_is_not() -> None:
    points, classes, groups = clumps(1400, 0.0)
    probe = tells(points, classes, groups)
    assert abs(silhouette(points, classes)) < 0.05 and clumped(points, classes) < 0.01
    assert abs(probe.accuracy - probe.chance) < 0.06


def test_what_a_probe_learns_of_its_own_speakers_does_not_count() -> None:
    """Points that tell the speaker, and the class only by the speaker: nothing is told of a speaker left out."""
    groups = np.repeat(np.arange(8), 60)
    classes = groups % 4
    points = np.eye(8)[groups] + 0.05 * RNG.normal(size=(480, 8))
    assert tells(points, classes, np.arange(480)).accuracy > 0.99
    assert tells(points, classes, groups).accuracy < 0.5


def test_a_commoner_class_is_a_better_guess() -> None:
    classes = (np.arange(400) % 5 == 0).astype(int)
    assert tells(RNG.normal(size=(400, 3)), classes, np.arange(400) % 7).chance == pytest.approx(0.8, abs=0.01)


def test_what_a_space_carries() -> None:
    points, groups = RNG.normal(size=(800, 12)), np.arange(800) % 6
    values = points @ RNG.normal(size=(12, 5))
    assert carries(points, values, groups) > 0.99
    assert abs(carries(points, RNG.normal(size=(800, 5)), groups)) < 0.1
    noisy = values + values.std(axis=0) * RNG.normal(size=values.shape)
    assert carries(points, noisy, groups) == pytest.approx(0.5, abs=0.07)


def test_what_cannot_be_probed() -> None:
    points = RNG.normal(size=(20, 3))
    with pytest.raises(TrainingError, match="one class"):
        silhouette(points, np.zeros(20))
    with pytest.raises(TrainingError, match="two lines"):
        tells(points, np.arange(20) % 2, np.zeros(20))
    with pytest.raises(TrainingError, match="do not move"):
        carries(points, np.zeros((20, 2)), np.arange(20))


# --- figure 4


def test_figure_4(material: Material, tmp_path: Path) -> None:
    found = intensity.draw(material, tmp_path)
    assert is_picture(tmp_path / found.pictures[0])
    assert "the sample" in found.numbers and len(found.numbers) == 2
    assert found.numbers["the sample"]["r with the teacher, words known"] > 0.5


def test_the_lift_is_where_the_words_are(material: Material) -> None:
    line = material.sample
    feeling, _ = intensity._marks(line)
    found = intensity.lift(line, np.where(feeling, 0.9, 0.5), np.full(len(feeling), 0.5))
    assert found["at words of feeling"] == pytest.approx(0.4) and found["elsewhere"] == pytest.approx(0.0)
    assert 20 < feeling.sum() < 120, "never, so and happy"


def test_a_curve_that_the_words_spoil_is_told() -> None:
    r = {"r with the teacher, words known": 0.8, "r with the teacher, unknown": 0.9}
    (told,) = intensity._worse({"one": r, "two": dict(zip(r, (0.9, 0.8), strict=True)), "three": {}})
    assert told.startswith("In one ") and "0.800 against 0.900" in told


def test_moments_are_the_strongest_the_weakest_and_between() -> None:
    curve = np.concatenate([np.linspace(0.0, 1.0, 200), np.linspace(1.0, 0.5, 100)])
    found = intensity.moments(curve, np.ones(300, bool), 0, 300)
    assert found == [0, 199, 299]  # the last has just half of the strongest
    assert len(intensity.moments(curve[:20], np.zeros(20, bool), 0, 20)) == 1


def test_a_passage_begins_with_a_whole_word(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intensity, "_SECONDS", 2.0)
    panel = intensity._curves(material, material.sample, "happy")
    assert panel.end == pytest.approx(panel.start + 2.0) and panel.end <= material.sample.speech.seconds
    assert any(word.start - panel.start == pytest.approx(0.1) for word in material.sample.words or ())


# --- figure 5


def test_figure_5(material: Material, tmp_path: Path, few: None) -> None:
    found = spaces.draw(material, tmp_path)
    assert is_picture(tmp_path / found.pictures[0])
    emotion, content = found.numbers["E_e"], found.numbers["E_c"]
    assert emotion["silhouette by emotion"] > content["silhouette by emotion"] + 0.1
    assert emotion["emotion, chance"] == pytest.approx(1 / 7, abs=0.02)
    assert content["silhouette by mouth"] > emotion["silhouette by mouth"]
    assert "3 lines by 3 voices" in found.shown[0]


def made_up(space: Callable[[spaces.Faces], np.ndarray]) -> dict[str, float]:
    """The figures of a made-up space over made-up faces: 6 lines in 7 emotions, whose mouth and brows move."""
    count = 840
    faces = spaces.Faces(
        rigs=np.zeros((count, N_CHANNELS), np.float32),
        labels=np.arange(count) % 7,
        mouths=(np.arange(count) // 7) % 5,
        lines=np.arange(count) // 140,
        voices=np.arange(count) // 140,
    )
    faces.rigs[:, S_LIP] = np.random.default_rng(1).normal(size=(5, len(S_LIP)))[faces.mouths]
    faces.rigs[:, S_EMO] = np.random.default_rng(2).normal(size=(7, len(S_EMO)))[faces.labels]
    return spaces.measured(space(faces), faces)


def test_a_space_of_emotion_alone() -> None:
    found = made_up(lambda faces: np.eye(7)[faces.labels] + 0.05 * RNG.normal(size=(len(faces), 7)))
    assert found["silhouette by emotion"] > 0.8 and found["silhouette by emotion, means of clips"] > 0.9
    assert found["emotion, accuracy"] == 1.0 and found["face of emotion, R2"] > 0.95
    assert found["mouth, accuracy"] < found["mouth, chance"] + 0.1 and found["lips, R2"] < 0.05
    assert found["silhouette by mouth"] < 0.05


def test_a_space_of_the_mouth_alone() -> None:
    found = made_up(lambda faces: np.eye(5)[faces.mouths] + 0.05 * RNG.normal(size=(len(faces), 5)))
    assert found["mouth, accuracy"] == 1.0 and found["lips, R2"] > 0.95 and found["silhouette by mouth"] > 0.8
    assert found["emotion, accuracy"] < found["emotion, chance"] + 0.1 and found["face of emotion, R2"] < 0.05


def test_a_space_that_hides_the_emotion_from_the_eye_still_tells_it() -> None:
    """Large noise beside a small trace of the emotion: a silhouette sees a mixture, a probe does not."""

    def space(faces: spaces.Faces) -> np.ndarray:
        noise = np.random.default_rng(3).normal(size=(len(faces), 30))
        return np.concatenate([noise, 0.5 * np.eye(7)[faces.labels]], axis=1)

    found = made_up(space)
    assert found["silhouette by emotion"] < 0.05 and found["emotion, accuracy"] > 0.95


def test_one_line_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="two lines"):
        spaces.draw(Material(), tmp_path)


# --- figure 6


def test_figure_6(material: Material, tmp_path: Path) -> None:
    found = swap.draw(material, tmp_path)
    assert is_picture(tmp_path / found.pictures[0])
    swapped, nothing = found.numbers["exchanged"], found.numbers["not exchanged"]
    assert swapped["expression"] < 0.3 * nothing["expression"] and swapped["lips"] < nothing["lips"]
    assert swapped["pairs"] == 3 and found.numbers["rebuilt"]["expression"] < swapped["expression"]


def test_an_exchange_with_itself_is_the_rebuilt_take(material: Material) -> None:
    take = material.sample.taught("sad")
    np.testing.assert_allclose(swap.exchanged(material.spaces, take, take), material.spaces.rebuild(take), atol=1e-5)
    longer = swap.exchanged(material.spaces, take, take[:50])  # its last frame is held
    assert len(longer) == len(take)
    np.testing.assert_allclose(longer[:50], material.spaces.rebuild(take)[:50], atol=1e-5)


# --- figure 7


def test_figure_7(speech: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    found = methods.draw(Material(speech=speech, methods={"at random": Other(tiny_bundle)}), tmp_path)
    assert len(found.pictures) == 2 and all(is_picture(tmp_path / name) for name in found.pictures)
    for mood in ("angry", "disgust"):
        own, other, still = (found.numbers[f"{name}, {mood}"] for name in ("MEDTalk", "at random", "still mouth"))
        assert own["lips"] < still["lips"] < other["lips"] and own["closure F1"] > 0.8
    assert not any("No other bundle" in text for text in found.shown)


def test_medtalk_of_a_table_stands_for_the_bundle(speech: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    """A contest has a MEDTalk of its own, with the others' budget; the bundle was trained longer."""
    table = {name: Other(tiny_bundle, "trained for 2 h") for name in ("MEDTalk", "EmoTalk")}
    found = methods.draw(Material(speech=speech, methods=table), tmp_path)
    own, still = found.numbers["MEDTalk, angry"], found.numbers["still mouth, angry"]
    assert own == found.numbers["EmoTalk, angry"] and own["lips"] > still["lips"], "at random, as the other is"
    assert any("(MEDTalk, EmoTalk: trained for 2 h). The bundle" in text for text in found.shown)


def test_a_backbone_that_another_bundle_lacks_is_not_given_to_it(full_bundle: Path) -> None:
    """What sees the pictures of figure 8 is for the bundle that is shown."""
    model = methods._opened("full", full_bundle, Material(backbones={"face_landmarker": "nowhere"}, offline=True))
    assert model.bundle.kind != "compact"


def test_without_methods_it_says_so(material: Material, tmp_path: Path) -> None:
    assert any("No other bundle" in text for text in methods.draw(material, tmp_path).shown)


def test_a_captured_face_is_a_row(speech: Path, tmp_path: Path, material: Material) -> None:
    from PIL import Image

    folder = Path(shutil.copytree(speech, tmp_path / "speech"))
    line = material.recordings[0]
    write_rig(folder / f"{line.name}.npz", RigSequence(line.taught("sad")))
    heights = []
    for place in (speech, folder):
        with Image.open(tmp_path / methods.draw(Material(speech=place), tmp_path).pictures[0]) as picture:
            heights.append(picture.height)
    assert heights[1] - heights[0] > 150


# --- figure 8


def test_figure_8_by_descriptions(material: Material, tmp_path: Path) -> None:
    found = guided.draw(material, tmp_path)
    assert is_picture(tmp_path / "figure8-text.webp")
    assert found.numbers["beaming with joy"]["happy"] > 0.8
    assert found.numbers["he has just seen a ghost"].get("fear", 0.0) > 0.5
    pictures = "figure8-picture.webp" in found.pictures
    assert pictures or any("Pictures are left out" in text for text in found.shown)


def test_figure_8_by_pictures(material: Material, tmp_path: Path, shared: Path) -> None:
    seeing = Material(backbones={"face_landmarker": shared / "face" / "face_landmarker.task"})
    found = guided.draw(seeing, tmp_path)
    assert is_picture(tmp_path / "figure8-picture.webp")
    told = found.numbers["sadness, from the front"]
    assert max(LABELS, key=lambda label: told.get(label, 0.0)) == "sad"


def test_a_portrait_is_a_pose_of_the_teacher() -> None:
    face = guided.portrait_of(guided.Portrait("", {"happy": 1.0}, 0.0))
    still = guided.portrait_of(guided.Portrait("", {"happy": 0.0}, 0.0))
    assert face.shape == (N_CHANNELS,) and face.max() > 0.4 and not still.any()


# --- lines, moments, heads


def test_what_the_corpus_holds_back(tmp_path: Path) -> None:
    rows, sound = [], np.zeros(0, "<i2")
    for number, (voice, split) in enumerate((("a", "train"), ("b", "held"), ("b", "held"), ("c", "held"))):
        phones = [[0.0, 0.2, PHONE_INDEX["sil"]], [0.2, 0.4, PHONE_INDEX["p"]], [0.4, 1.5, PHONE_INDEX["aa"]]]
        rows.append(dict(id=number, engine="e", voice=voice, language="en", split=split, text="pa", start=len(sound),
                         samples=24000, phones=phones))  # fmt: skip
        sound = np.concatenate([sound, RNG.integers(-3000, 3000, 24000).astype("<i2")])
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "audio.i16").write_bytes(sound.tobytes())
    (folder / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held = Material(corpus=folder).held
    assert [line.voice for line in held] == ["b", "c", "b"], "the voices take turns"
    assert [phone.text for phone in held[0].timed] == ["p", "aa"] and held[0].frames == 90
    assert np.abs(held[0].taught("happy") - held[0].taught("neutral")).max() > 0.1
    (folder / "index.jsonl").write_text(json.dumps(rows[0]) + "\n")
    with pytest.raises(TrainingError, match="holds no voices back"):
        _ = Material(corpus=folder).held


def test_a_moment_of_each_mouth(material: Material) -> None:
    found = chosen(material.sample, (2, 1, 1, 1, 1))
    assert [at.mouth for at in found] == ["closed", "closed", "bitten", "rounded", "open", "wide"]
    own = {phone.text for phone in material.sample.timed}
    assert all(at.phone in own and 0 <= at.frame < material.sample.frames for at in found)
    one, two = shared([material.sample, material.recordings[0]])
    assert [at.mouth for at in one] == [at.mouth for at in two]
    assert sum(a.phone == b.phone for a, b in zip(one, two, strict=True)) >= 4, "one phone, where both have it"
    again = chosen(material.recordings[0], (9, 9, 9, 9, 9))
    assert len({at.phone for at in again}) == len(again), "no phone twice"
    nothing = Line("silence", "v", material.sample.speech, "", ())
    with pytest.raises(TrainingError, match="not known"):
        chosen(nothing)


def test_rows_of_heads() -> None:
    face = np.zeros(N_CHANNELS, np.float32)
    rows = [Row("one", ("a", "b"), (Tile(face, "p", "0 mm"),) * 2), Row("two", (), (Tile(face),), picture_of(face, 64))]
    sheet = drawn(rows, ["closed", "open"], size=64)
    two_lines = drawn([Row("one\nmore", (), (Tile(face),))], size=64)
    assert np.asarray(two_lines.convert("L").crop((0, 0, 60, 64))).min() < 60, "in ink, as the first line is"
    assert sheet.height > 2 * 64 and sheet.width > 3 * 64
    assert np.asarray(sheet)[..., 0].std() > 20


# --- the command and its page


@pytest.fixture
def run() -> Callable[..., object]:
    def call(*words: object) -> object:
        result = CliRunner().invoke(app, ["figures", *map(str, words)])
        if isinstance(result.exception, TrainingError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_all_figures_and_their_page(run: Callable, speech: Path, tmp_path: Path, few: None) -> None:
    out = tmp_path / "docs" / "figures"
    said = run("-o", out, "--speech", speech, "--offline")
    page = (tmp_path / "docs" / "figures.md").read_text("utf-8")
    assert page.count("\n## Figure ") == 5 and "docs/figures.md" in str(said)
    named = [part.partition(")")[0] for part in page.split("](figures/")[1:]]
    assert len(named) >= 6 and all((out / name).is_file() for name in named)
    assert f"Bundle `{Material(speech=speech).model.bundle.name}`" in page and "| silhouette by emotion |" in page
    before = (out / "figure6.webp").stat().st_mtime_ns
    run("-o", out, "--speech", speech, "--offline", "--only", "4")
    assert (out / "figure6.webp").stat().st_mtime_ns == before
    assert (tmp_path / "docs" / "figures.md").read_text("utf-8").count("\n## Figure ") == 5


def test_the_page_names_no_paths_of_a_machine() -> None:
    from medtalk_train.cli.figures import _command

    home = os.path.abspath("somewhere")
    methods = [f"EmoTalk={home}", "Face Former=runs/faceformer"]
    given = [("-o", Path("docs/figures")), ("--bundle", None), ("--corpus", Path(home)), ("--speech", "tests/data"),
             ("--method", methods)]  # fmt: skip
    assert _command(given) == (
        "medtalk-train figures -o docs/figures --corpus CORPUS --speech tests/data --method EmoTalk=BUNDLE --method "
        "'Face Former=runs/faceformer'"
    )


def test_the_methods_of_a_table(tmp_path: Path, tiny_bundle: Path) -> None:
    """Those of table 1 alone: what table 3 and the options leave in the same folder are no methods."""
    for cell in ("emotalk-10", "emotalk-2", "medtalk-1", "without_cycle-1", "changed_0123456789ab-1"):
        shutil.copytree(tiny_bundle, tmp_path / "cells" / cell / "bundle")
    (tmp_path / "cells" / "faceformer-1").mkdir()
    budget = {"seconds": "90.0", "steps": None, "patience": 10}
    (tmp_path / "cells" / "medtalk-1" / "key.json").write_text(json.dumps({"budget": budget}))
    found = make.methods_in(tmp_path)
    assert found == {
        "MEDTalk": Other(tmp_path / "cells" / "medtalk-1" / "bundle", "trained for 1.5 min"),
        "EmoTalk": Other(tmp_path / "cells" / "emotalk-2" / "bundle"),
    }
    assert list(found) == ["MEDTalk", "EmoTalk"]
    with pytest.raises(TrainingError, match="no trained methods"):
        make.methods_in(tiny_bundle)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "4,9"], "no figure 9"),
        (["--only", "four"], "--only is 'four'"),
        (["--method", "EmoTalk"], "valid is NAME=PATH"),
        (["--method", "A=b", "--method", "A=c"], "names A twice"),
        (["--corpus", "nowhere"], "does not exist"),
        (["--table", "nowhere"], "does not exist"),
        (["--speech", "nowhere"], "does not exist"),
        (["--only", "7", "--method", "A=nowhere"], "The bundle of A"),
        (["--only", "6"], "two lines"),
    ],
)
def test_what_the_command_refuses(run: Callable, tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        run("-o", tmp_path / "figures", *words)
    assert not list(tmp_path.rglob("*.webp")) and not list(tmp_path.rglob("*.md"))


def test_a_figure_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "figure4.json").write_text('{"number": 4}')
    with pytest.raises(TrainingError, match="is no figure"):
        Drawn.read(tmp_path / "figure4.json")
    whole = Drawn(4, "title", ("a.webp",), ("One.",), {"a": {"b": 0.5}})
    assert Drawn.read(whole.write(tmp_path)) == whole
    assert "| a | 0.500 |" in make.page([whole], {}, "figures")
    assert set(make.FIGURES) == {4, 5, 6, 7, 8}
