"""A notice as a message for Slack's incoming webhooks: blocks, and a text for where blocks are not shown.

What others wrote stands in plain text objects or in code spans, in neither of which Slack formats anything; `&`, `<`
and `>`, with which links and mentions are written, are escaped everywhere (docs.slack.dev, "Formatting message text").
Limits are Slack's: 3,000 characters of a text, 150 of a header, 2,000 of a field, 10 fields, 50 blocks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from bot.domain.base import counted
from bot.domain.notices import IncidentSummary, Notice, NoticeIncident
from bot.domain.visible import visible

MOST_TEXT: Final = 3_000
MOST_HEADER: Final = 150
MOST_FIELD: Final = 2_000

_JOINER = "\u2060"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}
# Slack and what speaks its format make links and mentions of plain text, too.
_ACTIVE = re.compile(r"@|:(?=//)|\bwww(?=\.)|\bmailto(?=:)", re.IGNORECASE)

_Block = dict[str, object]


def notice_slack(notice: Notice) -> bytes:
    """The body for Slack."""
    message = {"text": escaped(notice.title, MOST_TEXT) or "whybot", "mrkdwn": False, "blocks": list(_blocks(notice))}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def escaped(text: str, most: int) -> str:
    """Text of others on one line, without power in Slack, of at most `most` characters once it is escaped."""
    line = _ACTIVE.sub(lambda match: match.group() + _JOINER, " ".join(visible(text).split()))
    parts = [_ENTITIES.get(one, one) for one in line]
    length = 0
    for count, part in enumerate(parts):
        length += len(part)
        if length > most:
            return "".join(_ending(parts[:count], most))
    return "".join(parts)


def _ending(parts: list[str], most: int) -> list[str]:
    """The parts with an ellipsis, no entity cut in two."""
    while parts and sum(map(len, parts)) > most - 1:
        parts.pop()
    return [*parts, "…"]


def _blocks(notice: Notice) -> Iterator[_Block]:
    yield {"type": "header", "text": _plain(notice.title, MOST_HEADER)}
    incident = notice.incident
    if incident is not None:
        yield _section(f"{_code(incident.type)}\n{_code(incident.message)}"
                       + (f"\nin {_code(incident.location)}" if incident.location else ""))
    fields = [{"type": "mrkdwn", "text": text, "verbatim": True} for text in _fields(notice)]
    if fields:
        yield {"type": "section", "fields": fields[:10]}
    if notice.cause is not None:
        yield {"type": "section", "text": _plain(f"Cause: {notice.cause.statement}", MOST_TEXT)}
        yield _context(notice.cause.words)
    yield {"type": "section", "text": _plain(f"State: {notice.state}", MOST_TEXT)}
    yield {"type": "section", "text": _plain(f"Next: {notice.next}", MOST_TEXT)}
    links = " · ".join(_links(notice))
    if links:
        yield _section(links)
    if notice.event != "test":
        yield _context(_footer(notice))


def _fields(notice: IncidentSummary) -> Iterator[str]:
    verdicts = notice.verdicts
    if notice.incident is not None:
        yield from _about(notice.incident)
    if verdicts.audit is not None:
        yield f"*Audit of the tests*\n{verdicts.audit}"
    if verdicts.reproduced is not None:
        yield f"*Reproduced*\n{'yes' if verdicts.reproduced else 'no'}"
    if verdicts.proof is not None:
        runs = f": {escaped(verdicts.runs, MOST_FIELD // 2)}" if verdicts.runs else ""
        yield f"*Proof*\n{verdicts.proof.replace('_', ' ')}{runs}"


def _about(incident: NoticeIncident) -> Iterator[str]:
    yield f"*Priority*\n{incident.priority}: {escaped(incident.priority_reason, MOST_FIELD // 2)}"
    errors = f", {incident.error_entries:,} of them errors" if incident.error_entries else ""
    yield f"*Entries*\n{incident.entries:,}{errors}"
    yield f"*Seen*\n{_code(incident.first_seen)} to {_code(incident.last_seen)}"
    where = ", ".join(_code(name, 150) for name in incident.services[-3:]) or "no service is known"
    yield f"*Where*\n{where}, {counted(incident.instances, 'instance')}"
    if incident.revisions:
        shown = [_code(name, 150) for name in incident.revisions[-3:]]
        more = incident.revision_count - len(shown)
        yield f"*Revisions*\n{', '.join(shown)}{f' and {more:,} more' if more > 0 else ''}"
    yield f"*Fingerprint*\n{_code(incident.fingerprint)}"


def _links(notice: Notice) -> Iterator[str]:
    """Links of the bot's own, whose addresses come from publishing; nothing in them can end a link."""
    for words, link in (("issue", notice.links.issue), ("pull request", notice.links.pull_request)):
        if link is not None:
            yield _linked(f"{words} {link.number}", link.url)
    if notice.links.record:
        yield _linked("the record", notice.links.record)


def _linked(words: str, url: str) -> str:
    return f"<{url.replace('&', '&amp;')}|{words}>" if url else words


def _footer(notice: IncidentSummary) -> str:
    usd = "unknown" if notice.cost.usd is None else f"{notice.cost.usd:.2f} USD"
    model = "a scripted model" if notice.cost.scripted else f"model {usd}, {notice.cost.tokens:,} tokens"
    return (f"{notice.repository}, focus {notice.focus}, run {notice.run}, cycle {notice.cycle} of at most "
            f"{notice.cycles}, {model}, {notice.at:%Y-%m-%d %H:%M} UTC")


def _plain(text: str, most: int) -> _Block:
    return {"type": "plain_text", "text": escaped(text, most) or "whybot", "emoji": False}


def _section(text: str) -> _Block:
    """A section of marked-up text that was escaped before."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(text: str) -> _Block:
    return {"type": "context", "elements": [_plain(text, MOST_TEXT)]}


def _code(text: str, most: int = 600) -> str:
    return f"`{escaped(text, most) or ' '}`"
