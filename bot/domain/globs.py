"""Path globs as the configuration uses them: `*` and `?` stay within a folder, `**` crosses folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=512)
def _compiled(glob: str) -> re.Pattern[str]:
    parts: list[str] = []
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            parts.append("(?:[^/]+/)*")
            at += 3
        elif glob[at:] == "**" and (at == 0 or glob[at - 1] == "/"):
            parts.append(".+")
            at += 2
        elif glob[at] == "*":
            parts.append("[^/]*")
            at += 1
        elif glob[at] == "?":
            parts.append("[^/]")
            at += 1
        elif glob[at] == "[" and (end := glob.find("]", at + 2)) > 0:
            inner = glob[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            negated = inner.startswith("!")
            parts.append(f"(?!/)[{'^' if negated else ''}{_set(inner[1:] if negated else inner)}]")
            at = end + 1
        else:
            parts.append(re.escape(glob[at]))
            at += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return re.compile(re.escape(glob))


def _set(inner: str) -> str:
    return inner.replace("^", "\\^").replace("&&", "&\\&").replace("||", "|\\|").replace("~~", "~\\~")


def matches_glob(path: str, glob: str) -> bool:
    """Whether a POSIX path matches a glob as a whole.

    `**/` matches any number of folders, none included; a trailing `/**` matches everything below a
    folder, but not the folder itself; `*`, `?` and `[...]` never match a slash. A glob without any of
    these is a path, and matches itself and everything below it, so that a plain folder may be given.
    A set that no regular expression can express (`[z-a]`) is taken literally.
    """
    plain = glob.rstrip("/")
    if not any(character in plain for character in "*?["):
        return path == plain or path.startswith(f"{plain}/") or plain in {".", ""}
    return _compiled(plain).fullmatch(path) is not None


def matches_any(path: str, globs: Iterable[str]) -> str | None:
    """The first of the globs that the path matches, or None."""
    return next((glob for glob in globs if matches_glob(path, glob)), None)
