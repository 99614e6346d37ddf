"""The face follows the microphone: how soon, through changes of the mood, and what is said where it cannot."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
import soundfile

import medtalk
from medtalk.live import Live
from medtalk.perform import Model
from medtalk.rig import CHANNEL_NAMES, read_rig
from tests.helpers.browser import Browser, Seen
from tests.helpers.studios import Studio

if TYPE_CHECKING:
    from playwright.sync_api import Page

JAW = CHANNEL_NAMES.index("CTRL_C_jaw-translateY")
RATE = 48000
VOWELS = [("sonnet", 4.45), ("jfk", 4.04), ("jfk", 8.15), ("sonnet", 8.22), ("sonnet", 15.52), ("sonnet", 18.0)]
"""Where open vowels begin in the recordings, in seconds (tests/data/phones.json)."""
LASTS, APART = 0.35, 0.75
"""Seconds of a vowel in the microphone, and of silence behind each."""
SOON = 0.2
"""Seconds within which the face follows."""
TRIES = 3
"""On a machine that is too busy; one that has more than twice as much to do as it can cannot tell how late it is."""
QUICK = 0.025, 0.025
"""Seconds of a step of the network, and from one frame that is drawn to the next, on a machine that is not busy."""

_WATCH = """() => {
  const { live } = studio, hear = live.hear.bind(live);
  window.watched = { onsets: [], jaw: [], quiet: 0 };
  live.hear = (samples, age) => {
    const rate = live.capture?.rate;
    if (rate) samples.forEach((sample, i) => {
      if (Math.abs(sample) < 0.03) return void (watched.quiet += 1 / rate);
      const at = performance.now() / 1000 - age - (samples.length - i) / rate;
      if (watched.quiet > QUIET) watched.onsets.push(at);
      watched.quiet = 0;
    });
    hear(samples, age);
  };
  document.addEventListener("live", ({ detail }) => watched.jaw.push([detail.seen, detail.values[JAW], detail.frame]));
}"""
WATCH = _WATCH.replace("QUIET", str(0.6 * APART)).replace("JAW", str(JAW))
"""Writes down when the sound comes in after a pause, by the clock of the page, and each frame that is drawn."""


@pytest.fixture(scope="module")
def model() -> Model:
    """The model that ships, on one core."""
    return medtalk.load(threads=1)


@pytest.fixture(scope="module")
def vowels(tmp_path_factory: pytest.TempPathFactory, speech_data: Path) -> Path:
    """What the microphone hears: open vowels out of silence, again and again."""
    pieces = [np.zeros(RATE // 2)]
    for name, start in VOWELS:
        sound, rate = soundfile.read(speech_data / f"{name}.flac")
        places = np.arange(round(LASTS * RATE)) / RATE
        vowel = np.interp((start + places) * rate, np.arange(len(sound)), sound)
        edges = np.minimum(places / 0.005, (LASTS - places) / 0.05).clip(0.0, 1.0)
        pieces += [0.6 * edges * vowel / np.abs(vowel).max(), np.zeros(round(APART * RATE))]
    path = tmp_path_factory.mktemp("microphone") / "vowels.wav"
    soundfile.write(path, np.concatenate(pieces), RATE)
    return path


@pytest.fixture(scope="module")
def speaking(vowels: Path) -> Iterator[Browser]:
    """A Chromium whose microphone hears the vowels."""
    with Browser(f"--use-file-for-fake-audio-capture={vowels}") as chromium:
        yield chromium


@contextmanager
def tab(browser: Browser, studio: Studio, height: int = 560, complains: tuple[str, ...] = ()) -> Iterator[Page]:
    """A tab of a studio, which complains of nothing but of `complains`."""
    seen: Seen = browser.open(studio.address, 1000, height, own=studio.origin, shows=".toolbar")
    until(seen.page, "window.studio !== undefined")
    with seen as page:
        yield page
        seen.complaints = [line for line in seen.complaints if not any(each in line for each in complains)]
        seen.requests = [url for url in seen.requests if not url.startswith("ws" + studio.origin[4:])]


@pytest.fixture
def page(speaking: Browser, model: Model, sample: Path) -> Iterator[Page]:
    with Studio(model, sample) as studio, tab(speaking, studio) as opened:
        yield opened


def until(page: Page, true: str, seconds: float = 30.0) -> None:
    """Wait until a piece of JavaScript is true; the page's own policy forbids Playwright's way to do that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {true}; it says {message(page)!r}")


def message(page: Page) -> str:
    return page.locator(".message").inner_text()


def start(page: Page) -> None:
    page.click(".toolbar >> text='Live'")
    until(page, "studio.live.state === 'on' && studio.live.delays.length > 0")


def smile(page: Page) -> float:
    """How far the corners of the mouth are drawn up, the mean over the next half second of frames."""
    channels = [i for i, name in enumerate(CHANNEL_NAMES) if "cornerPull" in name]
    return page.evaluate(
        """(channels) => new Promise((done) => {
          const smiles = [];
          const see = ({ detail }) => {
            smiles.push(channels.reduce((sum, channel) => sum + detail.values[channel], 0));
            if (smiles.length < 30) return;
            document.removeEventListener("live", see);
            done(smiles.reduce((sum, each) => sum + each, 0) / smiles.length);
          };
          document.addEventListener("live", see);
        })""",
        channels,
    )


def measured(page: Page) -> list[float]:
    """From each onset of the sound to the first frame on which the jaw has left its rest, in seconds."""
    watched = page.evaluate("watched")
    jaw, found = np.array(watched["jaw"]), []
    for onset in watched["onsets"]:
        before = jaw[(jaw[:, 0] > onset - 0.4) & (jaw[:, 0] < onset - 0.05)]
        after = jaw[(jaw[:, 0] >= onset - 0.05) & (jaw[:, 0] < onset + LASTS + 0.3)]
        if len(before) < 3 or after[-1:, 0].max(initial=0.0) < onset + LASTS:  # at the edges of what was watched
            continue
        rest = float(np.median(before[:, 1]))
        peak = float(after[:, 1].max())
        if peak - rest < 0.1:  # on a machine that is too busy sound is lost
            continue
        found.append(float(after[np.argmax(after[:, 1] > rest + 0.25 * (peak - rest)), 0] - onset))
    return found


def test_the_face_follows_within_a_fifth_of_a_second(
    speaking: Browser, model: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ends are taken in the page: where the worklet has the first loud sample, and where a face was drawn whose
    jaw is open. What the network and drawing take longer on a machine that is busy with other tests is allowed for,
    twice; on one that is not the limit is `SOON`."""
    steps: list[float] = []
    own = Live.push

    def push(self: Live, *args: Any, **more: Any) -> Any:
        began = time.perf_counter()
        frames = own(self, *args, **more)
        if len(frames):
            steps.append(time.perf_counter() - began)
        return frames

    monkeypatch.setattr(Live, "push", push)
    best: list[tuple[float, str]] = []
    for _ in range(TRIES):
        with Studio(model) as studio, tab(speaking, studio, height=440) as page:
            best += rounds(page, steps)
            lost = page.evaluate("studio.live.dropped")
        if best and min(best)[0] <= 0.0:
            break
    said = min(best)[1] if best else f"the jaw opens for no vowels; {lost:.1f} s of sound were dropped"
    with capsys.disabled():
        print(f"\n{said}")
    in_time, load, cores = bool(best) and min(best)[0] <= 0.0, psutil.getloadavg()[0], os.cpu_count() or 1
    if not in_time and load > 2 * cores:
        pytest.xfail(f"in {TRIES} tries on a machine with a load of {load:.0f} on {cores} cores: {said}")
    assert in_time, said


def rounds(page: Page, steps: list[float]) -> list[tuple[float, str]]:
    """Rounds of six vowels, until the face follows soon: for each that could be measured, by how many seconds it was
    later than allowed, and the figures. `steps` is filled meanwhile."""
    found: list[tuple[float, str]] = []
    page.evaluate(WATCH)
    start(page)
    for _ in range(4):
        steps.clear()
        page.evaluate("watched.onsets.length = watched.jaw.length = 0")
        until(page, "watched.onsets.length >= 6")
        page.wait_for_timeout(900)
        delays = measured(page)
        if len(delays) < 3:
            continue
        jaw = np.array(page.evaluate("watched.jaw"))
        own_figure = page.evaluate("studio.live.delay")
        step, drawn = statistics.median(steps), statistics.median(np.diff(jaw[:, 0]))
        allowed = SOON + 2 * max(0.0, step - QUICK[0]) + 2 * max(0.0, drawn - QUICK[1])
        delay = statistics.median(delays)
        said = (
            f"{1000 * delay:.0f} ms from the sound to the jaw (each: "
            f"{', '.join(f'{1000 * each:.0f}' for each in delays)}); the page says {1000 * own_figure:.0f} ms; "
            f"a step takes {1000 * step:.0f} ms, a frame {1000 * drawn:.0f} ms, allowed {1000 * allowed:.0f} ms"
        )
        found.append((delay - allowed, said))
        assert delay > 0.05, "no face knows the sound before"
        assert (np.diff(jaw[:, 2]) > 0).all(), "frames are drawn in their order"
        if delay <= SOON:
            break
    return found


def test_a_mood_changes_while_one_speaks(page: Page) -> None:
    start(page)
    neutral = smile(page)
    page.click("button.name:text-is('happy')")
    until(page, "studio.live.settings.weights.happy === 1")
    smile(page)  # in which it fades over
    assert smile(page) > neutral + 0.15
    page.keyboard.press("Control+z")
    until(page, "studio.live.settings.weights.neutral === 1")
    smile(page)
    assert smile(page) < neutral + 0.1, "undo goes back while it runs"
    page.evaluate("studio.change({ heard: true }, null)")
    until(page, "studio.toolbar.message.classList.contains('error')")
    assert "whole sound" in message(page) and "\n" not in message(page)
    assert page.evaluate("[studio.history.now.heard, studio.live.state]") == [False, "on"]
    page.evaluate("studio.change({ finishing: { ...studio.history.now.finishing, blink: false } }, null)")
    until(page, "studio.toolbar.message.textContent.includes('next start')")


def test_stop_goes_back_to_the_takes(page: Page) -> None:
    until(page, "studio.take !== null")
    page.evaluate("studio.player.seek(1.25)")
    before = page.evaluate("[studio.player.takes[0].frames, studio.player.duration]")
    page.keyboard.press("t")
    until(page, "studio.live.state === 'on'")
    assert page.locator(".live").is_visible() and page.locator(".live-dot").is_visible()
    until(
        page,
        "/ms behind · \\d+ frames a second · (none|\\d+) dropped/.test(studio.live.figures.textContent)",
    )
    assert page.locator(".toolbar >> text='Record'").is_disabled()
    page.keyboard.press("t")
    until(page, "studio.live.state === 'over'")
    page.click(".live >> text='Leave'")
    assert page.locator(".live").is_hidden()
    assert page.evaluate("[studio.player.takes[0].frames, studio.player.duration]") == before
    assert page.evaluate("studio.player.time") == pytest.approx(1.25)
    assert page.evaluate("studio.live.capture") is None, "the microphone is let go of"


def test_what_was_streamed_is_kept_as_a_take(page: Page, tmp_path: Path) -> None:
    start(page)
    until(page, "studio.live.seconds > 3")
    page.click(".live >> text='Keep'")
    until(page, "studio.sound?.name === 'live 1.wav'")
    seconds, frames = page.evaluate("[studio.player.sound.seconds, studio.player.takes[0].frames]")
    assert seconds > 3 and frames == pytest.approx(60 * seconds, abs=3)
    assert page.evaluate("Math.max(...studio.player.sound.high)") > 60
    streamed = page.evaluate("studio.history.now.streamed")
    page.click(".menu summary")
    with page.expect_download() as coming:
        page.click("[data-ending='.npz']")
    coming.value.save_as(tmp_path / "live.npz")
    rig = read_rig(tmp_path / "live.npz")
    assert len(rig) == frames and np.ptp(rig.values[:, JAW]) > 0.1 and rig.meta["source"]["name"] == "live 1.wav"
    page.click("button.name:text-is('sad')")  # from now on it is a take as any other
    until(page, "studio.take.meta.emotion.sad === 1")
    assert page.evaluate("studio.history.now.streamed") is None
    page.keyboard.press("Control+z")
    until(page, "studio.take.meta.live !== undefined")
    assert page.evaluate("studio.history.now.streamed") == streamed


def test_another_microphone_is_chosen_while_it_runs(page: Page) -> None:
    start(page)
    devices = page.evaluate("Array.from(studio.live.devices.options, ({ value }) => value)")
    assert len(devices) > 2, "Chromium has several that are not real"
    before = page.evaluate("studio.live.seconds")
    page.locator("[name=device]").select_option(devices[-1])
    until(page, f"studio.live.capture.device === {json.dumps(devices[-1])}")
    until(page, f"studio.live.seconds > {before + 0.5}")
    page.locator("[name=device]").evaluate("each => each.append(new Option('gone', 'gone'))")
    page.locator("[name=device]").select_option("gone")
    until(page, "studio.toolbar.message.classList.contains('error')")
    assert message(page) == "This microphone is no longer there. Choose another."
    assert page.evaluate("studio.live.state") == "on", "the one before is still heard"


def test_a_microphone_that_is_unplugged(page: Page) -> None:
    start(page)
    until(page, "studio.live.seconds > 1")
    # what a browser tells a page then; it cannot be had from one that has no real devices
    page.evaluate("studio.live.capture.stream.getTracks()[0].dispatchEvent(new Event('ended'))")
    until(page, "studio.live.state === 'over' && studio.toolbar.message.classList.contains('error')")
    assert message(page).startswith("The microphone was unplugged") and "can be kept" in message(page)
    page.click(".live >> text=/^Keep/")
    until(page, "studio.sound?.name === 'live 1.wav'")


def test_a_tab_that_is_hidden_comes_back_to_now(page: Page) -> None:
    start(page)
    until(page, "studio.live.seconds > 1")
    before = page.evaluate("studio.live.shown")
    page.evaluate(
        "() => { window.real = requestAnimationFrame; window.requestAnimationFrame = (f) => (window.later = f, 0); }"
    )
    page.wait_for_timeout(1500)  # as of a hidden tab: nothing is drawn
    assert page.evaluate("studio.live.frames.size") < 60, "what waits to be drawn is bounded"
    page.evaluate("""() => {
      window.drawn = [];
      document.addEventListener("live", ({ detail }) => drawn.push(detail.frame));
      window.requestAnimationFrame = real;
      real(later);
    }""")
    until(page, "drawn.length > 0")
    assert page.evaluate("drawn[0]") > before + 45, "the newest frame, not those that were missed"
    assert page.evaluate("studio.live.frames.size") < 60


def test_a_browser_that_pauses_the_sound_goes_on(page: Page) -> None:
    start(page)
    until(page, "studio.live.seconds > 1")
    page.evaluate("studio.live.capture.context.suspend()")
    until(page, "studio.live.capture.context.state === 'running'")
    seconds, shown = page.evaluate("[studio.live.seconds, studio.live.shown]")
    until(page, f"studio.live.seconds > {seconds + 1} && studio.live.shown > {shown + 30}")
    assert page.evaluate("studio.live.state") == "on"


def test_the_pace_of_frames(page: Page) -> None:
    """Bunches that come late hold up nothing; a microphone that stood still moves the time of all frames."""
    found = page.evaluate("""() => {
      const schedule = new Schedule(48000), delays = [], due = [];
      for (let block = 1; block <= 300; block++) {
        const now = 10 + block / 100;
        // a page that is busy gets every seventh block late
        schedule.heard(480, now + (block % 7 ? 0 : 0.03));
        if (block % 4 === 0) {
          const first = Math.round((block / 100 - 0.15) * 60);
          schedule.came(first, now + (block % 40 ? 0 : 0.4)); // and one of ten bunches comes very late
        }
        delays.push(schedule.delay);
        due.push(schedule.due(now));
      }
      const begun = schedule.sounded(0);
      for (let block = 301; block <= 450; block++) schedule.heard(480, 12 + block / 100); // it stood for two seconds
      return { delays, due, begun, moved: schedule.sounded(0) };
    }""")
    assert found["begun"] == pytest.approx(10.0, abs=0.001), "what is late is not taken for later sound"
    assert found["moved"] == pytest.approx(12.0, abs=0.001)
    settled = np.array(found["delays"][100:])
    assert (settled > 0.14).all() and (settled < 0.19).all()
    steps = np.diff(found["due"][100:])
    assert steps.min() >= 0 and steps.max() <= 2


def test_the_studio_is_stopped(speaking: Browser, model: Model, sample: Path) -> None:
    studio = Studio(model, sample)
    studio.__enter__()
    with tab(speaking, studio, complains=("WebSocket", "ERR_CONNECTION_REFUSED")) as page:
        start(page)
        studio.__exit__()
        until(page, "studio.live.state === 'over'")
        assert message(page) == "The studio does not answer. Start it again."
        page.click(".live >> text='Again'")
        until(page, "studio.live.state === 'over'")
        assert message(page) == "The studio does not answer. Start it again."
        assert page.evaluate("studio.live.capture") is None


def test_a_browser_that_allows_no_microphone(model: Model, sample: Path) -> None:
    fake = "--use-fake-ui-for-media-stream"
    denying = Browser("--deny-permission-prompts", without={fake})
    with denying as browser, Studio(model, sample) as studio, tab(browser, studio) as page:
        page.click(".toolbar >> text='Live'")
        until(page, "studio.live.state === 'over'")
        assert message(page) == "The browser does not allow the microphone. Allow it in the address bar."
        page.click(".live >> text='Leave'")
        page.click("text=Record")
        until(page, "studio.toolbar.message.textContent.includes('You may also open a file')")


def test_a_machine_without_a_microphone(model: Model) -> None:
    deaf = Browser(without={"--use-fake-device-for-media-stream"})
    with deaf as browser, Studio(model) as studio, tab(browser, studio) as page:
        page.click("text=Speak live")
        until(page, "studio.live.state === 'over'")
        assert message(page) == "There is no microphone."
        page.click(".live >> text='Leave'")
        assert page.locator(".invitation").is_visible()


def test_more_streams_than_the_studio_has(page: Page) -> None:
    from medtalk.studio import live

    page.evaluate(
        """(count) => Promise.all(Array.from({ length: count }, (_, i) =>
      LiveStream.open(studio.history.now, 48000, `other${i}`, {})))""",
        live.STREAMS,
    )
    page.click(".toolbar >> text='Live'")
    until(page, "studio.live.state === 'over'")
    assert message(page) == f"{live.STREAMS} streams run already, the most at once. Stop one in another tab."
