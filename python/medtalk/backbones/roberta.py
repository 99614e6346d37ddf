"""RoBERTa and its kin (transformers): what a sentence says, token by token (Sec. 3.3, Fusion Intensity Modeling)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.backbones.pretrained import (
    Pretrained,
    cancellable,
    huggingface_folder,
    load_transformers,
    loading,
    needs_extra,
    to_numpy,
)
from medtalk.errors import GuidanceError

with needs_extra():
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray


def locate(source: Pretrained, update: bool = False) -> Path:
    """Folder with configuration, vocabulary and weights; `BackboneError` if there is none and none can be downloaded.

    `update` asks the network even for what is in the cache.
    """
    files = ("*.json", "vocab.txt", "merges.txt", "*.model")
    weights = ("model*.safetensors", "pytorch_model*.bin")
    return source.local_path() or huggingface_folder(source, source.name, weights, files, update)


class Roberta:
    """A text encoder of the BERT family with its tokenizer.

    Attributes:
        width: of a feature.
        max_tokens: how many tokens, special ones included, are read at once.
    """

    def __init__(self, source: Pretrained) -> None:
        """Load from `source`.

        Raises:
            SettingError: a device that is not there.
            BackboneError: weights that are missing or of another model.
            MissingExtraError: transformers is not installed.
        """
        device, dtype = source.placement()
        folder = locate(source)
        with loading(source, folder):
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            # The pooler serves next-sentence prediction; position_ids are counted, not learned.
            model = load_transformers(AutoModel, folder, config, unused=r"pooler\.|position_ids")
            self._model = model.to(device, dtype)
            # RoBERTa proper counts its places from behind the padding's.
            first = getattr(getattr(model, "embeddings", None), "padding_idx", -1) + 1
            places = config.max_position_embeddings - first
            self.max_tokens = min(places, self._tokenizer.model_max_length)
            self.width: int = config.hidden_size
            self._vocabulary: int = config.vocab_size
            self._before, self._after = self._special()
        cancellable(self._model)
        self._device = device

    def pieces(self, text: str) -> list[list[int]]:
        """Token ids of a text, special tokens included: one row, or, of a text longer than `max_tokens`, as many as it
        takes, of equal lengths. An empty text is its special tokens."""
        # A string, never a list of one string: some tokenizers take that for ready-made words (facts: the release did).
        plain = text.encode("utf-8", "replace").decode()
        ids = self._tokenizer(plain, add_special_tokens=False, verbose=False)["input_ids"]
        room = self.max_tokens - len(self._before) - len(self._after)
        parts = np.array_split(np.array(ids, int), max(1, -(-len(ids) // room)))
        return [[*self._before, *part.tolist(), *self._after] for part in parts]

    def features(self, text: str) -> NDArray[np.float32]:
        """The last hidden state (N, width) float32 of a text's N tokens, special tokens included.

        Pieces of a long text are read one by one, and their tokens follow one another: nothing is cut, and work and
        memory grow with the length.
        """
        return np.concatenate([self.features_of_ids(piece) for piece in self.pieces(text)])

    @torch.inference_mode()
    def features_of_ids(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The last hidden state (N, width) float32 of given token ids (N,).

        For bundles of the authors' weights, whose text input is one constant row of ids. `GuidanceError` for ids that
        the vocabulary does not have, and for none or too many.
        """
        row = [int(token) for token in ids]
        if not 1 <= len(row) <= self.max_tokens or not all(0 <= token < self._vocabulary for token in row):
            raise GuidanceError(
                f"The text has {len(row)} tokens; valid are 1 to {self.max_tokens}, each from 0 to "
                f"{self._vocabulary - 1}."
            )
        tokens = torch.tensor([row], device=self._device)
        return to_numpy(self._model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state[0])

    def _special(self) -> tuple[list[int], list[int]]:
        """The tokens that the tokenizer puts before and after a text."""
        inner, whole = (self._tokenizer("a", add_special_tokens=own)["input_ids"] for own in (False, True))
        start = next(place for place in range(len(whole)) if whole[place : place + len(inner)] == inner)
        return list(whole[:start]), list(whole[start + len(inner) :])
