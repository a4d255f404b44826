"""Progress for people: a live line on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import os
import re
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from bot.domain.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

_WORKFLOW_COMMAND = re.compile(r"^(\s*)(::|##\[)")


def harmless(text: str) -> str:
    """One line that neither moves a cursor nor is read by GitHub Actions as a workflow command."""
    return _WORKFLOW_COMMAND.sub(r"\1 \2", " ".join(visible(text).split()))


class PlainProgress:
    """One line an event, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        pass

    def _say(self, text: str, indent: str = "") -> None:
        print(indent + harmless(text), file=self._stream, flush=True)

    def step_began(self, step: str, title: str, attempt: int) -> None:
        """A step attempt starts."""
        self._say(f"{step}: {title}" + (f" (attempt {attempt})" if attempt > 1 else ""))

    def note(self, text: str) -> None:
        """Something worth a line."""
        self._say(text, "  ")

    def step_ended(self, step: str, said: str, seconds: float, decision: str) -> None:
        """A step attempt ended."""
        self._say(f"{step}: {decision}, {seconds:.1f} s: {said}")


class LiveProgress:
    """A spinner while a step runs and a line when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._title = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def step_began(self, step: str, title: str, attempt: int) -> None:
        """A step attempt starts."""
        self._stop()
        self._title = title + (f" (attempt {attempt})" if attempt > 1 else "")
        self._status = self._console.status(_plain(self._title), spinner="dots")
        self._status.start()

    def note(self, text: str) -> None:
        """Something worth a line: shown beside the spinner, kept when it is a publication."""
        if self._status is not None:
            self._status.update(_plain(f"{self._title}: {text}"))
        else:
            self._console.print(_plain(text, " " * 21), style="dim", highlight=False)

    def step_ended(self, step: str, said: str, seconds: float, decision: str) -> None:
        """A step attempt ended."""
        self._stop()
        mark, style = {
            "go": ("ok", "green"), "hold": ("HOLD", "yellow"), "end": ("end", "cyan"),
        }.get(decision, ("failed", "red"))
        line = _plain(said, f"{mark:>6}  {step:<12} {seconds:6.1f} s  ")
        line.stylize(style, 0, 6)
        self._console.print(line, highlight=False)


def _plain(text: str, before: str = "") -> Text:
    from rich.text import Text

    return Text(before + harmless(text))


def make_progress() -> PlainProgress | LiveProgress:
    """The progress that fits standard error."""
    if not sys.stderr.isatty() or os.environ.get("GITHUB_ACTIONS") == "true" or os.environ.get("TERM") == "dumb":
        return PlainProgress()
    from rich.console import Console

    return LiveProgress(Console(stderr=True))
