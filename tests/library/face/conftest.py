"""Takes of the sample recording, and the head that shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from medtalk.finishing import Finishing
from medtalk.perform import load
from medtalk.rig import RigSequence
from medtalk.rig.head import Head, load_head


@pytest.fixture(scope="session")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="session")
def takes(sample: Path) -> dict[str, RigSequence]:
    """The sample in some emotions by the shipped model. It does not blink, so that eyes can be compared."""
    performance = load().perform(sample)
    still = Finishing(blink=False, gaze=False, life=False)
    return {
        emotion: performance.decode(performance.model.guide(emotion), 1.0, still, "full")
        for emotion in ("neutral", "happy", "angry", "surprised")
    }
