"""The page of `medtalk preview` in a browser: it loads from a file, asks for nothing, plays, and draws what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import median_filter

from medtalk.face.packed import Fact, Mark, pack_sound, pack_take
from medtalk.face.page import write_page
from medtalk.rig import RigSequence, Timed, indices
from medtalk.rig.channels import MAXIMUM, MINIMUM
from medtalk.rig.head import load_head
from tests.helpers.browser import Browser

P, AA = Timed("p", 0.5, 0.7), Timed("aa", 1.0, 1.5)
NO_WEBGL = """
const { getContext } = HTMLCanvasElement.prototype;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind === "webgl2" ? null : getContext.call(this, kind, ...more);
};
"""


def speaking(smile: float = 0.0, seconds: float = 2.0, **facts: Any) -> RigSequence:
    """An open jaw all the time, and lips that close for the p."""
    values = np.zeros((round(60 * seconds), 174), np.float32)
    values[:, indices("C_jaw.Y")] = 0.5
    values[30:42, indices("?_mouth_lipsTogether?")] = 1.0
    values[:, indices("?_mouth_cornerPull")] = smile
    values[:, indices("?_brow_down")] = np.linspace(0.0, 0.8, len(values))[:, None]
    return RigSequence(values, 60, facts, (Timed("pa", 0.5, 1.5),), (P, AA))


def written(folder: Path, *takes: bytes, sound: Path | None = None) -> Path:
    return write_page(folder / "page.html", takes, pack_sound(sound) if sound else None, "takes")


def mouth(page: Any) -> np.ndarray:
    """(H, W, 3) the pixels between nose and chin, as the canvas holds them."""
    pixels, width = page.evaluate("""() => {
      player.draw();
      const { gl, canvas } = player.stage, [x, y] = [0.43, 0.2], [w, h] = [0.14, 0.22];
      const box = [x * canvas.width, y * canvas.height, w * canvas.width, h * canvas.height].map(Math.round);
      const pixels = new Uint8Array(4 * box[2] * box[3]);
      gl.readPixels(...box, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      return [Array.from(pixels), box[2]];
    }""")
    return np.array(pixels, np.uint8).reshape(-1, width, 4)[::-1, :, :3]


def inside(pixels: np.ndarray) -> int:
    """How many pixels are as dark a red as the inside of a mouth."""
    return int((pixels[:, :, 1] < 70).sum())


def cheek(page: Any, left: float) -> np.ndarray:
    """(H, W) how light the pixels of a cheek are that begins there, a part of the canvas's width."""
    pixels, width = page.evaluate(
        """(left) => {
          player.draw();
          const { gl, canvas } = player.stage;
          const parts = [left * canvas.width, 0.34 * canvas.height, 0.045 * canvas.width, 0.16 * canvas.height];
          const box = parts.map(Math.round);
          const pixels = new Uint8Array(4 * box[2] * box[3]);
          gl.readPixels(...box, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
          return [Array.from(pixels), box[2]];
        }""",
        left,
    )
    return np.array(pixels).reshape(-1, width, 4)[:, :, :3].sum(axis=2)


def beyond(page: Any, selector: str) -> list[str]:
    """The texts of what is seen there and runs off the right edge of the page."""
    return page.evaluate(
        """(selector) => Array.from(document.querySelectorAll(selector))
          .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 0.5)
          .map((each) => each.textContent)""",
        selector,
    )


def test_it_loads_from_a_file_and_asks_for_nothing(browser: Browser, sound: Path, tmp_path: Path) -> None:
    take = pack_take(speaking(emotion={"happy": 1.0}), "line")
    with browser.open(written(tmp_path, take, sound=sound)) as page:
        assert page.title() == "takes"
        assert page.locator(".card .title").inner_text() == "line"
        assert "happy 1" in page.locator(".card").inner_text()
        assert page.locator(".note").is_hidden() and page.locator(".blank").is_hidden()
        assert mouth(page).std() > 10.0, "a face is drawn"


def test_the_moods_of_a_timeline_are_shown(browser: Browser, sound: Path, tmp_path: Path) -> None:
    spans = [
        {"start": 0.25, "end": 0.75, "emotion": {"angry": 0.6, "sad": 0.4}, "intensity": 1.5},
        {"start": 1.0, "text": "close to tears"},
    ]
    with browser.open(written(tmp_path, pack_take(speaking(timeline=spans), "line"), sound=sound)) as page:
        assert page.evaluate("player.timeline.shown.map(({ name }) => name)")[1:4] == ["sound", "moods", "words"]
        assert page.evaluate("player.takes[0].moods") == [
            {"text": "angry 0.6, sad 0.4 ×1.5", "start": 0.25, "end": 0.75},
            {"text": "close to tears", "start": 1, "end": 2},
        ]
        box = page.locator(".lanes canvas").bounding_box()
        assert box is not None
        at = page.evaluate("GUTTER + player.timeline.span.x(1.5)")
        page.mouse.move(box["x"] + at, box["y"] + 18 + 54 + 10)
        assert page.locator(".lanes canvas").get_attribute("title") == "close to tears  1.00 to 2.00 s"
        page.mouse.click(box["x"] + at, box["y"] + 18 + 54 + 10)  # plays it, as a word does
        assert page.evaluate("[player.playing, player.once]") == [True, 2]


def test_the_sound_is_the_clock_and_the_face_follows(browser: Browser, sound: Path, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(), "line"), sound=sound), 500, 400) as page:
        page.evaluate("""() => {
          window.drawn = [], window.heard = [];
          player.addEventListener("drawn", ({ detail }) => drawn.push([detail.time, detail.frames[0]]));
          setInterval(() => player.playing && heard.push([player.clock.time(), player.clock.audio.currentTime]), 10);
        }""")
        page.keyboard.press("Space")
        page.wait_for_selector("button[title^='Pause']", state="attached")
        page.wait_for_selector("button[title^='Play (']", state="attached")
        times, frames = np.array(page.evaluate("drawn")).T
        shown, heard = np.array(page.evaluate("heard")).T
        assert page.evaluate("player.time") == pytest.approx(2.0)
    assert (np.diff(times) >= 0.0).all() and len(np.unique(times)) > 5
    assert np.array_equal(frames, np.minimum(np.floor(times * 60.0 + 1e-3), 119))
    middle = (shown > 0.5) & (shown < 1.8)
    assert np.median(np.abs(shown - heard)[middle]) < 1.0 / 60.0


def test_a_coarse_clock_is_followed_within_a_frame(browser: Browser, tmp_path: Path) -> None:
    """For five minutes, by a sound that tells its time every 46 ms and runs .02 % fast."""
    with browser.open(written(tmp_path, pack_take(speaking(), "line"))) as page:
        errors, back = page.evaluate("""() => {
          let now = 0, back = 0;
          const errors = [], clock = new Clock();
          performance.now = () => now;
          const sound = () => (now / 1000) * 1.0002;
          clock.audio = { get currentTime() { return Math.floor(sound() / 0.0464) * 0.0464; }, play: async () => {} };
          [clock.length, clock.soundSeconds, clock.playing] = [1000, 1000, true];
          for (let last = 0; now < 300000; now += 16.7) {
            const time = clock.time();
            if (time < last) back++;
            last = time;
            if (now > 1000) errors.push(Math.abs(time - sound()));
          }
          return [Math.max(...errors), back];
        }""")
    assert errors < 1.0 / 60.0 and back == 0


def test_scrubbing_and_steps(browser: Browser, sound: Path, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(), "line"), sound=sound)) as page:
        box = page.locator(".scrub").bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert page.evaluate("player.time") == pytest.approx(1.0, abs=0.01)
        page.evaluate("player.seek(1)")
        for keys, frame in (
            ("ArrowRight", 61),
            ("ArrowRight", 62),
            ("ArrowLeft", 61),
            ("Shift+ArrowLeft", 1),
            ("End", 119),
            ("Home", 0),
        ):
            page.keyboard.press(keys)
            assert page.evaluate("player.takes[0].frameAt(player.time)") == frame, keys
        assert page.locator(".now").inner_text() == "0:00.000"
        page.keyboard.press("?")
        assert page.locator(".help").is_visible()


def test_lips_are_closed_at_a_p_and_open_at_a_vowel(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(), "line"))) as page:
        page.evaluate("player.seek(0.6)")
        closed = inside(mouth(page))
        page.evaluate("player.seek(1.2)")
        opened = inside(mouth(page))
    assert closed < 0.3 * opened and opened > 500, (closed, opened)


def test_the_head_is_posed_as_in_python(browser: Browser, tmp_path: Path) -> None:
    head, random = load_head(), np.random.default_rng(13)
    values = random.uniform(MINIMUM, MAXIMUM, (12, 174)).astype(np.float32)
    values[:6] *= random.uniform(size=(6, 174)) < 0.2
    turns = random.uniform(-30.0, 30.0, (12, 3))
    with browser.open(written(tmp_path, pack_take(speaking(), "line"))) as page:
        made = page.evaluate(
            """([values, turns]) => values.map((each, i) => {
              const { head } = player.stage, placed = head.pose(Float32Array.from(each), undefined, turns[i]);
              return [Array.from(placed), Array.from(head.normals(placed)), head.gap(placed)];
            })""",
            [values.tolist(), turns.tolist()],
        )
    placed = head.pose(values, turns)
    assert np.abs(np.array([each[0] for each in made]).reshape(placed.shape) - placed).max() < 0.05
    normals = head.normals(placed)
    assert np.abs(np.array([each[1] for each in made]).reshape(placed.shape) - normals).max() < 0.01
    lips = placed[:, head.marks["lip_upper"]] - placed[:, head.marks["lip_lower"]]
    assert np.allclose([each[2] for each in made], np.linalg.norm(lips, axis=-1).max(axis=1), atol=0.01)


def test_the_head_turns_and_its_curves_are_degrees(browser: Browser, tmp_path: Path) -> None:
    rig, head = speaking(), load_head()
    turn = np.linspace((-12.0, 6.0, 0.0), (9.0, -8.0, -5.0), len(rig))
    with browser.open(written(tmp_path, pack_take(replace(rig, head=turn), "line"))) as page:
        page.evaluate("player.seek(1)")
        drawn = np.array(page.evaluate("Array.from(player.stage.positions)")).reshape(-1, 3)
        rows = page.evaluate("player.curves.rows.filter(({ area }) => area === 'head').map(({ name }) => name)")
    assert np.abs(drawn - head.pose(rig.values[60], turn[60])).max() < 0.05
    assert rows == ["HeadYaw", "HeadPitch", "HeadRoll"]
    with browser.open(written(tmp_path, pack_take(rig, "line"))) as page:
        page.evaluate("player.seek(1)")
        still = np.array(page.evaluate("Array.from(player.stage.positions)")).reshape(-1, 3)
        assert page.evaluate("player.curves.rows.every(({ area }) => area !== 'head')")
        assert "174" not in page.locator(".told").inner_text()
    assert np.abs(still - head.pose(rig.values[60])).max() < 0.05


def test_a_difference_is_that_of_faces_and_not_of_heads(browser: Browser, tmp_path: Path) -> None:
    takes = [pack_take(replace(speaking(), head=np.full((120, 3), angle)), str(angle)) for angle in (0.0, 10.0)]
    with browser.open(written(tmp_path, *takes)) as page:
        page.locator("button.mode", has_text="difference").click()
        assert page.evaluate("player.largest") == 0


def test_values_arrive_within_their_tolerance(browser: Browser, tmp_path: Path) -> None:
    values = np.random.default_rng(3).uniform(MINIMUM, MAXIMUM, (50, 174)).astype(np.float32)
    values[:, ::3] *= 0.01
    values[:, 7] = 0.0
    with browser.open(written(tmp_path, pack_take(RigSequence(values), "line"))) as page:
        seen = page.evaluate(
            "Array.from({length: 50}, (_, t) => Array.from(player.takes[0].values(t, new Float32Array(174))))"
        )
    assert np.abs(np.array(seen) - values).max() < 0.002


def test_without_webgl2_there_is_a_line_and_the_curves(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(), "line")), before=NO_WEBGL) as page:
        assert "no WebGL2" in page.locator(".blank").inner_text()
        page.evaluate("player.seek(1)")
        drawn = page.evaluate("""() => {
          const { canvas } = player.curves.surface;
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.some((value, i) => i % 4 === 3 && value > 0);
        }""")
        assert drawn and page.locator(".now").inner_text() == "0:01.000"


def test_hostile_names_are_text(browser: Browser, tmp_path: Path) -> None:
    bad = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    rig = RigSequence(
        np.zeros((60, 174)), 60, {bad: bad, "emotion": {bad: 1.0}}, (Timed(bad, 0.0, 0.5),), (Timed(bad, 0.0, 0.5),)
    )
    take = pack_take(rig, bad, marks=[Mark(0.1, 0.2, bad, bad)], summary=[Fact(bad, bad, bad)])
    path = write_page(tmp_path / "page.html", [take, take], None, bad)
    with browser.open(path) as page:
        assert page.title() == bad and page.evaluate("window.hacked") is None
        assert page.locator("img").count() == 0
        assert page.locator(".card .title span").first.inner_text() == bad


def test_takes_beside_each_other_and_their_difference(browser: Browser, tmp_path: Path) -> None:
    takes = [pack_take(speaking(smile), name) for smile, name in ((0.0, "calm"), (0.9, "smiling"))]
    with browser.open(written(tmp_path, *takes)) as page:
        assert page.locator(".label").all_inner_texts() == ["calm", "smiling"]
        page.locator("button.mode", has_text="difference").click()
        assert page.locator(".label").all_inner_texts() == ["smiling against calm"]
        head = load_head()
        one, other = (head.pose(speaking(smile).values[60]) for smile in (0.9, 0.0))
        page.evaluate("player.seek(1)")
        assert page.evaluate("player.largest") == pytest.approx(np.linalg.norm(one - other, axis=1).max(), abs=0.05)
        assert page.evaluate("player.curves.rows.slice(0, 2).map(({ name }) => name).sort()") == [
            "L_mouth_cornerPull",
            "R_mouth_cornerPull",
        ]
        page.keyboard.press("1")
        assert page.evaluate("[player.selected, player.mode]") == [0, "difference"]


def test_a_take_is_replaced_in_its_place(browser: Browser, tmp_path: Path) -> None:
    """What the studio does after every change."""
    calm, angry = (pack_take(speaking(), name) for name in ("calm", "angry"))
    with browser.open(written(tmp_path, calm)) as page:
        page.evaluate("player.seek(1.25), player.setSpan(1, 1.5)")
        page.evaluate("async (bytes) => player.replaceTake(0, await Take.read(Uint8Array.from(bytes)))", list(angry))
        assert page.evaluate("[player.time, player.span, player.takes[0].name]") == [1.25, [1, 1.5], "angry"]
        assert page.locator(".card .title").inner_text() == "angry"


def place(page: Any, seconds: float, lane: int) -> tuple[float, float]:
    """Where a time of a lane is on the page: 1 is the waveform, 2 the words, 3 the phones."""
    left, top, heights = page.evaluate("""(seconds) => {
      const { timeline } = player, box = timeline.element.getBoundingClientRect();
      return [box.left + GUTTER + timeline.span.x(seconds), box.top, timeline.shown.map(({ height }) => height)];
    }""", seconds)  # fmt: skip
    return left, top + sum(heights[:lane]) + heights[lane] / 2


def test_a_phone_is_played_alone(browser: Browser, sound: Path, tmp_path: Path) -> None:
    take = pack_take(speaking(), "line", marks=[Mark(0.55, 0.65, "missing", "the lips stay 3 mm apart")])
    with browser.open(written(tmp_path, take, sound=sound)) as page:
        page.mouse.click(*place(page, 0.6, 3))
        page.wait_for_selector("button[title^='Pause']", state="attached")
        page.wait_for_selector("button[title^='Play (']", state="attached")
        assert page.evaluate("player.time") == pytest.approx(0.7)
        page.mouse.move(*place(page, 0.61, 3))
        assert page.locator(".lanes canvas").get_attribute("title") == "p  0.50 to 0.70 s\nthe lips stay 3 mm apart"
        page.keyboard.press("i")
        page.locator(".mark").click()
        assert page.evaluate("player.time") == pytest.approx(0.55)


def test_a_part_is_looped(browser: Browser, sound: Path, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(), "line"), sound=sound), 600, 500) as page:
        page.mouse.move(*place(page, 0.5, 1))
        page.mouse.down()
        page.mouse.move(*place(page, 0.7, 1))
        page.mouse.move(*place(page, 0.8, 1))
        page.mouse.up()
        assert page.evaluate("player.span") == pytest.approx([0.5, 0.8], abs=0.01)
        page.evaluate("window.times = [], player.addEventListener('drawn', () => times.push(player.time)), undefined")
        page.keyboard.press("Space")
        page.wait_for_timeout(1500)
        times: Sequence[float] = page.evaluate("times")
        page.keyboard.press("l")
        assert page.evaluate("player.span") is None
    assert (np.diff(times) < -0.1).any(), "it went back"
    assert min(times) > 0.45 and max(times) < 1.0


def test_a_sound_of_another_length_is_named(browser: Browser, sound: Path, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(seconds=3.0), "line"), sound=sound)) as page:
        assert page.locator(".note").inner_text() == (
            "The sound lasts 2.00 s and the rig 3.00 s. Both start together, neither is stretched."
        )
        assert page.evaluate("player.duration") == 3


def test_an_hour_of_curves_stays_usable(browser: Browser, tmp_path: Path) -> None:
    frames = 216_000
    values = np.zeros((frames, 174), np.float32)
    values[:, :40] = np.abs(np.sin(np.arange(frames)[:, None] * np.linspace(0.01, 0.1, 40)))
    phones = tuple(Timed("aa", t, t + 0.2) for t in np.arange(0.0, 3599.0, 0.25))
    take = pack_take(
        RigSequence(values, 60, {}, phones, phones), "hour", marks=[Mark(t, t + 0.1, "false", "x") for t in range(500)]
    )
    with browser.open(written(tmp_path, take)) as page:
        assert page.evaluate("document.querySelectorAll('*').length") < 1000
        assert page.locator(".more").inner_text() == "and 440 more, marked under the phones"
        page.evaluate("player.seek(3000), player.timeline.span.show(2999, 3001), player.redraw()")
        assert page.evaluate("player.takes[0].frameAt(player.time)") == 180_000


def test_a_slow_machine_draws_fewer_pixels_while_it_plays(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(), "line"))) as page:
        widths = page.evaluate("""() => {
          const { stage } = player, width = () => stage.canvas.width, widths = [width()];
          for (let i = 0; i < 100; i++) stage.hurry(16);
          widths.push(width());
          for (let i = 0; i < 100; i++) stage.hurry(120);
          widths.push(width());
          stage.rest();
          return [...widths, width()];
        }""")
    assert widths[0] == widths[1] == widths[3] and 0.35 * widths[0] < widths[2] < 0.5 * widths[0]


def test_skin_has_no_specks(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(smile=0.8), "line")), 1400, 900) as page:
        for left in (0.41, 0.545):
            skin = cheek(page, left)
            assert skin.min() > 150, "it is skin, and nothing else"
            assert (skin > median_filter(skin, 5) - 60).all()


@pytest.mark.parametrize(("screen", "drawn"), [(1, 1.5), (2, 2), (3, 2)])
def test_more_pixels_are_drawn_than_are_seen(browser: Browser, tmp_path: Path, screen: int, drawn: float) -> None:
    ratio = f"Object.defineProperty(window, 'devicePixelRatio', {{ value: {screen} }})"
    with browser.open(written(tmp_path, pack_take(speaking(), "line")), 500, 400, ratio) as page:
        wide, seen = page.evaluate("[player.stage.canvas.width, player.stage.canvas.clientWidth]")
        assert wide == pytest.approx(drawn * seen, abs=1)


def test_a_narrow_screen_shows_all_of_it(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, pack_take(speaking(), "a"), pack_take(speaking(0.5), "b")), 390, 800) as page:
        assert beyond(page, ".face, .bar > *, .finder > *, .time") == []
        page.click("[title='Panel (I)']")
        assert page.locator(".side").is_visible() and beyond(page, ".side *") == []
        page.click("[title='Panel (I)']")
        page.click("[title='Keys (?)']")
        assert beyond(page, ".help *") == []


def test_long_names_and_values_do_not_overlap(browser: Browser, tmp_path: Path) -> None:
    facts: dict[str, Any] = {"k" * 60: "v" * 90, "note of the one who spoke it " * 3: "loud"}
    with browser.open(written(tmp_path, pack_take(speaking(**facts), "line")), 1200, 700) as page:
        assert "k" * 60 in page.locator(".card").inner_text()
        wide = "Array.from(document.querySelectorAll('dt, dd')).filter((each) => each.scrollWidth > each.clientWidth)"
        assert page.evaluate(f"{wide}.map((each) => each.textContent)") == []
