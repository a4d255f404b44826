"""Links to what was published, from receipts alone: for pages that are written where no forge is at hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from bot.domain.effects import BranchPush, CheckReport, IssueUpsert, PullRequestUpsert, RecordedEffect
from bot.reports.markdown import Kind, link

_PAGE = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]+")
"""The address of a page with nothing in it that ends a link."""


def published(effects: Iterable[RecordedEffect], record_url: str = "") -> Callable[[Kind, str], str]:
    """What `bot.reports.markdown.linked` asks for: `[issue 12](https://…)`, or without a page just `issue 12`."""
    every = tuple(effects)
    known: dict[str, str] = {link("record"): page("the record", record_url)} if record_url else {}
    for item in every:
        place = place_of(item, every)
        if place and item.receipt is not None and (item.receipt.number is not None or item.receipt.url):
            number = "" if item.receipt.number is None else f" {item.receipt.number}"
            words = "the check" if isinstance(item.effect, CheckReport) else item.effect.effect.replace("_", " ")
            known[place] = page(f"{words}{number}", item.receipt.url)

    def find(kind: Kind, name: str) -> str:
        if kind == "record":
            return known.get(link(kind), "the cycle's record")
        return known.get(link(kind, name), "")

    return find


def place_of(item: RecordedEffect, effects: Iterable[RecordedEffect]) -> str:
    """What stands in a text for a link to an effect; empty for one that has no page of its own."""
    match item.effect:
        case IssueUpsert(key=key):
            return link("issue", key.fingerprint)
        case PullRequestUpsert(branch=key):
            branches = (other.effect for other in effects if isinstance(other.effect, BranchPush))
            return next((link("pull", branch.branch) for branch in branches if branch.key == key), "")
        case CheckReport(key=key):
            return link("check", key.head)
        case _:
            return ""


def page(words: str, url: str) -> str:
    """Words of our own that lead to a page, if there is one."""
    return f"[{words}]({url})" if _PAGE.fullmatch(url) else words
