"""Debian's Chromium by Playwright, drawing in software, and pages that write down what they should not do."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

_WORDS = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox",
          "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
          "--use-fake-ui-for-media-stream")  # fmt: skip


def missing() -> str:
    """What is missing for it, in a line; "" for nothing."""
    from importlib.util import find_spec

    if not shutil.which("chromium"):
        return "Chromium is missing: sudo apt-get install -y chromium"
    return "" if find_spec("playwright") else "Playwright is missing: pip install playwright"


class Browser:
    """A Chromium, for a `with` block; `words` are more of its options, and it is given none of those in `without`."""

    _playwright: ClassVar[Any] = None  # there can be one at a time in a thread: all of them use it
    _users: ClassVar[int] = 0

    def __init__(self, *words: str, without: Collection[str] = ()) -> None:
        self._words = [word for word in (*_WORDS, *words) if word not in without]

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright

        if not Browser._users:
            Browser._playwright = sync_playwright().start()
        Browser._users += 1
        try:
            self._chromium = Browser._playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=self._words
            )
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._chromium.close()
        self._leave()

    def _leave(self) -> None:
        Browser._users -= 1
        if not Browser._users:
            Browser._playwright.stop()

    def open(
        self,
        address: str | Path,
        width: int = 1000,
        height: int = 700,
        before: str = "",
        own: str = "file:",
        shows: str = ".card",
    ) -> Seen:
        """A page, once it shows a take, or another element. `before` is a script that runs in front of its own; `own`
        begins the addresses that it may ask."""
        url = address.as_uri() if isinstance(address, Path) else address
        seen = Seen(self._chromium.new_page(viewport={"width": width, "height": height}), own)
        if before:
            seen.page.add_init_script(before)
        seen.page.goto(url)
        seen.page.wait_for_selector(shows, state="attached")
        return seen


class Seen:
    """A page and what it has done: lines in the console, errors, requests, dialogs."""

    def __init__(self, page: Page, own: str = "file:") -> None:
        self.page, self._own = page, own
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self.requests.append(request.url))

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, kind: object, *_: object) -> None:
        self.page.close()
        strange = [url for url in self.requests if not url.startswith((self._own, "data:", "blob:"))]
        assert kind or not strange, f"it asks for {strange[0]}"
        assert kind or not self.complaints, self.complaints[0]
