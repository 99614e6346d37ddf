"""The ground that a run learns from: the one side that differs between speech with rule-made and recorded faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.model.config import ModelConfig
    from medtalk.model.medtalk import MEDTalk
    from medtalk_train.stages.batches import Draw

CLIPS = 84
"""Of those held back, how many a bundle is judged on."""


@dataclass(frozen=True)
class HeldTake:
    """A recorded take that training did not see.

    sound: (n,) at 16 kHz. transcript: "" if unknown. label: a place in `LABELS`. rig: (T, 174). set: the name of its
    data set. labelled: whether that set taught the labels. description, picture: what else may guide its face.
    """

    sound: NDArray
    transcript: str
    label: int
    rig: NDArray
    set: str = ""
    labelled: bool = True
    description: str = ""
    picture: Path | None = None


@dataclass(frozen=True)
class Held:
    """The data that a ground keeps out of training, for the evaluation.

    corpus: a generated corpus with held-out voices. takes: recorded ones. backbones, offline: how the bundle is opened,
    see `medtalk.engine.open_engine`.
    """

    corpus: Path | None = None
    takes: Iterable[HeldTake] | None = None
    backbones: Mapping[str, str | Path] = field(default_factory=dict)
    offline: bool = False


class Ground(Protocol):
    """Data, the frozen networks that hear it, and the kind of bundle that comes of both.

    Nothing is read before it is needed. Whatever needs an earlier step raises `TrainingError` if that has not run.
    """

    @property
    def steps(self) -> Mapping[str, Callable[[], None]]:
        """The preparation of each step, by name; a step that a ground does not have needs no work."""
        ...

    @property
    def config(self) -> ModelConfig:
        """Sizes of the networks that learn."""
        ...

    def check(self) -> None:
        """Raise the `TrainingError` of what a later step would miss, before hours are spent on the earlier ones."""
        ...

    def grids(self) -> Draw:
        """Batches of stage 1: two emotions by two contents, (2, 2, B, L, 174)."""
        ...

    def pairs(self) -> Draw | None:
        """Batches of stage 1: two unlike faces, (2, B, L, 174); None where the grids' faces are all there are."""
        ...

    def apart(self) -> bool:
        """Whether the pairs have faces that no grid has."""
        ...

    def validation(self, stage: int) -> Draw | None:
        """Batches of what is held back, like those that a stage learns from; an `Exchange` where that has pairs.

        None if nothing is held back.
        """
        ...

    def recorded(self) -> Mapping[str, Sequence[NDArray[np.float32]]]:
        """Recorded faces (T, 174) that are held back, by the name of their data set."""
        ...

    def windows(self) -> Draw:
        """Batches of stage 2: features (B, L, F), phone posteriors (B, L, 35 or 0), rig (B, L, 174)."""
        ...

    def sentences(self) -> Draw:
        """Batches of stage 3, each a `SentenceBatch`."""
        ...

    def guided(self) -> Draw | None:
        """Batches of stage 4, each a `SentenceBatch`; None if nothing guides a face but labels."""
        ...

    def pictures(self) -> bool:
        """Whether there are pictures of faces for stage 4."""
        ...

    def spread(self, stage: int) -> NDArray[np.float32]:
        """(174,) how far each channel moves in the faces of a stage."""
        ...

    def still(self) -> NDArray[np.bool_]:
        """(174,) channels that no face moves."""
        ...

    def key(self, stage: int) -> str:
        """A hash of what a stage learns from."""
        ...

    def export(self, model: MEDTalk, metrics: Mapping[str, float], folder: Path) -> Bundle:
        """Write the bundle of trained networks."""
        ...

    def held(self, bundle: Bundle, clips: int) -> Held | None:
        """The data to judge a bundle on; None if nothing is held back."""
        ...
