"""One declaration of what a take may be asked for: every field is reached from everywhere, or there is a reason."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk import Finishing
from medtalk.cli.generate import generate
from medtalk.cli.options import NOT_OPTIONS, _option
from medtalk.errors import GuidanceError, MedtalkError, SettingError
from medtalk.guidance import Description, Labels, Mixture, Voice, beside, guidance_of
from medtalk.rig.channels import indices
from medtalk.service.settings import SETTINGS
from medtalk.take import checked, informed, take
from medtalk_wire import RequestError, Settings, settings
from medtalk_wire.request import GUIDANCE_FIELDS, body_of, flat

NAMES = [each.name for each in fields(Settings) if each.name != "finishing"]
STEPS = [each.name for each in fields(settings.Finishing)]
STILL = Finishing(blink=False, gaze=False, life=False)
SMILE = indices("?_mouth_cornerPull")


def test_every_field_is_an_option_or_there_is_a_reason() -> None:
    options = inspect.signature(generate).parameters
    assert {name for name in (*NAMES, *STEPS) if name not in options} == set(NOT_OPTIONS)
    for each in (*fields(Settings), *fields(settings.Finishing)):
        if each.name in options and each.name != "finishing":
            help_text = inspect.signature(generate).parameters[each.name].annotation.__metadata__[0].help
            assert help_text.startswith(each.metadata["help"])


def test_every_field_travels() -> None:
    """By its name, in `guidance`, or as a buffer; a setting that is not the default is not lost on its way."""
    other: dict[str, Any] = {
        "transcript": "Hi.", "language": "en", "intensity": 2.0, "span": (1.0, 2.0), "fps": 30.0, "region": "mouth",
        "curve_mode": "multiply", "timeline": [{"start": 0.5, "emotion": "sad"}], "persona": {"seed": 3},
        "finishing": settings.Finishing(
            False, False, False, False, 3, {"brow": 5}, False, False, {"drift": 0.5}, False, 0.25
        ),
    }  # fmt: skip
    assert set(other) | set(GUIDANCE_FIELDS) | {"curve"} == {*NAMES, "finishing"}
    usual, body = flat(body_of(Settings())), flat(body_of(Settings(**other)))
    named = {*other, *(f"finishing.{step}" for step in STEPS)} - {"finishing"}
    assert {name for name in body if body[name] != usual.get(name)} == named
    assert set(SETTINGS) == named | {"guidance.labels", "transcript.tags"}


def test_the_protocol_has_a_row_for_every_field(root: Path) -> None:
    page = (root / "docs" / "protocol.md").read_text("utf-8")
    table = page[page.index("### Settings") : page.index("#### Guidance")]
    rows = dict(re.findall(r"^\| `([\w.]+)` \|[^|]*\| (.*) \|$", table, re.M))
    for owner, prefix in ((Settings, ""), (settings.Finishing, "finishing.")):
        for each in fields(owner):
            if each.name not in (*GUIDANCE_FIELDS, "curve", "finishing"):
                assert rows[prefix + each.name].startswith(each.metadata["help"]), each.name


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"emotion": "hungry"}, GuidanceError),
        ({"emotion": "happy", "text": "in tears"}, GuidanceError),
        ({"emotion": "auto", "text": "in tears"}, GuidanceError),
        ({"text": "in tears", "image": b"x"}, GuidanceError),
        ({"intensity": 4.1}, SettingError),
        ({"curve": [1.0, -1.0]}, SettingError),
        ({"fps": 0.5}, SettingError),
        ({"region": "nose"}, SettingError),
        ({"span": (2.0, 1.0)}, SettingError),
        ({"span": (0.0, 1.0, 2.0)}, SettingError),
        ({"span": "ab"}, SettingError),
        ({"fps": None}, SettingError),
        ({"fps": "60"}, SettingError),
        ({"language": None}, SettingError),
        ({"finishing": None}, SettingError),
        ({"curve": 1.0}, SettingError),
        ({"emotion": {"happy": 10**400}}, GuidanceError),
        ({"finishing": settings.Finishing(seed=-1)}, SettingError),
        ({"finishing": settings.Finishing(smoothing={"brow": 4})}, SettingError),
        ({"finishing": settings.Finishing(amounts={"ears": 1.0})}, SettingError),
        ({"finishing": settings.Finishing(amounts={"drift": 2.1})}, SettingError),
    ],
)
def test_what_is_wrong_is_refused_before_any_work(wrong: dict[str, Any], error: type[MedtalkError]) -> None:
    with pytest.raises(error):
        checked(Settings(**wrong))


def test_a_take_is_what_the_library_makes(tiny_bundle: Path, sound: Path) -> None:
    model = medtalk.load(tiny_bundle)
    steps = settings.Finishing(seed=4)
    asked = Settings("happy:0.5", transcript="we say it", intensity=1.2, fps=30.0, region="mouth", finishing=steps)
    asked = checked(replace(asked, span=(0.1, 0.9)))
    performance = informed(model.perform(sound, ""), asked)
    rig = take(performance, guidance_of("happy:0.5"), asked)
    expected = model.perform(sound, "we say it").decode({"happy": 0.5}, 1.2, Finishing(seed=4), "mouth").resample(30)
    np.testing.assert_array_equal(rig.values, expected.slice(0.1, 0.9).values)
    assert rig.meta["span"] == [0.1, 0.9] and rig.meta["finishing"] == asdict(Finishing(seed=4))
    with pytest.raises(SettingError, match="3 values"):
        informed(performance, checked(Settings(curve=[1.0, 1.0, 1.0])))


# --- mixtures


@pytest.fixture(scope="module")
def performance(sample: Path) -> medtalk.Performance:
    """The sample as the bundle that ships hears it."""
    return medtalk.load().perform(sample)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_mixture_is_even(performance: medtalk.Performance, share: float) -> None:
    """Some of happy shows as much of the smile; the mean vector showed 2 % at 10 % and 98 % at 90 %."""
    neutral, happy, mixed = (
        performance.decode(emotion, finishing=STILL).values[:, SMILE].mean()
        for emotion in ("neutral", "happy", {"happy": share})
    )
    assert happy - neutral > 0.05
    assert (mixed - neutral) / (happy - neutral) == pytest.approx(share, abs=0.01)


def test_a_description_and_a_label_mix(performance: medtalk.Performance) -> None:
    raw = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
    described = performance.model.guide(text="in tears")
    alone, happy = (performance.decode(what, finishing=raw).values for what in (described, "happy"))
    mixed = performance.decode(performance.model.guide("happy:0.3", text="in tears"), finishing=raw)
    closed = np.setdiff1d(np.arange(174), np.flatnonzero((alone != happy).any(0) & (alone == 0.0).all(0)))
    np.testing.assert_allclose(mixed.values[:, closed], (0.7 * alone + 0.3 * happy)[:, closed], atol=0.15)
    assert mixed.meta["guidance"] == {"text": "in tears", "weight": 0.7}
    assert sum(mixed.meta["emotion"].values()) == pytest.approx(1.0) and mixed.meta["emotion"]["happy"] >= 0.3
    same = performance.decode({described: 0.7, "happy": 0.3}, finishing=raw)
    np.testing.assert_allclose(same.values, mixed.values, atol=1e-6)


def test_weights_may_change_over_time(performance: medtalk.Performance) -> None:
    """What a timeline of guidances needs of a part."""
    fade = np.linspace(0.0, 1.0, len(performance), dtype=np.float32)

    class Fading(Labels):
        def parts(self, performance: Any) -> Any:
            calm, glad = (guidance_of(label).parts(performance)[0] for label in ("neutral", "happy"))
            return calm._replace(weight=1.0 - fade), glad._replace(weight=fade)

        def weights_of(self, performance: Any) -> dict[str, float]:
            return {}

    raw = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
    rigs = (performance.decode(what, finishing=raw) for what in ("neutral", "happy", Fading({"neutral": 1.0})))
    calm, glad, faded = (rig.values[:, SMILE] for rig in rigs)
    np.testing.assert_allclose(faded, calm + fade[:, None] * (glad - calm), atol=1e-5)


def test_mixtures_that_make_no_sense() -> None:
    for labels in ("happy", "happy:0.6,sad:0.4", {"happy": 2}):
        with pytest.raises(GuidanceError, match="leaves no weight"):
            beside(Voice(), labels)
    with pytest.raises(GuidanceError, match="must be a finite number"):
        guidance_of({Voice(): -1.0, "happy": 0.5})
    mixture = guidance_of({Voice(): 1, "happy": 3})
    assert isinstance(mixture, Mixture) and [weight for _, weight in mixture.members] == [0.25, 0.75]
    assert beside(Voice(), {"happy": 0}) == Voice()
    half: Any = np.float32(0.5)
    assert guidance_of({"happy": half}) == Labels({"happy": 0.5, "neutral": 0.5})
    with pytest.raises(GuidanceError, match="too large"):
        guidance_of({Description("a", {"sad": 1.0}, 1.0): 1e308, Voice(): 1e308})


def test_what_a_rig_says_of_a_mixture() -> None:
    tears, rage = Description("in tears", {"sad": 1.0}, 1.3), Description("furious", {"angry": 1.0}, 0.8, "A note.")
    one = guidance_of({beside(tears, "happy:0.3"): 0.5, "sad": 0.5})
    assert one.meta() == {"guidance": {"text": "in tears", "weight": pytest.approx(0.35)}, "strength": 1.3, "note": ""}
    two = guidance_of({tears: 0.5, rage: 0.25, Voice(): 0.25}).meta()
    assert two["note"] == "A note." and two["guidance"]["mixture"] == [
        {"text": "in tears", "strength": 1.3, "weight": 0.5},
        {"text": "furious", "strength": 0.8, "weight": 0.25},
        {"voice": "auto", "weight": 0.25},
    ]


# --- knobs that do not exist yet


@dataclass(frozen=True)
class Tomorrow:
    """What the next knobs may look like."""

    head_turn: float | None = settings.knob(None, "An optional number.", limits=(-1.0, 1.0))
    eye_contact: bool = settings.knob(True, "Two words.")
    mood_at_end: str = settings.knob("fade", "A choice.", choices=("fade", "hold"))
    gains: Mapping[str, int] = settings.knob({}, "A mapping.")


def test_knobs_of_other_kinds_are_read() -> None:
    found = {knob.name: knob for knob in settings.knobs(Tomorrow)}  # type: ignore[arg-type]
    head, eyes, mood = found["head_turn"], found["eye_contact"], found["mood_at_end"]
    assert (head.kind, head.optional, head.default, head.limits) == (float, True, None, (-1.0, 1.0))
    assert (eyes.kind, eyes.optional, mood.choices) == (bool, False, ("fade", "hold"))
    assert found["gains"].default == {} and Tomorrow().gains is not Tomorrow().gains
    option = _option(head)
    assert option.annotation.__origin__ == float | None and option.default is None
    assert _option(eyes).annotation.__metadata__[0].default == "--eye-contact/--no-eye-contact"


@pytest.mark.parametrize(
    "wrong",
    [
        {"fps": True}, {"fps": "60"}, {"intensity": 10**400}, {"finishing": settings.Finishing(seed=1.7)},  # type: ignore[arg-type]
        {"finishing": settings.Finishing(blink="no")}, {"finishing": settings.Finishing(smoothing={"brow": 5.9})},  # type: ignore[arg-type,dict-item]
        {"finishing": settings.Finishing(seed=math.inf)}, {"region": 5}, {"language": 5},  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_nothing_is_lost_on_the_way(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="wrong type"):
        body_of(Settings(**wrong))
