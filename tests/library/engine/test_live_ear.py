"""Ears that hear a stream: the same however it is cut, near the ear that hears the whole, for as long as it lasts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from medtalk.bundle import LIVE_GRAPH, WEIGHTS, Bundle, load_bundle, write_bundle
from medtalk.engine.borrowed import with_weights_of
from medtalk.engine.compact import softmax
from medtalk.engine.compact_onnx import OnnxEngine
from medtalk.engine.live_ear import HOP, PLACES, CachedEar, Heard50, LiveEar, WindowEar, open_live_ear
from medtalk.errors import BundleError
from medtalk.features import listening
from medtalk.features.live_mel import LiveMel
from medtalk.model.ear import Ear, EarConfig, EarHead
from medtalk.model.live_ear import LiveGraph, Streaming, empty, streamed
from tests.helpers.sounds import babble

STATE = 2 * HOP
KINDS = ("windows", "kept")


@pytest.fixture(scope="module")
def engine(tiny_bundle: Path) -> OnnxEngine:
    return OnnxEngine(load_bundle(tiny_bundle), 1)


def ear_of(kind: str, engine: OnnxEngine, look_ahead: float = 0.08, step: int = 2, history: int = 40) -> LiveEar:
    if kind == "windows":
        return WindowEar(engine, look_ahead, history / 50.0, step)
    assert engine.live_graph is not None
    return CachedEar(engine.live_graph, look_ahead, history, step)


def sound(seconds: float) -> NDArray[np.float32]:
    return np.asarray(babble(seconds), np.float32)[: int(seconds * 16000) // HOP * HOP]


def finals(
    ear: LiveEar, samples: NDArray[np.float32], hops: Callable[[], int] = lambda: 4, begun: bool = False
) -> Heard50:
    """All that became final; AssertionError where a state is left out or comes twice. `begun`: the ear has heard
    something before."""
    features, posteriors, at = [], [], 0
    count = ear.hear(samples[:0]).first if begun else 0
    while at < len(samples):
        size = hops() * HOP
        heard = ear.hear(samples[at : at + size])
        at += size
        assert heard.first == count and len(heard.features) == len(heard.posteriors) >= heard.final
        features.append(heard.features[: heard.final])
        posteriors.append(heard.posteriors[: heard.final])
        count += heard.final
    features, posteriors = np.concatenate(features), np.concatenate(posteriors)
    return Heard50(0, features, posteriors, len(features))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [1, 2])
def test_it_does_not_matter_how_a_stream_is_cut(kind: str, step: int, engine: OnnxEngine) -> None:
    samples, rng = sound(3.0), np.random.default_rng(1)
    regular = finals(ear_of(kind, engine, step=step), samples)
    for hops in (lambda: 1, lambda: int(rng.integers(0, 12)), lambda: 300):
        again = finals(ear_of(kind, engine, step=step), samples, hops)
        for one, other in zip(regular[1:3], again[1:3], strict=True):
            np.testing.assert_array_equal(one, other)
    assert regular.final == 150 - 4 + 1, "all but the look-ahead"
    assert np.abs(np.diff(regular.features, axis=0)).max() > 1e-3, "the sound is heard"


@pytest.mark.parametrize("kind", KINDS)
def test_states_come_provisional_then_final(kind: str, engine: OnnxEngine) -> None:
    ear = ear_of(kind, engine)
    seen: dict[int, NDArray] = {}
    changed, at = 0, 0
    samples = sound(2.0)
    for at in range(0, len(samples), 2 * STATE):
        heard = ear.hear(samples[at : at + 2 * STATE])
        newest = at // STATE + 2
        assert heard.first + len(heard.features) == newest + 1 and len(heard.features) - heard.final == min(
            4, newest + 1
        )
        for number, row in enumerate(heard.features, heard.first):
            changed += number in seen and not np.allclose(seen[number], row)
            seen[number] = row
    assert changed > 50, "what comes after them changes provisional states"


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_later_changes_nothing_final(kind: str, engine: OnnxEngine) -> None:
    samples = sound(3.0)
    other = samples.copy()
    other[len(other) // 2 :] = 0.3 * np.random.default_rng(2).standard_normal(len(other) - len(other) // 2)
    one, two = (finals(ear_of(kind, engine), each) for each in (samples, other))
    same = 75 - 4  # 1.5 s less the look-ahead
    np.testing.assert_array_equal(one.features[:same], two.features[:same])
    assert np.abs(one.features[same + 4 :] - two.features[same + 4 :]).max() > 1e-3


def test_without_a_live_graph_windows_are_heard(tiny_bundle: Path, tmp_path: Path, engine: OnnxEngine) -> None:
    assert isinstance(open_live_ear(engine, 0.08), CachedEar)
    bundle = load_bundle(tiny_bundle)
    files: dict[str, bytes | Path] = {n: bundle.read(n) for n in bundle.manifest["files"] if not n.startswith("live.")}
    old = write_bundle(tmp_path / "old", bundle.manifest, files)
    ear = open_live_ear(OnnxEngine(old, 1), 0.08, 0.02)
    assert isinstance(ear, WindowEar)
    assert finals(ear, sound(1.0)).final == 50 - 4 + 1


def test_a_window_that_holds_everything_hears_like_a_clip(engine: OnnxEngine) -> None:
    """But for the level, the silence after a clip and 8-bit rounding."""
    samples = sound(3.0)
    ear = ear_of("windows", engine, 0.5, history=400)
    live = finals(ear, samples).features
    whole = listening.listen(samples, engine.listen_to, 50)[0][: len(live)]
    far = np.abs(live - whole).mean() / whole.std()
    assert far < 0.25 < np.abs(live - whole[::-1]).mean() / whole.std()


def test_kept_keys_hear_what_the_torch_module_hears() -> None:
    """Step after step the same as `streamed` gives for all steps at once, which training uses."""
    torch.manual_seed(1)
    ear = Ear(EarConfig(width=32, heads=2, layers=3, hidden=24, features=15)).eval()
    mel = torch.from_numpy(LiveMel().push(sound(2.0)))
    for how in (Streaming(2, 4, 20, 7), Streaming(1, 0, 10), Streaming(2, 1, 300, 900)):
        states, following = streamed(ear.whisper, mel, how)
        graph = LiveGraph(ear.whisper, ear.head)
        keys, values, hidden = empty(ear.config)
        with torch.inference_mode():
            for step in range(len(states) // how.step):
                first = step * how.step
                frames = torch.arange(2 * first - 2, 2 * (first + how.chunk) + 1)
                part = mel[frames.clamp(max=2 * (first + how.chunk - 1) - 1).clamp(0)]
                places = how.place + torch.arange(first, first + how.chunk)
                heard, new_keys, new_values = graph.whisper(part, places, keys, values)
                _, _, _, _, new_hidden = graph(part, places, keys, values, hidden)
                torch.testing.assert_close(heard[0, : how.step], states[first : first + how.step], atol=2e-5, rtol=0)
                known = min(2, how.ahead)
                torch.testing.assert_close(heard[0, how.step :][:known], following[step, :known], atol=2e-5, rtol=0)
                keys = torch.cat([keys, new_keys[: how.step]])[-how.history :]
                values = torch.cat([values, new_values[: how.step]])[-how.history :]
                hidden = torch.cat([hidden, new_hidden[: how.step]])[-2:]
        assert len(states) >= 90 and following.shape[1:] == (2, 64)


def test_the_graph_is_the_torch_module_but_for_eight_bits(tiny_bundle: Path, engine: OnnxEngine) -> None:
    from safetensors.torch import load

    from medtalk_train.synthetic.export import networks_of
    from medtalk_train.synthetic.live import live_head

    bundle, graph = load_bundle(tiny_bundle), engine.live_graph
    assert graph is not None and load(bundle.read(WEIGHTS))
    ear = networks_of(bundle).ear
    module = LiveGraph(ear.whisper, live_head(ear, tiny_bundle)).eval()
    rng = np.random.default_rng(3)
    mel = rng.random((15, 80), np.float32)
    kept = rng.standard_normal((2, 30, 2, 2, 16)).astype(np.float32)
    hidden = rng.standard_normal((2, 24)).astype(np.float32)
    inputs = (mel, np.arange(6), kept[0], kept[1], hidden)
    with torch.inference_mode():
        expected = module(*map(torch.from_numpy, inputs))
    names = ("mel", "places", "keys", "values", "hidden")
    shapes = [tuple(part.shape) for part in expected]
    for truth, found in zip(expected, graph.run(shapes, **dict(zip(names, inputs, strict=True))), strict=True):
        assert np.abs(truth.numpy() - found).max() < 0.1 * float(truth.std() + truth.abs().mean())


@pytest.fixture(scope="module")
def shipped(shipped_bundle: Path) -> OnnxEngine:
    return OnnxEngine(load_bundle(shipped_bundle), 1)


def test_places_begin_anew_without_a_jump(shipped: OnnxEngine, sample: Path) -> None:
    """A stream of 40 s beside one that began 6 s later, so that its places begin anew elsewhere: the two are as far
    apart there as anywhere else."""
    from medtalk.audio import read_speech

    voice = read_speech(sample).samples
    samples = np.tile(voice, 1 + 40 * 16000 // len(voice))[: 40 * 16000]
    begun = 6 * 50
    one, two = (finals(ear_of("kept", shipped, history=100), part) for part in (samples, samples[begun * STATE :]))
    apart = np.abs(one.posteriors[begun : begun + two.final] - two.posteriors).sum(axis=1)
    anew = PLACES - 2 * 25 - begun  # where the first has begun anew, and the other not yet, for 6 s
    usual = apart[200 : anew - 100]
    assert apart[anew - 100 : anew + 250].mean() < 2.0 * max(usual.mean(), 0.02) and usual.mean() < 0.2
    assert (one.posteriors.argmax(1)[begun:][: two.final] == two.posteriors.argmax(1)).mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow(kind: str, engine: OnnxEngine) -> None:
    def held(value: object) -> int:
        if isinstance(value, np.ndarray):
            return value.nbytes if value.base is None else value.base.nbytes  # type: ignore[union-attr]
        parts = vars(value).values() if hasattr(value, "__dict__") and not isinstance(value, type(engine)) else ()
        return sum(held(part) for part in parts if not callable(part))

    ear, sizes = ear_of(kind, engine), []
    samples = sound(4.0)
    for _ in range(12):
        finals_only(ear, samples)
        sizes.append(held(ear))
    assert max(sizes[6:]) <= 1.5 * max(sizes[1:6])


def finals_only(ear: LiveEar, samples: NDArray[np.float32]) -> None:
    for at in range(0, len(samples), 4 * HOP):
        ear.hear(samples[at : at + 4 * HOP])


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_heard_as_silence_for_ever(kind: str, shipped: OnnxEngine, sample: Path) -> None:
    from medtalk.audio import read_speech

    ear = ear_of(kind, shipped, history=100)
    finals_only(ear, read_speech(sample).samples[: 3 * 16000])
    ear.hear(np.zeros(16000, np.float32))
    seconds = 35 if kind == "kept" else 3  # over the place where places begin anew
    posteriors = finals(ear, np.zeros(16000 * seconds, np.float32), begun=True).posteriors
    assert posteriors[:, 0].min() > 0.5, "sil is the first of the phones"


def test_a_damaged_lender_is_told(own_bundle: Path) -> None:
    bundle = load_bundle(own_bundle)
    files: dict[str, bytes | Path] = {name: bundle.read(name) for name in bundle.manifest["files"]}
    files["listen.onnx"] = b"\x3a\xff\xff\xff\xff\x0f"
    broken = write_bundle(own_bundle, bundle.manifest, files)
    with pytest.raises(BundleError, match=r"listen\.onnx of bundle .* is damaged"):
        _graph(broken)
    files["listen.onnx"] = bundle.read("decode.onnx")
    with pytest.raises(BundleError, match=r"cannot load live\.onnx"):
        _graph(write_bundle(own_bundle, bundle.manifest, files))
    files[LIVE_GRAPH] = files["listen.onnx"]
    with pytest.raises(BundleError, match=r"live\.onnx .*(inputs than this version knows|cannot load)"):
        _graph(write_bundle(own_bundle, bundle.manifest, files))


def _graph(bundle: Bundle) -> None:
    from medtalk.engine.onnx_graph import OnnxGraph

    CachedEar(OnnxGraph(bundle, LIVE_GRAPH, 1, "listen.onnx"), 0.08)


def test_weights_are_borrowed_as_they_lie_there(tiny_bundle: Path) -> None:
    import onnx

    bundle = load_bundle(tiny_bundle)
    listen, live = bundle.read("listen.onnx"), bundle.read(LIVE_GRAPH)
    whole = onnx.load_model_from_string(with_weights_of(listen, live))
    own, lent = (onnx.load_model_from_string(each).graph.initializer for each in (live, listen))
    assert [each.name for each in whole.graph.initializer] == [each.name for each in (*own, *lent)]
    assert not {each.name for each in own} & {each.name for each in lent}
    onnx.checker.check_model(whole)
    for damaged in (listen[:-3], b"\x3a\xff", b"\x3b\x00"):
        with pytest.raises(ValueError, match=r"ends|wire type"):
            with_weights_of(damaged, live)


def test_a_head_of_another_ear_is_told(tiny_bundle: Path, tmp_path: Path) -> None:
    from medtalk.errors import TrainingError
    from medtalk_train.settings import LiveOptions
    from medtalk_train.synthetic.live import write_head
    from medtalk_train.synthetic.live_card import add_live

    own = Path(shutil.copytree(tiny_bundle, tmp_path / "own"))
    (tmp_path / "head").mkdir()
    write_head(tmp_path / "head", EarHead(EarConfig(width=32, hidden=8, features=15)), LiveOptions(), 1, {})
    with pytest.raises(TrainingError, match="no live head of this ear"):
        add_live(load_bundle(own), tmp_path / "head")
    assert load_bundle(own).sha256 == load_bundle(tiny_bundle).sha256


def test_posteriors_are_the_logits(engine: OnnxEngine) -> None:
    heard = finals(ear_of("kept", engine), sound(1.0))
    np.testing.assert_allclose(heard.posteriors.sum(axis=1), 1.0, atol=1e-5)
    assert heard.posteriors.shape == (47, 35) and softmax(np.log(heard.posteriors)).shape == (47, 35)
