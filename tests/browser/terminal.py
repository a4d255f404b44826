"""What a terminal shows while a real command runs in it, as a picture: the command in a pty, its screen as SVG."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyte.screens import Char

COLUMNS, ROWS = 118, 400
_PAPER, _INK = "#16191f", "#d7dbe2"
_COLOURS = {
    "black": "#3b4252", "red": "#ff7b72", "green": "#56d364", "brown": "#e3b341", "blue": "#79c0ff",
    "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": "#d7dbe2", "brightblack": "#8b949e", "brightred": "#ffa198",
    "brightgreen": "#7ee787", "brightbrown": "#f2cc60", "brightblue": "#a5d6ff",
    "brightmagenta": "#e2c5ff", "brightcyan": "#b3f0ff", "brightwhite": "#ffffff", "default": _INK,
}
_WIDE, _HIGH, _SIZE, _EDGE, _BAR = 8.4, 19.0, 14, 16, 34


class Terminal:
    """A command in a terminal of its own. Use it as a context: at the end the command is stopped."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        import pyte

        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            command, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**env, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)},
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        # Closed first: what the command still has to say would wait for a reader for ever.
        os.close(self._ours)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def until(self, seen: str = "", seconds: float = 240) -> str:
        """Read until this (a pattern) stands on the screen, or without it until the command ended; the screen's text.

        Raises TimeoutError, and AssertionError where the command ended before.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if seen and re.search(seen, self.text, re.MULTILINE):
                return self.text
            if not self._more():
                assert not seen, f"it ended without {seen!r}:\n{self.text}"
                return self.text
        raise TimeoutError(self.text)

    def _more(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 0.2)
        if not ready:
            return self._process.poll() is None
        try:
            data = os.read(self._ours, 65_536)
        except OSError:    # Linux says so when the other end is closed
            data = b""
        self._stream.feed(data)
        return bool(data)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def svg(self, title: str, first: int = 40, last: int = 10) -> str:
        """The screen as a picture that needs nothing outside of it; of a long one the first and last lines."""
        rows = range(len(self.text.split("\n")))
        shown = [*rows] if len(rows) <= first + last + 1 else [*rows[:first], None, *rows[-last:]]
        width, height = COLUMNS * _WIDE + 2 * _EDGE, len(shown) * _HIGH + _BAR + _EDGE
        size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        fonts = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
            f'<rect width="100%" height="100%" rx="8" fill="{_PAPER}"/>',
            *(f'<circle cx="{20 + 18 * at}" cy="17" r="5.5" fill="{colour}"/>'
              for at, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))),
            f'<g font-family="{fonts}" font-size="{_SIZE}" fill="{_INK}">',
            f'<text x="{width / 2:.0f}" y="22" text-anchor="middle" fill="#8b949e">{escape(title)}</text>',
        ]
        for place, row in enumerate(shown):
            y = _BAR + (place + 0.8) * _HIGH
            if row is None:
                more = f"⋮ {len(rows) - first - last} lines more"
                parts.append(f'<text x="{_EDGE}" y="{y:.1f}" fill="{_COLOURS["brightblack"]}">{more}</text>')
            else:
                parts += _row([self._screen.buffer[row][column] for column in range(COLUMNS)], y)
        return "\n".join((*parts, "</g>", "</svg>", ""))


def _row(line: Sequence[Char], y: float) -> list[str]:
    found: list[str] = []
    column = 0
    for (colour, bold), cells in groupby(line, key=lambda one: (_colour(one), one.bold)):
        text = "".join(cell.data for cell in cells)
        length = len(text)
        if text.strip():
            before = length - len(text.lstrip(" "))
            shown = text.strip(" ").replace(" ", "\u00a0")    # which no viewer takes for white space
            fill = f' fill="{colour}"' if colour != _INK else ""
            weight = ' font-weight="bold"' if bold else ""
            found.append(
                f'<text x="{_EDGE + (column + before) * _WIDE:.1f}" y="{y:.1f}" textLength="{len(shown) * _WIDE:.1f}"'
                f"{fill}{weight}>{escape(shown, quote=False)}</text>"
            )
        column += length
    return found


def _colour(cell: Char) -> str:
    name = cell.bg if cell.reverse else cell.fg
    return _COLOURS.get(name) or (f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else _INK)
