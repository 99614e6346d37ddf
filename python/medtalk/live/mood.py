"""The mood of a live face: which faces show how much at each frame, as a guidance, its changes and a timeline ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import GuidanceError
from medtalk.guidance import Felt, Guidance, Mixture, Part, Voice
from medtalk.moods import in_labels
from medtalk.rates import FPS
from medtalk.timeline import Timeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.dynamics import Dynamics

_Key = tuple[str, str, "Dynamics"]


class Face:
    """One face over some frames: a part whose weight and strength are (N,)."""

    def __init__(self, part: Part, weight: NDArray[np.float64], strength: NDArray[np.float64]) -> None:
        self.part, self.weight, self.strength = part, weight, strength

    @property
    def key(self) -> _Key:
        """What makes two faces the same."""
        return self.part.label, self.part.kind, self.part.dynamics


@dataclass(frozen=True, eq=False)
class _Frames:
    """What a guidance is asked for its parts with: `PerformanceLike` of no frames."""

    kind_vectors: NDArray

    def __len__(self) -> int:
        return 0

    @property
    def felt(self) -> Felt:
        raise GuidanceError(_AUTO, _AUTO_HINT)


_AUTO = "The emotion auto needs the whole sound, so a live face cannot have it."
_AUTO_HINT = "Give an emotion or a text, or change it while the sound runs."


def check_live(guidance: Guidance, kind_vectors: NDArray) -> None:
    """`GuidanceError` for a guidance that needs the whole sound, or that only another engine can follow."""
    members = [guidance]
    if isinstance(guidance, Timeline):
        members = [guidance.base, *(each for _, each in guidance.spans)]
    for member in members:
        inner = [each for each, _ in member.flat()] if isinstance(member, Mixture) else [member]
        if any(isinstance(each, Voice) for each in inner):
            raise GuidanceError(_AUTO, _AUTO_HINT)
        if any(part.engine is not None for part in member.parts(_Frames(kind_vectors))):
            raise GuidanceError("The guidance was made by another model.", "Make it with this stream's own.")


class RunningMood:
    """The guidance of a live face, and the cross-fade from the one before.

    Faces fade one by one, from what they show at the moment of a change: however often a guidance changes, there are no
    more of them than labels and kinds.
    """

    def __init__(self, guidance: Guidance, intensity: float, kind_vectors: NDArray) -> None:
        self._frames = _Frames(kind_vectors)
        self._guidance, self._intensity = guidance, intensity
        self._leaving: dict[_Key, Face] = {}  # what shows before, (1,) each
        self._scale_before = intensity
        self._since, self._fade = 0, 0  # frame at which the change begins, and how many it takes
        self._moods_before: dict[str, float] = {}

    @property
    def guidance(self) -> Guidance:
        return self._guidance

    @property
    def intensity(self) -> float:
        return self._intensity

    def change(self, guidance: Guidance | None, intensity: float | None, frame: int, fade: int) -> None:
        """From `frame` on another guidance or intensity, or both, faded in over `fade` frames."""
        at = np.array([frame])
        self._leaving = {face.key: face for face in self.faces(at)}
        self._moods_before = self.moods(at)
        self._scale_before = float(self.scale(at)[0])
        self._guidance = self._guidance if guidance is None else guidance
        self._intensity = self._intensity if intensity is None else intensity
        self._since, self._fade = frame, fade

    def _come(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far the change has come, (N,) 0..1, smoothly."""
        if not self._fade:
            return np.ones(len(frames))
        done = np.clip((frames - self._since) / self._fade, 0.0, 1.0)
        return done * done * (3.0 - 2.0 * done)

    def scale(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """What multiplies the intensity, (N,)."""
        return self._scale_before + self._come(frames) * (self._intensity - self._scale_before)

    def faces(self, frames: NDArray[np.int64]) -> list[Face]:
        """The faces of some frames; their weights sum to 1."""
        come = self._come(frames)
        found = self._faces(self._guidance, frames)
        if come.min(initial=1.0) >= 1.0:
            return list(found.values())
        out = []
        for key in {**self._leaving, **found}:
            old, new = self._leaving.get(key), found.get(key)
            part = (new or old).part  # pyright: ignore[reportOptionalMemberAccess]
            before, after = (0.0 if old is None else old.weight[0]), (0.0 if new is None else new.weight)
            weight = before * (1.0 - come) + after * come
            strength = 1.0 if new is None else new.strength
            if old is not None:
                strength = old.strength[0] if new is None else old.strength[0] * (1.0 - come) + new.strength * come
            out.append(Face(part, weight, np.broadcast_to(strength, len(frames))))
        return out

    def _faces(self, guidance: Guidance, frames: NDArray[np.int64]) -> dict[_Key, Face]:
        """The faces of a guidance alone, those that are the same together."""
        found: dict[_Key, Face] = {}
        shares = guidance.shares_at(frames / FPS) if isinstance(guidance, Timeline) else [(guidance, 1.0, 1.0)]
        for own, share, level in shares:
            for part in own.parts(self._frames):
                weight = np.broadcast_to(np.asarray(part.weight * share, np.float64), len(frames))
                strength = np.broadcast_to(np.asarray(part.strength * level, np.float64), len(frames))
                face = Face(part, weight, strength)
                if (same := found.get(face.key)) is not None:
                    total = same.weight + weight
                    both = same.weight * same.strength + weight * strength
                    strength = np.where(total > 0.0, both / np.where(total > 0.0, total, 1.0), same.strength)
                    face = Face(part, total, strength)
                found[face.key] = face
        return found

    def moods(self, frames: NDArray[np.int64]) -> dict[str, float]:
        """Weights of the labels on the average of some frames."""
        come = float(self._come(frames).mean()) if len(frames) else 1.0
        found = {label: weight * (1.0 - come) for label, weight in self._moods_before.items()} if come < 1.0 else {}
        guidance = self._guidance
        shares = guidance.shares_at(frames / FPS) if isinstance(guidance, Timeline) else [(guidance, 1.0, 1.0)]
        for own, share, _ in shares:
            for label, weight in in_labels(own.weights_of(self._frames)).items():
                found[label] = found.get(label, 0.0) + come * weight * float(np.mean(share))
        return found

    def meta(self) -> Mapping[str, object]:
        """What a rig's `meta` says of the guidance."""
        guidance = self._guidance
        base = guidance.base if isinstance(guidance, Timeline) else guidance
        return {"emotion": dict(base.weights_of(self._frames)), "intensity": self._intensity, **guidance.meta()}
