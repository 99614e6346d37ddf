"""Where the words of a text lie in a sound, and what follows for its phones (numpy only).

The phones of the text compete with what the sound alone says, word by word: a stretch of the sound may belong to no
word, and a word to no stretch of the sound. So a text that does not fit changes nothing where it does not fit.

Every score is the logarithm of how well a phone explains a frame beside the phone that explains it best: 0 is best.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.features.phones import N_PHONES, PHONE_INDEX, PHONES, SILENCE
from medtalk.features.pronunciation import Pronounced, english, pronounce
from medtalk.features.words import MAX_WORDS as MAX_TOKENS
from medtalk.features.words import places
from medtalk.rates import FPS
from medtalk.rig.sequence import Timed

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_WORDS = 20_000
"""Later words of a text are taken for words that do not fit."""
SURE = 0.9
"""Share of a frame's posterior that the phone of a fitting text gets."""

_SILENCE = PHONE_INDEX[SILENCE]
_DOUBT = 0.05  # the ear may be wrong: a posterior of 0 still counts as this
_ALIKE = 0.3  # how much of a like phone's posterior counts for a phone
_LIKE = ("p b", "t d", "k g", "f v", "th dh", "s z", "sh zh", "m n ng", "aa ao oh ah", "ae eh ah", "ah ih eh uh er",
         "iy ih yr", "uw uh oh", "iy y", "uw w", "l r er")  # fmt: skip
_FREE = -0.8  # what a frame costs that belongs to no word, unless it is silent
_SKIP, _JUMP = -2.0, -8.0  # what a word costs that is not spoken, and what any number of them in a row
_WORD = 8  # frames of the quickest words, over a while
_SHORTEST = 2  # frames a phone lasts at least
_FITS = -1.0  # mean score of a word that fits
_CHANCE = -0.4  # mean score of words that fit by chance
_GOOD = -0.5  # mean score of a word of the dictionary that is believed in every phone
_MISHEARD = -2.3  # mean score of a phone that is left to the ear in other words
_RUN = 3.0  # by how much words side by side must fit better than by chance, added up over their phones
_SHORT_TEXT = 0.25  # or what share of all that its text can
_RUN_IN_GOOD_TEXT = 0.3  # where most of the text has been found
_CHANGE = -2.0  # what a change of phone costs where no text helps
_MARGIN = 90  # frames that a word may lie away from where its phones were first found
_CELLS = 60_000_000  # the largest comparison of a text's phones with a sound's
_NOT_FITTING = "The transcript does not match the sound; the lips follow the sound alone."
_NOT_ENGLISH = "The transcript is not English, and only English words guide the lips; they follow the sound alone."
_STATES = 4000  # the most states at a time: more means that no word has been found anywhere near


@dataclass(frozen=True)
class AlignedWord:
    """A word of the text.

    Attributes:
        text: as it is written.
        start, end: when it is spoken, in seconds; both -1 where it does not fit the sound.
        fits: whether it was found in the sound.
        score: mean score of its frames, 0 at best; -inf where it does not fit.
        place: its characters in the text, first and end.
    """

    text: str
    start: float
    end: float
    fits: bool
    score: float
    place: tuple[int, int]


class AlignedPhone(NamedTuple):
    """A phone: from `start` to `end` in seconds, `phone` is its class (index of `PHONES`)."""

    start: float
    end: float
    phone: int


@dataclass(frozen=True, eq=False)
class Alignment:
    """A text and a sound side by side.

    Attributes:
        words: all words of the text.
        phones: the phones of the sound, contiguous from 0 to its end: the text's where it fits, else the ear's.
        posteriors: (T, 35) float32, sharpened where the text fits, as they were elsewhere.
        note: one line for the user where the text does not fit, else "".
    """

    words: tuple[AlignedWord, ...]
    phones: tuple[AlignedPhone, ...]
    posteriors: NDArray[np.float32]
    note: str

    @property
    def timed_words(self) -> tuple[Timed, ...]:
        """The words that fit."""
        return tuple(Timed(word.text, word.start, word.end) for word in self.words if word.fits)

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """The characters of the words that fit, first and end."""
        return tuple(word.place for word in self.words if word.fits)

    @property
    def timed_phones(self) -> tuple[Timed, ...]:
        """The phones by name, without silences."""
        return tuple(Timed(PHONES[p.phone], p.start, p.end) for p in self.phones if p.phone != _SILENCE)


def align(posteriors: NDArray, words: Sequence[Pronounced] | str) -> Alignment:
    """Find the words of a text in a sound.

    Args:
        posteriors: (T, 35) at 60 fps, columns as in `medtalk.features.phones.PHONES`.
        words: of `medtalk.features.pronunciation.pronounce`, or the text.
    """
    heard = np.ascontiguousarray(posteriors, np.float32)
    if heard.ndim != 2 or heard.shape[1] != N_PHONES:
        raise ValueError(f"posteriors must be (T, {N_PHONES}), not {heard.shape}")
    script = pronounce(words) if isinstance(words, str) else list(words)
    free = decode(heard)
    nothing = Alignment(tuple(map(_missing, script)), _phones(free), heard, "")
    if not script:
        blank = not isinstance(words, str) or not words.strip()
        return replace(nothing, note="" if blank else "The transcript has no words; the lips follow the sound alone.")
    spoken = [k for k, word in enumerate(script) if word.pronunciations][:MAX_WORDS]
    chosen = [script[k] for k in spoken]
    if not spoken or not len(heard):
        return replace(nothing, note="" if spoken else _NOT_ENGLISH)
    scores = _scores(heard)
    anchors = _anchors(chosen, scores, free)
    near = _near(anchors, len(chosen), len(heard))
    path = _viterbi([chosen[k] for k in near], _spans(anchors, near, len(heard)), scores)
    matches = _keep_fitting({int(near[k]): phones for k, phones in path.items()}, scores, chosen)
    if not matches:
        return replace(nothing, note=_NOT_FITTING if english(script) else _NOT_ENGLISH)

    aligned, labels, sure = list(nothing.words), free.copy(), np.zeros(len(heard), np.float32)
    starts: list[int] = []
    for number, path in matches.items():
        own = [scores[phone.first : phone.end, phone.phone] for phone in path]
        word, score = chosen[number], float(np.concatenate(own).mean())
        aligned[spoken[number]] = AlignedWord(
            word.text, path[0].first / FPS, path[-1].end / FPS, True, score, (word.start, word.end)
        )
        for phone, values in zip(path, own, strict=True):
            # A word that fits as a whole was misheard where a phone does not, unless it is only thought to sound so.
            doubted = values.mean() < _MISHEARD and not (word.known and score > _GOOD)
            sure[phone.first : phone.end] = 0.0 if doubted else SURE
            labels[phone.first : phone.end] = free[phone.first : phone.end] if doubted else phone.phone
            starts.append(phone.first)
    return Alignment(
        tuple(aligned), _phones(labels, np.array(starts, int)), _sharpened(heard, labels, sure), _note(aligned, heard)
    )


def token_times(transcript: str, alignment: Alignment, seconds: float, most: int = MAX_TOKENS) -> NDArray[np.float32]:
    """When the words are spoken that `medtalk.features.words.tokenise` makes of a transcript.

    Words that were not found lie evenly between those that were; marks such as ``!`` lie where the word before them
    does. Where less than half of the words were found, no times are known.

    Returns:
        (N, 2) float32, start and end in seconds; -1 where not known. N is that of `tokenise(transcript, most)`.
    """
    spots = places(transcript)[:most]
    times = np.full((max(len(spots), 1), 2), -1.0, np.float32)
    words = alignment.words
    if not spots or 2 * sum(word.fits for word in words) < len(words) or not any(word.fits for word in words):
        return times
    filled = _filled(words, seconds)
    starts = [word.place[0] for word in words]
    for row, (first, _) in enumerate(spots):
        times[row] = filled[max(bisect_right(starts, first) - 1, 0)]
    return times


def _filled(words: Sequence[AlignedWord], seconds: float) -> list[tuple[float, float]]:
    """Times of all words, some of which fit: the others share the time between their neighbours."""
    out = [(word.start, word.end) for word in words]
    edges = [-1, *(k for k, word in enumerate(words) if word.fits), len(words)]
    for left, right in itertools.pairwise(edges):
        start = words[left].end if left >= 0 else 0.0
        end = words[right].start if right < len(words) else seconds
        size = (end - start) / max(right - left - 1, 1)
        for k in range(left + 1, right):
            out[k] = (start + (k - left - 1) * size, start + (k - left) * size)
    return out


def decode(posteriors: NDArray) -> NDArray[np.int64]:
    """(T,) the likeliest phone class of each frame, where a change of phone costs 2 nats."""
    logs = np.log(np.maximum(np.asarray(posteriors, np.float64), 1e-4))
    if not len(logs):
        return np.zeros(0, np.int64)
    best = np.empty(len(logs), np.int64)  # from which class a change to any other comes
    stays = np.empty(logs.shape, bool)
    state = logs[0]
    for t in range(1, len(logs)):
        best[t] = state.argmax()
        change = state[best[t]] + _CHANGE
        stays[t] = state >= change
        state = np.where(stays[t], state, change) + logs[t]
    out = np.empty(len(logs), np.int64)
    out[-1] = state.argmax()
    for t in range(len(logs) - 1, 0, -1):
        out[t - 1] = out[t] if stays[t, out[t]] else best[t]
    return out


# --- scores


def _likeness() -> NDArray[np.float32]:
    out = np.eye(N_PHONES, dtype=np.float32)
    for group in _LIKE:
        rows = [PHONE_INDEX[name] for name in group.split()]
        out[np.ix_(rows, rows)] = np.maximum(out[np.ix_(rows, rows)], _ALIKE)
    return out


def _scores(posteriors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 35) how well each phone explains each frame, 0 at best, about -3 at worst."""
    support = np.log(posteriors @ _likeness() + _DOUBT)
    return support - support.max(1, keepdims=True)


# --- where the text's phones are found in the sound's


def _anchors(
    words: Sequence[Pronounced], scores: NDArray[np.float32], free: NDArray[np.int64]
) -> list[tuple[int, int, int]]:
    """Words that surely were found, in order: (word, first frame, end frame).

    The sound's phones and the text's are compared as two strings, of which any stretches may have no counterpart.
    """
    cuts = np.flatnonzero(np.diff(free, prepend=-1))
    ends = np.append(cuts[1:], len(free))
    heard = [
        (a, b) for a, b in zip(cuts.tolist(), ends.tolist(), strict=True) if free[a] != _SILENCE and b - a >= _SHORTEST
    ]
    owners = np.repeat(np.arange(len(words)), [len(w.pronunciations[0]) for w in words])
    phones = np.array([p for w in words for p in w.pronunciations[0]], np.int64)
    if not heard or len(heard) * len(phones) > _CELLS:
        phones, owners = (values[: _CELLS // max(len(heard), 1)] for values in (phones, owners))
    if not heard:
        return []
    likes = np.clip(1.0 + np.stack([scores[a:b].mean(0) for a, b in heard]), -1.0, 1.0)
    pairs = _compare(likes, phones)
    anchors: list[tuple[int, int, int]] = []
    run: list[tuple[int, int]] = []
    for pair in [*pairs, (1 << 40, 1 << 40)]:
        if run and max(pair[0] - run[-1][0], pair[1] - run[-1][1]) > 3:
            if sum(likes[i, phones[j]] for i, j in run) >= 5.0:
                anchors += _whole_words(run, owners, heard)
            run = []
        run.append(pair)
    return anchors


def _whole_words(
    run: Sequence[tuple[int, int]], owners: NDArray[np.int64], heard: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int]]:
    """The words most of whose phones are in a run of pairs."""
    places: dict[int, list[int]] = {}
    for i, j in run:
        places.setdefault(int(owners[j]), []).append(i)
    sizes = {word: np.searchsorted(owners, word + 1) - np.searchsorted(owners, word) for word in places}
    return [(w, heard[at[0]][0], heard[at[-1]][1]) for w, at in places.items() if len(at) >= 0.6 * sizes[w]]


def _compare(likes: NDArray, phones: NDArray[np.int64], gap: float = 0.7, jump: float = 6.0) -> list[tuple[int, int]]:
    """Pairs (heard phone, text phone) of the best alignment of two strings, in order.

    A phone without a counterpart costs `gap`; any number of them at once on both sides, `jump`.
    """
    count, size = len(likes), len(phones)
    ramp = gap * np.arange(size + 1)
    steps = np.empty((count, size + 1), np.int8)  # 0 pair, 1 heard phone alone, 2 text phone alone, 3 pair after a jump
    bests = np.empty((count, size + 1), np.int8)  # where the best so far lies: 0 here, 1 above, 2 to the left
    here = np.full(size + 1, -np.inf)
    best = np.full(size + 1, jump)  # so that beginning anywhere is free
    for i in range(count):
        like = likes[i, phones]
        options = np.full((3, size + 1), -np.inf)
        options[0, 1:] = here[:-1] + like
        options[1] = here - gap
        options[2, 1:] = best[:-1] - jump + like
        choice = options.argmax(0)
        new = options.max(0)
        filled = np.maximum.accumulate(new + ramp) - ramp
        steps[i] = np.where(filled > new + 1e-6, 2, np.where(choice == 2, 3, choice))
        here = filled
        above = np.maximum(here, best)
        bests[i] = np.where(here >= best, 0, 1)
        total = np.maximum.accumulate(above)
        bests[i][total > above] = 2
        best = total
    pairs: list[tuple[int, int]] = []
    i, j, seeking = count - 1, size, True
    while i >= 0 and j > 0:
        if seeking:
            if bests[i, j] == 0:
                seeking = False
            elif bests[i, j] == 1:
                i -= 1
            else:
                j -= 1
            continue
        step = steps[i, j]
        if step in (0, 3):
            if likes[i, phones[j - 1]] > 0:
                pairs.append((i, j - 1))
            i, j, seeking = i - 1, j - 1, step == 3
        elif step == 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _near(anchors: Sequence[tuple[int, int, int]], count: int, frames: int) -> NDArray[np.int64]:
    """Which words may be spoken at all: of a stretch that was not found, as many at its ends as its time can hold."""
    kept: list[int] = []
    edges = [(-1, 0, 0), *anchors, (count, frames, frames)]
    for (left, _, start), (right, end, _) in itertools.pairwise(edges):
        size = max(end - start, 0) // _WORD + 10
        from_left = left + 1 + size if left >= 0 or not anchors else left + 1
        from_right = right - size if right < count or not anchors else right
        kept += [k for k in range(left + 1, right) if k < from_left or k >= from_right]
        kept += [right] if right < count else []
    return np.array(kept, np.int64)


def _spans(
    anchors: Sequence[tuple[int, int, int]], near: NDArray[np.int64], frames: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and end frame between which each word of `near` may lie, both never falling from word to word."""
    begin, finish = np.zeros(len(near), np.int64), np.full(len(near), frames, np.int64)
    for word, first, end in anchors:
        at = np.searchsorted(near, word)
        begin[at], finish[at] = first - _MARGIN, end + _MARGIN
    return np.maximum.accumulate(begin), np.minimum.accumulate(finish[::-1])[::-1]


# --- frame by frame


class _Phone(NamedTuple):
    first: int  # frame
    end: int  # the frame after its last
    phone: int


@dataclass(frozen=True)
class _Chains:
    """All ways to speak all words as one row of states; each phone is as many states as it lasts frames at least."""

    phones: NDArray[np.int64]  # (S,) class of each state
    words: NDArray[np.int64]  # (W + 1,) first state of each word
    heads: NDArray[np.int64]  # (C,) first state of each chain
    owners: NDArray[np.int64]  # (C,) its word
    tails: NDArray[np.int64]  # (W, P) last state of each chain of a word; S where there is none

    @classmethod
    def of(cls, words: Sequence[Pronounced]) -> _Chains:
        chains = [np.repeat(way, _SHORTEST) for word in words for way in word.pronunciations]
        owners = np.repeat(np.arange(len(words)), [len(word.pronunciations) for word in words])
        ends = np.cumsum([len(chain) for chain in chains])
        heads = np.concatenate([[0], ends[:-1]])
        first = np.searchsorted(owners, np.arange(len(words)))
        tails = np.full((len(words), max(len(word.pronunciations) for word in words)), ends[-1])
        tails[owners, np.arange(len(owners)) - first[owners]] = ends - 1
        return cls(np.concatenate(chains), np.append(heads[first], ends[-1]), heads, owners, tails)


class _Step(NamedTuple):
    """How a frame was reached: for the states and gaps of the words from `low` on."""

    low: int
    moved: NDArray[np.uint8]  # bits: whether a state was reached from the one before it
    source: NDArray[np.int8]  # a word's beginning or a gap: 0 from the gap before, k from chain k - 1 of the last word
    skipped: NDArray[np.int16]  # a gap: how many words were left out at this frame


def _viterbi(
    words: Sequence[Pronounced], spans: tuple[NDArray[np.int64], NDArray[np.int64]], scores: NDArray[np.float32]
) -> dict[int, list[_Phone]]:
    """The best path through the words, any of which may be left out: number of a word -> its phones."""
    chains = _Chains.of(words)
    frames = np.arange(len(scores))
    lows, highs = np.searchsorted(spans[1], frames, "right"), np.searchsorted(spans[0], frames, "right")
    # Too many words that may lie here, none of which was found: the first ones have to do.
    highs = np.minimum(highs, np.searchsorted(chains.words, chains.words[lows] + _STATES, "right") - 1)
    highs = np.maximum(highs, lows)
    rest = np.maximum(scores[:, _SILENCE], _FREE)
    states = np.full(len(chains.phones) + 1, -np.inf, np.float32)  # the last stays: no chain ends there
    gaps = np.full(len(words) + 1, -np.inf, np.float32)  # gap k lies before word k
    gaps[0] = 0.0
    steps: list[_Step] = []
    low = 0
    for t, new_low, high in zip(frames, lows, highs, strict=True):
        over = int(gaps[low : new_low + 1].argmax()) + low  # where the path is that words behind the window end
        over_score = gaps[over]
        states[chains.words[low] : chains.words[new_low]] = -np.inf
        gaps[low:new_low] = -np.inf
        low = new_low
        a, b = chains.words[low], chains.words[high]
        gap = gaps[low : high + 1].copy()
        source = np.zeros(high - low + 1, np.int8)
        if high > low:
            ends = states[chains.tails[low:high]]
            way = ends.argmax(1)
            end = ends[np.arange(high - low), way]
            ended = end > gap[1:]
            source[1:] = np.where(ended, way + 1, 0)
            into = np.concatenate([gap[:1], np.where(ended, end, gap[1:])])
        else:
            into = gap
        # Leave words out: one, or any number at a higher price.
        best = np.maximum.accumulate(np.maximum(gap, np.where(np.arange(len(gap)) == 0, over_score, -np.inf)))
        place = np.maximum.accumulate(np.where(gap >= best, np.arange(low, high + 1), over))
        jump, one = best + _JUMP, np.append(-np.inf, gap[:-1] + _SKIP).astype(np.float32)
        skip = np.maximum(jump, one)
        skipped = np.where(skip > into, np.where(one >= jump, 1, np.arange(low, high + 1) - place), 0)
        gaps[low : high + 1] = np.maximum(into, skip) + rest[t]
        old = states[a:b]
        before = np.empty_like(old)
        before[1:] = old[:-1]
        inside = slice(*np.searchsorted(chains.heads, [a, b]))
        before[chains.heads[inside] - a] = into[chains.owners[inside] - low]
        moved = before > old
        states[a:b] = np.maximum(before, old) + scores[t, chains.phones[a:b]]
        steps.append(_Step(int(low), np.packbits(moved), source, skipped.astype(np.int16)))
    ends = np.append(-np.inf, states[chains.tails].max(1))
    last = int(np.maximum(gaps, ends).argmax())
    if ends[last] > gaps[last]:
        state = int(chains.tails[last - 1][states[chains.tails[last - 1]].argmax()])
        return _trace(steps, chains, last - 1, state)
    return _trace(steps, chains, last, None)


def _trace(steps: Sequence[_Step], chains: _Chains, word: int, state: int | None) -> dict[int, list[_Phone]]:
    """The phones of the path that ends in a state of a word, or, without a state, in the gap before the word."""
    heads = set(chains.heads.tolist())
    visited: dict[int, list[tuple[int, int]]] = {}
    for t in range(len(steps) - 1, -1, -1):
        low, moved, source, skipped = steps[t]
        if state is None:
            if skipped[word - low]:
                word -= int(skipped[word - low])
                continue
        else:
            visited.setdefault(word, []).append((t, state))
            bit = state - int(chains.words[low])
            if not moved[bit >> 3] >> (7 - (bit & 7)) & 1:
                continue
            if state not in heads:
                state -= 1
                continue
            state = None
        if came := source[word - low]:
            word -= 1
            state = int(chains.tails[word, came - 1])
    out: dict[int, list[_Phone]] = {}
    for number in sorted(visited):
        path: list[_Phone] = []
        previous = None
        for t, place in reversed(visited[number]):
            # a phone's first state, coming from another, begins a phone
            offset = (place - chains.heads[np.searchsorted(chains.heads, place, "right") - 1]) // _SHORTEST
            if offset == previous:
                path[-1] = path[-1]._replace(end=t + 1)
            else:
                path.append(_Phone(t, t + 1, int(chains.phones[place])))
            previous = offset
        out[number] = path
    return out


def _keep_fitting(
    matches: dict[int, list[_Phone]], scores: NDArray[np.float32], words: Sequence[Pronounced]
) -> dict[int, list[_Phone]]:
    """Of the words that were found, those that fit, and not by chance as short ones do anywhere."""
    good: dict[int, float] = {}
    for number, path in matches.items():
        own = np.concatenate([scores[phone.first : phone.end, phone.phone] for phone in path])
        if own.mean() > _FITS:
            good[number] = len(path) * float(own.mean() - _CHANCE)
    runs: list[list[int]] = []
    for number in good:
        if runs and number - runs[-1][-1] <= 2 and matches[number][0].first - matches[runs[-1][-1]][-1].end < FPS:
            runs[-1].append(number)
        else:
            runs.append([number])
    worth = [sum(good[k] for k in run) for run in runs]
    # Of a text of a word or two that is all there is, but it must fit the better.
    whole = sum(len(word.pronunciations[0]) for word in words) * -_CHANCE
    enough = min(_RUN, _SHORT_TEXT * whole)
    sure = sum(len(run) for run, value in zip(runs, worth, strict=True) if value > enough)
    enough = min(enough, _RUN_IN_GOOD_TEXT) if sure > 0.5 * len(words) else enough
    return {k: matches[k] for run, value in zip(runs, worth, strict=True) if value > enough for k in run}


# --- what comes out


def _missing(word: Pronounced) -> AlignedWord:
    return AlignedWord(word.text, -1.0, -1.0, False, -np.inf, (word.start, word.end))


def _sharpened(heard: NDArray[np.float32], labels: NDArray[np.int64], sure: NDArray[np.float32]) -> NDArray[np.float32]:
    """Posteriors in which each frame's label has the share `sure`, with soft edges."""
    target = np.zeros_like(heard)
    target[np.arange(len(heard)), labels] = sure
    padded = np.pad(target, ((1, 1), (0, 0)), "edge")
    target = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return (heard * (1.0 - target.sum(1, keepdims=True)) + target).astype(np.float32)


def _phones(labels: NDArray[np.int64], starts: NDArray[np.int64] | None = None) -> tuple[AlignedPhone, ...]:
    """Runs of labels as phones; `starts` are frames at which a phone begins even where its class is the last one's."""
    new = np.diff(labels, prepend=-1) != 0
    if starts is not None:
        new[starts] = True
    cuts = np.append(np.flatnonzero(new), len(labels))
    return tuple(AlignedPhone(a / FPS, b / FPS, int(labels[a])) for a, b in itertools.pairwise(cuts.tolist()))


def _note(words: Sequence[AlignedWord], heard: NDArray[np.float32]) -> str:
    speech = heard[:, _SILENCE] < 0.5
    covered = np.zeros(len(heard), bool)
    for word in words:
        if word.fits:
            covered[round(word.start * FPS) : round(word.end * FPS)] = True
    share = float((covered & speech).sum() / max(speech.sum(), 1))
    unheard = sum(not word.fits for word in words)
    if share < 0.7:
        return f"The transcript matches {share:.0%} of the speech; in the rest the lips follow the sound alone."
    if unheard > 2 and unheard > 0.15 * len(words):
        return f"{unheard} of the transcript's {len(words)} words are not in the sound."
    return ""
