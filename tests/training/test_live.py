"""The head that hears streams: what it learns from, how it goes on where it was cut, and its way into a bundle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from medtalk.bundle import LIVE_GRAPH, LIVE_WEIGHTS, README, load_bundle
from medtalk.engine.compact_onnx import OnnxEngine
from medtalk.engine.live_ear import CachedEar, open_live_ear
from medtalk.errors import BundleError, TrainingError
from medtalk.features import listening
from medtalk.model.ear import Ear, EarConfig
from medtalk.model.live_ear import Streaming
from medtalk_train.cli import app
from medtalk_train.measure import live as measure
from medtalk_train.settings import LiveOptions
from medtalk_train.synthetic.corpus.read import Corpus
from medtalk_train.synthetic.export import networks_of
from medtalk_train.synthetic.live import METRICS, StreamWindows, live_head, make, run_head
from medtalk_train.synthetic.streams import Stream, Voices, hear, heard_as
from tests.training.test_stages import write_corpus

OPTIONS = LiveOptions(
    hours=0.004, stream=7.0, most_ahead=4, histories=(10, 20), steps=40, batch=8, seconds=1.0, rate=5e-3, noise=0.0
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live") / "corpus"
    write_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def ear() -> Ear:
    torch.manual_seed(3)
    return Ear(EarConfig(width=32, heads=2, layers=2, hidden=24, features=15)).eval()


def test_a_stream_is_what_was_said_and_what_the_whole_ear_heard(corpus: Path, ear: Ear) -> None:
    voices = Voices([Corpus(corpus)], {"tone": 0.7, "nonspeech": 0.3})
    stream = heard_as(voices, ear, OPTIONS, np.random.default_rng(4), Streaming(2, 1, 20))
    count = len(stream.states)
    assert stream.states.shape == (count, 64) and stream.following.shape == (count // 2, 2, 64) and stream.ahead == 1
    assert stream.following[:, 0].any() and not stream.following[:, 1].any(), "it hears one state after a step's"
    assert len(stream.classes) == len(stream.features) == count and 340 < count <= 350
    assert np.isnan(stream.features[: listening.EDGE]).all() and (stream.classes[: listening.EDGE] == 0).all()
    known = np.isfinite(stream.features[:, 0])
    assert 0.4 < known.mean() < 0.97 and len(set(stream.classes[known])) > 5 and not stream.classes[~known].any()


def test_the_head_sees_what_it_sees_at_run_time(corpus: Path, ear: Ear) -> None:
    """Windows of a stream through `run_head` are the graph's steps, whose equality with torch is another test's."""
    from medtalk.model.live_ear import head_of

    stream = heard_as(Voices([Corpus(corpus)], None), ear, OPTIONS, np.random.default_rng(5), Streaming(2, 4, 20))
    windows = StreamWindows([stream], replace(OPTIONS, batch=1, seconds=2.0), 1)
    with torch.inference_mode():
        states, following, heard, _, _ = windows.draw(np.random.default_rng(6))
        features, _ = run_head(ear.head, states, following, heard)
        step = 7
        normed = ear.head.norm(torch.cat([states[0, 2 * step : 2 * step + 4], following[0, step]]))
        hidden = torch.nn.functional.gelu(ear.head.inward(normed))
        expected, _ = head_of(ear.head, normed[None, 2:4], hidden[None])
    torch.testing.assert_close(features[0, 2 * step : 2 * step + 2], expected[0], atol=1e-5, rtol=0)


def test_it_learns_and_goes_on_where_it_was_cut(corpus: Path, ear: Ear, tmp_path: Path) -> None:
    figures = make(tmp_path / "whole", ear, [corpus], OPTIONS, None, 1, progress=False)
    for ahead in (0, 80):
        name = f"look-ahead {ahead} ms: frame accuracy"
        assert figures[name] > figures[f"{name}, before"] + 0.02, "a random head before it"
    # cut after the training, before its figures: the moving average is kept, not the weights of the last step
    before = (tmp_path / "whole" / LIVE_WEIGHTS).read_bytes()
    for name in (LIVE_WEIGHTS, METRICS):
        (tmp_path / "whole" / name).unlink()
    assert make(tmp_path / "whole", ear, [corpus], OPTIONS, None, 1, progress=False) == figures
    assert (tmp_path / "whole" / LIVE_WEIGHTS).read_bytes() == before
    # cut after some streams, and trained with other options
    cut = tmp_path / "cut"
    make(cut, ear, [corpus], replace(OPTIONS, steps=20), None, 1, progress=False)
    streams = sorted((cut / "streams").glob("*.npz"))
    kept = {path: path.read_bytes() for path in streams[1:]}
    streams[0].unlink()
    (cut / METRICS).unlink()
    assert make(cut, ear, [corpus], OPTIONS, None, 1, progress=False) == pytest.approx(figures, abs=0.05)
    assert all(path.read_bytes() == content for path, content in kept.items()), "streams that are there are kept"
    one, two = (live_head(ear, folder).state_dict() for folder in (tmp_path / "whole", cut))
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, two[name], msg=f"another run gave other {name}")
    assert torch.equal(one["features.weight"], ear.head.features.weight.half().float()), "others have learned on it"


def test_streams_of_another_ear_are_made_anew(corpus: Path, ear: Ear, tmp_path: Path) -> None:
    shares = {"tone": 1.0}
    paths = hear([corpus], ear, tmp_path, OPTIONS, shares, 1, "one")
    before = [path.stat().st_mtime_ns for path in paths]
    assert [path.stat().st_mtime_ns for path in hear([corpus], ear, tmp_path, OPTIONS, shares, 1, "one")] == before
    after = [path.stat().st_mtime_ns for path in hear([corpus], ear, tmp_path, OPTIONS, shares, 1, "two")]
    assert not set(before) & set(after)
    paths[0].write_bytes(b"torn")
    with pytest.raises(TrainingError, match="is no stream"):
        Stream.read(paths[0])


def test_the_command_puts_it_into_a_bundle(corpus: Path, own_bundle: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "corpus").symlink_to(corpus)
    before = load_bundle(own_bundle)
    words = ["live", "-q", "--recipe", "tiny", "--work", str(work), "--bundle", str(own_bundle)]
    speech = tmp_path / "speech"
    speech.mkdir()
    _recording(speech, corpus)
    assert CliRunner().invoke(app, [*words, "--speech", str(speech)], catch_exceptions=False).exit_code == 0
    bundle, card = load_bundle(own_bundle), (own_bundle / README).read_text("utf-8")
    files, old = bundle.manifest["files"], before.manifest["files"]
    changed = {name for name in files if files[name]["sha256"] != old[name]["sha256"]}
    assert set(files) == set(old)
    assert changed == {LIVE_GRAPH, LIVE_WEIGHTS}, "its other graphs stay as they were"
    assert card.count("## Streams") == 1 and "live, look-ahead 80 ms" in card and "| 80 ms |" in card
    metrics = bundle.manifest["metrics"]
    assert {"live closure F1", "live AUC mean", "live look-ahead 0 ms: frame accuracy, before"} <= set(metrics)
    ear = open_live_ear(OnnxEngine(bundle, 1), 0.08)
    assert isinstance(ear, CachedEar) and ear.hear(np.zeros(16000, np.float32)).final == 50 - 4 + 1
    networks = networks_of(bundle)
    assert not torch.equal(live_head(networks.ear, own_bundle).inward.weight, networks.ear.head.inward.weight)


def _recording(folder: Path, corpus: Path) -> None:
    import soundfile

    held = measure.held_people(corpus)[0]
    soundfile.write(folder / "tones.wav", held.speech.samples, 16000)
    (folder / "phones.json").write_text(json.dumps({"tones": held.phones}))


def test_figures_of_streams(corpus: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "AHEADS", (0.08,))
    out = tmp_path / "figures.json"
    words = ["evaluate-live", str(tiny_bundle), "--held", str(corpus), "-o", str(out)]
    monkeypatch.delenv("MEDTALK_REFERENCE", raising=False)
    shown = CliRunner().invoke(app, words, catch_exceptions=False).output
    found = json.loads(out.read_text())
    assert found["a still mouth; people"]["closure F1"] == 0.0 and found["a still mouth; people"]["AUC mean"] == 0.5
    assert set(found["kept, 2 s, look-ahead 80 ms; people"]) == set(found["whole clip; people"])
    costs = found["windows, 3 s, look-ahead 80 ms; step"]
    assert 0.0 < costs["ms, median"] <= costs["ms, 99 %"] and "| kept, 1 s, look-ahead 80 ms |" in shown
    with pytest.raises(TrainingError, match="nothing to listen to"):
        CliRunner().invoke(app, ["evaluate-live", str(tiny_bundle)], catch_exceptions=False)


def test_a_bundle_without_the_graph_hears_windows_alone(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    manifest = {**bundle.manifest, "files": {n: e for n, e in bundle.manifest["files"].items() if n != LIVE_GRAPH}}
    assert not [way for way in measure.ways(False) if way.kind == "kept"]
    with pytest.raises(BundleError, match=r"has no live\.onnx"):
        measure.LIVE.ear(OnnxEngine(replace(bundle, manifest=manifest), 1))
