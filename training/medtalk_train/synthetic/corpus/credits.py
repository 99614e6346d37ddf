"""Whose speech a model learned from: what its card must say of each engine of a corpus (licences in CORPUS.md)."""

from __future__ import annotations

CREDITS = {
    "kokoro": "Natural voices: Kokoro-82M v1.0 (hexgrad, Apache-2.0, weights and voices). Its author says that its own "
    "training leaned on synthetic speech of closed services.",
    "people": "Recordings of people: LibriSpeech (Panayotov et al. 2015, CC BY 4.0, changed: cut, augmented; by way of "
    "resemble-ai/Resemblyzer) and the speech-to-intent benchmark of Picovoice (Apache-2.0). Their text was written by "
    "Whisper, their phone times come from PocketSphinx.",
}
