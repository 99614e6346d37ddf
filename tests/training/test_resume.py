"""The key of a step: what is there is kept, gone on with or thrown away by what it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from medtalk.errors import TrainingError
from medtalk_train.stages.resume import is_done, need


def test_a_key_tells_done_from_cut_and_cut_from_changed(tmp_path: Path) -> None:
    folder = tmp_path / "step"
    assert not is_done(folder, "one", "result") and (folder / "key.json").read_text() == "one"
    (folder / "checkpoint").touch()
    assert not is_done(folder, "one", "result") and (folder / "checkpoint").exists(), "a cut step goes on"
    (folder / "result").touch()
    assert is_done(folder, "one", "result") and (folder / "checkpoint").exists()
    assert not is_done(folder, "two", "result")
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("key.json", "two")], "it starts anew"


def test_what_a_step_needs(tmp_path: Path) -> None:
    assert need(tmp_path, "corpus") == tmp_path
    with pytest.raises(TrainingError, match=r"none is not there yet. Run medtalk-train corpus first"):
        need(tmp_path / "none", "corpus")
