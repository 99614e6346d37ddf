"""The authors' published weights to a bundle of the kind medtalk.

Their files are PyTorch state dicts: audio_semantic.pth (labels) and, if wanted, clip_emotion.pth (texts and pictures).
They are read as tensors only, so that a file with anything else in it is refused and nothing in it is executed. Every
tensor is used or named as unused. What a run does not need is not kept: of wav2vec2 the part before the layer that is
read, of RoBERTa the one text that the release ever gave it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.backbones.pretrained import (
    CLIP,
    EMOTION2VEC,
    ROBERTA,
    WAV2VEC2,
    Pretrained,
    clause,
    huggingface_folder,
    loading,
    needs_extra,
)
from medtalk.bundle import (
    GUIDED_WAV2VEC2_WEIGHTS,
    MANIFEST,
    WAV2VEC2_CONFIG,
    WAV2VEC2_WEIGHTS,
    WEIGHTS,
    Bundle,
    write_bundle,
)
from medtalk.errors import BackboneError, BundleError, OutputError
from medtalk.files import check_folder, sha256_file
from medtalk.guidance import LABELS
from medtalk.inputs import path_text
from medtalk.rig.channels import N_CHANNELS
from medtalk.version import __version__

with needs_extra():
    import torch
    from safetensors.torch import save
    from transformers import AutoConfig, AutoTokenizer, BertModel, Wav2Vec2Config

from medtalk.backbones.wav2vec2 import empty_model
from medtalk.engine.full import CONSTANT_TEXT, GUIDED, MODEL
from medtalk.model.config import ModelConfig
from medtalk.model.guided import GuidedMEDTalk
from medtalk.model.medtalk import MEDTalk

if TYPE_CHECKING:
    from torch import Tensor, nn

WAV2VEC2_PREFIX, TEXT_PREFIX = "audio_content_encoder.", "text_encoder."
LAYER = 0
"""The state of wav2vec2 that the release reads: what enters the transformer."""
MAX_WIDTH = 4096
"""Of any layer; the published ones are at most 768 wide."""

_FILES = {
    "clip_emotion.pth": "clip_text_map.",
    "audio_semantic.pth": "emotion_embedding.",
    "audio_cont.pth": "audio_content_map.",
    "cross_recon.pth": "emo_encoder.",
}
"""The authors' files, by a part that those below do not have."""
_UNUSED = {
    r"audio_content_encoder\.encoder\.layers\.": "its output is not read, only its input",
    r"audio_content_encoder\.masked_spec_embed": "serves training",
    r"text_encoder\.pooler\.": "serves the prediction of a next sentence",
    r"text_encoder\.embeddings\.(position_ids|token_type_ids)": "counted, not learned",
    r"clip_encoder\.": "CLIP is loaded as a backbone",
}


@dataclass(frozen=True)
class Imported:
    """A bundle made from the authors' files.

    Attributes:
        bundle: the bundle.
        used: number of tensors used, by file.
        unused: names of those that are not, by file.
    """

    bundle: Bundle
    used: Mapping[str, int]
    unused: Mapping[str, list[str]]


@dataclass
class _Checkpoint:
    """A file of the authors': its tensors, of which those not yet taken count as unused."""

    path: Path
    state: dict[str, Tensor]
    taken: set[str] = field(default_factory=set)

    def shape(self, name: str, axes: int = 2) -> tuple[int, ...]:
        shape = tuple(self._get(name).shape)
        if len(shape) != axes or not all(0 < size <= MAX_WIDTH for size in shape):
            raise BundleError(
                f"In {self.path}, {name} has the shape {shape}, which no MEDTalk network has.", "Get it again."
            )
        return shape

    def take(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """A tensor as float32, checked to be finite and of `shape`."""
        tensor = self._get(name)
        if tuple(tensor.shape) != shape:
            raise BundleError(
                f"In {self.path}, {name} has the shape {tuple(tensor.shape)}; the other sizes need {shape}.",
                "Give files of one and the same model.",
            )
        if tensor.layout != torch.strided or not tensor.is_floating_point() or not torch.isfinite(tensor).all():
            raise BundleError(f"In {self.path}, {name} is not an array of finite floats.", "Get it again.")
        self.taken.add(name)
        return tensor.detach().to(torch.float32).contiguous()

    def take_module(self, module: nn.Module, prefix: str = "", without: tuple[str, ...] = ()) -> dict[str, Tensor]:
        """Tensors for all of `module` but the parts in `without`."""
        shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        return {name: self.take(prefix + name, shape) for name, shape in shapes.items() if not name.startswith(without)}

    @property
    def unused(self) -> list[str]:
        return sorted(set(self.state) - self.taken)

    def _get(self, name: str) -> Tensor:
        if name not in self.state:
            raise BundleError(f"{self.path} lacks {name}.", "It may be from another version of MEDTalk; get it again.")
        return self.state[name]


def import_official(
    label: str | Path,
    output: str | Path,
    *,
    clip: str | Path | None = None,
    wav2vec2: str | Path | None = None,
    roberta: str | Path | None = None,
    name: str = "medtalk",
    offline: bool = False,
) -> Imported:
    """Make a bundle from the authors' weights.

    Args:
        label: their audio_semantic.pth.
        output: folder of the bundle; a bundle that is there is replaced, as a whole or not at all.
        clip: their clip_emotion.pth, for guidance by texts and pictures.
        wav2vec2: folder with the config.json of the wav2vec2 that they used; facebook/wav2vec2-base-960h if left out.
        roberta: folder with config.json and vocabulary of the RoBERTa that they used; hfl/chinese-roberta-wwm-ext if
            left out. Weights are needed of neither: they are in the files.
        name: of the bundle.
        offline: never reach the network for these.

    Raises:
        BundleError: a file that is something else, damaged, or of other sizes.
        BackboneError: a configuration that is missing or does not fit.
        OutputError: the bundle cannot be written.
    """
    _check_output(Path(output))
    checkpoint = _read(Path(label), "audio_semantic.pth")
    guided = None if clip is None else _read(Path(clip), "clip_emotion.pth")
    config = _sizes(checkpoint, guided)

    # The text encoder goes first: it is the only part that has to run, and to be let go again.
    state = {CONSTANT_TEXT: _constant_text(checkpoint, _source(ROBERTA, roberta, offline), config.text_features)}
    without = ("clip_text_map.", "clip_image_map.")
    own = checkpoint.take_module(MEDTalk(config), without=without)
    state |= {f"{MODEL}{key}": tensor for key, tensor in own.items()}
    wav2vec2_config, front = _front_end(checkpoint, _source(WAV2VEC2, wav2vec2, offline), config.content_features)
    files: dict[str, bytes | Path] = {WAV2VEC2_CONFIG: wav2vec2_config.encode(), WAV2VEC2_WEIGHTS: save(front)}
    backbones = {"emotion2vec": EMOTION2VEC}
    if guided is not None:
        backbones["clip"] = CLIP
        state |= {f"{GUIDED}{key}": tensor for key, tensor in guided.take_module(GuidedMEDTalk(config)).items()}
        _, other = _front_end(guided, _source(WAV2VEC2, wav2vec2, offline), config.content_features)
        if not all(torch.equal(tensor, front[key]) for key, tensor in other.items()):
            files[GUIDED_WAV2VEC2_WEIGHTS] = save(other)
    files[WEIGHTS] = save(state)

    sources = {"label": checkpoint} if guided is None else {"label": checkpoint, "clip": guided}
    fields: dict[str, Any] = {
        "kind": "medtalk",
        "name": name,
        "sizes": {"model": config.to_dict()},
        "text_mode": "constant",
        "backbones": backbones,
        "wav2vec2_layer": LAYER,
        "licence": "that of the authors' files (their release: MIT)",
        "training_data": "the authors' (MEDTalk, Sec. 4.1)",
        "metrics": {},
        "untrained": [part.rstrip(".") for part in without] if guided is None else [],
        "imported": {
            part: {
                "file": source.path.name,
                "sha256": sha256_file(source.path),
                "used": len(source.taken),
                "unused": source.unused,
            }
            for part, source in sources.items()
        },
        "created_by": f"medtalk {__version__}, bundle import-official",
    }
    return Imported(
        write_bundle(output, fields, files),
        {source.path.name: len(source.taken) for source in sources.values()},
        {source.path.name: source.unused for source in sources.values()},
    )


def unused_lines(names: list[str]) -> list[str]:
    """A line for each kind of unused tensor: its names, those of the layers of a network together, and why."""
    groups: dict[tuple[str, str], int] = {}
    for name in names:
        why = next((reason for pattern, reason in _UNUSED.items() if re.match(pattern, name)), None)
        many = re.match(r".*?\.layers?\.|clip_encoder\.", name) if why else None
        key = (f"{many[0]}*" if many else name, why or "unknown to this version")
        groups[key] = groups.get(key, 0) + 1
    return [f"{name} ({count}): {why}" for (name, why), count in groups.items()]


def _check_output(folder: Path) -> None:
    check_folder(folder)
    # It will be replaced as a whole: nobody may lose a folder of something else to a typo.
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise OutputError(f"{folder} holds something other than a bundle.", "Give a new folder, or that of a bundle.")


def _read(path: Path, wanted: str) -> _Checkpoint:
    """One of the authors' files, checked to be the one called `wanted` there."""
    shown = path_text(path)
    if not path.is_file():
        raise BundleError(f"There is no file {shown}.", f"Give the authors' {wanted}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tensors of kinds that are refused below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # pickle, zipfile and torch have many, and the bytes may be anything
        raise BundleError(
            f"{shown} is not a complete file of PyTorch weights ({clause(error)}).",
            f"Nothing in it was executed. Give the authors' {wanted}.",
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(tensor, torch.Tensor) for key, tensor in state.items()
    ):
        raise BundleError(
            f"{shown} holds something other than a state dict of tensors.", f"Give the authors' {wanted}."
        )
    actual = next((file for file, part in _FILES.items() if any(key.startswith(part) for key in state)), None)
    if actual != wanted:
        what = "no weights of MEDTalk" if actual is None else f"what the authors call {actual}"
        raise BundleError(f"{shown} holds {what}, not {wanted}.", f"Give the authors' {wanted}.")
    return _Checkpoint(path, {_spelling(key): tensor for key, tensor in state.items()})


def _spelling(key: str) -> str:
    """The name that torch gives a tensor of weight norm now, for the one that older versions gave it."""
    for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
        if key.endswith(f"conv.{old}"):
            return f"{key.removesuffix(old)}parametrizations.weight.{new}"
    return key


def _sizes(label: _Checkpoint, guided: _Checkpoint | None) -> ModelConfig:
    """Sizes read off the tensors; the others are as in the paper."""
    hidden, channels = label.shape("emo_encoder.fc1.weight")
    latent, _ = label.shape("emo_encoder.fc2.weight")
    labels, _ = label.shape("emotion_embedding.0.weight")
    if channels != N_CHANNELS or labels != len(LABELS):
        raise BundleError(
            f"{label.path} is for {channels} channels and {labels} labels; valid are {N_CHANNELS} and {len(LABELS)}.",
            "Give the authors' audio_semantic.pth.",
        )
    width, _ = label.shape("fusion_predictor.cross_attn.out_proj.weight")
    config = replace(
        ModelConfig.paper(width),
        channels=channels,
        latent=latent,
        hidden=hidden,
        content_features=label.shape("audio_content_map.fc1.weight")[1],
        label_hidden=label.shape("emotion_embedding.1.weight")[0],
        labels=labels,
    )
    if guided is not None:
        config = replace(config, guidance_features=guided.shape("clip_text_map.fc1.weight")[1])
    return config


def _source(name: str, folder: str | Path | None, offline: bool) -> Pretrained:
    return Pretrained(name, None if folder is None else Path(folder), offline)


def _front_end(checkpoint: _Checkpoint, source: Pretrained, width: int) -> tuple[str, dict[str, Tensor]]:
    """The checkpoint's own wav2vec2 up to the layer that is read: its configuration as JSON, and its tensors."""
    folder = source.local_path() or huggingface_folder(source, source.name, ("config.json",), (), update=False)
    with loading(source, folder):
        config = Wav2Vec2Config.from_json_file(folder / "config.json")
        text = config.to_json_string(use_diff=False)
        model = empty_model(config, source, LAYER)
    if config.hidden_size != width:
        raise BackboneError(
            f"The wav2vec2 of {folder} is {config.hidden_size} wide; {checkpoint.path} needs one of {width}.",
            "Give the folder of the wav2vec2 that it was trained with.",
        )
    return text, checkpoint.take_module(model, WAV2VEC2_PREFIX)


def _constant_text(checkpoint: _Checkpoint, source: Pretrained, width: int) -> Tensor:
    """The features (3, width) of the only text that the release gives the checkpoint's text encoder.

    It hands the sentence to the tokenizer as a list of ready-made words, so that every one becomes [CLS] [UNK] [SEP].
    """
    files = ("*.json", "vocab.txt")
    folder = source.local_path() or huggingface_folder(source, source.name, ("config.json",), files, update=False)
    with loading(source, folder):
        config: Any = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if config.model_type != "bert":
            raise BackboneError(f"{folder} holds a model of the kind {config.model_type}, not bert.")
        if config.hidden_size != width:
            raise BackboneError(
                f"The RoBERTa of {folder} is {config.hidden_size} wide; {checkpoint.path} needs one of {width}.",
                "Give the folder of the RoBERTa that it was trained with.",
            )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        ids = [tokenizer.cls_token_id, tokenizer.unk_token_id, tokenizer.sep_token_id]
        if not all(isinstance(token, int) and 0 <= token < config.vocab_size for token in ids):
            raise BackboneError(f"The vocabulary of {folder} has no [CLS], [UNK] and [SEP].", "Give another folder.")
        model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(checkpoint.take_module(model, TEXT_PREFIX))
    model.eval()
    with torch.inference_mode():
        tokens = torch.tensor([ids])
        text = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state[0]
    return text.clone().contiguous()
