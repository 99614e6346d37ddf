"""wav2vec2 (transformers): what a voice says, at the rig's frame rate (Sec. 3.3, Audio Content Mapping).

As in the authors' release, features are brought to 60 fps between the convolutions and the transformer, and by default
the transformer's input is read, not its output: none of its layers is loaded or run then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medtalk.backbones.pretrained import (
    Pretrained,
    at_rig_rate,
    cancellable,
    check_samples,
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

_EPSILON = 1e-7  # of the variance, as in transformers' Wav2Vec2FeatureExtractor


def locate(source: Pretrained, update: bool = False) -> Path:
    """Folder with the configuration and weights; `BackboneError` if there is none and none can be fetched.

    `update` asks the network even for what is in the cache.
    """
    weights = ("model*.safetensors", "pytorch_model*.bin")
    return source.given() or huggingface_folder(source, source.name, weights, ("*.json",), update)


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
        self._shortest = 1
        for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
            self._shortest = (self._shortest - 1) * stride + kernel

    @torch.inference_mode()
    def features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a whole clip.

        Args:
            samples: (n,) float32 at 16 kHz, 400 or more for the usual model.

        Returns:
            (T, width) float32 at 60 fps, T = int(n * 60 / 16000).
        """
        checked = check_samples(samples, self._shortest)
        sound = torch.tensor(checked, device=self._device)  # a copy: torch cannot hold read-only arrays
        sound = (sound - sound.mean()) / torch.sqrt(sound.var(correction=0) + _EPSILON)
        heard = self._model.feature_extractor(sound[None].to(self._dtype)).transpose(1, 2)  # (1, 49.9 fps, 512)
        projected, _ = self._model.feature_projection(at_rig_rate(heard, len(checked)))
        return to_numpy(self._model.encoder(projected).last_hidden_state[0])


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
