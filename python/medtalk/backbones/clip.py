"""CLIP (open_clip): what a description or a reference picture shows, for guidance (Sec. 3.4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.backbones.pretrained import (
    CLIP,
    Pretrained,
    cancellable,
    huggingface_folder,
    loading,
    needs_extra,
    to_numpy,
)
from medtalk.errors import BackboneError, SettingError
from medtalk.limits import MAX_PIXELS

with needs_extra():
    import open_clip
    import torch

from medtalk.backbones.picture import open_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_CONFIG = "open_clip_config.json"
_CHARACTERS = 2000  # more than the 77 tokens that the network reads can hold
_PRECISIONS = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


def locate(source: Pretrained, update: bool = False) -> Path:
    """Folder with the weights; `BackboneError` if there is none and none can be downloaded.

    `update` asks the network even for what is in the cache.
    """
    if folder := source.local_path():
        if not (folder / _CONFIG).is_file():
            raise BackboneError(f"{folder} has no {_CONFIG}.", "Give a folder in open_clip's layout.")
        return folder
    architecture, _, tag = source.name.partition("/")
    known = open_clip.get_pretrained_cfg(architecture, tag)
    repository = known.get("hf_hub", "").rstrip("/")
    if not repository:
        raise SettingError(
            f"Unknown CLIP {source.name!r}; valid are names such as {CLIP}, an architecture and its weights."
        )
    # Weights run with the other activation give features that are silently wrong, and open_clip only warns.
    if bool(known.get("quick_gelu")) != bool((open_clip.get_model_config(architecture) or {}).get("quick_gelu")):
        raise SettingError(
            f"The weights {tag} were not made for the architecture {architecture}.",
            "Use the one with, or without, -quickgelu at its end.",
        )
    return huggingface_folder(source, repository, ("open_clip_model.safetensors",), (_CONFIG,), update)


class Clip:
    """A CLIP with both of its encoders. Features are projected but not of unit length, as the heads expect them.

    Attributes:
        width: of a feature, 512 for the usual model.
    """

    def __init__(self, source: Pretrained) -> None:
        """Load from `source`, whose `path` is a folder with open_clip_config.json and weights.

        Raises:
            SettingError: a name that open_clip does not have, or a device that is not there.
            BackboneError: weights that are missing or of another model.
            MissingExtraError: open_clip is not installed.
        """
        device, self._dtype = source.placement()
        folder = locate(source)
        with loading(source, folder):
            _check_text_tower(folder, source)
            if source.path is None:
                # open_clip's own architecture of that name: it is known to have the right activation.
                name, weights = source.name.partition("/")[0], str(folder / "open_clip_model.safetensors")
            else:
                name, weights = f"local-dir:{folder}", None
            self._model: Any
            self._prepare: Any
            self._model, _, self._prepare = open_clip.create_model_and_transforms(
                name, weights, precision=_PRECISIONS[source.dtype], device=device, require_pretrained=True
            )
            self._tokenise = open_clip.get_tokenizer(name)
            self._model.eval().requires_grad_(False)
        cancellable(self._model)
        self._device = device
        self.width: int = len(self.encode_text(""))

    @torch.inference_mode()
    def encode_text(self, text: str) -> NDArray[np.float32]:
        """Features (width,) float32 of a description; what is beyond the network's 77 tokens is cut."""
        # Spaces that mean nothing do not count, and a lone surrogate cannot be encoded.
        plain = " ".join(text.split())[:_CHARACTERS].encode("utf-8", "replace").decode()
        return to_numpy(self._model.encode_text(self._tokenise([plain]).to(self._device))[0])

    @torch.inference_mode()
    def encode_image(
        self, picture: str | Path | bytes | Image.Image, max_pixels: int = MAX_PIXELS
    ) -> NDArray[np.float32]:
        """Features (width,) float32 of a picture.

        Args:
            picture: a PNG, JPEG or WEBP file, the bytes of one, or a picture of PIL.
            max_pixels: the largest that is decoded.

        Raises:
            GuidanceError: no picture, a damaged one, or one beyond the limits.
        """
        shown = self._prepare(open_picture(picture, max_pixels))  # (3, 224, 224)
        return to_numpy(self._model.encode_image(shown[None].to(self._device, self._dtype))[0])


def _check_text_tower(folder: Path, source: Pretrained) -> None:
    """`BackboneError` for a text encoder of another library, which open_clip would download by itself."""
    if source.path is None:
        config = open_clip.get_model_config(source.name.partition("/")[0]) or {}
    else:
        config = json.loads((folder / _CONFIG).read_text("utf-8"))["model_cfg"]
    if text := {"hf_model_name", "hf_tokenizer_name"} & set(config["text_cfg"]):
        raise BackboneError(
            f"{source.name} has a text encoder of transformers ({', '.join(sorted(text))}).", f"Use {CLIP}."
        )
