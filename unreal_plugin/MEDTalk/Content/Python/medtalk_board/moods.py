"""The moods that a face can show: their names, and other words for them.

The seven labels are what a model has learned; the other moods are mixtures of them (`medtalk.moods`). Together they are
the twelve of Unreal's own speech animation, whose spellings are among the synonyms.
"""

from __future__ import annotations

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprised")
"""The seven emotions; a label's place is its id in the embedding table of every bundle."""
MIXED = ("confident", "excited", "bored", "playful", "confused")
"""The moods that are mixtures of labels."""
MOODS = (*LABELS, *MIXED)
"""All that may be named as the emotion of a take."""
NEUTRAL = "neutral"

SYNONYMS = {
    "anger": "angry",
    "mad": "angry",
    "furious": "angry",
    "rage": "angry",
    "disgusted": "disgust",
    "contempt": "disgust",  # as in descriptions; contemptuous anger is a kind, for those who ask for it
    "fearful": "fear",
    "scared": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "joy": "happy",
    "joyful": "happy",
    "calm": "neutral",
    "none": "neutral",
    "sadness": "sad",
    "unhappy": "sad",
    "surprise": "surprised",
    "astonished": "surprised",
}
"""Other words for labels, in lower case."""
MIXED_SYNONYMS = {
    "confidence": "confident",
    "excitement": "excited",
    "boredom": "bored",
    "playfulness": "playful",
    "confusion": "confused",
}
"""Other words for the mixed moods: as Unreal spells them."""

assert len(set(MOODS)) == 12
assert set(SYNONYMS.values()) <= set(LABELS) and set(MIXED_SYNONYMS.values()) == set(MIXED)
assert not {*SYNONYMS, *MIXED_SYNONYMS} & set(MOODS)

KINDS: dict[str, tuple[str, ...]] = {
    "angry": ("hot", "cold", "contemptuous"),
    "disgust": ("revolted", "sour", "disdainful"),
    "fear": ("alarmed", "anxious", "frozen"),
    "happy": ("warm", "amused", "proud"),
    "neutral": ("attentive", "relaxed", "thoughtful"),
    "sad": ("grieving", "weary", "disappointed"),
    "surprised": ("startled", "amazed", "puzzled"),
}
"""The kinds of face of each label, in the order of the bundle that ships; other bundles may have one face a label."""
FAR = {
    "angry": "contemptuous",
    "disgust": "disdainful",
    "fear": "anxious",
    "happy": "proud",
    "neutral": "thoughtful",
    "sad": "disappointed",
    "surprised": "puzzled",
}
"""The kind of each label that a viewer may take for another mood: it leads where it is asked for, never by chance."""

assert tuple(KINDS) == tuple(FAR) == LABELS
assert all(FAR[label] in KINDS[label] for label in LABELS)
