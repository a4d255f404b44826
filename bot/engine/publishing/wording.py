"""Texts as they are published. All of them may hold what a log, a model or a stranger said."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.domain.effects import Annotation, without_markers
from bot.domain.visible import visible
from bot.engine.publishing.cutting import shortened
from bot.logs.redact import redact
from bot.reports.markdown import Kind, linked, neutralise, redacted

MOST_TITLE = 250
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]+")


class Wording:
    """Takes secrets and power from texts, and shortens them to `most_body` characters.

    `record_url` is where the cycle's record can be read; a body that is cut links to it. What is no plain URL is none.
    """

    def __init__(self, most_body: int, record_url: str = "") -> None:
        self._most_body = most_body
        self.record = f"[the record]({record_url})" if plain_url(record_url) else "the files of the run"
        """What a text says for the record."""
        self._cut_note = f"*Cut here. The whole is in {self.record}.*"

    def title(self, text: str) -> str:
        """A title: one line."""
        line = " ".join(neutralise(" ".join(redact(text).split())).split())
        return line[:MOST_TITLE].rstrip("\\ ") or "whybot"

    def body(self, text: str, room: int, find: Callable[[Kind, str], str], tail: str = "") -> str:
        """A body of at most `room` characters that ends in `tail`, which is the bot's own and left as it is.

        `find` gives what stands for a thing of the bot's own, as `bot.reports.markdown.linked` asks for it.
        """
        ending = f"\n\n{tail}" if tail else ""
        clean = linked(without_markers(neutralise(redacted(text))).strip("\n"), find)
        return shortened(clean, min(self._most_body, room) - len(ending), self._cut_note) + ending

    @property
    def most_body(self) -> int:
        """Characters that a body may have by policy."""
        return self._most_body

    def annotation(self, remark: Annotation) -> Annotation:
        """A remark, which a forge shows as plain text: nothing hidden, nothing secret."""
        return Annotation(
            path=remark.path, start_line=remark.start_line, end_line=max(remark.start_line, remark.end_line),
            level=remark.level, title=_plain(remark.title, 255), message=_plain(remark.message, 4_000) or "…",
        )


def plain_url(url: str) -> bool:
    """Whether it is the address of a page, with nothing in it that ends a link in Markdown."""
    return _URL.fullmatch(url) is not None


def _plain(text: str, most: int) -> str:
    shown = visible(redact(text)).strip()
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
