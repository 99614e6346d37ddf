"""What a face board shows: the curves of the sections of its track, blended as Unreal blends them.

Absolute sections are averaged by their weights, one that overrides takes their place, additive ones are added. A
section counts where it is active and in its range, with the channels that have keys or a default; its weight is its
channel Weight, and 1 without. Easing is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.errors import PluginError
from medtalk_unreal.sections import Section, Track, reaches

_WEIGHT = "Weight"
_FINEST = 16  # times: then a start is off by a fortieth of a frame at most


@dataclass(frozen=True)
class _Layer:
    """A section, with its weight in each frame: 0 outside its range."""

    channels: dict[str, unreal.MovieSceneScriptingFloatChannel]
    blend: unreal.MovieSceneBlendType
    weights: list[float]


class Blended:
    """The curves of a track from a display frame up to another one, at `rate`."""

    def __init__(
        self, sequence: unreal.LevelSequence, track: Track, first_frame: int, end_frame: int, rate: unreal.FrameRate
    ) -> None:
        display = compat.rate(sequence.get_display_rate())
        self.frames = max(1, round((end_frame - first_frame) / display * compat.rate(rate)))
        self._span = sequence.make_range(first_frame, end_frame - first_frame)
        self._rate = rate
        self._finer = _finer(first_frame / display, compat.rate(rate))
        self._times = [first_frame + frame * display / compat.rate(rate) for frame in range(self.frames)]
        found = [one for one in track.get_sections() if one.is_active() and reaches(one, first_frame, end_frame)]
        self._layers = [self._layer(one) for one in found]

    def names(self) -> set[str]:
        """The channels that are there."""
        return {name for layer in self._layers for name in layer.channels}

    def keyed(self, name: str) -> bool:
        """Whether a channel has keys."""
        return any(name in layer.channels and layer.channels[name].get_num_keys() for layer in self._layers)

    def column(self, name: str) -> list[float]:
        """The values of a channel, one a frame; 0 where nothing drives it."""
        kinds, override = unreal.MovieSceneBlendType, getattr(unreal.MovieSceneBlendType, "OVERRIDE", None)
        totals, weights = [0.0] * self.frames, [0.0] * self.frames
        above: list[tuple[_Layer, list[float]]] = []
        added: list[tuple[_Layer, list[float]]] = []
        for layer in self._layers:
            values = self._values(layer.channels.get(name))
            if values is None:
                continue
            if layer.blend == kinds.ABSOLUTE:
                for frame, weight in enumerate(layer.weights):
                    totals[frame] += weight * values[frame]
                    weights[frame] += weight
            else:
                (above if layer.blend == override else added).append((layer, values))
        shown = [total / weight if weight else 0.0 for total, weight in zip(totals, weights, strict=True)]
        for layer, values in above:
            shown = [old + (new - old) * by for old, new, by in zip(shown, values, layer.weights, strict=True)]
        for layer, values in added:
            shown = [old + new * by for old, new, by in zip(shown, values, layer.weights, strict=True)]
        return shown

    def _layer(self, section: Section) -> _Layer:
        channels = facerig.section_channels(section)
        start = section.get_start_frame() if section.has_start_frame() else self._times[0]
        end = section.get_end_frame() if section.has_end_frame() else self._times[-1] + 1
        within = [start <= time < end for time in self._times]
        own = self._values(channels.get(_WEIGHT)) or [1.0] * self.frames
        weights = [weight if inside else 0.0 for weight, inside in zip(own, within, strict=True)]
        return _Layer(channels, section.get_blend_type().blend_type, weights)

    def _values(self, channel: unreal.MovieSceneScriptingFloatChannel | None) -> list[float] | None:
        """The values of a channel, one a frame; None for one that has neither keys nor a default."""
        if channel is None or not (channel.get_num_keys() or channel.has_default()):
            return None
        if not channel.get_num_keys():
            return [float(channel.get_default())] * self.frames
        fine = unreal.FrameRate(self._rate.numerator * self._finer, self._rate.denominator)
        values = [float(value) for value in channel.evaluate_keys(self._span, fine)][:: self._finer]
        if not values:
            raise PluginError(f"Unreal returned no values for {channel.channel_name}.")
        return (values + [values[-1]] * self.frames)[: self.frames]  # one more or less, where the rates do not divide


def _finer(start: Fraction, rate: Fraction) -> int:
    """How many times finer than `rate` a rate is that has a frame at `start`, in seconds, or nearly so.

    Unreal evaluates at the frames of the rate that it is asked for, not from the start on.
    """
    return (start * rate).limit_denominator(_FINEST).denominator
