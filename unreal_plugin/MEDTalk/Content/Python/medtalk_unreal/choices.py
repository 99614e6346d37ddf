"""The words of the form for the values of a request. Epic's own are used where there are such."""

from __future__ import annotations

from medtalk_unreal.take import CHOICES

SELECTED, IN_SEQUENCE, NO_SEQUENCE = "Selected actor", "The one in the sequence", "None: an Anim Sequence"
CHOSEN = "The one chosen in Sequencer"
FROM_THE_VOICE = "From the voice"
NO_PERSONA = NO_PRESET = "None"
MASKS = {"Full Face": "full", "Mouth Only": "mouth", "Upper Face": "upper"}
WRITERS = {"Channel keys": "channels", "Array setters": "arrays", "CSV import": "import"}
LAYERS = {"Off": "one", "A section with a Weight": "emotion"}
HAND_EDITS = {"Keep, added to the new take": "offset", "Keep, instead of the new take": "replace", "Drop": "drop"}
HEADS = {"Off": "off", "Head of the face board": "control", "Head of the body's rig": "body"}
RATES = {"Project": "project"} | {f"{rate} fps": rate for rate in CHOICES["frame_rate"] if rate != "project"}
TITLES = {
    "language": "Spoken Language", "smooth": "Smoothing", "limits": "Hold Within Limits", "seed": "Variation",
    "life": "Lively Face", "lean": "Stronger Side",
}  # fmt: skip
"""Titles of settings of a take whose names are for programs."""
CHANNELS = {"Both, mixed": "mix", "Left": "left", "Right": "right"}
SYSTEM_MICROPHONE = "The system's own"
OWN_MOOD = "Neutral, or the persona's"
