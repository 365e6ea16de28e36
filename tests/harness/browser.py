"""Debian's Chromium, driven by playwright; every page notes what it complains of."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, ViewportSize, async_playwright, expect

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 20_000
"""Milliseconds after which a test gives up; a busy machine is no failure."""
WIDE: ViewportSize = {"width": 1280, "height": 860}


def chromium() -> str:
    """Give the program; without it the test is skipped on a laptop and fails in CI."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        complaint = "Chromium is not installed (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(complaint)
        pytest.skip(complaint)
    return found


class Browser:
    """One Chromium with a profile of its own, for a file of tests or a set of pictures."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self.complaints: list[str] = []
        """Errors and warnings of the console, and exceptions that no script caught."""

    async def open(
        self,
        url: str,
        size: ViewportSize = WIDE,
        **media: Any,  # noqa: ANN401 - emulate_media's
    ) -> Page:
        """Open a page; `color_scheme` and `reduced_motion` are what its user prefers."""
        page = await self._context.new_page()
        page.on("console", lambda line: self._note(line.type, line.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.emulate_media(**{"color_scheme": "light", "reduced_motion": "reduce", **media})
        await page.set_viewport_size(size)
        await page.goto(url)
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(f"{kind}: {text}")

    def complained(self) -> list[str]:
        """Give what pages complained of, and forget it."""
        told, self.complaints = self.complaints, []
        return told

    async def close_pages(self) -> None:
        """Close all pages and forget what they remembered, while their server still answers."""
        for page in self._context.pages[1:]:
            await page.evaluate("localStorage.clear()")
            await page.close()


@asynccontextmanager
async def browser(**options: Any) -> AsyncIterator[Browser]:  # noqa: ANN401 - launch's
    """Start one, and end it."""
    program = chromium()
    with tempfile.TemporaryDirectory(prefix="callbox-browser-") as profile:
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                str(Path(profile)),
                executable_path=program,
                args=list(QUIET),
                **{"locale": "en-GB", "timezone_id": "UTC", **options},
            )
            context.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            try:
                yield Browser(context)
            finally:
                await context.close()
