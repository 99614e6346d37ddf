"""Tags in a transcript: what is spoken, when a mood begins and ends, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.errors import GuidanceError
from medtalk.rig import Timed
from medtalk.tags import read_tags, spoken, tagged_spans
from medtalk.take import checked, informed, take
from medtalk_wire import Settings


def test_tags_are_taken_out_of_the_text() -> None:
    text, tags = read_tags("[angry] leave me [ sad:0.5 ] alone [/], please.")
    assert text == " leave me alone, please."
    assert [(tag.emotion, text[tag.place :][:5]) for tag in tags] == [
        ("angry", " leav"), ("sad:0.5", "alone"), ("", " plea"),
    ]  # fmt: skip
    assert tags[1].where == "The tag [ sad:0.5 ] at character 18 of the transcript"
    assert spoken("no tags  here") == "no tags  here" and spoken(None) is None and spoken("") == ""
    assert spoken("[[laughter]] she said [[sic") == "[laughter] she said [sic" and read_tags("a[[b]]")[1] == ()
    assert spoken("un[happy]believable") == "unbelievable"


@pytest.mark.parametrize(
    ("transcript", "message"),
    [
        ("go [angry away", r"The tag '\[angry away' at character 4 of the transcript is not closed"),
        ("go [angry [sad] away", r"The tag '\[angry \[sad\] away' at character 4 of the transcript is not closed"),
        (
            "ha [laughter] ha",
            r"The tag \[laughter\] at character 4 .* unknown emotion 'laughter'; valid are angry, .*\[\[",
        ),
        ("ha [laughs] ha", r"If it is not a mood, write \[\[laughs\]\]\.$"),
        ("ha [hapy] ha", r"write \[\[hapy\]\]\. Did you mean happy\?$"),
        ("[] hm", r"The tag \[\] at character 1"),
        ("[happy:x] hm", r"The tag \[happy:x\] at character 1 .* is not a number"),
        ("hello [sad]", r"The tag \[sad\] at character 7 of the transcript has no word behind it"),
        ("[happy] [sad] hello", r"The tag \[happy\] at character 1 .* no word behind it"),
    ],
)
def test_tags_that_are_wrong(transcript: str, message: str) -> None:
    with pytest.raises(GuidanceError, match=message):
        checked(Settings(transcript=transcript))


def test_spans_begin_and_end_with_words() -> None:
    text, tags = read_tags("[happy] one two [sad] three four [/] five [angry] six seven")
    places = [(text.index(word), text.index(word) + len(word)) for word in text.split()]
    words = [Timed(word, number + 0.25, number + 0.75) for number, word in enumerate(text.split())]
    spans = tagged_spans(tags, words, places)
    assert [(span.start, span.end, span.emotion) for span in spans] == [
        (0.25, 2.25, "happy"), (2.25, 3.75, "sad"), (5.25, math.inf, "angry"),
    ]  # fmt: skip
    later = tagged_spans(tags, words[1:2] + words[3:], places[1:2] + places[3:])  # words that were not found
    assert [(span.start, span.end) for span in later] == [(1.25, 3.25), (3.25, 3.75), (5.25, math.inf)]
    with pytest.raises(GuidanceError, match=r"The tag \[sad\] at character 17 .*none of the words behind it was found"):
        tagged_spans(tags, words[:2] + words[4:], places[:2] + places[4:])


def test_a_take_with_tags_is_one_with_a_timeline(sample: Path) -> None:
    text = sample.with_suffix(".txt").read_text("utf-8").strip()
    tagged = text.replace("You came", "[happy] You came").replace("and I", "[/] and I")
    model = medtalk.load()
    settings = checked(Settings("sad", transcript=tagged))
    performance = informed(model.perform(sample, ""), settings)
    rig = take(performance, model.guide("sad"), settings)
    assert rig.meta["transcript"] == text
    words = {word.text.strip(",.!"): word for word in rig.words}
    (span,) = rig.meta["timeline"]
    assert span == {"start": words["You"].start, "end": words["back"].end, "emotion": "happy"}
    plain = model.perform(sample, text).decode(model.guide("sad", timeline=[span]))
    np.testing.assert_array_equal(rig.values, plain.values)


def test_words_of_another_line_are_an_error_and_silence_is_none(sample: Path, tmp_path: Path) -> None:
    model = medtalk.load()
    settings = checked(Settings(transcript="[sad] zebra crossing octopus"))
    with pytest.raises(GuidanceError, match="none of the words behind it was found in the sound"):
        take(informed(model.perform(sample, ""), settings), model.guide("sad"), settings)
    silence = model.perform(medtalk.Speech.from_array(np.zeros(16000, np.float32), 16000), "")
    assert "timeline" not in take(informed(silence, settings), model.guide("sad"), settings).meta


def test_tags_and_spans_go_together(sample: Path) -> None:
    model = medtalk.load()
    text = "[angry] " + sample.with_suffix(".txt").read_text("utf-8")
    settings = checked(Settings(transcript=text, timeline=[{"start": 3, "emotion": "happy"}]))
    rig = take(
        informed(model.perform(sample, ""), settings), model.guide("neutral", timeline=settings.timeline), settings
    )
    assert [span["emotion"] for span in rig.meta["timeline"]] == ["happy", "angry"]


def test_a_tag_lies_over_a_span_that_starts_with_it(sample: Path) -> None:
    words = sample.with_suffix(".txt").read_text("utf-8")
    performance = medtalk.load().perform(sample, words)
    start = performance.words[0].start
    over = checked(Settings(transcript=f"[sad] {words}", timeline=[{"start": start, "emotion": "happy"}]))
    assert over.timeline is not None
    alone = checked(Settings(transcript=f"[sad] {words}"))
    got = take(performance, performance.model.guide("neutral", timeline=over.timeline), over)
    np.testing.assert_array_equal(got.values, take(performance, performance.model.guide("neutral"), alone).values)
