"""The studio in a browser: a control moves and the face is another one; sounds come in, takes go out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.limits import ServiceLimits
from medtalk.perform import VOICE, Model
from medtalk.rig import RIG_ENDINGS, read_rig
from medtalk_wire.settings import Finishing, Settings, knobs
from tests.helpers.browser import Browser, Seen
from tests.helpers.studios import Studio

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
OPEN_VOWEL = 1.25
"""Seconds into the sample, where somebody speaks."""


@pytest.fixture(scope="module")
def model() -> Model:
    """The model that ships, on one core."""
    return medtalk.load(threads=1)


@pytest.fixture
def open_page(browser: Browser, model: Model, sample: Path) -> Iterator[Open]:
    """Opens tabs of one studio, which begins with the sample; in the end no tab may have complained of anything but a
    setting that the engine refused."""
    with Studio(model, sample, ServiceLimits.parse(["max_bytes=2000000"])) as studio:
        seen: list[Seen] = []

        def open_page() -> Page:
            seen.append(browser.open(studio.address, 1000, 560, own=studio.origin))
            page = seen[-1].page
            page.uncheck("[name=plays]")
            return page

        yield open_page
        for each in seen:
            each.complaints = [line for line in each.complaints if "status of 4" not in line]
            with each:
                pass


@pytest.fixture
def page(open_page: Open) -> Page:
    """A tab, at rest at an open vowel."""
    page = open_page()
    page.evaluate("(time) => studio.player.seek(time)", OPEN_VOWEL)
    return page


def face(page: Page) -> np.ndarray:
    """(H, W, 3) what is drawn of the face now."""
    pixels, width = page.evaluate("""() => {
      const { player } = studio;
      player.stage.rest();
      player.draw();
      const { gl, canvas } = player.stage;
      const pixels = new Uint8Array(4 * canvas.width * canvas.height);
      gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      return [btoa(Array.from(pixels, (each) => String.fromCharCode(each)).join("")), canvas.width];
    }""")
    return np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(-1, width, 4)[::-1, :, :3]


def moved(one: np.ndarray, other: np.ndarray) -> int:
    """How many pixels differ so that one sees it."""
    return int((np.abs(one.astype(int) - other.astype(int)).max(axis=2) > 24).sum())


def taken(page: Page, act: Callable[[], object]) -> None:
    """Do something, and wait for the take that it gives."""
    page.evaluate("""() => {
      const told = ({ detail }) => (document.documentElement.dataset.taken = detail.milliseconds);
      delete document.documentElement.dataset.taken;
      document.addEventListener("taken", told, { once: true });
    }""")
    act()
    page.wait_for_selector("html[data-taken]")


def until(page: Page, true: str) -> None:
    """Wait until a piece of JavaScript is true; the page's own policy forbids Playwright's way to do that."""
    for _ in range(600):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {true}")


def slide(page: Page, name: str, value: int) -> None:
    page.locator(f".moods input[name={name}]").fill(str(value))


def settings(page: Page) -> Any:
    return page.evaluate("studio.history.now")


def message(page: Page) -> str:
    return page.locator(".message").inner_text()


def test_a_slider_moves_and_the_face_is_another_one(page: Page) -> None:
    before = face(page)
    assert before.std() > 10.0, "a face is drawn"
    assert moved(before, face(page)) == 0
    taken(page, lambda: slide(page, "angry", 100))
    after = face(page)
    assert moved(before, after) > 300
    brows = slice(len(before) // 4, len(before) // 2)
    assert moved(before[brows], after[brows]) > 60
    assert page.locator(".row:has(input[name=angry]) output").inner_text() == "50 %"  # neutral was 100
    taken(page, lambda: page.click("button.name:text-is('sad')"))
    assert settings(page)["weights"] == {"sad": 1}
    assert page.locator(".card").inner_text().count("sad 1") == 1
    assert moved(after, face(page)) > 300


def test_the_take_keeps_its_time_and_goes_on_playing(page: Page) -> None:
    page.evaluate("studio.player.setSpan(1, 2); studio.player.play()")
    taken(page, lambda: page.click("button.name:text-is('happy')"))
    assert page.evaluate("studio.player.playing")
    assert page.evaluate("studio.player.span") == [1, 2]
    page.evaluate("studio.player.pause(); studio.player.setSpan(null)")
    time = page.evaluate("studio.player.time")
    taken(page, lambda: page.click("button.name:text-is('sad')"))
    assert page.evaluate("[studio.player.playing, studio.player.time]") == [False, time]
    page.check("[name=plays]")
    taken(page, lambda: page.click("button.name:text-is('fear')"))
    assert page.evaluate("studio.player.playing")


def test_undo_and_redo(page: Page) -> None:
    neutral = face(page)
    taken(page, lambda: slide(page, "happy", 100))
    happy = face(page)
    for step in (20, 60, 100):  # one gesture
        taken(page, lambda step=step: page.evaluate("(x) => studio.change({ intensity: x }, 'intensity')", step / 50))
    page.evaluate("studio.rest()")
    taken(page, lambda: page.keyboard.press("Control+z"))
    assert settings(page)["intensity"] == 1
    assert moved(happy, face(page)) == 0
    taken(page, lambda: page.click(".toolbar >> text='Undo'"))
    assert moved(neutral, face(page)) == 0
    assert page.locator(".toolbar >> text='Undo'").is_disabled()
    taken(page, lambda: page.keyboard.press("Control+Shift+z"))
    assert moved(happy, face(page)) == 0
    taken(page, lambda: page.click(".toolbar >> text='Redo'"))
    assert settings(page)["intensity"] == 2
    assert page.locator(".toolbar >> text='Redo'").is_disabled()


def test_a_and_b_at_the_same_time(page: Page) -> None:
    taken(page, lambda: page.click("button.name:text-is('angry')"))
    angry = face(page)
    page.keyboard.press("k")
    taken(page, lambda: page.click("button.name:text-is('happy')"))
    happy = face(page)
    assert moved(angry, happy) > 300
    page.keyboard.press("x")
    assert moved(angry, face(page)) == 0
    assert page.evaluate("studio.player.time") == pytest.approx(OPEN_VOWEL)
    page.keyboard.press("x")
    assert moved(happy, face(page)) == 0
    page.keyboard.press("x")
    taken(page, lambda: slide(page, "sad", 50))  # changes go on in B
    assert page.evaluate("studio.player.selected") == 1
    page.keyboard.press("x")
    assert moved(angry, face(page)) == 0
    page.click("[title='Forget A']")
    assert page.evaluate("studio.player.takes.length") == 1
    assert page.locator(".compared").is_hidden()


def test_an_intensity_that_is_drawn(page: Page) -> None:
    taken(page, lambda: page.click("button.name:text-is('angry')"))
    before = face(page)
    heard = np.array(page.evaluate("Array.from(studio.heard)"), np.float32)
    box = page.locator(".lanes canvas").bounding_box()
    assert box is not None
    lane = page.evaluate("""() => {
      const { timeline } = studio.player;
      const top = timeline.shown.slice(0, -1).reduce((sum, { height }) => sum + height, 0);
      return { top, x: [1, 2].map((time) => GUTTER + timeline.span.x(time)) };
    }""")
    left, right = (box["x"] + x for x in lane["x"])
    low = box["y"] + lane["top"] + 52

    def draw() -> None:
        page.mouse.move(left, low)
        page.mouse.down()
        page.mouse.move(right, low, steps=4)
        page.mouse.up()

    taken(page, draw)
    page.wait_for_timeout(300)
    curve = np.array(page.evaluate("Array.from(studio.history.now.curve)"))
    assert curve[65:115].max() < 0.2 < heard.max()
    assert np.array_equal(curve[:55], heard[:55]) and np.array_equal(curve[130:], heard[130:])
    assert moved(before, face(page)) > 100, "the anger goes where the curve is low"
    assert page.evaluate("studio.history.before.length") == 2, "one stroke is one step"
    taken(page, lambda: page.click("text=Curve as heard"))
    assert settings(page)["curve"] is None and moved(before, face(page)) == 0


def spans(page: Page) -> Any:
    return settings(page)["timeline"]


def drag(page: Page, start: float, end: float) -> None:
    """Drag the mouse in the lane of moods, from one second to another."""
    box = page.locator(".lanes canvas").bounding_box()
    assert box is not None
    lane = page.evaluate(
        """(times) => {
          const { timeline } = studio.player;
          const before = timeline.shown.slice(0, timeline.shown.findIndex(({ name }) => name === "moods"));
          const top = before.reduce((sum, { height }) => sum + height, 0);
          return { y: top + 12, x: times.map((time) => GUTTER + timeline.span.x(time)) };
        }""",
        [start, (start + end) / 2, end],
    )
    x, y = [box["x"] + each for each in lane["x"]], box["y"] + lane["y"]
    page.mouse.move(x[0], y)
    page.mouse.down()
    page.mouse.move(x[1], y)
    page.mouse.move(x[2], y)
    page.mouse.up()


def test_a_mood_is_dragged_over_a_part_of_the_sound(page: Page) -> None:
    neutral = face(page)
    taken(page, lambda: drag(page, 0.8, 2.0))
    (span,) = spans(page)
    assert [span["start"], span["end"]] == pytest.approx([0.8, 2.0], abs=0.03) and span["emotion"] == "angry"
    until(page, "studio.take.meta.timeline?.[0].end === studio.history.now.timeline[0].end")
    angry = face(page)
    assert moved(neutral, angry) > 300
    page.evaluate("studio.player.seek(3.2)")
    after = face(page)
    taken(page, lambda: page.locator("[name='span.emotion']").select_option("happy"))
    assert moved(after, face(page)) < 60, "behind its end the face is the same, and the head comes back slowly"
    page.evaluate("(time) => studio.player.seek(time)", OPEN_VOWEL)
    assert moved(angry, face(page)) > 300
    taken(page, lambda: page.keyboard.press("Control+z"))
    assert moved(angry, face(page)) == 0
    taken(page, lambda: page.keyboard.press("Control+z"))
    assert spans(page) is None and moved(neutral, face(page)) == 0, "a drag is one step"


def test_edges_and_spans_are_moved(page: Page) -> None:
    taken(page, lambda: drag(page, 0.8, 2.0))
    taken(page, lambda: drag(page, 2.0, 3.0))
    assert spans(page)[0]["end"] == pytest.approx(3.0, abs=0.05) and len(spans(page)) == 1
    taken(page, lambda: drag(page, 0.8, 1.2))
    assert spans(page)[0]["start"] == pytest.approx(1.2, abs=0.05)
    taken(page, lambda: drag(page, 2.0, 1.5))  # the whole of it
    assert [spans(page)[0][edge] for edge in ("start", "end")] == pytest.approx([0.7, 2.5], abs=0.1)
    taken(page, lambda: drag(page, 1.5, 0.0))  # no further than the sound goes
    assert spans(page)[0]["start"] == 0.0 and spans(page)[0]["end"] == pytest.approx(1.8, abs=0.1)
    taken(page, lambda: drag(page, 1.8, -1.0))
    assert spans(page)[0]["end"] == pytest.approx(0.1), "an end is behind the start"
    taken(page, lambda: page.keyboard.press("Delete"))
    assert spans(page) is None and page.locator("[name='span.emotion']").is_hidden()


def test_moods_over_time_by_the_keyboard(page: Page) -> None:
    page.locator("summary:text-is('Moods over time')").press("Enter")
    add = page.locator("button:text-is('Add a mood')")
    taken(page, lambda: add.press("Enter"))
    assert [spans(page)[0][edge] for edge in ("start", "end")] == pytest.approx([OPEN_VOWEL, OPEN_VOWEL + 1])
    for name, value in (("start", 0.5), ("end", 2.5), ("intensity", 2), ("fade", 0.2)):
        field = page.locator(f"[name='span.{name}']")
        field.fill(str(value))
        taken(page, lambda field=field: field.press("Enter"))
    page.locator("[name='span.end']").fill("99")
    taken(page, lambda: page.locator("[name='span.end']").press("Enter"))
    assert spans(page) == [{"start": 0.5, "end": 4.86, "emotion": "angry", "intensity": 2, "fade": 0.2}]
    taken(page, lambda: add.press("Enter"))  # a second one that begins at the same time as none before
    assert len(spans(page)) == 2 and page.locator(".spans .chip").all_inner_texts() == ["angry ×2", "angry"]
    page.locator(".spans .chip").first.press("Enter")
    assert page.locator("[name='span.fade'] >> nth=-1").input_value() == "0.2"
    taken(page, lambda: page.locator("button:text-is('Remove')").press("Enter"))
    assert [span["intensity"] for span in spans(page)] == [1]
    assert page.evaluate("studio.take.meta.timeline.length") == 1


def test_a_description_leads(page: Page) -> None:
    taken(page, lambda: page.fill("[name=text]", "furious"))
    assert settings(page)["weights"] == {}
    assert page.locator(".written output").inner_text() == "100 %"
    assert "angry 1" in page.locator(".card").inner_text()
    taken(page, lambda: slide(page, "sad", 40))
    assert page.locator(".written output").inner_text() == "60 %"
    taken(page, lambda: slide(page, "sad", 100))
    assert page.locator(".message.error").count() == 0
    page.locator("[name=text]").focus()
    page.fill("[name=text]", "xqzt")
    page.wait_for_selector(".message.error, .message:not(:empty)")
    taken(page, lambda: page.fill("[name=text]", ""))
    assert settings(page)["text"] == ""


def test_every_knob_has_a_control_that_works(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details.section').forEach((each) => (each.open = true))")
    shown = page.evaluate("Array.from(document.querySelectorAll('[data-knob]'), (each) => each.dataset.knob)")
    own = {"emotion", "text", "image", "image_name", "curve", "timeline", "span", "persona"}
    assert sorted(shown) == sorted({knob.name for owner in (Settings, Finishing) for knob in knobs(owner)} - own)
    taken(page, lambda: page.click("[data-knob=region] button[value=upper]"))
    taken(page, lambda: page.uncheck("[name=blink]"))
    taken(page, lambda: page.locator("[name=seed]").fill("7") or page.keyboard.press("Tab"))
    taken(page, lambda: page.locator("input.number[name=intensity]").fill("1.5") or page.keyboard.press("Tab"))
    taken(page, lambda: page.locator("[name='smoothing.mouth']").fill("9") or page.keyboard.press("Tab"))
    taken(page, lambda: page.locator("[name=fps]").fill("30") or page.keyboard.press("Tab"))
    taken(page, lambda: page.locator("[name=transcript]").fill("hello there"))
    now = settings(page)
    steps = now["finishing"]
    assert (now["region"], now["intensity"], now["fps"], now["transcript"]) == ("upper", 1.5, 30, "hello there")
    assert (steps["blink"], steps["seed"], steps["smoothing"]) == (False, 7, {"mouth": 9})
    assert page.evaluate("[studio.player.takes[0].fps, studio.player.takes[0].meta.finishing.seed]") == [30, 7]
    page.locator("[name='smoothing.mouth']").fill("8")
    page.keyboard.press("Tab")
    page.wait_for_selector(".message.error")
    assert message(page).startswith("The smoothing window 8 of mouth is not valid; valid are odd numbers")


def drop(page: Page, name: str, data: bytes) -> None:
    page.set_input_files("input[name=sound]", files=[{"name": name, "mimeType": "audio/wav", "buffer": data}])


def test_a_sound_comes_in_and_a_broken_one_changes_nothing(page: Page, long_sound: Path) -> None:
    before = face(page)
    for name, data, reason in (
        ("notes.wav", b"no sound", "notes.wav"),
        ("cut.wav", long_sound.read_bytes()[:100_000], "is cut"),
        ("endless.wav", bytes(2_000_001), "the limit is 2000000"),
    ):
        page.evaluate("studio.toolbar.say('')")
        drop(page, name, data)
        page.wait_for_selector(".message.error")
        assert reason in message(page) and "\n" not in message(page)
        assert page.locator(".toolbar .sound").inner_text() == "sample.wav"
        assert moved(before, face(page)) == 0
    drop(page, "speech.wav", long_sound.read_bytes())
    page.wait_for_selector(".toolbar .sound:text-is('speech.wav')")
    assert page.evaluate("[studio.player.duration, studio.player.takes[0].frames]") == [12, 720]
    assert message(page) == ""
    page.keyboard.press("Control+z")
    page.wait_for_selector(".toolbar .sound:text-is('sample.wav')")
    page.evaluate("(time) => studio.player.seek(time)", OPEN_VOWEL)
    assert moved(before, face(page)) == 0


def test_a_sound_is_dropped_anywhere(page: Page, sound: Path) -> None:
    page.evaluate(
        """async (data) => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
          transfer.items.add(new File([bytes], "voice.wav", { type: "audio/wav" }));
          for (const kind of ["dragover", "drop"]) {
            const event = new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
            document.querySelector(".face").dispatchEvent(event);
          }
        }""",
        base64.b64encode(sound.read_bytes()).decode(),
    )
    page.wait_for_selector(".toolbar .sound:text-is('voice.wav')")


def test_the_microphone(page: Page) -> None:
    page.click("text=Record")
    page.wait_for_selector(".level:not([hidden])")
    page.wait_for_timeout(1200)
    page.click("text=Stop")
    page.wait_for_selector(".toolbar .sound:text-is('recording 1.wav')")
    assert page.evaluate("studio.player.duration") > 0.5
    assert page.evaluate("Math.max(...studio.player.sound.high)") > 20, "the browser's test sound beeps"


def test_every_format_is_downloaded_and_reads_back(page: Page, tmp_path: Path) -> None:
    taken(page, lambda: page.click("button.name:text-is('surprised')"))
    shown = page.evaluate("Array.from(document.querySelectorAll('[data-ending]'), (each) => each.dataset.ending)")
    assert shown == [*RIG_ENDINGS, ".html"]
    for ending in shown:
        page.click(".menu summary")
        with page.expect_download() as coming:
            page.click(f"[data-ending='{ending}']")
        assert coming.value.suggested_filename == f"sample{ending}"
        coming.value.save_as(tmp_path / f"sample{ending}")
        assert (tmp_path / f"sample{ending}").stat().st_size > 1000
    rig = read_rig(tmp_path / "sample.npz")
    assert rig.meta["emotion"] == {"surprised": 1.0} and len(rig) == page.evaluate("studio.player.takes[0].frames")
    assert json.loads((tmp_path / "sample.json").read_text())["fps"] == 60


def test_the_page_that_is_exported_opens(page: Page, browser: Browser, tmp_path: Path) -> None:
    taken(page, lambda: page.click("button.name:text-is('surprised')"))
    page.click(".menu summary")
    with page.expect_download() as coming:
        page.click("[data-ending='.html']")
    coming.value.save_as(tmp_path / "sample.html")
    with browser.open(tmp_path / "sample.html") as exported:
        assert "surprised 1" in exported.locator(".card").inner_text()


def test_only_the_part_that_is_marked(page: Page, tmp_path: Path) -> None:
    page.click(".menu summary")
    assert page.locator("[name=part]").is_hidden()
    page.click(".menu summary")
    page.evaluate("studio.player.setSpan(1, 2)")
    page.click(".menu summary")
    page.check("[name=part]")
    with page.expect_download() as coming:
        page.click("[data-ending='.npz']")
    coming.value.save_as(tmp_path / "part.npz")
    assert len(read_rig(tmp_path / "part.npz")) == 60


def test_two_tabs_do_not_disturb_each_other(open_page: Open) -> None:
    pages = [open_page() for _ in range(2)]
    for page in pages:
        page.evaluate("(time) => studio.player.seek(time)", OPEN_VOWEL)
    before = face(pages[1])
    taken(pages[0], lambda: pages[0].click("button.name:text-is('angry')"))
    assert moved(before, face(pages[1])) == 0
    taken(pages[1], lambda: pages[1].click("button.name:text-is('happy')"))
    assert settings(pages[0])["weights"] == {"angry": 1} and settings(pages[1])["weights"] == {"happy": 1}


def test_only_the_last_of_many_changes_counts(page: Page) -> None:
    for value in range(0, 101, 4):
        slide(page, "happy", value)
    taken(page, lambda: slide(page, "sad", 30))
    page.wait_for_timeout(500)
    assert not page.evaluate("studio.pump.busy")
    emotion = page.evaluate("studio.player.takes[0].meta.emotion")
    assert emotion == pytest.approx({"happy": 1 / 2.3, "neutral": 1 / 2.3, "sad": 0.3 / 2.3})


def test_a_stranger_s_page_gets_nothing(open_page: Open, browser: Browser, tmp_path: Path) -> None:
    page = open_page()
    address = page.url
    stranger = tmp_path / "stranger.html"
    stranger.write_text("<!doctype html><title>stranger</title><p class=card>")
    seen = browser.open(stranger, own=address.rsplit("/", 2)[0])
    found = seen.page.evaluate(
        """async (address) => {
          const tries = { token: address + "start", none: new URL(address).origin + "/start" };
          const found = {};
          for (const [name, url] of Object.entries(tries)) {
            found[name] = await fetch(url).then((answer) => answer.text(), () => "nothing");
            const blind = fetch(url, { method: "POST", mode: "no-cors", body: "{}" });
            found[`${name} blind`] = await blind.then((answer) => answer.type, () => "nothing");
          }
          const frame = document.body.appendChild(Object.assign(document.createElement("iframe"), { src: address }));
          await new Promise((done) => frame.addEventListener("load", done));
          return { ...found, frame: Boolean(frame.contentDocument) };
        }""",
        address,
    )
    assert found.pop("frame") is False
    assert set(found.values()) == {"nothing"}
    seen.page.close()


def enter(page: Page, name: str, value: str) -> None:
    """Type a number, and leave its field."""
    page.locator(f"[name='{name}']").fill(value)
    page.keyboard.press("Tab")


def test_a_take_that_stays_is_judged(page: Page) -> None:
    page.wait_for_selector(".card dd.good")
    assert page.locator(".card .mark").count() == 0
    taken(page, lambda: enter(page, "fps", "5"))  # at which lips have no time to meet
    page.wait_for_selector(".card .mark")
    assert "missing closure" in page.locator(".card dd.look").first.inner_text()
    assert page.evaluate("studio.take.marks.length") == page.locator(".card .mark").count() > 2
    taken(page, lambda: page.click("button.name:text-is('sad')"))
    assert page.locator(".card .mark").count() == 0, "it is another take, which was not judged yet"
    page.wait_for_selector(".card .mark")


def test_a_change_comes_before_a_verdict(page: Page) -> None:
    until(page, "studio.take.summary.length > 0")
    asked = page.evaluate("""async () => {
      const { engine } = studio, asked = [], take = engine.take.bind(engine);
      engine.take = (settings, judged = false) => (asked.push([settings.intensity, judged]), take(settings, judged));
      for (let i = 1; i <= 20; i++) {
        studio.change({ intensity: 1 + i / 20 }, "intensity");
        await new Promise((done) => setTimeout(done, 100)); // two seconds in all, longer than the rest before a verdict
      }
      studio.rest();
      while (!studio.take.summary.length) await new Promise((done) => setTimeout(done, 50));
      return asked;
    }""")
    assert [each for each in asked if each[1]] == [[2, True]] and asked[-1] == [2, True]


def test_a_setting_that_is_refused_goes_back(page: Page) -> None:
    taken(page, lambda: enter(page, "fps", "30"))
    enter(page, "fps", "1000")
    page.wait_for_selector(".message.error")
    assert "valid are 1 to 240" in message(page)
    assert page.locator("[name=fps]").input_value() == "30" and settings(page)["fps"] == 30
    taken(page, lambda: page.click("button.name:text-is('sad')"))
    assert message(page) == "" and page.evaluate("studio.take.fps") == 30
    taken(page, lambda: page.keyboard.press("Control+z"))
    assert (settings(page)["fps"], settings(page)["weights"]) == (30, {"neutral": 1})
    taken(page, lambda: page.keyboard.press("Control+Shift+z"))
    page.evaluate("studio.change({ intensity: 9 }, 'intensity'); studio.change({ intensity: 10 }, 'intensity')")
    page.wait_for_selector(".message.error")
    assert settings(page)["intensity"] == 1 and page.locator("input.number[name=intensity]").input_value() == "1"


def test_words_that_are_refused_stay_while_one_writes(page: Page) -> None:
    page.evaluate("document.querySelector('[name=text]').maxLength = 1e6")
    page.locator("[name=text]").focus()
    page.fill("[name=text]", "x" * 20_000)
    page.wait_for_selector(".message.error")
    assert settings(page)["text"] == ""
    assert len(page.locator("[name=text]").input_value()) == 20_000
    page.locator(".brand").click()
    page.locator("input[name=sad]").focus()
    assert page.locator("[name=text]").input_value() == ""


def test_a_take_that_is_waited_for_says_so(model: Model, browser: Browser, sample: Path, tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000 * 600)
    soundfile.write(tmp_path / "long.wav", noise, 16000)
    with Studio(model, sample) as studio, browser.open(studio.address, own=studio.origin) as page:
        page.uncheck("[name=plays]")
        other, own = (studio.keep(path.read_bytes(), path.name) for path in (tmp_path / "long.wav", sample))
        with ThreadPoolExecutor() as pool:
            pool.submit(studio.post, "take", {"sound": other}, tab="other")  # keeps the engine busy
            while not studio.get("progress", tab="other").json["phase"]:
                page.wait_for_timeout(20)
            page.click("button.name:text-is('sad')")
            page.wait_for_selector(".message:text-is('sample.wav: waiting')")
            pool.submit(studio.post, "take", {"sound": own}, tab="other")  # ends it
            until(page, "studio.made.weights.sad === 1")
        page.wait_for_timeout(700)
        assert message(page) == ""


def test_as_heard_is_offered_where_the_weights_are(browser: Browser, sample: Path, tmp_path: Path) -> None:
    pytest.importorskip("funasr", reason="needs the extra full")
    for folder, offered in ((tmp_path, True), (tmp_path / "nowhere", False)):
        with (
            Studio(medtalk.load(threads=1, backbones={VOICE: folder}), sample) as studio,
            browser.open(studio.address, own=studio.origin) as page,
        ):
            page.evaluate("studio.engine.hears()")
            page.wait_for_timeout(100)
            assert page.locator("button.name:text-is('as heard')").is_visible() == offered


def test_a_narrow_screen_shows_all_of_it(browser: Browser, model: Model, sample: Path) -> None:
    with Studio(model, sample) as studio, browser.open(studio.address, 390, 800, own=studio.origin) as page:
        beyond = """() => Array.from(document.querySelectorAll(".toolbar > *, .bar > *, .settings *, .face, .time"))
          .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 0.5)
          .map((each) => each.textContent)"""
        assert page.evaluate(beyond) == []
        taken(page, lambda: page.click("button.name:text-is('sad')"))
        page.click(".menu summary")
        box = page.locator(".entries").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_the_engine_is_gone(browser: Browser, model: Model, sample: Path) -> None:
    with Studio(model, sample) as studio:
        seen = browser.open(studio.address, own=studio.origin)
        before = face(seen.page)
    slide(seen.page, "angry", 100)
    seen.page.wait_for_selector(".message.error")
    assert message(seen.page) == "The studio does not answer. Start it again."
    assert moved(before, face(seen.page)) == 0
    seen.page.close()
