"""Plain descriptions of each emotion, for takes that nobody has described (Sec. 3.4)."""

from __future__ import annotations

import numpy as np

from medtalk.guidance import LABELS

WORDS: dict[str, tuple[str, ...]] = {
    "angry": ("angry", "furious", "mad", "enraged", "irritated", "annoyed", "hostile", "outraged", "cross", "bitter",
              "resentful", "full of rage"),
    "disgust": ("disgusted", "revolted", "repelled", "sickened", "nauseated", "appalled", "contemptuous", "grossed out",
                "full of disgust", "put off", "repulsed", "queasy"),
    "fear": ("afraid", "scared", "frightened", "fearful", "terrified", "anxious", "worried", "panicked", "nervous",
             "alarmed", "full of dread", "horrified"),
    "happy": ("happy", "joyful", "cheerful", "delighted", "smiling", "glad", "pleased", "merry", "elated", "beaming",
              "full of joy", "amused"),
    "neutral": ("neutral", "calm", "relaxed", "composed", "plain", "blank", "unmoved", "at ease", "matter of fact",
                "expressionless", "serene", "indifferent"),
    "sad": ("sad", "sorrowful", "unhappy", "grieving", "tearful", "downcast", "gloomy", "miserable", "melancholy",
            "heartbroken", "full of sorrow", "dejected"),
    "surprised": ("surprised", "astonished", "amazed", "startled", "stunned", "taken aback", "astounded", "shocked",
                  "wide-eyed", "full of wonder", "bewildered", "dumbfounded"),
}  # fmt: skip
FACES: dict[str, tuple[str, ...]] = {
    "angry": ("with lowered brows and a hard stare", "frowning, nose flared", "glaring with tight lips"),
    "disgust": ("with a wrinkled nose", "upper lip raised, eyes narrowed", "wincing as at a bad smell"),
    "fear": ("with raised, drawn brows and wide eyes", "eyes wide, mouth stretched", "tense, about to flee"),
    "happy": ("with a smile and raised cheeks", "grinning, eyes crinkled", "lips drawn into a smile"),
    "neutral": ("with a face at rest", "with no expression", "brows and mouth relaxed"),
    "sad": ("with drooping mouth corners", "inner brows raised, eyes heavy", "about to cry"),
    "surprised": ("with raised brows and wide eyes", "eyebrows high, mouth ajar", "as if at a sudden sight"),
}
STRENGTHS: tuple[tuple[str, float], ...] = (
    ("slightly ", 0.5), ("a little ", 0.5), ("somewhat ", 0.7), ("mildly ", 0.6), ("", 1.0), ("", 1.0), ("", 1.0),
    ("quite ", 1.1), ("very ", 1.35), ("extremely ", 1.6), ("deeply ", 1.4), ("intensely ", 1.5),
)  # fmt: skip
FRAMES = ("{}", "{} face", "a {} face", "a {} expression", "the speaker looks {}", "someone who is {}", "she sounds {}",
          "he is {}", "look {}", "make it {}", "feeling {}", "a person who seems {}")  # fmt: skip

assert set(WORDS) == set(FACES) == set(LABELS) and all(len(words) == 12 for words in WORDS.values())


def descriptions(label: int, count: int, rng: np.random.Generator) -> list[str]:
    """So many different descriptions of an emotion at its usual strength."""
    out: dict[str, None] = {}
    while len(out) < count:
        text, strength = draw(label, rng)
        if 0.9 < strength < 1.2:
            out[text] = None
    return list(out)


def draw(label: int, rng: np.random.Generator) -> tuple[str, float]:
    """A random description of an emotion, and how strong a face it asks for; 1 is plain."""
    name = LABELS[label]
    how, strength = STRENGTHS[rng.integers(len(STRENGTHS))]
    word = WORDS[name][rng.integers(len(WORDS[name]))]
    text = FRAMES[rng.integers(len(FRAMES))].format(how + word)
    if rng.random() < 0.3:
        text += f", {FACES[name][rng.integers(len(FACES[name]))]}"
    return text, strength
