"""Personas and moods on the command line."""

from __future__ import annotations

import json

from medtalk import read_rig


def test_options_win_over_a_persona(medtalk, tiny_bundle, sound, tmp_path):
    """Also where they say what is the default anyway."""
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"name": "mine", "emotion": "boredom", "intensity": 2, "seed": 7}), "utf-8")
    words = ["generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "rig.npz", "--persona", mine]
    assert medtalk(*words).code == 0
    meta = read_rig(tmp_path / "rig.npz").meta
    assert (meta["persona"], meta["emotion"], meta["intensity"]) == ("mine", {"bored": 1.0}, 2.0)
    assert meta["finishing"]["seed"] == 7
    assert medtalk(*words, "--intensity", "1", "--seed", "0", "--emotion", "Confidence").code == 0
    meta = read_rig(tmp_path / "rig.npz").meta
    assert (meta["emotion"], meta["intensity"], meta["finishing"]["seed"]) == ({"confident": 1.0}, 1.0, 0)


def test_a_persona_that_is_wrong_is_told_in_a_line(medtalk, sound, tmp_path):
    words = ["generate", sound, "-o", tmp_path / "rig.npz", "--persona"]
    done = medtalk(*words, "nobody")
    assert done.code != 0 and "No persona is called 'nobody'; valid are " in done.err and done.err.count("\n") == 1
    done = medtalk("generate", sound, "-o", tmp_path / "rig.npz", "--emotion", "smug")
    assert "confident, excited, bored, playful, confused" in done.err and not (tmp_path / "rig.npz").exists()


def test_an_option_without_an_effect_is_refused(medtalk, sound, tmp_path):
    twice = tmp_path / "twice.json"
    twice.write_text('{"intensity": 1, "intensity": 2}', "utf-8")
    for options, said in (
        (["--curve-mode", "multiply"], "--curve-mode multiply has no curve."),
        (["--no-life", "--amounts", "accents:2"], "--amounts names accents, but --no-life switches it off."),
        (["--no-blink", "--amounts", "drift:2,blinks:0.5"], "--amounts names blinks, but --no-blink switches it off."),
        (["--amounts", "head:1,head:2"], "--amounts gives head twice."),
        (["--persona", twice], "the name 'intensity' is there twice"),
    ):
        done = medtalk("generate", sound, "-o", tmp_path / "rig.npz", *options)
        assert done.code == 1 and said in done.err and done.err.count("\n") == 1
        assert not (tmp_path / "rig.npz").exists()
