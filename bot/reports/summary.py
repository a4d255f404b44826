"""Effects for people: the plan of what would be published, and the summary of what was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from bot.domain.base import counted
from bot.domain.effects import (
    BranchPush,
    CheckReport,
    CommentUpsert,
    Effect,
    IssueUpsert,
    NoticeSend,
    PullRequestUpsert,
    Receipt,
    RecordedEffect,
    ReplyUpsert,
    TrackingUpsert,
    without_markers,
)
from bot.domain.errors import BotError
from bot.domain.publication import Publication
from bot.logs.redact import redact
from bot.reports.links import published
from bot.reports.markdown import cell, cut, inline, linked, neutralise, prose, span

_PAGE = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9./_#%?=&-]*")
_MOST_CHARS = 200_000
"""GitHub takes a mebibyte of summary for each step."""


@dataclass(frozen=True)
class PlannedEffect:
    """What is to be published of one thing. `size` is in characters of text, of a branch in files."""

    what: str
    key: str
    title: str
    size: int

    @property
    def size_in_words(self) -> str:
        """The size with its unit."""
        return counted(self.size, "file" if self.what == "branch" else "character")


def plan_of(effects: Iterable[Effect]) -> tuple[PlannedEffect, ...]:
    """What effects come to: of each thing its last state, in the order in which they are published."""
    last = {str(effect.key): effect for effect in effects}
    return tuple(
        PlannedEffect(effect.effect.replace("_", " "), key, title_of(effect), _size(effect))
        for key, effect in last.items()
    )


def title_of(effect: Effect) -> str:
    """What an effect is called; of a text without a title, what it is about."""
    match effect:
        case IssueUpsert() | TrackingUpsert() | PullRequestUpsert() | CheckReport():
            return effect.title
        case BranchPush():
            return effect.branch
        case CommentUpsert():
            return f"{effect.key.name} comment on the {effect.on.of.replace('_', ' ')}"
        case ReplyUpsert():
            return f"answer in conversation {effect.number}"
        case NoticeSend():
            return f"{effect.key.event} to {effect.key.destination}"
        case _:
            assert_never(effect)


def _size(effect: Effect) -> int:
    match effect:
        case BranchPush():
            return len(effect.paths)
        case CheckReport():
            return len(effect.summary) + sum(len(one.title) + len(one.message) for one in effect.annotations)
        case NoticeSend():
            return len(effect.notice.model_dump_json())
        case _:
            return len(effect.body)


def publication_summary(publication: Publication, problem: BotError | None, ledger: str) -> str:
    """What publishing came to, as Markdown for the summary of a job. `ledger` is a sentence."""
    lines = ["## whybot: published" if problem is None else "## whybot: not all is published", ""]
    if problem is not None:
        lines += [f"**{prose(problem.what)}** {prose(problem.remedy)}", ""]
    for part in publication.parts:
        lines += _part(part)
    return cut("\n".join([*lines, inline(ledger)]), _MOST_CHARS) + "\n"


def _part(part: Publication) -> list[str]:
    scope = part.scope
    lines: list[str] = []
    if scope.run is not None:
        of = f", incident {span(scope.fingerprint)}" if scope.fingerprint else ""
        lines += [f"Run {span(scope.run)}, cycle {scope.cycle}{of}.", ""]
    items = {str(item.effect.key): item for item in part.effects}.values()
    if not items:
        return [*lines, "There was nothing to publish.", ""]
    lines += ["| what | title | came to |", "|---|---|---|", *map(_row, items), ""]
    found = published(part.effects)
    status = [linked(neutralise(without_markers(redact(item.effect.body))), found) for item in items
              if isinstance(item.effect, CommentUpsert) and item.effect.key.name == "status"]
    return [*lines, *(line for body in status for line in (body, ""))]


def _row(item: RecordedEffect) -> str:
    did, where = came_to(item.receipt)
    what = item.effect.effect.replace("_", " ")
    # The forge's own words, not those of the file: receipts are got by publishing.
    shown = f"[{did}]({where})" if _PAGE.fullmatch(where) else f"{did} {cell(where)}" if where else did
    return f"| {what} | {cell(title_of(item.effect))} | {shown} |"


def came_to(receipt: Receipt | None) -> tuple[str, str]:
    """What became of an effect, and where it is found, or why not."""
    if receipt is None or receipt.did == "kept for later":
        return "not yet published", ""
    return receipt.did, receipt.url or receipt.note
