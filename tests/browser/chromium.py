"""Debian's Chromium, headless, driven by Playwright: what it takes, and a page that is watched while it is open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

_PARTS = Path(__file__).parents[2] / ".ci"
MERMAID = Path(os.environ.get("WHYBOT_MERMAID", _PARTS / "mermaid/package/dist/mermaid.min.js")).resolve()
"""Mermaid 12.3.0."""
MERMAID_BEFORE = Path(
    os.environ.get("WHYBOT_MERMAID_BEFORE", _PARTS / "mermaid-before/package/dist/mermaid.min.js")).resolve()
"""Mermaid 10.9.8: GitHub does not say which version it has, and is often behind."""
AXE = Path(os.environ.get("WHYBOT_AXE", _PARTS / "axe/package/axe.min.js")).resolve()
"""axe-core 4.14.1."""

_QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)


def program() -> str | None:
    """Where the browser is."""
    return os.environ.get("WHYBOT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def without_browser() -> str:
    """Why no page can be opened here; empty when one can."""
    if program() is None:
        return "no Chromium (Debian: apt install chromium)"
    missing = [path.name for path in (MERMAID, MERMAID_BEFORE, AXE) if not path.is_file()]
    return f"no {missing[0]}: .ci/run fetches it" if missing else ""


@contextmanager
def chromium() -> Generator[Browser]:
    """A browser with a profile of its own that is gone with it. It is in its sandbox except for root, who has none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program(), chromium_sandbox=os.geteuid() != 0, args=[*_QUIET])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watch:
    """What a page did that it should not, since it was watched; `allowed` is how addresses that it may ask begin."""

    allowed: tuple[str, ...]
    seen: list[str] = field(default_factory=list)

    def of(self, page: Page) -> Watch:
        """Watch the page, from its next document on."""
        page.on("console", lambda said: self._note("console", f"{said.type}: {said.text}", said.type != "log"))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("dialog", lambda dialog: (self._note("dialog", dialog.message), dialog.dismiss()))
        page.on("request", self._asked)
        page.on("popup", lambda other: self._note("window", other.url))
        page.on("download", lambda got: self._note("download", got.url))
        page.on("crash", lambda _: self._note("crash", page.url))
        # Violations are heard in every world and frame, and before the page's own scripts can stop them.
        page.add_init_script("""
            addEventListener('securitypolicyviolation', e =>
                console.warn('CSP: ' + e.effectiveDirective + ' ' + e.blockedURI + ' ' + e.sample), true);
        """)
        return self

    def _note(self, kind: str, text: str, wrong: bool = True) -> None:
        if wrong:
            self.seen.append(f"{kind}: {text[:500]}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((*self.allowed, "data:", "blob:", "about:")):
            self.seen.append(f"request: {request.method} {request.url[:300]}")

    def take(self) -> list[str]:
        """What was seen since the last time."""
        found, self.seen = self.seen, []
        return found
