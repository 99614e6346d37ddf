"""The page of `medtalk study` in a browser: from consent to the file of votes, which the report reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from medtalk.rig import RigSequence
from medtalk.study import Clip, Key, find_clips, new_key, read_votes, report, study_page
from tests.helpers.browser import Browser, Seen
from tests.helpers.sounds import babble

if TYPE_CHECKING:
    from playwright.sync_api import Page

CONDITIONS = ("flat", "open")
SECONDS = 0.4


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Two short clips by two conditions: a still face, and a jaw that is open."""
    from medtalk.rig import indices, write_rig

    for condition in CONDITIONS:
        (tmp_path / condition).mkdir()
        for clip in ("one", "two"):
            values = np.zeros((round(60 * SECONDS), 174), np.float32)
            values[:, indices("C_jaw.Y")] = float(condition == "open")
            write_rig(tmp_path / condition / f"{clip}.npz", RigSequence(values, 60))
            soundfile.write(tmp_path / condition / f"{clip}.wav", babble(SECONDS), 16000)
    return find_clips({condition: tmp_path / condition for condition in CONDITIONS})[0]


def written(folder: Path, clips: list[Clip], kind: str, **more: Any) -> tuple[Path, Key]:
    key = new_key(kind, CONDITIONS, [clip.name for clip in clips], **more)
    path = folder / f"{kind}.html"
    path.write_text(study_page(key, clips), "utf-8")
    return path, key


def opened(browser: Browser, path: Path, width: int = 1000, height: int = 760, before: str = "") -> Seen:
    return browser.open(path, width, height, before, shows=".study .text")


def begin(page: Page, participant: str) -> None:
    page.fill("input[type=text]", participant)
    page.check("input[type=checkbox]")
    page.click("button.next")


def played(page: Page) -> None:
    """Play what is shown to its end, by the keyboard."""
    page.wait_for_selector(".play:focus")
    assert page.locator(".next").is_disabled() and page.locator(".form:disabled").count()
    page.keyboard.press("Space")
    page.wait_for_selector(".form:not(:disabled)")


def saved(page: Page, folder: Path) -> Path:
    """The file of votes, downloaded."""
    with page.expect_download() as download:
        page.click("text=Save your votes")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def order(page: Page, participant: str) -> list[Any]:
    return page.evaluate("(id) => trialsOf(study.about, id)", participant)


def test_a_rating_by_the_keyboard_from_consent_to_the_report(
    browser: Browser, clips: list[Clip], tmp_path: Path
) -> None:
    path, key = written(tmp_path, clips, "rating", checks=1)
    with opened(browser, path) as page:
        page.click("button.next")
        assert "Type the code that you were given" in page.locator(".wrong").inner_text()
        page.fill("input[type=text]", "p-01")
        page.keyboard.press("Enter")
        assert "Without your consent" in page.locator(".wrong").inner_text()
        begin(page, "p-01")
        for number in range(1, 6):
            page.wait_for_selector(f"text='{number} of 5'")
            trial = page.evaluate("study.trial")
            if "wanted" in trial:
                told = page.locator(".asked").inner_text()
                assert f"“{trial['wanted']}”" in told
                points = [trial["wanted"]] * 3
            else:
                played(page)
                points = [5, 4, 3] if key.takes[trial["takes"][0]][1] == "open" else [1, 2, 3]
            for each in points:
                page.keyboard.press(str(each))
            page.keyboard.press("Enter")
        page.wait_for_selector("text=Thank you!")
        file = saved(page, tmp_path)
    assert file.name == f"votes-{key.study[:6]}-p-01.json"
    facts = json.loads(file.read_text())
    assert [vote.get("takes", vote.get("wanted")) for vote in facts["votes"]] == [
        each.get("takes", each.get("wanted")) for each in facts_of(browser, path, "p-01")
    ], "in the order of the participant's id"
    assert all(vote["plays"] == 1 for vote in facts["votes"] if "takes" in vote)
    done = report(key, read_votes([file], key))
    assert done.notes == () and done.votes == 4
    assert [done.means[name]["open"].value for name in done.means] == [5.0, 4.0, 3.0]
    assert [done.means[name]["flat"].value for name in done.means] == [1.0, 2.0, 3.0]


def facts_of(browser: Browser, path: Path, participant: str) -> list[Any]:
    with opened(browser, path) as page:
        return order(page, participant)


def test_a_choice_from_two_sides(browser: Browser, clips: list[Clip], tmp_path: Path) -> None:
    path, key = written(tmp_path, clips, "choice")
    with opened(browser, path) as page:
        begin(page, "p1")
        for number in (1, 2):
            page.wait_for_selector(f"text='{number} of 2'")
            played(page)
            sides = [key.takes[take][1] for take in page.evaluate("study.trial.takes")]
            jaws = page.evaluate("study.values.map((each) => Math.max(...each))")
            assert [jaw > 0.9 for jaw in jaws] == [side == "open" for side in sides], "each is on its side"
            page.keyboard.press("ArrowRight" if sides[1] == "open" else "ArrowLeft")
            page.keyboard.press("ArrowLeft" if sides[1] == "open" else "ArrowRight")
            page.click(f".question:nth-of-type(3) input[value={'right' if sides[1] == 'open' else 'left'}] + span")
            page.wait_for_selector(".next:not(:disabled)")
            page.click(".next")
        page.wait_for_selector("text=Thank you!")
        done = report(key, read_votes([saved(page, tmp_path)], key))
    assert [done.means[name]["open"].value for name in done.means] == [1.0, 0.0, 1.0]


def test_order_and_sides_follow_from_the_participant(browser: Browser, clips: list[Clip], tmp_path: Path) -> None:
    rating, _ = written(tmp_path, clips, "rating", each=1)
    choice, key = written(tmp_path, clips, "choice", checks=2)
    with opened(browser, rating) as page:
        orders = [json.dumps(order(page, f"p{i}")) for i in range(60)]
        assert len(set(orders)) == 4, "one clip of two, two takes in either order"
        assert orders == [json.dumps(order(page, f"p{i}")) for i in range(60)], "the same for the same id"
    with opened(browser, choice) as page:
        trials = [order(page, f"p{i}") for i in range(200)]
    assert all(["wanted" in each for each in order].count(True) == 2 and len(order) == 4 for order in trials)
    left = [key.takes[each["takes"][0]][1] for order in trials for each in order if "takes" in each]
    assert 0.4 < left.count("open") / len(left) < 0.6
    first = [next(each["clip"] for each in order if "clip" in each) for order in trials]
    assert 0.35 < first.count(first[0]) / len(first) < 0.65


def test_a_closed_page_goes_on_where_it_was(browser: Browser, clips: list[Clip], tmp_path: Path) -> None:
    path, _ = written(tmp_path, clips, "rating")
    with opened(browser, path) as page:
        begin(page, "p1")
        played(page)
        for key in ("3", "4", "5"):
            page.keyboard.press(key)
        page.evaluate("study.vote(), study.vote()")  # an impatient finger
        page.wait_for_selector("text='2 of 4'")
        votes = page.evaluate("study.seen.votes")
        assert len(votes) == 1
        page.reload()
        begin(page, "p2")
        page.wait_for_selector("text=1 of 4")
        page.reload()
        begin(page, "p1")
        page.wait_for_selector("text=2 of 4")
        assert page.evaluate("study.seen.votes") == votes
        assert list(votes[0]["answers"].values()) == [3, 4, 5]


def test_it_fits_a_phone_and_says_where_it_cannot_be_shown(browser: Browser, clips: list[Clip], tmp_path: Path) -> None:
    path, _ = written(tmp_path, clips, "rating")
    with opened(browser, path, 390, 800) as page:
        begin(page, "p1")
        page.wait_for_selector(".play")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("Math.max(...study.questions.map((each) => each.getBoundingClientRect().right))") <= 390
    no_webgl = "HTMLCanvasElement.prototype.getContext = () => null"
    with opened(browser, path, before=no_webgl) as page:
        begin(page, "p1")
        page.wait_for_selector(".play")
        assert "no WebGL2" in page.locator(".hint").inner_text()
        page.keyboard.press("Space")
        assert page.locator(".next").is_disabled() and page.locator(".form:disabled").count()


def test_hostile_texts_are_text(browser: Browser, clips: list[Clip], tmp_path: Path) -> None:
    bad = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    key = new_key("rating", CONDITIONS, [clip.name for clip in clips])
    path = tmp_path / "bad.html"
    path.write_text(study_page(key, clips, bad, bad), "utf-8")
    with opened(browser, path) as page:
        assert page.title() == bad and page.locator("h1").inner_text() == bad
        assert page.evaluate("window.hacked") is None and page.locator("img").count() == 0
