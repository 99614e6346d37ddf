"""The synthetic corpus: its sounds, and faces of the teacher in one emotion an utterance, the labels taking turns."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from typing import TYPE_CHECKING

from medtalk.features.prosody import effort, prosody
from medtalk.guidance import LABELS
from medtalk_train.captured.takes.take import FaceTake, Folder, LazyArray
from medtalk_train.synthetic.corpus.read import Corpus, Utterance
from medtalk_train.synthetic.corpus.spoken import spoken
from medtalk_train.synthetic.teacher.emotion import compose, strength
from medtalk_train.synthetic.teacher.lips import lip_curves

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def fits(folder: Folder) -> bool:
    """Whether the folder is laid out this way."""
    return {"index.jsonl", "audio.i16"} <= {file.name for file in folder.files}


def read(folder: Folder, parallel: bool = False) -> list[FaceTake]:
    """The takes. They are not parallel: stage 1 has the teacher's own grid for that."""
    corpus = Corpus(folder.path)
    file = folder.path / "audio.i16"
    return [
        FaceTake(
            f"{utterance.id:06d}",
            LazyArray(file, cache(partial(_key, corpus, utterance)), partial(corpus.audio, utterance)),
            LazyArray(
                file, cache(partial(_key, corpus, utterance, f"face {label}")), partial(_face, corpus, utterance, label)
            ),
            label,
            speaker=utterance.voice,
            transcript=utterance.text,
            held=utterance.split == "held",
        )
        for utterance in corpus.items
        for label in (utterance.id % len(LABELS),)
    ]


def _key(corpus: Corpus, utterance: Utterance, what: str = "") -> str:
    return hashlib.sha256(corpus.audio(utterance).tobytes() + f"{what}{utterance.phones}".encode()).hexdigest()


def _face(corpus: Corpus, utterance: Utterance, label: int) -> NDArray[np.float32]:
    voice, found = prosody(corpus.audio(utterance)), spoken(utterance)
    lips = lip_curves(utterance.phones, utterance.frames, effort=effort(voice))
    words = None if found is None else found.words
    return compose(lips, label, strength(voice, utterance.text, words=words))
