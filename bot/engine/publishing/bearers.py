"""Issues that bear a marker: found by listing, and of several open ones only the oldest stays.

Two bots that look at the same instant both see nothing and both make an issue. So whoever has made one looks again.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Sequence

from bot.domain.effects import Key, markers_in
from bot.domain.errors import ForgeGone, NotOffered
from bot.engine.publishing.region import Place
from bot.ports import Forge, ForgeIssue

_MARKED = re.compile(r"^(<!-- whybot:/?)(?!duplicate )", re.MULTILINE)

def bearing(issues: Iterable[ForgeIssue], keys: Collection[str]) -> list[ForgeIssue]:
    """Those of the issues that bear one of the keys, oldest first."""
    return sorted((issue for issue in issues if markers_in(issue.body) & set(keys)), key=lambda issue: issue.number)


def chosen(forge: Forge, found: Sequence[ForgeIssue], key: Key) -> ForgeIssue | None:
    """The oldest open one, else the oldest closed one that is no duplicate. The other open ones become duplicates."""
    opened = [issue for issue in found if issue.open]
    first = opened[0] if opened else None
    for later in opened[1:]:
        close_duplicate(forge, later, opened[0].number, key)
    for closed in (issue for issue in found if not issue.open):
        if _is_duplicate(forge, closed.number):
            # Whoever closed it did not come to this.
            with contextlib.suppress(ForgeGone):
                _take_key(forge, closed)
        elif first is None:
            first = closed
    return first


def made_at_once(
    forge: Forge, made: ForgeIssue, keys: Collection[str], key: Key, gone: Collection[int] = ()
) -> ForgeIssue | None:
    """The open issue that somebody else made in the same moment and just before; then `made` was closed for it.

    `gone` are issues that are known not to be there, whatever a listing says.
    """
    earlier = [issue for issue in bearing(forge.issues(), keys)
               if issue.open and issue.number < made.number and issue.number not in gone]
    if not earlier:
        return None
    close_duplicate(forge, made, earlier[0].number, key)
    return earlier[0]


def close_duplicate(forge: Forge, issue: ForgeIssue, original: int, key: Key) -> None:
    """Close an issue for another one: say so, close it, and take the key from it, each of which may be done already.

    In this order: as long as it is open it bears the key, so whoever comes next goes on. Without the key it is never
    found again, so a person who opens it again is left alone.
    """
    # What was deleted meanwhile is no duplicate any more.
    with contextlib.suppress(ForgeGone):
        if not _is_duplicate(forge, issue.number):
            # GitHub reads these words, and shows the link on both (GitHub, "Marking issues as a duplicate").
            said = Place("", "\n", None).filled(f"duplicate {key}", f"Duplicate of #{original}", hint=False)
            with contextlib.suppress(NotOffered):
                forge.create_comment(issue.number, said)
        forge.close_issue(issue.number, "duplicate")
        _take_key(forge, issue)


def _take_key(forge: Forge, issue: ForgeIssue) -> None:
    forge.update_issue(issue.number, issue.title, _MARKED.sub(r"\1duplicate ", issue.body), (), reopen=False)


def _is_duplicate(forge: Forge, number: int) -> bool:
    try:
        said = (markers_in(comment.body) for comment in forge.comments(number))
        return any(key.startswith("duplicate ") for keys in said for key in keys)
    except ForgeGone:
        return True
