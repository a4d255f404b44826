"""What people read on a terminal or in a CI log: plain words, tables and the progress of a run.

A CI runner reads the log too, and obeys commands in it. Whatever is printed here has none.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from bot.domain.visible import visible

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID
    from rich.text import Text

_JOINER = "\u2060"
# GitHub's runner trims a line before it looks for `::`, and finds the older `##[` anywhere in it
# (https://github.com/actions/runner, ActionCommand.cs). Colours may stand before it in what rich rendered.
_COMMAND = re.compile(r"(?P<leading>^(?:\s|\x1b\[[\d;]*m)*:)(?=:)|##(?=\[)")
_PLAIN_WIDTH = 140


def unarmed(line: str) -> str:
    """The line with a WORD JOINER inside what a runner would read as a workflow command."""
    return _COMMAND.sub(lambda match: match.group() + _JOINER, line)


def harmless(text: str) -> str:
    """One line that neither moves a cursor nor is read by GitHub Actions as a workflow command."""
    return unarmed(" ".join(_visible(text).split()))


def harmless_lines(text: str) -> str:
    """As `harmless`, line by line: spacing is kept, but for spaces at the ends of lines."""
    return "\n".join(unarmed(line.rstrip()) for line in _visible(text).split("\n"))


def _visible(text: str) -> str:
    # The joiner is ours: bodies that are shown before they are published have it already.
    return _JOINER.join(visible(part) for part in text.split(_JOINER))


def say(text: str, stream: TextIO | None = None) -> None:
    """Print text for people, on standard output unless told otherwise."""
    print(harmless_lines(text), file=stream or sys.stdout, flush=True)


def json_text(document: BaseModel | dict[str, object]) -> str:
    """A JSON document as it is printed. No line of it starts with `::`, and `##[` is escaped in it."""
    body = document if isinstance(document, dict) else document.model_dump(mode="json", by_alias=True)
    # Only within a string can `##[` stand, where the escape means the same character.
    return json.dumps(body, indent=2).replace("##[", "##\\u005b")


def say_json(document: BaseModel | dict[str, object]) -> None:
    """Print one JSON document on standard output: a model of `bot/reports/json/`, or one whose form is another's."""
    print(json_text(document), flush=True)  # noqa: T201 - the result


def say_table(table: RenderableType, plain_width: int = _PLAIN_WIDTH) -> None:
    """Print a table, or lines of rich's, on standard output; `plain_width` columns wide where that is no terminal.

    Strings in it are taken as they are, without rich's markup and emoji codes. It is disarmed after it was
    wrapped, since any word of a cell may come to start a line.
    """
    from rich.console import Console

    console = Console(
        file=sys.stdout, width=None if sys.stdout.isatty() else plain_width, highlight=False, markup=False, emoji=False,
    )
    with console.capture() as captured:
        console.print(table)
    lines = captured.get().removesuffix("\n").split("\n")
    print("\n".join(unarmed(line.rstrip()) for line in lines), flush=True)  # noqa: T201 - the result


def is_live(stream: TextIO) -> bool:
    """Whether a stream goes to a terminal on which what was printed can be replaced."""
    return stream.isatty() and os.environ.get("TERM", "dumb").lower() not in {"dumb", "unknown"} and (
        os.environ.get("GITHUB_ACTIONS") != "true")


def output_width(plain_width: int = _PLAIN_WIDTH) -> int:
    """How many columns a table on standard output gets."""
    if not sys.stdout.isatty():
        return plain_width
    from rich.console import Console

    return Console(file=sys.stdout).width


def say_text(text: Text) -> None:
    """Print text with styles on standard output: in colours on a terminal, plain elsewhere. Long lines are not cut."""
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(text, soft_wrap=True, end="")
    lines = captured.get().removesuffix("\n").split("\n")
    print("\n".join(unarmed(line.rstrip()) for line in lines), flush=True)  # noqa: T201 - the result


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
        say(indent + harmless(text), self._stream)

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
    """A spinner and the time elapsed while a step runs, and a line when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: tuple[Progress, TaskID] | None = None
        self._title = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._running is not None:
            self._running[0].stop()
            self._running = None

    def step_began(self, step: str, title: str, attempt: int) -> None:
        """A step attempt starts."""
        self._stop()
        self._title = title + (f" (attempt {attempt})" if attempt > 1 else "")
        spinner = _make_spinner(self._console)
        self._running = spinner, spinner.add_task(harmless(self._title), total=None)
        spinner.start()

    def note(self, text: str) -> None:
        """Something worth a line: shown beside the spinner while a step runs, kept otherwise."""
        if self._running is not None:
            spinner, task = self._running
            spinner.update(task, description=harmless(f"{self._title}: {text}"))
        else:
            self._print(_plain(text, " " * 21), style="dim")

    def step_ended(self, step: str, said: str, seconds: float, decision: str) -> None:
        """A step attempt ended."""
        self._stop()
        mark, style = {
            "go": ("ok", "green"), "hold": ("HOLD", "yellow"), "end": ("end", "cyan"),
        }.get(decision, ("failed", "red"))
        line = _plain(said, f"{mark:>6}  {step:<12} {seconds:6.1f} s  ")
        line.stylize(style, 0, 6)
        self._print(line)

    def _print(self, line: Text, style: str | None = None) -> None:
        # The terminal wraps it, so that no part of it becomes a line of its own.
        self._console.print(line, style=style, highlight=False, soft_wrap=True)


def _make_spinner(console: Console) -> Progress:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        SpinnerColumn("dots"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        # Expanded, so that a long description gives way and not the time.
        console=console, transient=True, expand=True,
    )


def _plain(text: str, before: str = "") -> Text:
    from rich.text import Text

    return Text(unarmed(before + harmless(text)))


class JobSummary:
    """The summary of a job of GitHub Actions, written anew whenever a part of it changes; nothing without a file.

    GitHub shows it when the step has ended, however it ended: so what there is always stands in it.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._before: str | None = None
        self._parts: dict[str, str] = {}

    def show(self, name: str, text: Callable[[], str]) -> None:
        """Write the part `name`. That it cannot be written hinders nobody, and is said once."""
        if self._path is None:
            return
        try:
            if self._before is None:
                self._before = self._path.read_text("utf-8", "replace") if self._path.exists() else ""
            self._parts[name] = text().rstrip()
            parts = "".join(f"{part}\n\n" for part in self._parts.values())
            self._path.write_text(self._before + parts, "utf-8", "replace")
        except OSError as error:
            self._path = None
            say(f"bot: the summary of this step cannot be written: {error.strerror or error}.", sys.stderr)


def make_progress() -> PlainProgress | LiveProgress:
    """The progress that fits standard error."""
    if not is_live(sys.stderr):
        return PlainProgress()
    from rich.console import Console

    return LiveProgress(Console(stderr=True))
