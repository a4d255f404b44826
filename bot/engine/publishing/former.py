"""Bodies of the former version, in which one marker stood below the bot's text: what of them was the bot's."""

from __future__ import annotations

import re

# The first and the last line of what the templates of then made; a notice may stand above an issue's.
_FORMER = (
    re.compile(
        r"^(?:> \*\*[^\n]*\n\s*){0,5}## What happened[ \t]*\r?\n"
        r".*^(?:Fingerprint `[^\n]*|\[cut: the whole is in the cycle's record\][ \t]*)$",
        re.MULTILINE | re.DOTALL,
    ),
    re.compile(
        r"^(?:> \*\*[^\n]*\n\s*){0,5}As the model describes it: .*^Fixes #\d+[ \t]*\r?$", re.MULTILINE | re.DOTALL
    ),
    re.compile(r"^### whybot, run .*\Z", re.MULTILINE | re.DOTALL),
)


def around_former(body: str, start: int, stop: int) -> tuple[str, str]:
    """What stands before and after the bot's text in a body that has a marker from `start` to `stop` and no end of it.

    Where that cannot be told, only the marker is the bot's: what may be people's stays, at the price of an old text of
    the bot's that stays with it.
    """
    for pattern in _FORMER:
        found = pattern.search(body[:start])
        if found is not None:
            between = body[found.end():start]
            return body[:found.start()], (between if between.strip() else "") + body[stop:]
    return body[:start], body[stop:]
