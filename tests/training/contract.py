"""What every `Ground` must hold to, so that the stages need not know which of them they learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from medtalk.errors import TrainingError
from medtalk_train.run import PREPARATION, Run
from medtalk_train.stages.batches import BY_LABEL, Exchange, SentenceBatch
from medtalk_train.stages.ground import Ground


def check(run: Run, again: Run, empty: Run) -> None:
    """Hold a prepared ground to its contract.

    Args:
        run: its run, all steps done.
        again: another one in the same folder.
        empty: one of the same recipe in an empty folder.
    """
    ground = run.ground
    assert set(ground.steps) <= {*PREPARATION, "wording", "emotions", "live"}
    _batches(ground)
    for stage in (1, 2, 3):
        spread = ground.spread(stage)
        assert spread.shape == (174,) and np.isfinite(spread).all() and (spread >= 0).all() and spread.max() > 0
    still = ground.still()
    assert still.shape == (174,) and still.dtype == bool and not still.all()
    grid = ground.grids()(np.random.default_rng(5)).reshape(-1, 174)
    assert bool((grid[:, torch.from_numpy(still)] == 0).all()), "what stands still moves in no batch"
    for stage in (1, 2, 3, 4):
        if (draw := ground.validation(stage)) is not None:
            _like(_same_for_the_same_numbers(draw), ground, stage)
    keys = [ground.key(stage) for stage in (1, 2, 3, 4)]
    assert keys == [again.ground.key(stage) for stage in (1, 2, 3, 4)], "of what lies there, not of the process"
    assert keys[0] != keys[1] and all(keys)
    for stage in (1, 2, 3):
        with pytest.raises(TrainingError, match=r"Run medtalk-train \w+ first"):
            empty.ground.key(stage)


def _batches(ground: Ground) -> None:
    config = ground.config
    grid = _same_for_the_same_numbers(ground.grids())
    assert grid.shape[:2] == (2, 2) and grid.shape[-1] == 174 and torch.isfinite(grid).all()
    pairs = None if ground.pairs() is None else _same_for_the_same_numbers(ground.pairs())
    assert pairs is None or (pairs.shape[0] == 2 and pairs.shape[-1] == 174 and torch.isfinite(pairs).all())
    assert pairs is not None or not ground.apart(), "what is apart is in pairs"
    features, posteriors, rig = _same_for_the_same_numbers(ground.windows())
    assert features.shape[:2] == posteriors.shape[:2] == rig.shape[:2] and rig.shape[-1] == 174
    assert config.content_features in (features.shape[-1], features.shape[-1] + posteriors.shape[-1])
    _sentences(ground, _same_for_the_same_numbers(ground.sentences()))
    if (draw := ground.guided()) is not None:
        batch = _same_for_the_same_numbers(draw)
        _sentences(ground, batch)
        assert batch.description.shape == batch.picture.shape == (len(batch.label), config.guidance_features)


def _like(held: Any, ground: Ground, stage: int) -> None:
    """A batch of what is held back is one of those that the stage learns from."""
    if stage == 2:
        assert [part.shape[-1] for part in held] == [
            part.shape[-1] for part in ground.windows()(np.random.default_rng(0))
        ]
    elif stage > 2:
        _sentences(ground, held)
    elif ground.pairs() is None:
        assert held.shape[:2] == (2, 2) and held.shape[-1] == 174
    else:
        assert isinstance(held, Exchange) and held.pairs.shape[0] == 2
        assert held.grid is None or held.grid.shape[:2] == (2, 2)


def _sentences(ground: Ground, batch: SentenceBatch) -> None:
    config, count, frames = ground.config, *batch.mask.shape
    assert batch.rig.shape == (count, frames, 174) and bool((batch.rig[batch.mask == 0] == 0).all())
    assert batch.mask.sum(1).tolist() == batch.lengths.tolist() and int(batch.lengths.max()) == frames
    assert batch.emotion_features.shape == (count, frames, config.emotion_features)
    assert batch.content.shape[:2] == batch.posteriors.shape[:2] == batch.strength.shape == (count, frames)
    assert batch.absent.shape == batch.words.shape[:2] == batch.word_times.shape[:2]
    assert not batch.absent.all(1).any(), "every row has a word, if only the unknown one"
    assert bool(((batch.label >= 0) & (batch.label < config.labels)).all())
    assert batch.kinds.shape == (count, config.kinds) and bool((batch.kinds >= 0).all())
    assert torch.allclose(batch.kinds.sum(1), torch.ones(count)), "shares of a label's kinds of face"
    if ground.guided() is None:
        assert bool((batch.guide == BY_LABEL).all())
    for tensor in batch:
        assert len(tensor) == count and bool(torch.isfinite(tensor.float()).all())


def _same_for_the_same_numbers(draw: Callable[[np.random.Generator], Any] | None) -> Any:
    """A batch; a run that was cut would see the same one again."""
    assert draw is not None
    one, two, other = (draw(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert _equal(one, two) and not _equal(one, other)
    return one


def _equal(one: Any, two: Any) -> bool:
    if one is None or two is None:
        return one is two
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    return all(_equal(a, b) for a, b in zip(one, two, strict=True))


def check_gradients(run: Run, stage: int) -> None:
    """The losses of a stage reach every weight that it trains, within a few batches, and no other."""
    learner = run.learner(stage, run.model(stage))
    assert learner is not None
    for seed in range(6):  # of two clips each, so that some are guided by pictures
        losses = learner.losses(learner.draw(np.random.default_rng(seed)))
        losses["loss"].backward()
        assert all(torch.isfinite(value).all() for value in losses.values())
    trained = {id(parameter) for parameter in learner.trained.parameters()}
    for name, parameter in learner.model.named_parameters():
        if id(parameter) not in trained:
            assert parameter.grad is None, f"stage {stage} moves {name}"
        else:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
            assert bool(parameter.grad.abs().max() > 0), f"stage {stage} does not reach {name}"
