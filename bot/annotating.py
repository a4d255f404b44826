"""Marks for GitHub Actions to show on the lines of files: the only workflow commands that are printed on purpose."""

from __future__ import annotations

from typing import Literal

from bot.domain.visible import visible
from bot.progress import harmless, unarmed


def say_annotation(
    level: Literal["error", "warning", "notice"], title: str, message: str, path: str = "", line: int = 0,
) -> None:
    """Print one workflow command, on purpose and the only way there is: a mark for GitHub to show on a line of a file.

    Every value is escaped as GitHub's toolkit does it, after what cannot be seen was written out, so that nothing
    in a value ends the command, adds a property or begins another command
    (https://github.com/actions/toolkit, packages/core/src/command.ts).
    """
    places = [f"file={_property(path)}", f"line={line}"] if path else []
    properties = ",".join([*places, f"title={_property(harmless(title))}"])
    print(f"::{level} {properties}::{_data(harmless(message))}", flush=True)  # noqa: T201 - the result


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    # A path may hold a line feed, which `visible` leaves, and an older form of command, for which there is no escape.
    return _data(unarmed(visible(text))).replace(":", "%3A").replace(",", "%2C")
