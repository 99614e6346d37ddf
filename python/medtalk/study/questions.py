"""What participants are asked: the three questions of the paper's user study (Sec. 4.4, Table 2)."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Kind = Literal["rating", "choice"]
KINDS: tuple[str, ...] = get_args(Kind)
"""A take at a time on a scale of five points, as in the paper, or the better one of two that are side by side."""


class Question(NamedTuple):
    """A question: its name in files, its heading in Table 2, and its words on the page for each kind of study."""

    name: str
    title: str
    rating: str
    choice: str


QUESTIONS = (
    Question(
        "lip_sync", "Lip-sync", "How accurately do the lips follow the sound?", "Whose lips follow the sound better?"
    ),
    Question(
        "emotion_acc",
        "Emotion Acc",
        "How well does the face show the emotion of the voice?",
        "Which face shows the emotion of the voice better?",
    ),
    Question(
        "vividness", "Vividness", "How good is the animation of the whole face?", "Which whole face is animated better?"
    ),
)
"""The paper's text calls them accuracy of lip synchronization, emotional expressiveness, and overall facial animation
quality. Table 2 has the headings."""

SCALE = {1: "very poor", 2: "poor", 3: "fair", 4: "good", 5: "very good"}
"""The five points. The paper names the first and the last."""
