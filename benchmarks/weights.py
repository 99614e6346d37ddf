"""Random weights in the sizes of the published ones and in their very layouts: measuring needs no gigabytes fetched.

How fast a network is does not depend on what it has learned. Each part is built once, in a folder that is kept; a part
that was interrupted is built anew.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel, Wav2Vec2Config, Wav2Vec2Model
from transformers.utils.logging import disable_progress_bar
from whisper.model import ModelDimensions, Whisper

from medtalk.backbones.emotion2vec import import_funasr
from medtalk.model.config import ModelConfig
from medtalk.model.guided import GuidedMEDTalk
from medtalk.model.medtalk import MEDTalk
from medtalk.official import import_official

EMOTION2VEC, WHISPER, WAV2VEC2, ROBERTA = "emotion2vec", "whisper.pt", "wav2vec2", "roberta"
LABEL, GUIDED, BUNDLE = "audio_semantic.pth", "clip_emotion.pth", "bundle"


@dataclass(frozen=True)
class Sizes:
    """What the parts are built in; the defaults are the published sizes of wav2vec2-base, emotion2vec_base,
    chinese-roberta-wwm-ext and Whisper base.

    width, heads: of wav2vec2, emotion2vec and RoBERTa. layers: of wav2vec2 and RoBERTa. convolutions: width of the
    convolutions of wav2vec2 and emotion2vec. prenet, depth: emotion2vec's blocks. whisper_width, whisper_layers: of
    Whisper's two halves, with heads of 64.
    """

    width: int = 768
    heads: int = 12
    layers: int = 12
    convolutions: int = 512
    prenet: int = 4
    depth: int = 8
    vocabulary: int = 21128
    whisper_width: int = 512
    whisper_layers: int = 6


def build(folder: Path, sizes: Sizes = Sizes()) -> None:
    """Make what is not yet there in `folder`: the backbones, the authors' file for labels, and the bundle from it."""
    folder.mkdir(parents=True, exist_ok=True)
    import_funasr()  # quietly
    disable_progress_bar()
    torch.manual_seed(0)
    _part(folder / WAV2VEC2, lambda path: _save(Wav2Vec2Model(_wav2vec2(sizes)), path))
    _part(folder / ROBERTA, lambda path: _roberta(path, sizes))
    _part(folder / EMOTION2VEC, lambda path: _emotion2vec(path, sizes))
    _part(folder / WHISPER, lambda path: _whisper(path, sizes))
    _part(folder / LABEL, lambda path: _label(path, folder, sizes))
    _part(folder / BUNDLE, lambda path: _bundle(path, folder, sizes))


def _part(path: Path, make: Callable[[Path], None]) -> None:
    if path.exists():
        return
    unfinished = path.with_name(f"unfinished-{path.name}")
    if unfinished.is_dir():
        shutil.rmtree(unfinished)
    make(unfinished)
    unfinished.rename(path)


def _save(model: Any, path: Path) -> None:
    model.save_pretrained(path)


def _wav2vec2(sizes: Sizes) -> Wav2Vec2Config:
    return Wav2Vec2Config(
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=4 * sizes.width,
        conv_dim=(sizes.convolutions,) * 7,
    )


def _roberta(path: Path, sizes: Sizes) -> None:
    config = BertConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=4 * sizes.width,
    )
    _save(BertModel(config), path)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, *(f"[unused{number}]" for number in range(sizes.vocabulary - len(special)))]
    (path / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}), "utf-8")


def _whisper(path: Path, sizes: Sizes) -> None:
    dims = ModelDimensions(
        n_mels=80,
        n_audio_ctx=1500,
        n_audio_state=sizes.whisper_width,
        n_audio_head=sizes.whisper_width // 64,
        n_audio_layer=sizes.whisper_layers,
        n_vocab=51865,
        n_text_ctx=448,
        n_text_state=sizes.whisper_width,
        n_text_head=sizes.whisper_width // 64,
        n_text_layer=sizes.whisper_layers,
    )
    model = Whisper(dims)
    nn.init.normal_(model.decoder.positional_embedding, std=0.02)  # not initialised: any bytes of the memory
    torch.save({"dims": asdict(dims), "model_state_dict": model.state_dict()}, path)


def _emotion2vec(path: Path, sizes: Sizes) -> None:
    """The configuration is the published one; as there, the decoder's weights, which serve training, are left out."""
    from funasr.models.emotion2vec.model import Emotion2vec

    width = sizes.convolutions
    audio = {
        "type": "AUDIO", "extractor_mode": "layer_norm",
        "feature_encoder_spec": f"[({width}, 10, 5)] + [({width}, 3, 2)] * 4 + [({width},2,2)] + [({width},2,2)]",
        "conv_pos_width": 95, "conv_pos_groups": 16, "conv_pos_depth": 5, "conv_pos_pre_ln": False,
        "prenet_depth": sizes.prenet, "prenet_layerdrop": 0.05, "prenet_dropout": 0.1,
        "start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0, "num_extra_tokens": 10, "init_extra_token_zero": True,
        "use_alibi_encoder": True, "alibi_scale": 1.0, "learned_alibi": False, "alibi_max_pos": None,
        "learned_alibi_scale": True, "learned_alibi_scale_per_head": True, "learned_alibi_scale_per_layer": False,
        "num_alibi_heads": sizes.heads, "model_depth": sizes.depth, "ema_local_encoder": False, "local_grad_mult": 1.0,
        "mask_noise_std": 0.01, "mask_prob_min": None, "mask_prob": 0.5, "mask_prob_adjust": 0.05,
        "inverse_mask": False, "keep_masked_pct": 0.0, "mask_length": 5, "add_masks": False, "remove_masks": False,
        "mask_dropout": 0.0, "encoder_zero_mask": True, "mask_channel_prob": 0.0, "mask_channel_length": 64,
        "decoder": {
            "decoder_dim": sizes.width // 2, "decoder_groups": 8, "decoder_kernel": 7, "decoder_layers": 4,
            "input_dropout": 0.1, "add_positions_masked": False, "add_positions_all": False,
            "decoder_residual": True, "projection_layers": 1, "projection_ratio": 2.0,
        },
    }  # fmt: skip
    model = {
        "embed_dim": sizes.width, "depth": sizes.depth, "num_heads": sizes.heads, "mlp_ratio": 4,
        "norm_eps": 1e-5, "norm_affine": True, "layer_norm_first": False, "normalize": True,
        "encoder_dropout": 0.1, "post_mlp_drop": 0.1, "attention_dropout": 0.1, "activation_dropout": 0.0,
        "dropout_input": 0.0, "layerdrop": 0.05, "start_drop_path_rate": 0, "end_drop_path_rate": 0,
        "loss_beta": 0, "loss_scale": None, "average_top_k_layers": 8, "end_of_block_targets": False,
        "clone_batch": 8, "modalities": {"audio": audio},
    }  # fmt: skip
    path.mkdir()
    (path / "config.yaml").write_text(yaml.safe_dump({"model": "Emotion2vec", "model_conf": model}), "utf-8")
    description = {"framework": "pytorch", "file_path_metas": {"init_param": "model.pt", "config": "config.yaml"}}
    (path / "configuration.json").write_text(json.dumps(description), "utf-8")
    state = Emotion2vec(model_conf=model).state_dict()
    torch.save({"model": {name: t for name, t in state.items() if ".decoder." not in name}}, path / "model.pt")


def _label(path: Path, folder: Path, sizes: Sizes) -> None:
    parts = {"audio_content_encoder": folder / WAV2VEC2, "text_encoder": folder / ROBERTA}
    state = {
        f"{part}.{name}": tensor
        for part, source in parts.items()
        for name, tensor in load_file(source / "model.safetensors").items()
    }
    own = _networks(MEDTalk(ModelConfig.paper(sizes.width)))
    torch.save({**state, **{name: t for name, t in own.items() if not name.startswith("clip_")}}, path)


def _bundle(path: Path, folder: Path, sizes: Sizes) -> None:
    front = load_file(folder / WAV2VEC2 / "model.safetensors")
    guided = _networks(GuidedMEDTalk(ModelConfig.paper(sizes.width)))
    clip = folder / GUIDED
    torch.save({**guided, **{f"audio_content_encoder.{name}": tensor for name, tensor in front.items()}}, clip)
    with contextlib.redirect_stdout(io.StringIO()):
        import_official(
            folder / LABEL, path, clip=clip, wav2vec2=folder / WAV2VEC2, roberta=folder / ROBERTA,
            name="random", offline=True,
        )  # fmt: skip
    clip.unlink()  # its networks are in the bundle now


def _networks(model: nn.Module) -> dict[str, Tensor]:
    """Weights that let a signal through as strong as it came, so that the rig moves as much as a face does."""
    for parameter in model.parameters():
        if parameter.ndim == 2:
            nn.init.kaiming_normal_(parameter)
    return model.state_dict()
