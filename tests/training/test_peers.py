"""The peers of the benchmark: what they need, and what is reported where they cannot run."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from medtalk.audio import Speech
from medtalk.quality.articulation import measure
from medtalk.rig.channels import INDEX
from medtalk_train.measure.peers import Missing, by_command, energy_jaw, peers
from medtalk_train.measure.recordings import Recording, read_recordings

JAW = INDEX["CTRL_C_jaw-translateY"]


@pytest.fixture
def jfk(speech_data: Path) -> Recording:
    return read_recordings(speech_data)[0]


def of(samples: np.ndarray) -> Recording:
    return Recording("made", Speech.from_array(samples.astype("f4"), 16000), ())


def test_the_jaw_follows_the_energy() -> None:
    loud = np.sin(np.arange(16000) * 0.2) * np.repeat([0.0, 0.5], 8000)
    rig = energy_jaw(of(loud))
    assert rig.shape == (60, 174) and not rig[:27].any() and rig[32:, JAW].min() > 0.29
    quieter = energy_jaw(of(loud * 0.1))
    np.testing.assert_allclose(quieter[35:55], rig[35:55], atol=1e-3)
    assert not np.delete(rig, JAW, axis=1).any() and not energy_jaw(of(np.zeros(16000))).any()


def test_what_each_needs(jfk: Recording) -> None:
    others = peers({"mine": "run {sound} {out}", "reader": "run {sound} {out} {text}"})
    assert {name: peer.needs for name, peer in others.items()} == {
        "energy jaw": "", "PocketSphinx phones, our lips": "", "mine": "", "OpenFaceFX, text": "text",
        "reader": "text", "OpenFaceFX, true phones": "phones", "our lips, true phones": "phones",
    }  # fmt: skip
    bare = of(jfk.speech.samples)
    for name, message in (("reader", "transcript"), ("our lips, true phones", "phone times")):
        with pytest.raises(Missing, match=f"needs the {message}"):
            others[name].show(bare)
    assert np.array_equal(others["our lips, true phones"].show(jfk), jfk.taught(660))


def test_a_library_that_is_missing_is_a_line(jfk: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pocketsphinx", "openfacefx"):
        monkeypatch.setitem(sys.modules, library, None)
    for name, library in (("PocketSphinx phones, our lips", "pocketsphinx"), ("OpenFaceFX, text", "openfacefx")):
        with pytest.raises(Missing, match=f"{library} is not installed. pip install {library}"):
            peers()[name].show(jfk)


def test_pocketsphinx(jfk: Recording) -> None:
    rig = peers()["PocketSphinx phones, our lips"].show(jfk)
    assert rig.shape == (660, 174) and measure(rig, "jaw").max() > 0.2
    assert np.corrcoef(measure(rig, "jaw"), measure(jfk.taught(660), "jaw"))[0, 1] > 0.3


def test_openfacefx(jfk: Recording) -> None:
    known, read = (peers()[f"OpenFaceFX, {what}"].show(jfk) for what in ("true phones", "text"))
    taught = jfk.taught(660)
    assert known.shape == read.shape == (660, 174)
    r = [np.corrcoef(measure(rig, "jaw"), measure(taught, "jaw"))[0, 1] for rig in (known, read)]
    assert r[0] > 0.68 > r[1], r
    assert measure(known, "close").max() > 0.5 and measure(known, "bite").max() > 0.3, "its lips close as ours do"


MAKE = """
import sys
import numpy as np
from medtalk.rig.formats import write_rig
from medtalk.rig.sequence import RigSequence
sound, out, *words = sys.argv[1:]
values = np.zeros((300, 174)); values[:, 4] = 0.1 * len(words)
write_rig(out, RigSequence(values, 30.0))
"""


def test_a_command_of_your_own(jfk: Recording, tmp_path: Path) -> None:
    script = tmp_path / "make it.py"
    script.write_text(MAKE)
    start = f"'{sys.executable}' '{script}' {{sound}}"
    rig = by_command(f"{start} {{out}}.csv '{{text}}' more").show(jfk)
    # ten seconds at 30 fps, of a sound of eleven
    assert rig.shape == (660, 174) and rig[:, 4] == pytest.approx(0.2) and JAW == 4
    assert by_command(f"{start} {{out}}.arkit.csv one").show(jfk)[:, JAW] == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/nowhere/tool {sound}", "/nowhere/tool did not run"),
        (f"{sys.executable} -c 'raise SystemExit(\"no model\")'", "failed with exit code 1: no model"),
        (f"{sys.executable} -c pass", "wrote no"),
    ],
    ids=["missing", "failing", "silent"],
)
def test_a_command_that_fails_is_a_line(jfk: Recording, line: str, message: str) -> None:
    with pytest.raises(Missing, match=message):
        by_command(line).show(jfk)
