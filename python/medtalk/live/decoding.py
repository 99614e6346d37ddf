"""From what is heard of the next frames to their raw rig, in the moods that show then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtalk.dynamics import PAUSING, Dynamics, LiveStrength
from medtalk.finishing import presence
from medtalk.guidance import LABELS
from medtalk.kinds import LiveDrift
from medtalk.rates import FPS
from medtalk.rig.channels import N_CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.engine.compact import CompactEngine
    from medtalk.features.cues import Accent
    from medtalk.finishing import Finishing
    from medtalk.live.mood import Face, RunningMood

_CONTEXT = 12  # frames to either side that ACM sees in the bundle that ships; others see fewer
_MIDDLE, _TOGETHER = 61, 9  # rows for CMF, which sees where in a clip a frame is; those in the middle count
_WARM = FPS  # frames of the past that a mood which is new hears first
_KIND_STREAM = 20  # as of a performance
_GUESSED = np.array([[0.75], [0.5], [0.25]], np.float32)
"""How much of its first frames each step leaves as the step before guessed them, in the channels of the mouth.

Every step hears the states at the end of the sound anew, and ACM sees them: at each boundary the mouth would go on
from another one. Measured on five recordings (99 s; jitter, AUC): none .109, .930; a half of every guess .106, .927,
since the jump then comes a frame or two later; .6 .4 .2 .082, .929; these .078, .929; .8 .6 .4 .2 .078, .927. A window
of 7 or 9 frames in place of 5 for the smoothing alone is no better than none, .111. Closures are decided apart from
it, and their F1 is the same.
"""
_SILENT = 0.22  # what CMF predicts for a clip's long silence, where it predicts `PAUSING` for a pause
_HOLDS, _SINKS = 1.5, 1.5  # seconds without speech until the face goes there, and that it takes
_RETURNS = 0.3  # seconds of speech after which all of it is forgotten


class Pausing:
    """The intensity where nobody speaks: that of a pause, and after some seconds without speech that of silence."""

    def __init__(self) -> None:
        self._quiet = 0.0  # seconds without speech, as far as they count

    def next(self, spoken: NDArray[np.float32]) -> NDArray[np.float32]:
        """The intensity (N,) of the next frames, for how surely somebody speaks in them (N,), 0..1."""
        out, most = np.empty(len(spoken), np.float32), _HOLDS + _SINKS
        for number, speech in enumerate(spoken.tolist()):
            # Speech takes the time back, so that the intensity does not jump when it begins.
            self._quiet += 1.0 / FPS if speech <= 0.0 else -most / _RETURNS / FPS
            self._quiet = min(max(self._quiet, 0.0), most)
            sunk = max(self._quiet - _HOLDS, 0.0) / _SINKS
            out[number] = PAUSING + (_SILENT - PAUSING) * sunk * sunk * (3.0 - 2.0 * sunk)
        return out


class Decoding:
    """Runs the networks over the frames of a stream, and keeps what moods remember of those before."""

    def __init__(
        self, engine: CompactEngine, mood: RunningMood, finishing: Finishing, kinds: Mapping[str, str]
    ) -> None:
        self._engine, self._mood, self._finishing, self._kinds = engine, mood, finishing, dict(kinds)
        self._pausing = Pausing()
        self._past = np.zeros((4, 0), np.float32)  # intensity, effort, pitch and activity of the last frames
        self._strengths: dict[Dynamics, LiveStrength] = {}  # of the moods that show
        self._drifts: dict[tuple[str, str], LiveDrift] = {}
        self._guess = np.zeros((0, len(presence.ARTICULATION)), np.float32)  # the mouth after the last frames

    def content(
        self,
        sound: NDArray[np.float32],
        posteriors: NDArray[np.float32],
        before: int,
        new: int,
        ahead: int,
        hurry: bool,
    ) -> NDArray[np.float32]:
        """Content (new + ahead, 256) of the frames from `before` on.

        ACM sees more frames ahead than are known, and nothing where there are none. If the first of the new frames saw
        further than the last, the mouth would shake with every step. So each sees as far as the last one does.
        """
        first = max(before - _CONTEXT, 0)
        content = self._engine.content(sound[first:], posteriors[first:])[before - first :][: new + ahead]
        if not hurry:
            for number in range(new - 1):
                at = before + number
                seen = slice(max(at - _CONTEXT, 0), len(sound) - (new - 1 - number))
                content[number] = self._engine.content(sound[seen], posteriors[seen])[at - seen.start]
        return content

    def intensity(
        self, heard: NDArray[np.float32], gate: NDArray[np.float32], spoken: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The intensity (N,) of the next frames: CMF's of emotion features (N, 51), as far as the `gate` (N,) is open.

        What CMF hears in noise is no feeling: where nobody speaks it is what it usually is there.
        """
        found = gate * self.predicted(heard) + (np.float32(1.0) - gate) * self._pausing.next(spoken)
        return found.astype(np.float32)

    def predicted(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """CMF's intensity (N,) of emotion features (N, 51) without words, as of the middle of a clip."""
        out = np.empty(len(heard), np.float32)
        for at in range(0, len(heard), _TOGETHER):
            part = heard[at : at + _TOGETHER]
            first = (_MIDDLE - len(part)) // 2
            rows = np.zeros((_MIDDLE, heard.shape[1]), np.float32)
            rows[first : first + len(part)] = part
            found = self._engine.intensity(rows, "")
            out[at : at + _TOGETHER] = found[first : first + len(part)]
        return out

    def decode(
        self,
        content: NDArray,
        columns: NDArray[np.float32],
        accents: Sequence[Accent],
        quiet: NDArray,
        frames: NDArray[np.int64],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """The raw rig (N, 174) of frames, how strongly it is felt (N,) and how much it shakes (N,).

        `columns` (4, n) are intensity, effort, pitch and activity of the first n of the frames, which are given now.
        """
        raw = np.zeros((len(content), N_CHANNELS), np.float32)
        strong, shaking = np.zeros(len(content), np.float32), np.zeros(len(content), np.float32)
        scale = self._mood.scale(frames)
        faces = [face for face in self._mood.faces(frames) if face.weight.any()]
        felt = self._answers({face.part.dynamics for face in faces}, columns, accents, frames)
        for face in faces:
            weight = face.weight.astype(np.float32)
            own = (felt[face.part.dynamics] * scale * face.strength).astype(np.float32)
            vectors = self._kinds_of(face, frames)
            shown = self._engine.decode(content, vectors, own)
            at = np.flatnonzero(quiet)
            if len(at):  # where nobody speaks the mouth keeps its mood, and articulates nothing
                calm = self._engine.decode(content[at], vectors[at], 0.0 * own[at])
                shown[np.ix_(at, presence.ARTICULATION)] -= quiet[at, None] * calm[:, presence.ARTICULATION]
            raw += weight[:, None] * shown
            strong += weight * own
            shaking += weight * np.float32(face.part.dynamics.shake)
        self._past = np.concatenate([self._past, columns], axis=1)[:, -_WARM:]
        self._go_over(raw, columns.shape[1])
        return raw, strong, shaking

    def _go_over(self, raw: NDArray[np.float32], new: int) -> None:
        """Let the mouth of the next frames go over from what was guessed of them; the first `new` are given now."""
        count = min(len(self._guess), len(raw), len(_GUESSED))
        mouth = raw[:, presence.ARTICULATION]
        mouth[:count] += _GUESSED[:count] * (self._guess[:count] - mouth[:count])
        raw[:, presence.ARTICULATION] = mouth
        self._guess = mouth[new:]

    def _answers(
        self, moods: set[Dynamics], columns: NDArray[np.float32], accents: Sequence[Accent], frames: NDArray[np.int64]
    ) -> dict[Dynamics, NDArray[np.float32]]:
        """The strength (N,) of each mood at some frames; beyond those that are given now the last goes on."""
        found, kept = {}, {}
        new, first = columns.shape[1], int(frames[0])
        for dynamics in moods:
            if self._finishing.life:
                strength = self._strengths.get(dynamics)
                if strength is None:
                    strength = LiveStrength(dynamics)
                    self._answer(strength, self._past, (), first - self._past.shape[1])
                kept[dynamics] = strength
                own = self._answer(strength, columns, accents, first)
            else:
                own = columns[0]
            found[dynamics] = np.concatenate([own, np.repeat(own[-1:], len(frames) - new)])
        self._strengths = kept
        return found

    @staticmethod
    def _answer(
        strength: LiveStrength, columns: NDArray[np.float32], accents: Sequence[Accent], first: int
    ) -> NDArray[np.float32]:
        intensity, effort, pitch, spoken = columns
        return strength.next(intensity, effort, pitch, spoken, accents, first)

    def _kinds_of(self, face: Face, frames: NDArray[np.int64]) -> NDArray[np.float32]:
        """The emotion vectors (N, 256) of a face at some frames."""
        part = face.part
        if not self._finishing.life:
            return np.repeat(part.vectors.mean(axis=0)[None], len(frames), axis=0)
        part = part._replace(kind=self._kinds.get(part.label, part.kind))
        drift = self._drifts.get((part.label, part.kind))
        if drift is None:
            own = LABELS.index(part.label) if part.label else len(LABELS)
            rng = np.random.default_rng([self._finishing.seed, _KIND_STREAM, own])
            drift = LiveDrift(len(part.vectors), rng, part.leader, part.far)
            self._drifts[part.label, part.kind] = drift
        drift.frame = int(frames[0])
        return drift.next(len(frames)) @ part.vectors
