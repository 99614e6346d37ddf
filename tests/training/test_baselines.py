"""The methods of Table 1: what is theirs by their papers, and that they learn, stop, resume and hear as they should."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from medtalk.errors import BundleError, TrainingError
from medtalk.model.baselines.diffposetalk import DiffPoseTalk, DiffPoseTalkSizes, cosine_schedule
from medtalk.model.baselines.emoface import EmoFace, EmoFaceSizes
from medtalk.model.baselines.emotalk import Codes, EmoTalk, EmoTalkSizes
from medtalk.model.baselines.faceformer import FaceFormer, FaceFormerSizes
from medtalk.model.baselines.method import Method
from medtalk.model.baselines.transformer import alignment_bias, positions, slopes, temporal_bias
from medtalk.rig.channels import S_UP
from medtalk_train.baselines import BASELINES, diffposetalk, emoface, emotalk, faceformer, learning
from medtalk_train.baselines.data import Clips, Exchange, exchanges, passages, sentences, watched
from medtalk_train.baselines.learning import Budget, learn, read
from medtalk_train.recipe import load_recipe
from medtalk_train.run import Run
from medtalk_train.settings import FeatureOptions
from medtalk_train.stages.batches import SentenceBatch
from medtalk_train.synthetic.ground import Sources, SyntheticGround
from medtalk_train.synthetic.teacher.emotion import compose
from tests.training.test_stages import write_corpus

INF = math.inf
FRAMES, CONTEXT = 48, 2
SMALL = {"content": 6, "emotion": 4, "width": 32, "hidden": 64, "context": CONTEXT, "dropout": 0.0}


def small(name: str) -> Method:
    """A small network of a method whose every part has a say, the same at each call."""
    kinds = {
        "faceformer": FaceFormer(FaceFormerSizes(**SMALL, period=5)),
        "emotalk": EmoTalk(EmoTalkSizes(**SMALL, period=10)),
        "emoface": EmoFace(EmoFaceSizes(**SMALL, period=10)),
        "diffposetalk": DiffPoseTalk(DiffPoseTalkSizes(**SMALL, window=12, previous=4, steps=50, sampled=6)),
    }
    torch.manual_seed(3)
    network = kinds[name]
    for parameter in network.parameters():
        if not parameter.abs().sum():  # what begins at 0 would hide what it multiplies
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


def heard(frames: int = FRAMES, batch: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Content, emotion and labels."""
    rng = np.random.default_rng(5)
    content, emotion = (torch.from_numpy(rng.standard_normal((batch, frames, n)).astype(np.float32)) for n in (6, 4))
    return content, emotion, torch.eye(7)[:batch]


# positions and biases


def test_positions_repeat_after_a_period() -> None:
    found = positions(0, 12, 8, period=5)
    torch.testing.assert_close(found[:5], found[5:10])
    torch.testing.assert_close(found[3:8], positions(3, 5, 8, period=5))
    assert not torch.allclose(positions(0, 12, 8)[:5], positions(0, 12, 8)[5:10])
    expected = [math.sin(2.0), math.cos(2.0), math.sin(2.0 / 10.0), math.cos(2.0 / 10.0)]  # 10000^(2 / 8) = 10
    torch.testing.assert_close(found[2, :4], torch.tensor(expected))


def test_the_temporal_bias_by_hand() -> None:
    torch.testing.assert_close(slopes(4), torch.tensor([2**-2, 2**-4, 2**-6, 2**-8]))
    found = temporal_bias(4, 4, heads=2, period=2)
    expected = torch.tensor([[0, INF, INF, INF], [0, 0, INF, INF], [1, 0, 0, INF], [1, 1, 0, 0]])
    torch.testing.assert_close(found[0], -expected * 2**-4)
    torch.testing.assert_close(found[1], -expected * 2**-8)
    torch.testing.assert_close(temporal_bias(1, 4, heads=2, period=2)[:, 0], found[:, 3])
    assert temporal_bias(4, 4, heads=2, period=2, reach=2)[0].isinf().int().tolist() == [
        [0, 1, 1, 1], [0, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0, 0]
    ]  # fmt: skip
    both = temporal_bias(4, 4, heads=2, period=2, causal=False)
    torch.testing.assert_close(both, both.transpose(1, 2))
    assert both[0, 0].tolist() == [0, 0, -(2**-4), -(2**-4)]


def test_the_alignment_bias_by_hand() -> None:
    assert alignment_bias(3, 6, ratio=2).tolist() == [
        [0, 0, -INF, -INF, -INF, -INF], [-INF, -INF, 0, 0, -INF, -INF], [-INF, -INF, -INF, -INF, 0, 0]
    ]  # fmt: skip
    assert alignment_bias(2, 2).tolist() == [[0, -INF], [-INF, 0]]


# each method's own


def test_faceformer_sees_no_future() -> None:
    network = small("faceformer")
    assert isinstance(network, FaceFormer)
    content, _, label = heard()
    face = torch.from_numpy(np.random.default_rng(6).standard_normal((2, FRAMES, 174)).astype(np.float32))
    at = 20
    with torch.no_grad():
        before = network.taught(content, label, face)
        other = face.clone()
        other[:, at:] += 1.0
        changed = network.taught(content, label, other)
        torch.testing.assert_close(changed[:, : at + 2], before[:, : at + 2])  # a place has two frames
        assert (changed[:, at + 2 :] - before[:, at + 2 :]).abs().max() > 1e-3
        sound = content.clone()
        sound[:, at:] += 1.0
        louder = network.rolled_out(sound, label)
        torch.testing.assert_close(louder[:, : at - CONTEXT], network.rolled_out(content, label)[:, : at - CONTEXT])


def test_faceformer_remembers_what_it_would_see_at_once() -> None:
    """Generation with remembered keys is the parallel pass over its own faces; also beyond its reach."""
    network = small("faceformer")
    assert isinstance(network, FaceFormer)
    content, _, label = heard(FRAMES + 1)
    for reach in (600, 5):
        network.sizes = dataclasses.replace(network.sizes, reach=reach)
        with torch.no_grad():
            rolled = network.rolled_out(content, label)
            torch.testing.assert_close(network.taught(content, label, rolled), rolled, atol=1e-5, rtol=1e-5)
    assert rolled.shape == (2, FRAMES + 1, 174)


def test_faceformer_learns_from_its_own_faces() -> None:
    """Not from the true ones: these make no difference but for the error."""
    network = small("faceformer")
    assert isinstance(network, FaceFormer)
    content, emotion, label = heard()
    with torch.no_grad():
        own = network.rig(network.rolled_out(content, label))
    exact = Clips(content, emotion, label, own, torch.ones(2, FRAMES))
    assert float(faceformer.losses(network, exact)["loss"].detach()) < 1e-10


def test_emotalk_exchanges_emotions_and_nothing_else() -> None:
    content, emotion = torch.randn(6, 5, 3), torch.randn(6, 5, 3)
    found = emotalk.exchanged(Codes(content, emotion))
    assert torch.equal(found.content, content)
    assert torch.equal(found.emotion[:3], emotion[3:]) and torch.equal(found.emotion[3:], emotion[:3])


def test_emotalk_learns_each_content_in_the_emotion_of_the_other() -> None:
    network = small("emotalk")
    assert isinstance(network, EmoTalk)
    content, emotion, label = heard(batch=2)
    with torch.no_grad():
        own, crossed = (
            torch.stack([
                network.rig(network.decode(network.apart(content[k : k + 1], emotion[e : e + 1]), label[e : e + 1]))
                for k, e in pairs
            ])
            for pairs in (((0, 0), (1, 1)), ((0, 1), (1, 0)))
        )  # fmt: skip
        batch = Exchange(content[:, None], emotion[:, None], label[:, None], own, crossed)
        found = emotalk.losses(network, batch)
        assert found["self"] < 1e-10 and found["crossed"] < 1e-10 and found["velocity"] < 1e-10
        swapped = emotalk.losses(network, batch._replace(own=crossed, crossed=own))
        assert swapped["self"] > 1e-4 and swapped["crossed"] > 1e-4
    logits = network.emotion_logits(network.apart(content, emotion))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1]))
    assert float(found["classes"]) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_emotalk_sees_no_future_and_pieces_make_no_difference() -> None:
    network = small("emotalk")
    assert isinstance(network, EmoTalk)
    content, emotion, label = heard()
    before, at = network.animate(content, emotion, label), 20
    for sound in (content, emotion):
        kept = sound.clone()
        sound[:, at:] += 1.0
        found = network.animate(content, emotion, label)
        torch.testing.assert_close(found[:, : at - CONTEXT], before[:, : at - CONTEXT])
        assert (found[:, at:] - before[:, at:]).abs().max() > 1e-3
        sound.copy_(kept)
    for reach in (600, 9):
        network.sizes = dataclasses.replace(network.sizes, reach=reach, piece=600)
        whole = network.animate(content, emotion, label)
        network.sizes = dataclasses.replace(network.sizes, piece=7)
        torch.testing.assert_close(network.animate(content, emotion, label), whole, atol=1e-5, rtol=1e-5)


def test_emoface_cuts_long_sounds_without_a_seam() -> None:
    network = small("emoface")
    assert isinstance(network, EmoFace)
    content, emotion, label = heard(200)
    whole = network.animate(content, emotion, label)
    network.sizes = dataclasses.replace(network.sizes, longest=80, overlap=20)
    pieces = network.animate(content, emotion, label)
    step = (pieces[:, 1:] - pieces[:, :-1]).abs().mean((0, 2))
    usual = (whole[:, 1:] - whole[:, :-1]).abs().mean()
    assert step.max() < 3 * usual and pieces.isfinite().all() and pieces.shape == whole.shape
    torch.testing.assert_close(pieces[:, 20:30], network.animate(content[:, :80], emotion, label)[:, 20:30])


def test_emoface_hears_no_padding() -> None:
    network = small("emoface")
    assert isinstance(network, EmoFace)
    content, _, label = heard()
    mask = torch.ones(2, FRAMES)
    mask[1, 30:] = 0.0
    with torch.no_grad():
        short = network(content[1:, :30], label[1:])
        torch.testing.assert_close(network(content, label, mask)[1:, :30], short)
        assert (network(content, label)[1:, :30] - short).abs().max() > 1e-4


def test_noise_comes_by_a_cosine() -> None:
    kept = cosine_schedule(500)
    assert (kept.diff() < 0).all() and kept[0] > 0.999 and kept[-1] < 1e-4
    half = math.cos((0.5 + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert float(kept[249]) == pytest.approx(half, rel=1e-5)
    network = small("diffposetalk")
    assert isinstance(network, DiffPoseTalk)
    clean, noise = torch.full((2, 3, 174), 2.0), torch.full((2, 3, 174), 3.0)
    share = float(network.kept[10])
    found = network.noised(clean, torch.tensor([10, 10]), noise)
    assert float(found[0, 0, 0]) == pytest.approx(2.0 * share**0.5 + 3.0 * (1.0 - share) ** 0.5, rel=1e-5)


def test_guidance_of_1_is_the_conditional_and_of_0_the_unconditional() -> None:
    network = small("diffposetalk")
    assert isinstance(network, DiffPoseTalk)
    sizes = network.sizes
    content, _, label = heard(sizes.window)
    before, start = network.start(2)
    sound, style = torch.cat([start, network.sound(content)], dim=1), network.style(label)
    noisy, step = torch.randn(2, sizes.window, 174), torch.tensor([30, 30])

    def alone(no_sound: bool, no_style: bool) -> Tensor:
        rows = [torch.full((2,), flag) for flag in (no_sound, no_style)]
        return network.denoised(noisy, step, before, *network.without(sound, style, *rows))

    with torch.no_grad():
        both, by_sound, neither = alone(False, False), alone(False, True), alone(True, True)
        for scales, expected in {
            (1.0, 1.0): both, (1.0, 0.0): by_sound, (0.0, 0.0): neither,
            (1.15, 3.0): neither + 1.15 * (by_sound - neither) + 3.0 * (both - by_sound),
        }.items():  # fmt: skip
            found = network.guided(noisy, step, before, sound, style, scales)
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        assert min((both - by_sound).abs().max(), (by_sound - neither).abs().max()) > 1e-3


def test_windows_know_the_past_and_not_the_future() -> None:
    network = small("diffposetalk")
    assert isinstance(network, DiffPoseTalk)
    content, emotion, label = heard(30)  # two windows and a half
    before = network.animate(content, emotion, label, seed=4)
    assert torch.equal(before, network.animate(content, emotion, label, seed=4))
    assert not torch.equal(before, network.animate(content, emotion, label, seed=5))
    later, earlier = content.clone(), content.clone()
    later[:, 12 + CONTEXT :] += 1.0
    earlier[:, : 12 - CONTEXT - 4] += 1.0  # out of hearing of the second window, which knows 4 frames before it
    changed = network.animate(later, emotion, label, seed=4)
    torch.testing.assert_close(changed[:, :12], before[:, :12])
    assert (changed[:, 12:] - before[:, 12:]).abs().max() > 1e-3
    assert (network.animate(earlier, emotion, label, seed=4)[:, 12:24] - before[:, 12:24]).abs().max() > 1e-4


def test_diffposetalk_withholds_its_conditions_at_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the paper's shares, never the sound alone; the embeddings that stand for none learn, and the beginning's."""
    network = small("diffposetalk")
    assert isinstance(network, DiffPoseTalk)
    content, emotion, label = heard(16, batch=7)
    clips = Clips(content, emotion, label, torch.randn(7, 16, 174), torch.ones(7, 16))
    without, rows = network.without, []

    def counted(sound: Tensor, style: Tensor, no_sound: Tensor, no_style: Tensor) -> tuple[Tensor, Tensor]:
        rows.append(torch.stack([no_sound, no_style]))
        return without(sound, style, no_sound, no_style)

    monkeypatch.setattr(network, "without", counted)
    for seed in range(120):
        torch.manual_seed(seed)
        loss = diffposetalk.losses(network, clips)["loss"]
        if seed < 4:
            loss.backward()
    no_sound, no_style = torch.cat(rows, dim=1)
    assert len(no_sound) == 840 and not (no_sound & ~no_style).any()
    shares = [float(each.float().mean()) for each in (no_sound, no_style & ~no_sound)]
    assert shares == pytest.approx([diffposetalk.NEITHER, diffposetalk.NO_STYLE], abs=0.05)  # 3 deviations of 840
    for parameter in (network.no_sound, network.no_style, network.start_face, network.start_sound):
        assert parameter.grad is not None and parameter.grad.abs().max() > 0


def test_a_short_clip_is_filled_as_generation_fills_its_last_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its last face and sound: what a batch is padded with makes no difference, and no error counts there."""
    network = small("diffposetalk")
    assert isinstance(network, DiffPoseTalk)
    content, emotion, label = heard(16)
    rig, mask = torch.randn(2, 16, 174), torch.ones(2, 16)
    mask[1, 10:] = 0.0
    clips = Clips(content, emotion, label, rig, mask)
    seen: list[tuple[Tensor, ...]] = []
    noised, denoised = network.noised, network.denoised
    monkeypatch.setattr(network, "noised", lambda clean, *more: seen.append((clean,)) or noised(clean, *more))
    monkeypatch.setattr(network, "denoised", lambda *given: seen.append(given) or denoised(*given))

    def told(clips: Clips, seed: int = 1) -> dict[str, float]:
        torch.manual_seed(seed)
        return {name: float(value.detach()) for name, value in diffposetalk.losses(network, clips).items()}

    with torch.no_grad():
        before = told(clips)
        clean, sound = seen[0][0][1], seen[1][3][1]
        assert torch.equal(clean[6:], clean[5].expand(6, -1)) and torch.equal(sound[10:], sound[9].expand(6, -1))
        seen.clear()
        network.animate(content[1:, :10], emotion[1:, :10], label[1:])
        heard_then = seen[0][3][0, 4:]
        assert torch.equal(heard_then[10:], heard_then[9].expand(2, -1)), "a window of 12 with 10 frames of sound"
        padded = clips._replace(content=content.clone(), rig=rig.clone())
        padded.content[1, 10:] += 3.0
        padded.rig[1, 10:] += 3.0
        assert told(padded) == pytest.approx(before, rel=1e-5)
        jagged = torch.zeros(2, 12, 174)
        jagged[1, 6::2] = 1.0
        monkeypatch.setattr(network, "denoised", lambda *_: jagged)
        assert told(clips)["smooth"] == 0.0


# learning

FAST = {"faceformer": 120, "emotalk": 120, "emoface": 120, "diffposetalk": 400}
"""Steps in which each fits eight short clips."""


def eight(network: Method) -> Clips:
    """Four sounds in two labels each: their faces follow from both. Some channels are still."""
    content, emotion = (values.repeat(2, 1, 1) for values in heard(40, batch=4)[:2])
    content = torch.nn.functional.avg_pool1d(content.transpose(1, 2), 5, 1, 2).transpose(1, 2) * 2.0
    label = torch.eye(7)[torch.arange(8) // 4]
    rng = np.random.default_rng(8)
    lips = content @ torch.from_numpy(rng.standard_normal((6, 174)).astype(np.float32)) * 0.05
    rig = 0.2 + lips + 0.1 * (label @ torch.from_numpy(rng.standard_normal((7, 174)).astype(np.float32)))[:, None]
    rig[..., 100:] = 0.3
    mask = torch.ones(8, 40)
    if isinstance(network, DiffPoseTalk):  # 4 frames before a window of 12
        content, emotion, rig, mask = (values[:, :16] for values in (content, emotion, rig, mask))
    return Clips(content, emotion, label, rig, mask)


@pytest.mark.parametrize("name", BASELINES)
def test_each_fits_a_few_clips(name: str) -> None:
    """What it generates is nearer to the truth than the mean face is, by far, and its label changes the face."""
    losses = {"faceformer": faceformer, "emotalk": emotalk, "emoface": emoface, "diffposetalk": diffposetalk}[name]
    network = small(name)
    clips = eight(network)
    network.fit(clips.rig)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    network.train()
    for step in range(FAST[name]):
        torch.manual_seed(step)
        optimiser.zero_grad()
        losses.losses(network, clips)["loss"].backward()  # pyright: ignore[reportArgumentType]
        optimiser.step()
    network.eval()
    found = network.animate(clips.content, clips.emotion, clips.label)
    mean_face = clips.rig.mean((0, 1))
    error, known = (found - clips.rig).square().mean(), (mean_face - clips.rig).square().mean()
    assert error < 0.35 * known, f"{error:.2g} of {known:.2g}"
    torch.testing.assert_close(found[..., 100:], torch.full_like(found[..., 100:], 0.3), atol=1e-6, rtol=0)
    other = network.animate(clips.content, clips.emotion, clips.label.roll(4, 0))
    told, truth = (other - found).mean(1)[0, :100], (clips.rig[4] - clips.rig[0]).mean(0)[:100]
    assert torch.corrcoef(torch.stack([told, truth]))[0, 1] > 0.8, "the other label gives the other face"


@pytest.fixture(scope="module")
def run(whisper_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The tiny recipe with its features and backbone done, and sentences left over that it does not learn from."""
    folder = tmp_path_factory.mktemp("baselines")
    write_corpus(folder / "corpus")
    recipe = dataclasses.replace(load_recipe("tiny"), features=FeatureOptions(hours=0.0015))
    found = Run(recipe, folder, progress=False, sources=Sources(whisper=whisper_base))
    found.step("features")
    found.step("backbone")
    return found


def synthetic(run: Run) -> SyntheticGround:
    assert isinstance(run.ground, SyntheticGround)
    return run.ground


def test_the_sentences_are_those_of_stage_3(run: Run) -> None:
    """Without the inputs that only MEDTalk has: the teacher's face at the scale 1, with all kinds of a label alike."""
    draw = sentences(run.ground)
    for seed in range(3):
        batch = draw(np.random.default_rng(seed))
        assert (batch.scale == 1).all() and batch.kinds.shape[1] == 1
        clips, frames = passages(batch, 1000, np.random.default_rng(0)), int(batch.lengths.max())
        assert clips.content.shape == (2, frames, 16 + 35) and clips.emotion.shape == (2, frames, 51)
        assert torch.equal(clips.label.argmax(1), batch.label) and clips.mask.sum(1).tolist() == batch.lengths.tolist()
        assert (clips.rig[clips.mask == 0] == 0).all()
        short = passages(batch, 20, np.random.default_rng(1))
        assert (short.mask == 1).all() and short.rig.shape == (2, 20, 174)
        for row in range(2):
            where = (clips.content[row].unfold(0, 20, 1).transpose(1, 2) - short.content[row]).abs().sum((1, 2))
            first = int(where.argmin())
            assert torch.equal(clips.rig[row, first : first + 20], short.rig[row]), "sound and face stay together"


def test_what_stops_the_training_is_not_learned_from(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    learned = {tuple(np.round(row, 3)) for row in synthetic(run).data.spoken.content[::7].tolist()}
    batches = watched(run.ground)
    assert batches and all(isinstance(batch, SentenceBatch) for batch in batches)
    for batch in batches:
        rows = {tuple(np.round(row, 3)) for row in batch.content[batch.mask > 0].tolist()}
        assert not rows & learned
    again = watched(run.ground)
    assert all(torch.equal(a.rig, b.rig) for a, b in zip(batches, again, strict=True))
    assert not caplog.records
    greedy = Run(load_recipe("tiny"), run.work, progress=False, sources=run.sources)
    with caplog.at_level(logging.WARNING):
        assert watched(greedy.ground)
    assert "nothing is left over" in caplog.text


def test_an_exchange_has_the_teachers_face_of_either_emotion(run: Run) -> None:
    draw = exchanges(run.ground, 3, 40)
    assert draw is not None
    batch = draw(np.random.default_rng(2))
    assert batch.own.shape == batch.crossed.shape == (2, 3, 40, 174) and batch.content.shape == (2, 3, 40, 51)
    assert (batch.label.argmax(-1)[0] != batch.label.argmax(-1)[1]).all()
    script = synthetic(run).data.spoken
    for b in range(3):
        spans = []
        for k in range(2):
            at = np.flatnonzero((np.abs(script.content - batch.content[k, b, 0, :16].numpy())).sum(1) == 0)[0]
            spans.append(slice(int(at), int(at) + 40))
        for k in range(2):
            for other, found in ((k, batch.own), (1 - k, batch.crossed)):
                lips = script.lips[spans[k]].astype(np.float32)
                truth = compose(lips, int(batch.label[other, b].argmax()), script.strength[spans[other]])
                np.testing.assert_allclose(found[k, b].numpy(), truth, atol=1e-6)
    upper = [(batch.crossed - other)[..., S_UP.tolist()].abs().mean() for other in (batch.own.flip(0), batch.own)]
    assert upper[0] < 0.5 * upper[1], "the upper face is that of the emotion"


@pytest.mark.parametrize("name", BASELINES)
def test_each_learns_on_the_ground_and_is_read_again(name: str, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / name
    learned = learn(name, run, folder, Budget(steps=3), seed=2)
    assert isinstance(learned.network, BASELINES[name]) and learned.steps == 3 and 0 < learned.best < INF
    assert learned.seconds > 0 and not learned.network.training
    history = json.loads((folder / learning.LOSSES).read_text())
    assert history["step"] == [3] and history["validation"] == [learned.best] and len(history["loss"]) == 1
    assert not (folder / learning.CHECKPOINT).exists()
    before = (folder / learning.MODEL).stat().st_mtime_ns
    again = learn(name, run, folder, Budget(steps=3), seed=2)
    assert (folder / learning.MODEL).stat().st_mtime_ns == before and again.best == learned.best
    state = read(folder).network.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in learned.network.state_dict().items())
    if name == "emoface":
        learn(name, run, folder, Budget(steps=2), seed=2)
        assert (folder / learning.MODEL).stat().st_mtime_ns != before, "another budget is another training"


def test_a_cut_training_goes_on_as_if_nothing_had_been(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "EVERY", 3)
    whole = learn("emoface", run, tmp_path / "whole", Budget(steps=7))
    objective, calls = learning._OBJECTIVES["emoface"], [0]

    def cut(network: Method, batch: Clips) -> dict[str, Tensor]:
        calls[0] += 1
        if calls[0] == 6:
            raise KeyboardInterrupt
        return objective.losses(network, batch)

    with monkeypatch.context() as patch:
        patch.setitem(learning._OBJECTIVES, "emoface", objective._replace(losses=cut))
        with pytest.raises(KeyboardInterrupt):
            learn("emoface", run, tmp_path / "cut", Budget(steps=7))
        assert (tmp_path / "cut" / learning.CHECKPOINT).exists() and not (tmp_path / "cut" / learning.RESULT).exists()
        with pytest.raises(TrainingError, match="does not exist yet"):
            read(tmp_path / "cut")
        calls[0] = 10
        found = learn("emoface", run, tmp_path / "cut", Budget(steps=7))
    assert calls[0] == 14, "three of seven steps were done"
    ours, theirs = found.network.state_dict(), whole.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs) and found.best == whole.best
    histories = [json.loads((tmp_path / name / learning.LOSSES).read_text()) for name in ("whole", "cut")]
    assert histories[0]["step"] == histories[1]["step"] == [3, 6, 7] and histories[0]["loss"] == histories[1]["loss"]


def test_a_training_ends_when_nothing_improves_or_the_time_is_up(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "EVERY", 2)
    monkeypatch.setattr(learning, "RATES", {"compact": 0.0, "paper": 0.0})
    found = learn("emoface", run, tmp_path / "still", Budget(steps=100, patience=3))
    history = json.loads((tmp_path / "still" / learning.LOSSES).read_text())
    assert found.steps == 8 and history["validation"] == [found.best] * 4, "one is best, three are not better"
    assert learn("emoface", run, tmp_path / "short", Budget(seconds=1e-9)).steps == 1


def test_the_best_weights_are_kept(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "EVERY", 1)
    errors = iter([0.3, 0.1, 0.2, 0.4])
    seen: list[dict[str, Tensor]] = []

    def error(network: Method, _: list[Clips]) -> float:
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return next(errors)

    monkeypatch.setattr(learning, "watched_error", error)
    found = learn("emoface", run, tmp_path / "best", Budget(steps=4))
    state = found.network.state_dict()
    assert found.best == 0.1 and all(torch.equal(state[name], seen[1][name]) for name in state)


def test_bad_words_are_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="no baseline 'codetalker'; valid are faceformer, emotalk"):
        learn("codetalker", run, tmp_path / "x", Budget())
    with pytest.raises(TrainingError, match="no size 'huge'; valid are compact, paper"):
        learn("emoface", run, tmp_path / "x", Budget(), size="huge")
    for seconds, steps, patience in ((0.0, None, 10), (math.nan, None, 10), (9.0, 0, 10), (9.0, None, 0)):
        with pytest.raises(TrainingError, match="trains nothing"):
            Budget(seconds, steps, patience)
    empty = Run(run.recipe, tmp_path / "empty", progress=False)
    with pytest.raises(TrainingError, match=r"Run medtalk-train \w+ first"):
        learn("emoface", empty, tmp_path / "x", Budget())
    assert not (tmp_path / "x").exists(), "nothing was begun"
    monkeypatch.setattr(learning, "RATES", {"compact": math.inf})
    with pytest.raises(TrainingError, match="losses of emoface are not finite"):
        learn("emoface", run, tmp_path / "y", Budget(steps=20))


def test_sizes_are_checked() -> None:
    for method in BASELINES.values():
        for size in learning.SIZES:
            sizes = method.sized(size, 100, 51)
            assert type(sizes).from_dict(sizes.to_dict()) == sizes and sizes.content == 100
    good = DiffPoseTalkSizes(10, 10).to_dict()
    for wrong, said in (
        ({"width": 30}, "cannot be halved among 4 heads"), ({"width": 0}, "The size width of a baseline is 0"),
        ({"layers": 10**9}, "valid are 0 to"), ({"heads": "4"}, "is '4'"), ({"window": 10}, "not below its window"),
        ({"sampled": 600}, "not below its steps"), ({"sound_scale": math.nan}, "is nan"),
        ({"colour": 3}, "Unknown size"), ({"dropout": True}, "is True"),
    ):  # fmt: skip
        with pytest.raises(BundleError, match=said):
            DiffPoseTalkSizes.from_dict(good | wrong)
    with pytest.raises(BundleError, match="incomplete"):
        EmoFaceSizes.from_dict({"content": 3})
