"""What an audit finds: each kind of remark in a production that has it, and nothing in one that has none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from medtalk import RigSequence, write_rig
from medtalk.batch.audit import WEIGHTS, audit, hear
from medtalk.batch.ledger import DONE, FAILED, Ledger
from medtalk.batch.manifest import read_manifest
from medtalk.batch.plan import Job, fingerprint, plan
from medtalk.rig.channels import N_CHANNELS
from medtalk.version import __version__
from medtalk_wire.settings import Settings
from tests.helpers.sounds import babble

TEXT = "These are the words of the line."


@pytest.fixture
def production(tmp_path: Path) -> Path:
    """A folder with lines.csv, eight sounds and their rigs, and a ledger in out/, with nothing to remark."""
    rows = [f"L{n},s_L{n}.wav,{TEXT}" for n in range(8)]
    (tmp_path / "lines.csv").write_text("\n".join(["id,audio,text", *rows]))
    for n in range(8):
        soundfile.write(tmp_path / f"s_L{n}.wav", 0.5 * babble(1.5), 16000)
    (tmp_path / "out").mkdir()
    rig = RigSequence(np.zeros((90, N_CHANNELS), np.float32), 60.0, {})
    with Ledger(tmp_path / "out") as ledger:
        for job in jobs(tmp_path)[0]:
            write_rig(tmp_path / "out" / job.out[0], rig)
            ledger.write(record(tmp_path, job))
    return tmp_path


def jobs(folder: Path) -> tuple[list[Job], list[Any], Any]:
    manifest = read_manifest(folder / "lines.csv")
    found, refused = plan(manifest.lines, Settings())
    return found, refused, manifest


def record(folder: Path, job: Job, **other: Any) -> Mapping[str, Any]:
    return {
        "out": list(job.out), "state": DONE, "settings": dict(job.recipe), "bundle": "b", "medtalk": __version__,
        "input": fingerprint(Path(job.sound)), "quality": {"good": True},
        "files": [{"file": job.out[0], **fingerprint(folder / "out" / job.out[0])}], "time": "2026-01-01",
    } | other  # fmt: skip


def remarks(folder: Path, **options: Any) -> list[tuple[str, str]]:
    found, refused, manifest = jobs(folder)
    return [(each.out, each.kind) for each in audit(manifest.lines, found, refused, folder / "out", "b", **options)]


def test_a_whole_production_has_no_remarks(production: Path) -> None:
    assert remarks(production) == []


def test_results(production: Path) -> None:
    found = jobs(production)[0]
    out = production / "out"
    (out / "L1.npz").unlink()
    (out / "L2.npz").write_bytes(b"by hand")
    (out / "old.npz").write_bytes(b"")
    soundfile.write(production / "s_L3.wav", 0.5 * babble(1.6), 16000)
    with Ledger(out) as ledger:
        later = {"time": "2026-02-01"}
        ledger.write(record(production, found[4], state=FAILED, error={"message": "Oh."}, **later))
        ledger.write(record(production, found[5], medtalk="0.0.1", **later))
        bad = {"good": False, "findings": ["00:00.50 m: the lips stay 3 mm apart"]}
        ledger.write(record(production, found[6], quality=bad, **later))
        ledger.write(record(production, found[7], conflicts=["CTRL_C_jaw-translateY, 0.50 s: Oh."], **later))
    with (production / "lines.csv").open("a") as stream:
        stream.write(f"\nL8,s_L8.wav,{TEXT}\nL9,,\n")
    assert remarks(production, listen=False) == [
        ("", "refused"), ("L1.npz", "missing"), ("L8.npz", "missing"), ("L4.npz", "failed"), ("L3.npz", "stale"),
        ("L6.npz", "look"), ("L7.npz", "conflict"), ("L2.npz", "edited"), ("L5.npz", "version"), ("old.npz", "orphan"),
    ]  # fmt: skip


def test_among_a_kind_the_worst_come_first(production: Path) -> None:
    for n, loud in ((1, 4.0), (2, 20.0)):
        soundfile.write(production / f"s_L{n}.wav", np.clip(loud * babble(1.5), -1, 1), 16000)
    found = jobs(production)[0]
    with Ledger(production / "out") as ledger:
        for n, times in ((3, 1), (4, 4)):
            bad = {"good": False, "findings": ["00:00.50 m: the lips stay 3 mm apart"] * times}
            ledger.write(record(production, found[n], quality=bad, seconds=9.0, time="2026-02-01"))
    assert [each for each in remarks(production) if each[1] != "stale"] == [
        ("L2.npz", "clipped"), ("L1.npz", "clipped"), ("L4.npz", "look"), ("L3.npz", "look"),
    ]  # fmt: skip


def test_sounds(production: Path) -> None:
    soundfile.write(production / "s_L0.wav", np.zeros(24000, np.float32), 16000)
    soundfile.write(production / "s_L1.wav", np.clip(20 * babble(1.5), -1, 1), 16000)
    soundfile.write(production / "s_L2.wav", 0.5 * babble(1.5)[::2], 8000)
    soundfile.write(production / "s_L3.wav", 0.5 * babble(9.0), 16000)
    (production / "s_L4.wav").write_bytes(b"not a sound")
    found = [each for each in remarks(production) if each[1] != "stale"]
    assert found == [
        ("L4.npz", "sound"), ("L0.npz", "silent"), ("L1.npz", "clipped"), ("L3.npz", "duration"), ("L2.npz", "rate"),
    ]  # fmt: skip
    assert hear(production / "s_L5.wav").rate == 16000 and hear(production / "s_L5.wav").seconds == pytest.approx(1.5)


def test_the_channel_and_the_edit_mode_are_those_of_the_bake(production: Path) -> None:
    (first, *_) = jobs(production)[0]
    with Ledger(production / "out") as ledger:
        ledger.write(record(production, first, settings={**first.recipe, "channel": 0, "edit_mode": "replace"}))
    assert remarks(production) == []
    with Ledger(production / "out") as ledger:
        ledger.write(record(production, first, settings={**first.recipe, "channel": 0, "seed": 4}))
    assert remarks(production) == [("L0.npz", "stale")]


def test_a_sound_that_only_the_extra_media_reads(production: Path) -> None:
    """It is heard as the bake hears it."""
    samples = np.round(np.clip(20 * babble(1.5), -1, 1) * 32767).astype(np.int16)
    with av.open(production / "s_L0.m4a", "w", format="ipod") as container:
        stream: Any = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.rate, frame.pts = 16000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    heard = hear(production / "s_L0.m4a")
    assert (heard.rate, heard.seconds) == (16000, pytest.approx(1.5, abs=0.1)) and heard.loudest > -20.0
    (production / "lines.csv").write_text(f"id,audio,text\nL0,s_L0.m4a,{TEXT}\n")
    assert ("L0.npz", "sound") not in remarks(production)
    (production / "s_L0.m4a").write_bytes(b"no sound")
    assert ("L0.npz", "sound") in remarks(production)


@pytest.mark.parametrize(
    "odd",
    [
        {"quality": {"good": False, "findings": [1, {}]}}, {"quality": {"good": False, "summary": 5}},
        {"quality": {"good": False, "findings": "oh"}}, {"seconds": "long"}, {"conflicts": [5]}, {"conflicts": "oh"},
        {"medtalk": 2}, {"state": FAILED, "error": {"message": ["oh"]}},
    ],
)  # fmt: skip
def test_an_odd_record_is_none(production: Path, odd: dict[str, Any]) -> None:
    """A ledger may be damaged by a tool: what no bake wrote is not taken for a record."""
    (first, *_) = jobs(production)[0]
    with Ledger(production / "out") as ledger:
        ledger.write({**record(production, first), **odd})
    found = remarks(production, listen=False)
    assert found == [("", "failed")], "the record before it counts, and a line says so"


def test_names_and_languages(production: Path) -> None:
    text = (production / "lines.csv").read_text().replace("L7,s_L7.wav", "L7,other.wav")
    (production / "lines.csv").write_text(text)
    (production / "s_L7.wav").rename(production / "other.wav")
    assert ("L7.npz", "name") in remarks(production)
    rows = [f"L{n},s_L{n}.wav,{language}" for language in ("de", "fr") for n in range(4) if (language, n) != ("fr", 2)]
    (production / "lines.csv").write_text("\n".join(["id,audio,language", *rows]))
    found, refused, manifest = jobs(production)
    (why,) = [
        each.why for each in audit(manifest.lines, found, refused, production / "out", "b") if each.kind == "language"
    ]
    assert why == "fr lacks 1 of 4 ids: L2."


def test_the_command(production: Path, medtalk: Any, tiny_bundle: Path) -> None:
    words = ["audit", production / "lines.csv", production / "out", "--bundle", tiny_bundle]
    done = medtalk(*words, "--html", production / "a.html")
    assert (done.code, done.err) == (0, "")  # the ledger's bundle is another one
    assert (
        done.out.startswith("8 lines, 8 remarks\n")
        and "stale" in done.out
        and "L0.npz: stale: another bundle" in done.out
    )
    assert medtalk(*words, "--strict").code == 1
    found = [json.loads(line) for line in medtalk(*words, "--json").out.splitlines()]
    assert len(found) == 8 and found[0]["weight"] == WEIGHTS["stale"][0]
    text = (production / "a.html").read_text("utf-8")
    assert text.count("<article>") == 8 and text.count("data:image/webp") == 8 and TEXT in text
    assert medtalk("audit", production / "none.csv", production / "out").code == 1


def test_lines_without_a_rig_take_no_place_among_the_heads(production: Path, medtalk: Any, tiny_bundle: Path) -> None:
    (production / "out" / "L1.npz").unlink()
    words = ("audit", production / "lines.csv", production / "out", "--bundle", tiny_bundle)
    assert medtalk(*words, "--html", production / "a.html").code == 0
    text = (production / "a.html").read_text("utf-8")
    assert "<li>L1.npz: missing: L1.npz is gone.</li>" in text and "<td>missing<td>1<td>no rig" in text
    assert text.count("<article>") == text.count("data:image/webp") == 7


def test_the_page_escapes_what_a_table_says(production: Path, medtalk: Any, tiny_bundle: Path) -> None:
    text = (production / "lines.csv").read_text().replace(TEXT, "<script>alert(1)</script> and more words")
    (production / "lines.csv").write_text(text)
    medtalk(
        "audit", production / "lines.csv", production / "out", "--bundle", tiny_bundle, "--html", production / "a.html"
    )
    page = (production / "a.html").read_text("utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page
