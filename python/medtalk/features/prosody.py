"""Prosody of a clip at 60 fps: loudness, pitch, voicing, spectral balance and how excited the whole clip is.

With the phone posteriors these are the compact backbone's emotion features, in place of emotion2vec (Sec. 3.3, Fusion
Intensity Modeling). Everything is plain signal processing in numpy, the same in training and at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.features.mel import SILENCE_DBFS, decibels, windows
from medtalk.rates import FPS, RATE
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROSODY = (
    "loudness_relative",  # dB against the clip's loud frames, / 10, -3..1
    "loudness_absolute",  # (dBFS + 26) / 12, -3..3
    "loudness_slow",  # loudness_relative over about 0.35 s
    "loudness_slope",  # its change over 0.1 s
    "voicing",  # 0..1
    "pitch_relative",  # semitones against the clip's median, / 6; held through unvoiced sound
    "pitch_absolute",  # octaves against 160 Hz
    "pitch_slope",
    "tilt",  # dB above 2 kHz against below 1 kHz, / 20
    "high_band",  # dB above 4 kHz against the clip's loud frames, / 20, floored at -2
    "flux",  # spectral change a frame
    "pitch_spread",  # standard deviation over the clip, semitones / 4
    "loudness_spread",  # standard deviation over the clip's speech, dB / 8
    "level",  # the clip's speech level, (dBFS + 26) / 12
    "activity",  # 1 in speech, 0 in pauses
    "tempo",  # loudness rises a second over 1 s, / 6
)
N_PROSODY = len(PROSODY)
assert N_PROSODY == 16

_PLAIN_DBFS = -21.0  # what people record as plain speech
_EFFORT_RANGE_DB = (-24.0, 9.0)  # beyond, a level says more of the microphone than of the voice
_EFFORT_DOUBLES_DB = 11.0  # the networks show about half of it, as regressions do
_ACCENT = 0.5  # doublings for 10 dB above the clip's mean

LOWEST_HZ, HIGHEST_HZ = 65.0, 450.0
_PITCH_RATE = 8000  # coarser, and the lags of high voices fall between the samples
_BLOCK = 1 << 20  # samples that are looked at together
_ACTIVITY_RANGE_DB = 28.0  # below the loud frames by more than this is a pause


class Measured(NamedTuple):
    """What is measured of each frame by itself; nothing here knows the rest of the clip.

    Attributes:
        dbfs: (T,) level over 40 ms.
        pitch: (T,) Hz.
        voicing: (T,) 0..1.
        bands: (T, 80) dB, as `medtalk.features.mel.decibels` has them.
    """

    dbfs: NDArray
    pitch: NDArray
    voicing: NDArray
    bands: NDArray

    @property
    def total(self) -> NDArray:
        """(T,) dB of all bands together."""
        return 10.0 * np.log10(np.maximum((10.0 ** (self.bands / 10.0)).sum(axis=1), 1e-9))


class Usual(NamedTuple):
    """What is usual in a clip, which its frames are seen against.

    Attributes:
        loud: dBFS of the loud frames (95th percentile).
        pitch: octaves against 160 Hz, the median of what is voiced.
        pitch_spread: standard deviation of that, octaves; None where hardly anything is voiced.
        level: dBFS of the mean power of speech.
        loudness_spread: standard deviation of the level in speech, dB.
        brightness: dB of all bands together in loud frames (95th percentile).
        strongest: dB of the strongest band.
    """

    loud: float
    pitch: float
    pitch_spread: float | None
    level: float
    loudness_spread: float
    brightness: float
    strongest: float


def levels(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """dBFS of each rig frame over 40 ms, (T,)."""
    count = len(samples) * FPS // RATE
    width = 640  # 40 ms
    centre = (np.arange(count) * RATE + FPS // 2) // FPS
    low, high = np.maximum(centre - width // 2, 0), np.minimum(centre + width // 2, len(samples))
    power = _energy(samples, high) - _energy(samples, low)
    return 10.0 * np.log10(np.maximum(power / width, 1e-12)) + 3.01


def active(dbfs: NDArray, loud: float) -> NDArray[np.bool_]:
    """(T,) whether the level is that of speech, beside loud frames of `loud` dBFS."""
    return (dbfs > loud - _ACTIVITY_RANGE_DB) & (loud > SILENCE_DBFS)


def _loud(dbfs: NDArray) -> float:
    return float(np.percentile(dbfs, 95)) if len(dbfs) else -120.0


def _energy(samples: NDArray[np.float32], ends: NDArray) -> NDArray[np.float64]:
    """Sums of the squares of `samples[:end]` for rising `ends`, block by block: the sum of an hour takes 0.5 GB."""
    out, total = np.zeros(len(ends)), 0.0
    for start in range(0, len(samples), _BLOCK):
        sums = samples[start : start + _BLOCK].astype(np.float64) ** 2
        sums[0] += total
        np.cumsum(sums, out=sums)
        first, last = np.searchsorted(ends, [start, start + len(sums)], side="right")
        out[first:last] = sums[ends[first:last] - start - 1]
        total = sums[-1]
    return out


def voice_activity(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """How surely somebody speaks at each rig frame, (T,) float32 in 0..1, smoothed over about 0.1 s."""
    dbfs = levels(samples)
    return smoothed_activity(active(dbfs, _loud(dbfs)))


def smoothed_activity(speaking: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(T,) 0..1 over about 0.1 s of `active`."""
    return _smooth(speaking.astype(np.float64), 7).astype(np.float32)


def prosody(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Prosody features of a whole clip.

    Args:
        samples: (n,) float32 at 16 kHz.

    Returns:
        (T, 16) float32, columns as named in ``PROSODY``, T = n * 60 // 16000. Silence gives constant rows.
    """
    dbfs = levels(samples)
    if not active(dbfs, loud := _loud(dbfs)).any():  # the rest is not needed
        nothing = np.zeros((len(dbfs), N_PROSODY), np.float32)
        if not len(dbfs):
            return nothing
        _loudness(nothing, dbfs, loud)
        nothing[:, 0], nothing[:, 2], nothing[:, 13] = -3.0, -3.0, -3.0
        return nothing
    measured = Measured(dbfs, *pitch_track(samples), decibels(samples)[0::2])
    return against(measured, usual(measured))


def measure(samples: NDArray[np.float32]) -> Measured:
    """The frames of a sound (n,) at 16 kHz, each by itself."""
    return Measured(levels(samples), *pitch_track(samples), decibels(samples)[0::2])


def usual(measured: Measured) -> Usual:
    """What is usual in a clip with some speech in it."""
    loud = _loud(measured.dbfs)
    speaking = active(measured.dbfs, loud)
    voiced = measured.voicing * speaking > 0.5
    octave = _octaves(measured.pitch, voiced)[voiced]
    speech = measured.dbfs[speaking]
    return Usual(
        loud,
        float(np.median(octave)) if len(octave) else 0.0,
        float(np.std(octave)) if len(octave) > 5 else None,
        float(10.0 * np.log10(np.mean(10.0 ** (speech / 10.0)))),
        float(np.std(speech)),
        float(np.percentile(measured.total, 95)),
        float(measured.bands.max()),
    )


def _octaves(pitch: NDArray, voiced: NDArray[np.bool_]) -> NDArray:
    """Octaves against 160 Hz, held through what is not voiced."""
    return _hold(np.log2(np.maximum(pitch, 1.0) / 160.0), voiced)


def _loudness(out: NDArray[np.float32], dbfs: NDArray, loud: float) -> NDArray:
    """Fill the first columns of `out`; the relative loudness in full precision."""
    relative = np.clip((dbfs - loud) / 10.0, -3.0, 1.0)
    out[:, 0] = relative
    out[:, 1] = np.clip((dbfs + 26.0) / 12.0, -3.0, 3.0)
    out[:, 2] = _smooth(relative, 21)
    out[:, 3] = _slope(relative)
    return relative


def against(measured: Measured, usual: Usual) -> NDArray[np.float32]:
    """Prosody features (T, 16) of frames, seen against what is usual in the voice."""
    out = np.zeros((len(measured.dbfs), N_PROSODY), np.float32)
    if not len(out):
        return out
    relative = _loudness(out, measured.dbfs, usual.loud)
    speaking = active(measured.dbfs, usual.loud)
    voicing = measured.voicing * speaking
    octave = _octaves(measured.pitch, voicing > 0.5)
    semitones = np.clip(_smooth(12.0 * (octave - usual.pitch), 5), -14.0, 14.0)
    out[:, 4] = voicing
    out[:, 5] = semitones / 6.0
    out[:, 6] = np.clip(octave, -1.5, 1.5)
    out[:, 7] = _slope(semitones / 6.0)

    bands = measured.bands
    power = 10.0 ** (bands / 10.0)
    low = 10.0 * np.log10(np.maximum(power[:, :28].sum(axis=1), 1e-9))  # up to about 1 kHz
    high = 10.0 * np.log10(np.maximum(power[:, 44:].sum(axis=1), 1e-9))  # from about 2 kHz
    highest = 10.0 * np.log10(np.maximum(power[:, 63:].sum(axis=1), 1e-9))  # from about 4 kHz
    out[:, 8] = np.clip((high - low) / 20.0, -3.0, 2.0) * speaking
    out[:, 9] = np.clip((highest - usual.brightness) / 20.0, -2.0, 1.0)
    floored = np.maximum(bands, usual.strongest - 50.0)
    out[1:, 10] = np.clip(np.abs(np.diff(floored, axis=0)).mean(axis=1) / 6.0, 0.0, 2.0)
    out[:, 11] = 0.0 if usual.pitch_spread is None else np.clip(12.0 * usual.pitch_spread / 4.0, 0.0, 2.0)
    out[:, 12] = np.clip(usual.loudness_spread / 8.0, 0.0, 2.0)
    out[:, 13] = np.clip((usual.level + 26.0) / 12.0, -3.0, 3.0)
    out[:, 14] = _smooth(speaking.astype(np.float64), 7)
    out[:, 15] = np.clip(_smooth(np.maximum(np.diff(_smooth(relative, 5), prepend=relative[:1]), 0.0), 61) * 10.0, 0, 2)
    return out


def effort(prosody: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the mouth opens in a voice of this effort, against plain speech (JALI's axis; Edwards et al. 2016).

    Loud clips and the loud syllables of a clip open it, quiet ones and whispering close it.

    Args:
        prosody: (T, 16) as :func:`prosody` gives it.

    Returns:
        (T,) float32, about 1 for plain speech at -21 dBFS, 0.1 to 2.2.
    """
    columns = np.asarray(prosody, np.float64).T
    speaking = columns[14] > 0.5
    if not speaking.any():
        return np.ones(columns.shape[1], np.float32)
    return effort_beside(prosody, float(columns[2][speaking].mean()), float((columns[4][speaking] > 0.5).mean()))


def effort_beside(prosody: NDArray[np.float32], loudness: float, voiced: float) -> NDArray[np.float32]:
    """:func:`effort` of frames in a voice whose slow loudness in speech is `loudness`, and of which `voiced` is a share
    of 0 to 1."""
    columns = np.asarray(prosody, np.float64).T
    level = np.clip(12.0 * columns[13] - 26.0 - _PLAIN_DBFS, *_EFFORT_RANGE_DB) / _EFFORT_DOUBLES_DB
    accent = np.clip(columns[2] - loudness, -0.8, 0.6) * _ACCENT
    whisper = np.interp(voiced, [0.1, 0.3], [-0.7, 0.0])
    return (2.0 ** (level + accent + whisper)).astype(np.float32)


def at_level(prosody: NDArray[np.float32], db: float) -> NDArray[np.float32]:
    """The prosody (T, 16) of the same clip, recorded so many dB louder."""
    out = np.array(prosody, np.float32)
    for column in ("loudness_absolute", "level"):
        out[:, PROSODY.index(column)] = np.clip(out[:, PROSODY.index(column)] + db / 12.0, -3.0, 3.0)
    return out


def pitch_track(samples: NDArray[np.float32]) -> tuple[NDArray, NDArray]:
    """Pitch in Hz and voicing strength 0..1 of each rig frame, both (T,).

    Normalised autocorrelation of a 50 ms window, divided by the window's own (Boersma 1993), 65 to 450 Hz.
    """
    count = len(samples) * FPS // RATE
    if not count:
        return np.zeros(0), np.zeros(0)
    # A running mean over half a millisecond leaves little above 1 kHz: formants would pull the peaks about. Plain
    # numpy, since loading scipy.signal alone takes longer than all the rest of a short clip.
    step = RATE // _PITCH_RATE
    low_passed = np.empty(-(-len(samples) // step), np.float32)
    for start in range(0, len(samples), _BLOCK):
        first = max(start - 8, 0)
        mean = np.convolve(samples[first : start + _BLOCK + 8], np.full(8, 1 / 8, np.float32), mode="same")
        low_passed[start // step : (start + _BLOCK) // step] = mean[start - first :][:_BLOCK:step]
    width, size = _PITCH_RATE // 20, 1024
    shape = np.hanning(width + 2)[1:-1].astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(shape, size)) ** 2)[: width // 2]
    first, last = int(_PITCH_RATE / HIGHEST_HZ), int(_PITCH_RATE / LOWEST_HZ) + 1
    pitch, voicing = np.zeros(count), np.zeros(count)
    for start in range(0, count, 8192):
        checkpoint(start / count)
        frames = np.arange(start, min(start + 8192, count))
        piece = windows(low_passed, frames, FPS * step, width).copy()
        piece -= piece.mean(axis=1, keepdims=True)
        spectrum = np.fft.rfft(piece * shape, size, axis=1)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=1)[:, : width // 2]
        correlation = correlation / np.maximum(correlation[:, :1], 1e-9) / (own / own[0])
        lags = correlation[:, first:last]
        # 5 % an octave in favour of short lags keeps the track from falling into the subharmonics
        best = np.argmax(lags * (1.0 - 0.05 * np.log2(np.arange(first, last) / first)), axis=1) + first
        rows = np.arange(len(frames))
        left, middle, right = correlation[rows, best - 1], correlation[rows, best], correlation[rows, best + 1]
        bend = left - 2.0 * middle + right
        shift = np.where(np.abs(bend) > 1e-9, 0.5 * (left - right) / np.where(bend == 0.0, 1.0, bend), 0.0)
        pitch[frames] = _PITCH_RATE / (best + np.clip(shift, -0.5, 0.5))
        voicing[frames] = np.clip((middle - 0.25) / 0.5, 0.0, 1.0)
    return pitch, voicing


def _hold(values: NDArray, known: NDArray) -> NDArray:
    """Straight lines through the unknown stretches, the nearest known value beyond the ends; zeros if none is known."""
    if not known.any():
        return np.zeros_like(values)
    where = np.flatnonzero(known)
    return np.interp(np.arange(len(values)), where, values[where])


def _slope(values: NDArray) -> NDArray:
    ahead = np.minimum(np.arange(len(values)) + 3, len(values) - 1)
    behind = np.maximum(np.arange(len(values)) - 3, 0)
    return np.clip(values[ahead] - values[behind], -2.0, 2.0)


def _smooth(values: NDArray, width: int) -> NDArray:
    from scipy.ndimage import uniform_filter1d

    once = uniform_filter1d(np.asarray(values, np.float64), width, mode="nearest")
    return uniform_filter1d(once, width, mode="nearest")
