"""Chromium, as people use the console: what it complains of is a fault, and what axe finds too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import axe_core_python
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from support.console_stack import ConsoleStack

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ARGUMENTS += ["--disable-sync", "--no-first-run", "--disable-dev-shm-usage"]
WAITS_MS = 30_000
expect.set_options(timeout=WAITS_MS)
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser that ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitors:
    """Who visits the console of *stack*; each logs in once, by the form, and has windows of his own."""

    def __init__(self, browser: Browser, stack: ConsoleStack) -> None:
        self._browser = browser
        self._stack = stack
        self._logins: dict[str, Any] = {}
        self._open: list[BrowserContext] = []
        self.problems: list[str] = []
        """What the browser complained of: scripts' errors, what the page's policy refused, answers of 400 and more.

        A test that provokes some clears them.
        """

    def page(self, who: str = "", *, size: ViewportSize = WIDE, **more: Any) -> Page:
        """Return a new window, of somebody who is logged in, or of nobody; *more* as Playwright's contexts take it."""
        if who and who not in self._logins:
            page = self.page()
            log_in(page, who, self._stack.passwords[who])
            self._logins[who] = page.context.storage_state()
        context = self._browser.new_context(
            base_url=self._stack.url,
            viewport=size,
            storage_state=self._logins.get(who),
            reduced_motion="reduce",
            **more,
        )
        self._open.append(context)
        context.set_default_timeout(WAITS_MS)
        page = context.new_page()
        page.on("console", lambda said: self._say(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._say(str(error)))
        return page

    def _say(self, problem: str) -> None:
        self.problems.append(problem)

    def leave(self) -> None:
        """Close all windows."""
        for context in self._open:
            context.close()
        self._open.clear()


def log_in(page: Page, name: str, password: str) -> None:
    """Send the form of the page that asks who is there."""
    if "/login" not in page.url:
        page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_load_state("domcontentloaded")


@cache
def _axe() -> str:
    return (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()


def accessible(page: Page, *, themes: tuple[str, ...] = ("light", "dark")) -> list[str]:
    """Return what axe finds wrong with *page*, a line each, in the first theme; of the others, its colours alone."""
    found = []
    page.evaluate(_axe())
    for theme in themes:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        options = {"runOnly": ["color-contrast"]} if theme != themes[0] else {}
        told = page.evaluate(
            "(options) => axe.run(document, {...options, resultTypes: ['violations'], preload: false})", options
        )
        for violation in told["violations"]:
            for node in violation["nodes"]:
                found.append(f"{page.url} {theme}: {violation['id']}: {' '.join(node['target'])}: {node['html'][:200]}")
    return found
