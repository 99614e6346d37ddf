"""wav2vec2 (transformers): what a voice says, at the rig's frame rate (Sec. 3.3, Audio Content Mapping).

As in the authors' release, features are brought to 60 fps between the convolutions and the transformer, and by default
the transformer's input is read, not its output: none of its layers is loaded or run then. That far a clip is heard in
chunks, with the same result at any length. What layers there are then attend over the whole clip.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medtalk.audio import frame_count
from medtalk.backbones.chunks import CHUNK, Convolutions, RigTimes, Waveform, add_positions, spans
from medtalk.backbones.pretrained import (
    Pretrained,
    cancellable,
    huggingface_folder,
    load_transformers,
    loading,
    needs_extra,
    to_numpy,
)
from medtalk.errors import BackboneError, SettingError

with needs_extra():
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, Wav2Vec2Config, Wav2Vec2Model

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_EPSILON = 1e-7  # of the variance, as in transformers' Wav2Vec2FeatureExtractor
_WINDOWS = 1 << 18  # of the first convolution that are counted at once


def locate(source: Pretrained, update: bool = False) -> Path:
    """Folder with the configuration and weights; `BackboneError` if there is none and none can be downloaded.

    `update` asks the network even for what is in the cache.
    """
    weights = ("model*.safetensors", "pytorch_model*.bin")
    return source.local_path() or huggingface_folder(source, source.name, weights, ("*.json",), update)


class Wav2Vec2:
    """The part of a wav2vec2 up to the state that is read.

    Attributes:
        layer: which state: 0 is what enters the transformer, k what leaves its layer k (before the last layer norm of
            the "stable" kind). As `hidden_states[k]` of transformers 5.
        width: of a feature.
    """

    def __init__(self, source: Pretrained, layer: int = 0, files: tuple[Path, Path] | None = None) -> None:
        """Load from `source`, or from `files` of a bundle: its configuration (JSON) and weights (safetensors).

        Raises:
            SettingError: a layer that the model does not have, or a device that is not there.
            BackboneError: weights that are missing or of another model.
            MissingExtraError: transformers is not installed.
        """
        device, dtype = source.placement()
        folder = locate(source) if files is None else files[1]
        with loading(source, folder):
            if files is None:
                config = _cut(AutoConfig.from_pretrained(folder, local_files_only=True), source, layer)
                # masked_spec_embed serves training; a norm after the last layer comes after what is read.
                after = r"masked_spec_embed" + (r"|^encoder\.layer_norm" if config.do_stable_layer_norm else "")
                model = load_transformers(Wav2Vec2Model, folder, config, unused=after)
            else:
                config = Wav2Vec2Config.from_json_file(files[0])
                model = empty_model(config, source, layer)
                model.load_state_dict(load_file(files[1]))
            self._model = model.to(device, dtype)
        if config.do_stable_layer_norm:
            self._model.encoder.layer_norm = torch.nn.Identity()
        cancellable(self._model)
        self.layer = layer
        self.width: int = config.hidden_size
        self._device, self._dtype = device, dtype
        self._stack = Convolutions.of(config.conv_kernel, config.conv_stride)
        self._context: int = config.num_conv_pos_embeddings // 2

    @torch.inference_mode()
    def features(self, samples: NDArray[np.float32], chunk: int = CHUNK) -> NDArray[np.float32]:
        """Features of a whole clip.

        Of layer 0, working memory is that of a chunk and time grows with the length. Layers beyond it see the whole
        clip at once: their time grows with its square, their memory with its length wherever torch's scaled dot product
        attention does without a table of all pairs, as it does on a CPU and on current GPUs.

        Args:
            samples: (n,) float32 at 16 kHz, 400 or more for the usual model.
            chunk: frames worked on at once; the features are the same for any number.

        Returns:
            (T, width) float32 at 60 fps, T = int(n * 60 / 16000).
        """
        sound = Waveform(samples, self._stack.field, _EPSILON, self._device)
        states = torch.empty((frame_count(len(sound)), self.width), device=self._device, dtype=self._dtype)
        times = RigTimes.of(self._stack.frames(len(sound)), len(sound))
        norm = self._clip_norm(sound)
        for start, end in spans(len(states), chunk, (0.0, 0.8)):
            low, high = times.needs(start, end)
            heard = self._convolve(sound.piece(*self._stack.samples(low, high)), norm)
            states[start:end], _ = self._model.feature_projection(times.take(heard, low, start, end))
        encoder = self._model.encoder
        add_positions(states, encoder.pos_conv_embed, encoder.layer_norm, self._context, chunk, (0.8, 1.0))
        states = states[None]
        for layer in encoder.layers:
            states = layer(states)
        return to_numpy(states[0])

    def _convolve(self, sound: Tensor, norm: tuple[Tensor, Tensor] | None) -> Tensor:
        """Samples (n,) to the frames of the convolutions, (frames, channels); `norm` is what `_clip_norm` found."""
        heard = sound[None, None].to(self._dtype)
        first, *others = self._model.feature_extractor.conv_layers
        if norm is None:
            heard = first(heard)
        else:
            shift, scale = norm
            heard = first.activation(torch.addcmul(shift, first.conv(heard).float(), scale).to(self._dtype))
        for layer in others:
            heard = layer(heard)
        return heard[0].T

    def _clip_norm(self, sound: Waveform) -> tuple[Tensor, Tensor] | None:
        """The group norm after the first convolution as shift and scale of its channels, (channels, 1) each; None for
        models whose norms look at one frame at a time.

        It takes mean and variance of each channel over the whole clip. The convolution is linear, so these follow from
        the means and covariances of the few samples in its window.
        """
        first = self._model.feature_extractor.conv_layers[0]
        if not isinstance(getattr(first, "layer_norm", None), torch.nn.GroupNorm):
            return None
        weight = first.conv.weight[:, 0].double()  # (channels, kernel)
        kernel, stride = first.conv.kernel_size[0], first.conv.stride[0]
        window = Convolutions(kernel, stride)
        count = window.frames(len(sound))
        sums, products = weight.new_zeros(kernel), weight.new_zeros(kernel, kernel)
        for start, end in spans(count, _WINDOWS):
            windows = sound.piece(*window.samples(start, end)).double().unfold(0, kernel, stride)
            sums += windows.sum(0)
            products += windows.T @ windows
        middle = sums / count
        variance = ((weight @ (products / count - middle.outer(middle))) * weight).sum(1).clamp(min=0.0)
        mean = weight @ middle + (0.0 if first.conv.bias is None else first.conv.bias.double())
        scale = first.layer_norm.weight.double() / torch.sqrt(variance + first.layer_norm.eps)
        shift = first.layer_norm.bias.double() - mean * scale
        return shift.float()[:, None], scale.float()[:, None]


def empty_model(config: Any, source: Pretrained, layer: int) -> Any:
    """A model of random weights with what `layer` needs and no more: its state is what a bundle keeps.

    `config`, of transformers, is cut to that. `SettingError` for a layer that it does not have, `BackboneError` for one
    of another kind of model, in the name of `source`.
    """
    _cut(config, source, layer)
    config.mask_time_prob = config.mask_feature_prob = 0.0  # masks serve training, and have a weight of their own
    model: Any = Wav2Vec2Model(config)
    if config.do_stable_layer_norm:
        model.encoder.layer_norm = torch.nn.Identity()  # comes after what is read
    return model.eval().requires_grad_(False)


def _cut(config: Any, source: Pretrained, layer: int) -> Any:
    if config.model_type != "wav2vec2":
        where = source.path or source.name
        raise BackboneError(f"{where} holds a model of the kind {config.model_type}, not wav2vec2.")
    if not 0 <= layer <= config.num_hidden_layers:
        raise SettingError(f"The layer is {layer}; {source.name} has 0 to {config.num_hidden_layers}.")
    config.num_hidden_layers = layer  # the others are not even read from the disk
    config.add_adapter = False
    return config
