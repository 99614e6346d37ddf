from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertModel, BertTokenizer, RobertaConfig, RobertaModel

from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.roberta import Roberta
from medtalk.errors import BackboneError, GuidanceError
from tests.helpers.checkpoints import WIDTH, save

SENTENCE = "我们说的话，不了！"


@pytest.fixture(scope="module")
def model(folders: Path) -> Roberta:
    return Roberta(Pretrained("r", folders / "roberta", offline=True))


@torch.no_grad()
@pytest.mark.parametrize("sentence", [SENTENCE, "We say it, and so do they", "", "ⲡⲉ 𐎠 🙂", "a lone \udc80 surrogate"])
def test_a_sentence_is_the_librarys(model: Roberta, folders: Path, network: list[str], sentence: str) -> None:
    tokenizer = BertTokenizer.from_pretrained(folders / "roberta")
    own = BertModel.from_pretrained(folders / "roberta").eval()
    inputs = tokenizer(sentence.replace("\udc80", "?"), return_tensors="pt")
    features = model.features(sentence)
    assert features.shape == (inputs["input_ids"].shape[1], WIDTH) and features.dtype == np.float32
    np.testing.assert_allclose(features, own(**inputs).last_hidden_state[0], atol=1e-5)
    assert network == []


def test_a_sentence_is_a_string_and_not_a_ready_made_word(model: Roberta) -> None:
    assert len(model.pieces(SENTENCE)[0]) == 11 and len(set(model.pieces(SENTENCE)[0])) == 11


@pytest.mark.parametrize(("words", "lengths"), [(38, [40]), (39, [22, 21]), (77, [28, 28, 27])])
def test_a_long_text_is_read_in_pieces(model: Roberta, words: int, lengths: list[int]) -> None:
    assert model.max_tokens == 40
    text = " ".join((["we", "say", "it", "and", "so"] * 20)[:words])
    pieces = model.pieces(text)
    assert [len(piece) for piece in pieces] == lengths
    first, *_, last = model.pieces("")[0]
    assert all((piece[0], piece[-1]) == (first, last) for piece in pieces)  # [CLS] and [SEP]
    inner = [token for piece in pieces for token in piece[1:-1]]
    assert inner == model._tokenizer(text, add_special_tokens=False)["input_ids"]
    features = model.features(text)
    assert features.shape == (sum(lengths), WIDTH)
    np.testing.assert_array_equal(features[: lengths[0]], model.features_of_ids(pieces[0]))


def test_given_ids(model: Roberta) -> None:
    ids = model.pieces(SENTENCE)[0]
    assert (model.features_of_ids(ids) == model.features(SENTENCE)).all()
    for wrong in ([], [0] * 41, [-1], [10_000]):
        with pytest.raises(GuidanceError):
            model.features_of_ids(wrong)


def test_roberta_proper_counts_its_places_from_two(folders: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders / "roberta", tmp_path / "proper"))
    words = len((folder / "vocab.txt").read_text("utf-8").split())
    config = RobertaConfig(
        vocab_size=words, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=4, intermediate_size=WIDTH,
        max_position_embeddings=22, pad_token_id=1,
    )  # fmt: skip
    save(RobertaModel(config, add_pooling_layer=False), folder)
    model = Roberta(Pretrained("proper", folder))
    assert model.max_tokens == 20 and len(model.features_of_ids(model.pieces("we say " * 9)[0])) == 20
    assert [len(piece) for piece in model.pieces("we say " * 10)] == [12, 12]


def test_weights_that_do_not_fit(folders: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders / "roberta", tmp_path / "wider"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 100}))
    with pytest.raises(BackboneError, match="in another shape"):
        Roberta(Pretrained("r", folder))
