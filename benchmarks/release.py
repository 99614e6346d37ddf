"""The authors' release, as far as time and memory go: its order of work on the models of its libraries.

Written anew from what is known of it (Sec. 3.3). Its models are loaded beforehand; nothing is kept from one call to the
next. What costs time is left as it is there: it transcribes, though the words reach no network; it runs twelve layers
of wav2vec2 and reads what entered the first; it hears a sound again for every emotion.
"""

from __future__ import annotations

import contextlib
import io
import math
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import whisper
from numpy.typing import NDArray
from scipy.signal import savgol_filter
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoTokenizer, BertConfig, BertModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from medtalk.backbones.emotion2vec import import_funasr
from medtalk.backbones.pretrained import undisturbed
from medtalk.guidance import LABELS
from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk
from medtalk.rates import FPS, RATE

TOKENS_A_SECOND = 4
"""About what Whisper writes of speech. With random weights it knows no end: it writes this many, and never tries again.
"""
_WHISPER_SECONDS = 30


class Release:
    """All models of the release, loaded.

    Attributes:
        whisper_seconds: what the last call took for its transcript.
    """

    def __init__(self, folder: Path, device: str, threads: int) -> None:
        """From the `folder` that `weights.build` filled."""
        self.device, self.whisper_seconds = device, 0.0
        torch.set_num_threads(threads)
        build = import_funasr()
        with undisturbed(), contextlib.redirect_stdout(io.StringIO()):  # it tells that the decoder's weights are absent
            self._emotion2vec = build(
                model=str(folder / "emotion2vec"), device=device, ncpu=threads,
                disable_update=True, disable_log=True, disable_pbar=True,
            )  # fmt: skip
        self._whisper: Any = whisper.load_model(str(folder / "whisper.pt"), device=device)
        self._tokenizer = AutoTokenizer.from_pretrained(folder / "roberta")
        self._normaliser = Wav2Vec2FeatureExtractor(do_normalize=True)
        state = torch.load(folder / "audio_semantic.pth", weights_only=True, mmap=True)
        hears = Wav2Vec2Model(Wav2Vec2Config.from_pretrained(folder / "wav2vec2"))
        self._wav2vec2: Any = self._filled(hears, state, "audio_content_encoder.")
        reads = BertModel(BertConfig.from_pretrained(folder / "roberta"))
        self._roberta: Any = self._filled(reads, state, "text_encoder.")
        net = MEDTalk(ModelConfig.paper(hears.config.hidden_size))
        net.clip_text_map = net.clip_image_map = nn.Identity()  # type: ignore[assignment]  # not in the file for labels
        own = {name: tensor for name, tensor in state.items() if name.split(".")[0] in dict(net.named_children())}
        self._net: Any = self._filled(net, own, "")

    @torch.no_grad()
    def __call__(self, samples: NDArray[np.float32], emotion: str) -> NDArray[np.float32]:
        """The rig (T, 174) of a sound (n,) at 16 kHz, smoothed."""
        start = time.perf_counter()
        sentence = self._transcribe(samples)
        self.whisper_seconds = time.perf_counter() - start
        frames = len(samples) * FPS // RATE
        content = self._net.audio_content_map(self._heard(samples, frames))
        felt = self._emotion2vec.generate(samples, granularity="frame", extract_embedding=True)[0]["feats"]
        felt = _resampled(torch.from_numpy(felt)[None].to(self.device), frames)
        intensity = self._net.fusion_predictor(felt, self._read(sentence))
        vector = self._net.emotion_embedding(torch.tensor([LABELS.index(emotion)], device=self.device))[:, None]
        rig = self._net.decode(content, vector, intensity)[0].float().cpu().numpy()
        return np.asarray(savgol_filter(rig, 5, 2, axis=0, mode="nearest"), np.float32)

    def _transcribe(self, samples: NDArray[np.float32]) -> str:
        """What Whisper hears, in windows of half a minute."""
        seconds = min(math.ceil(len(samples) / RATE), _WHISPER_SECONDS)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Performing inference on CPU when CUDA is available")
            heard = self._whisper.transcribe(
                samples, language="zh", fp16=self.device != "cpu",
                sample_len=TOKENS_A_SECOND * seconds, without_timestamps=True, temperature=0.0,
            )  # fmt: skip
        return str(heard["text"])

    def _heard(self, samples: NDArray[np.float32], frames: int) -> Tensor:
        """wav2vec2's states of all layers, of which the first is read: what enters the transformer."""
        values = self._normaliser(samples, sampling_rate=RATE, return_tensors="pt").input_values.to(self.device)
        local = self._wav2vec2.feature_extractor(values).transpose(1, 2)
        hidden, _ = self._wav2vec2.feature_projection(_resampled(local, frames))
        encoder = self._wav2vec2.encoder
        states = [encoder.layer_norm(hidden + encoder.pos_conv_embed(hidden))]
        for layer in encoder.layers:
            states.append(layer(states[-1]))
        return states[0]

    def _read(self, sentence: str) -> Tensor:
        """RoBERTa's states of the sentence, which is one unknown word to the tokenizer: [CLS] [UNK] [SEP]."""
        ids = self._tokenizer.convert_tokens_to_ids(["[CLS]", sentence, "[SEP]"])
        tokens = torch.tensor([ids], device=self.device)
        return self._roberta(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state

    def _filled(self, model: nn.Module, state: dict[str, Tensor], prefix: str) -> nn.Module:
        model.load_state_dict({k.removeprefix(prefix): tensor for k, tensor in state.items() if k.startswith(prefix)})
        return model.to(self.device).eval()


def _resampled(features: Tensor, frames: int) -> Tensor:
    """(1, N, width) -> (1, frames, width), linearly."""
    moved = F.interpolate(features.transpose(1, 2), size=frames, mode="linear", align_corners=True)
    return moved.transpose(1, 2)
