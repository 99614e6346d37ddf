"""Small pretrained backbones of random weights, in the very layouts that their libraries publish and load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

WIDTH = 48
"""Of a feature of each backbone made here, but for CLIP's."""
CLIP_WIDTH = 512


def make_wav2vec2(folder: Path, layers: int = 3, stable: bool = False) -> Path:
    """A wav2vec2 of transformers; `stable` is the architecture of its large models."""
    from transformers import Wav2Vec2Model

    return save(Wav2Vec2Model(wav2vec2_config(layers, stable)), folder)


def wav2vec2_config(layers: int = 3, stable: bool = False) -> Any:
    from transformers import Wav2Vec2Config

    return Wav2Vec2Config(
        hidden_size=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=2 * WIDTH,
        conv_dim=(32,) * 7,
        feat_extract_norm="layer" if stable else "group",
        do_stable_layer_norm=stable,
    )


def make_roberta(folder: Path, places: int = 40, width: int = WIDTH) -> Path:
    """A BERT as the Chinese RoBERTa is one, that knows some ASCII words and Chinese signs."""
    from transformers import BertConfig, BertModel

    words = "[PAD] [UNK] [CLS] [SEP] [MASK] we say it and so do they 我 们 说 的 话 不 了 ！ ， ##s".split()
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * width,
        max_position_embeddings=places,
    )
    save(BertModel(config), folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}), "utf-8")
    return folder


def save(model: Any, folder: Path) -> Path:
    """`save_pretrained` without its progress bar."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model.save_pretrained(folder)
    finally:
        logging.enable_progress_bar()
    return folder


def make_whisper(file: Path) -> Path:
    """A multilingual Whisper."""
    from whisper.model import ModelDimensions, Whisper

    dims = ModelDimensions(
        n_mels=80,
        n_audio_ctx=1500,
        n_audio_state=16,
        n_audio_head=2,
        n_audio_layer=1,
        n_vocab=51865,
        n_text_ctx=32,
        n_text_state=16,
        n_text_head=2,
        n_text_layer=2,
    )
    model = Whisper(dims)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.save({"dims": asdict(dims), "model_state_dict": model.state_dict()}, file)
    return file


def make_clip(folder: Path) -> Path:
    """A CLIP with quick GELU, in the folder layout of open_clip."""
    import open_clip
    from safetensors.torch import save_file

    config = {
        "embed_dim": CLIP_WIDTH,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 64, "layers": 1, "width": 64, "patch_size": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    preprocess = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "interpolation": "bicubic"}
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    save_file(open_clip.CLIP(**config).state_dict(), folder / "open_clip_model.safetensors")
    return folder


CONVOLUTIONS = "[(32, 10, 5)] + [(32, 3, 2)] * 4 + [(32,2,2)] + [(32,2,2)]"


VOICE_LABELS = (
    "生气/angry 厌恶/disgusted 恐惧/fearful 开心/happy 中立/neutral 其他/other 难过/sad 吃惊/surprised <unk>".split()
)
"""Those of the published emotion2vec_plus, in its order."""


def make_emotion2vec(
    folder: Path, convolutions: str = CONVOLUTIONS, labels: Sequence[str] = (), width: int = WIDTH
) -> Path:
    """An emotion2vec in the folder layout of FunASR; as in the published ones, the decoder's weights are not there.

    With `labels` it is an emotion2vec_plus, which tells emotions.
    """
    import yaml

    audio = {
        "type": "AUDIO", "prenet_depth": 1, "prenet_layerdrop": 0.0, "prenet_dropout": 0.0,
        "start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0,
        "num_extra_tokens": 10, "init_extra_token_zero": True, "mask_noise_std": 0.01, "mask_prob_min": None,
        "mask_prob": 0.5, "inverse_mask": False, "mask_prob_adjust": 0.05, "keep_masked_pct": 0.0, "mask_length": 5,
        "add_masks": False, "remove_masks": False, "mask_dropout": 0.0, "encoder_zero_mask": True,
        "mask_channel_prob": 0.0, "mask_channel_length": 64, "ema_local_encoder": False, "local_grad_mult": 1.0,
        "use_alibi_encoder": True, "alibi_scale": 1.0, "learned_alibi": False, "alibi_max_pos": None,
        "learned_alibi_scale": True, "learned_alibi_scale_per_head": True, "learned_alibi_scale_per_layer": False,
        "num_alibi_heads": 4, "model_depth": 2,
        "decoder": {
            "decoder_dim": width, "decoder_groups": 16, "decoder_kernel": 7, "decoder_layers": 1,
            "input_dropout": 0.1, "add_positions_masked": False, "add_positions_all": False,
            "decoder_residual": True, "projection_layers": 1, "projection_ratio": 2.0,
        },
        "extractor_mode": "layer_norm", "feature_encoder_spec": convolutions,
        "conv_pos_width": 95, "conv_pos_groups": 16, "conv_pos_depth": 2, "conv_pos_pre_ln": False,
    }  # fmt: skip
    model = {
        "loss_beta": 0, "loss_scale": None, "depth": 2, "start_drop_path_rate": 0, "end_drop_path_rate": 0,
        "num_heads": 4, "norm_eps": 1e-5, "norm_affine": True, "encoder_dropout": 0.1, "post_mlp_drop": 0.1,
        "attention_dropout": 0.1, "activation_dropout": 0.0, "dropout_input": 0.0, "layerdrop": 0.05,
        "embed_dim": width, "mlp_ratio": 4, "layer_norm_first": False, "average_top_k_layers": 2,
        "end_of_block_targets": False, "clone_batch": 8, "normalize": True, "modalities": {"audio": audio},
    }  # fmt: skip
    folder.mkdir()
    config: dict[str, Any] = {"model": "Emotion2vec", "model_conf": model}
    files: dict[str, Any] = {"init_param": "base.pt", "config": "config.yaml"}
    if labels:
        config |= {"tokenizer": "CharTokenizer", "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True}}
        files["tokenizer_conf"] = {"token_list": "tokens.txt"}
        (folder / "tokens.txt").write_text("\n".join(labels) + "\n", "utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "configuration.json").write_text(json.dumps({"framework": "pytorch", "file_path_metas": files}))
    if convolutions == CONVOLUTIONS:
        from funasr.models.emotion2vec.model import Emotion2vec

        state = Emotion2vec(model_conf=model, vocab_size=len(labels) or -1).state_dict()
        torch.save(
            {"model": {key: value for key, value in state.items() if ".decoder." not in key}}, folder / "base.pt"
        )
    return folder


def make_own(folder: Path, text_mode: str = "words", layer: int = 0, clip: bool = True, **fields: Any) -> Path:
    """A bundle of the kind medtalk as our own training exports one, with the maps of stage 4 where there is `clip`."""
    from safetensors.torch import save as tensors

    from medtalk.backbones.pretrained import CLIP, EMOTION2VEC, ROBERTA, WHISPER, Pretrained
    from medtalk.backbones.wav2vec2 import empty_model
    from medtalk.bundle import WAV2VEC2_CONFIG, WAV2VEC2_WEIGHTS, WEIGHTS, write_bundle
    from medtalk.model.config import ModelConfig
    from medtalk.model.medtalk import MEDTalk

    heard, config = wav2vec2_config(), ModelConfig.paper(WIDTH)
    front = empty_model(heard, Pretrained("w"), layer)
    networks = MEDTalk(config).state_dict()
    state = {f"model.{name}": tensor for name, tensor in networks.items() if clip or not name.startswith("clip_")}
    backbones = {"emotion2vec": EMOTION2VEC}
    if text_mode == "words":
        backbones |= {"roberta": ROBERTA, "whisper": WHISPER}
        # Random attention hardly tells one word from another; a trained one does.
        for name in ("cross_attn.in_proj_weight", "cross_attn.out_proj.weight"):
            state[f"model.fusion_predictor.{name}"] *= 5.0
    else:
        state["text.constant"] = torch.randn(2, WIDTH)
    if clip:
        backbones["clip"] = CLIP
    own = {
        "kind": "medtalk", "name": "own", "sizes": {"model": config.to_dict()}, "text_mode": text_mode,
        "backbones": backbones, "wav2vec2_layer": layer, "licence": "", "training_data": "", "metrics": {},
        "untrained": [], "created_by": "a test",
    }  # fmt: skip
    files = {
        WEIGHTS: tensors(state),
        WAV2VEC2_CONFIG: heard.to_json_string(use_diff=False).encode(),
        WAV2VEC2_WEIGHTS: tensors(front.state_dict()),
    }
    return write_bundle(folder, {**own, **fields}, files).folder


def make_official(folder: Path) -> Path:
    """`audio_semantic.pth`, `clip_emotion.pth`, `cross_recon.pth` with the authors' names, and the folders `wav2vec2`
    and `roberta` that they were trained with."""
    from safetensors.torch import load_file

    from medtalk.model.config import ModelConfig
    from medtalk.model.guided import GuidedMEDTalk
    from medtalk.model.medtalk import MEDTalk

    heard = load_file(make_wav2vec2(folder / "wav2vec2") / "model.safetensors")
    read = load_file(make_roberta(folder / "roberta") / "model.safetensors")
    front = {f"audio_content_encoder.{name}": tensor for name, tensor in heard.items()}
    text = {f"text_encoder.{name}": tensor for name, tensor in read.items()}
    label = MEDTalk(ModelConfig.paper(WIDTH)).state_dict()
    label = {name: tensor for name, tensor in label.items() if not name.startswith("clip_")}
    torch.save({**label, **front, **text}, folder / "audio_semantic.pth")
    torch.save({**GuidedMEDTalk(ModelConfig.paper(WIDTH)).state_dict(), **front}, folder / "clip_emotion.pth")
    spaces = ("emo_encoder", "cont_encoder", "decoder")
    torch.save({name: t for name, t in label.items() if name.startswith(spaces)}, folder / "cross_recon.pth")
    return folder
