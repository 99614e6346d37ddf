"""The authors' files to a bundle: small ones of random weights, in their names and layouts, and bad ones."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from medtalk.bundle import load_bundle
from medtalk.errors import BackboneError, BundleError, MedtalkError, OutputError
from medtalk.official import import_official, unused_lines
from tests.helpers import checkpoints
from tests.helpers.pickles import Trap


@pytest.fixture
def own(official: Path, tmp_path: Path) -> Path:
    """A copy of the authors' files that a test may spoil."""
    return Path(shutil.copytree(official, tmp_path / "own"))


def bring(folder: Path, output: Path, options: dict[str, Any] | None = None, clip: bool = True) -> Any:
    settings: dict[str, Any] = {"wav2vec2": folder / "wav2vec2", "roberta": folder / "roberta", "offline": True}
    guided = folder / "clip_emotion.pth" if clip else None
    return import_official(folder / "audio_semantic.pth", output, clip=guided, **{**settings, **(options or {})})


def change(file: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    state = torch.load(file, weights_only=True)
    edit(state)
    torch.save(state, file)


def test_every_tensor_is_used_or_named(official: Path, full_bundle: Path) -> None:
    bundle = load_bundle(full_bundle)
    assert (bundle.kind, bundle.name, bundle.hears_words) == ("medtalk", "full", False)
    assert bundle.backbones == {"emotion2vec": "iic/emotion2vec_base", "clip": "ViT-B-32-quickgelu/openai"}
    for part, file in (("label", "audio_semantic.pth"), ("clip", "clip_emotion.pth")):
        told = bundle.manifest["imported"][part]
        keys = set(torch.load(official / file, weights_only=True))
        assert told["used"] + len(told["unused"]) == len(keys) and set(told["unused"]) < keys
        assert all("encoder.layers." in name or "pooler" in name or "masked" in name for name in told["unused"])
    state = load_file(bundle.file("weights.safetensors"))
    assert {name.partition(".")[0] for name in state} == {"model", "clip", "text"}
    assert state["text.constant"].shape == (3, checkpoints.WIDTH)
    front = load_file(bundle.file("wav2vec2.safetensors"))
    assert not [name for name in front if "layers." in name and "conv_layers" not in name]
    # both of the authors' networks hear through the same wav2vec2, which is kept once
    assert set(bundle.manifest["files"]) == {"weights.safetensors", "wav2vec2.json", "wav2vec2.safetensors"}


def test_without_clip_there_is_no_guidance_in_it(official: Path, tmp_path: Path) -> None:
    bundle = bring(official, tmp_path / "b", clip=False).bundle
    assert bundle.backbones == {"emotion2vec": "iic/emotion2vec_base"}
    assert not [name for name in load_file(bundle.file("weights.safetensors")) if "clip" in name]
    assert bundle.manifest["untrained"] == ["clip_text_map", "clip_image_map"]


def test_both_spellings_of_weight_norm_are_one(own: Path, tmp_path: Path) -> None:
    first = bring(own, tmp_path / "new").bundle

    def old(state: dict[str, Any]) -> None:
        prefix = "audio_content_encoder.encoder.pos_conv_embed.conv."
        for new, spelling in (("original0", "weight_g"), ("original1", "weight_v")):
            state[prefix + spelling] = state.pop(f"{prefix}parametrizations.weight.{new}")

    for file in ("audio_semantic.pth", "clip_emotion.pth"):
        change(own / file, old)
    second = bring(own, tmp_path / "old").bundle
    for name in first.manifest["files"]:
        assert first.file(name).read_bytes() == second.file(name).read_bytes()


def test_half_precision_becomes_float32(own: Path, tmp_path: Path) -> None:
    change(own / "audio_semantic.pth", lambda state: state.update({k: v.half() for k, v in state.items()}))
    state = load_file(bring(own, tmp_path / "b").bundle.file("weights.safetensors"))
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


def test_another_wav2vec2_of_the_guided_networks_is_kept(own: Path, tmp_path: Path) -> None:
    name = "audio_content_encoder.feature_projection.projection.bias"
    change(own / "clip_emotion.pth", lambda state: state[name].add_(1.0))
    bundle = bring(own, tmp_path / "b").bundle
    first, second = (load_file(bundle.file(f"wav2vec2{part}.safetensors")) for part in ("", "-guided"))
    key = name.partition(".")[2]
    torch.testing.assert_close(second[key], first[key] + 1.0)


def test_an_unknown_tensor_is_named(own: Path, tmp_path: Path) -> None:
    change(own / "audio_semantic.pth", lambda state: state.update({"new_part.weight": torch.zeros(3)}))
    done = bring(own, tmp_path / "b")
    assert "new_part.weight" in done.unused["audio_semantic.pth"]
    assert "new_part.weight (1): unknown to this version" in unused_lines(done.unused["audio_semantic.pth"])


@pytest.mark.parametrize("how", ["pickle", "torch", "in a state dict"])
def test_a_pickle_of_something_else_is_not_executed(own: Path, tmp_path: Path, how: str) -> None:
    trap, file = Trap(tmp_path / "sprung"), own / "audio_semantic.pth"
    if how == "pickle":
        file.write_bytes(pickle.dumps(trap))
    elif how == "torch":
        torch.save(trap, file)
    else:
        state = torch.load(file, weights_only=True)
        torch.save({**state, "extra": trap}, file)
    with pytest.raises(BundleError, match=r"not a complete file of PyTorch weights.*Nothing in it was executed"):
        bring(own, tmp_path / "b")
    assert not (tmp_path / "sprung").exists() and not (tmp_path / "b").exists()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5000])


def swap(name: str) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        shutil.copy(file.parent / name, file)

    return spoil


def put(content: bytes) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        file.write_bytes(content)

    return spoil


def edit(change_state: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda file: change(file, change_state)


D = "decoder.fc2.bias"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (swap("cross_recon.pth"), r"holds what the authors call cross_recon\.pth, not audio_semantic\.pth"),
        (swap("clip_emotion.pth"), r"what the authors call clip_emotion\.pth, not audio_semantic\.pth"),
        (put(b"\x89PNG\r\n\x1a\n" + bytes(100)), "not a complete file of PyTorch weights"),
        (put(b""), "not a complete file of PyTorch weights"),
        (cut, "not a complete file of PyTorch weights"),
        (Path.unlink, "There is no file"),
        (lambda file: torch.save([1, 2], file), "something other than a state dict"),
        (lambda file: torch.save({"a": torch.zeros(1)}, file), "no weights of MEDTalk"),
        (lambda file: torch.save({"emotion_embedding.x": 3}, file), "something other than a state dict"),
        (edit(lambda s: s.pop(D)), "lacks decoder.fc2.bias"),
        (edit(lambda s: s.update({D: s[D][:100]})), r"decoder.fc2.bias has the shape \(100,\); .*need \(174,\)"),
        (edit(lambda s: s[D].fill_(float("nan"))), "decoder.fc2.bias is not an array of finite floats"),
        (edit(lambda s: s.update({D: s[D].long()})), "is not an array of finite floats"),
        (edit(lambda s: s.update({D: s[D].to_sparse()})), "is not an array of finite floats"),
        (edit(lambda s: s.update({"emo_encoder.fc1.weight": torch.zeros(256, 52)})), "for 52 channels and 7 labels"),
        (
            edit(lambda s: s.update({"emo_encoder.fc1.weight": torch.zeros(1).expand(10**9, 10**9)})),
            "no MEDTalk network has",
        ),
        (edit(lambda s: s.pop("text_encoder.embeddings.LayerNorm.bias")), "lacks text_encoder.embeddings"),
    ],
)
def test_a_wrong_file_is_one_line_and_leaves_nothing(
    own: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(own / "audio_semantic.pth")
    with pytest.raises(BundleError, match=message):
        bring(own, tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_a_wrong_clip_file(own: Path, tmp_path: Path) -> None:
    shutil.copy(own / "audio_semantic.pth", own / "clip_emotion.pth")
    with pytest.raises(BundleError, match=r"call audio_semantic\.pth, not clip_emotion\.pth"):
        bring(own, tmp_path / "b")


def test_configurations_that_do_not_fit(own: Path, tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    for part, named in (("wav2vec2", "facebook/wav2vec2-base-960h"), ("roberta", "hfl/chinese-roberta-wwm-ext")):
        config = json.loads((own / part / "config.json").read_text())
        shutil.copytree(own / part, wide / part)
        (wide / part / "config.json").write_text(json.dumps({**config, "hidden_size": 96}))
        with pytest.raises(BackboneError, match=rf"of .*{part} is 96 wide; .*needs one of 48"):
            bring(own, tmp_path / "b", {part: wide / part})
        with pytest.raises(BackboneError, match="There is no folder"):
            bring(own, tmp_path / "b", {part: tmp_path / "nowhere"})
        with pytest.raises(BackboneError, match=rf"cannot be used as {named}"):
            bring(own, tmp_path / "b", {part: own})
        other = "roberta" if part == "wav2vec2" else "wav2vec2"
        with pytest.raises(BackboneError, match="holds a model of the kind"):
            bring(own, tmp_path / "b", {part: own / other})
    assert not (tmp_path / "b").exists()


def test_offline_asks_nobody(own: Path, tmp_path: Path, network: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BackboneError, match="not on this machine, and offline nothing is downloaded"):
        bring(own, tmp_path / "b", {"wav2vec2": None})
    assert network == []


def test_a_folder_of_something_else_is_not_replaced(own: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds something other than a bundle"):
        bring(own, own)
    assert (own / "audio_semantic.pth").is_file()
    with pytest.raises(OutputError, match="does not exist"):
        bring(own, tmp_path / "nowhere" / "b")
    (tmp_path / "empty").mkdir()
    for _ in range(2):  # an empty folder, and a bundle
        assert load_bundle(bring(own, tmp_path / "empty").bundle.folder).kind == "medtalk"


def test_a_changed_byte_is_found(own: Path, tmp_path: Path) -> None:
    folder = bring(own, tmp_path / "b").bundle.folder
    for name in ("wav2vec2.safetensors", "wav2vec2.json"):
        content = bytearray((folder / name).read_bytes())
        content[-3] ^= 1
        (folder / name).write_bytes(content)
        with pytest.raises(BundleError, match=f"{name} of bundle .* has changed"):
            load_bundle(folder)
        content[-3] ^= 1
        (folder / name).write_bytes(content)


def test_the_command(medtalk: Callable[..., Any], official: Path, tmp_path: Path) -> None:
    words = ["bundle", "import-official", "--label", official / "audio_semantic.pth", "--offline",
             "--wav2vec2", official / "wav2vec2", "--roberta", official / "roberta", "-o", tmp_path / "b"]  # fmt: skip
    done = medtalk(*words, "--clip", official / "clip_emotion.pth", "--name", "theirs")
    assert (done.code, done.err) == (0, "")
    assert "audio_semantic.pth: " in done.out and "clip_emotion.pth: " in done.out
    assert "audio_content_encoder.encoder.layers.* (48): its output is not read, only its input" in done.out
    assert done.out.splitlines()[-1].startswith(f"{tmp_path / 'b'}: 3 files, ")
    shown = medtalk("bundle", "info", tmp_path / "b")
    assert shown.code == 0 and "theirs" in shown.out and "iic/emotion2vec_base" in shown.out
    assert "audio_semantic.pth, " in shown.out and "masked_spec_embed" not in shown.out
    told = json.loads(medtalk(*words, "--json").out)
    assert "audio_content_encoder.masked_spec_embed" in told["label"]["unused"]

    words[3] = official / "cross_recon.pth"
    failed = medtalk(*words)
    assert failed.code == 1 and failed.out == "" and len(failed.err.splitlines()) == 1
    assert load_bundle(tmp_path / "b").manifest["imported"]["label"]["file"] == "audio_semantic.pth"  # still there


def test_errors_are_medtalks(own: Path, tmp_path: Path) -> None:
    """Whatever byte is changed in a file, there is one clear line or a bundle."""
    whole = (own / "audio_semantic.pth").read_bytes()
    for at in range(0, len(whole), len(whole) // 25):
        content = bytearray(whole)
        content[at] ^= 0xFF
        (own / "audio_semantic.pth").write_bytes(content)
        try:
            bring(own, tmp_path / "b", clip=False)
        except MedtalkError as error:
            assert "\n" not in str(error)
