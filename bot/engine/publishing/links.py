"""Links to what the bot itself published, which a body names by key and only the forge knows the place of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.domain.base import Fingerprint, Sha
from bot.domain.effects import (
    BranchName,
    BranchPush,
    CheckReport,
    IssueKey,
    Key,
    PullRequestUpsert,
    RecordedEffect,
    markers_in,
)
from bot.domain.publication import Scope
from bot.engine.publishing.wording import plain_url
from bot.ports import Forge
from bot.reports.markdown import Kind

_MOST_LOOK_UPS: Final = 40
"""Requests that one body may cost: a run has ten cycles, and a hostile text could name thousands of things."""

_FINGERPRINT: TypeAdapter[str] = TypeAdapter(Fingerprint)
_BRANCH: TypeAdapter[str] = TypeAdapter(BranchName)
_SHA: TypeAdapter[str] = TypeAdapter(Sha)
_T = TypeVar("_T", BranchPush, PullRequestUpsert)


class Links:
    """Finds the Markdown for a thing of the bot's own: a number, a link, or nothing where there is none."""

    def __init__(self, forge: Forge, scope: Scope, known: Sequence[RecordedEffect], record: str) -> None:
        self._forge = forge
        self._scope = scope
        self._known = known
        self._record = record
        self._found: dict[tuple[Kind, str], str] = {}
        self._issues: dict[str, int] | None = None
        self._looked_up = 0

    def __call__(self, kind: Kind, name: str) -> str:
        """The Markdown for one thing, empty where there is none (yet)."""
        if (kind, name) not in self._found:
            self._found[kind, name] = self._find(kind, name)
        return self._found[kind, name]

    def _find(self, kind: Kind, name: str) -> str:
        match kind:
            case "record":
                return self._record
            case "issue" if _fits(_FINGERPRINT, name):
                return _reference(self._issue(name))
            case "pull" if _fits(_BRANCH, name):
                return _reference(self._pull(name))
            case "check" if _fits(_SHA, name):
                return self._check(name)
        return ""

    def _issue(self, fingerprint: str) -> int | None:
        key = IssueKey(repository=self._scope.repository, fingerprint=fingerprint)
        known = number_of(key, self._known)
        if known is not None:
            return known
        if self._issues is None:
            self._issues = {}
            for issue in self._forge.issues():
                for mark in markers_in(issue.body):
                    self._issues.setdefault(mark, issue.number)
        return self._issues.get(str(key))

    def _pull(self, branch: str) -> int | None:
        keys = {effect.key for effect in self._effects(BranchPush) if effect.branch == branch}
        for effect in self._effects(PullRequestUpsert):
            if effect.branch in keys and (number := number_of(effect.key, self._known)) is not None:
                return number
        if not self._may_ask():
            return None
        return max((pull.number for pull in self._forge.pulls(branch)), default=None)

    def _check(self, head: str) -> str:
        urls = [item.receipt.url for item in self._known
                if isinstance(item.effect, CheckReport) and item.effect.key.head == head and item.receipt is not None]
        if not any(urls) and self._may_ask():
            urls = [check.url for check in self._forge.checks(head)]
        found = next((url for url in urls if url), "")
        # Of a folder there is no page that everybody could open.
        return f"[the check]({found})" if plain_url(found) else "the check" if found else ""

    def _effects(self, kind: type[_T]) -> Iterator[_T]:
        return (item.effect for item in self._known if isinstance(item.effect, kind))

    def _may_ask(self) -> bool:
        self._looked_up += 1
        return self._looked_up <= _MOST_LOOK_UPS


def number_of(key: Key, known: Sequence[RecordedEffect]) -> int | None:
    """The forge's number for what was published under a key, if it was."""
    for item in reversed(known):
        if item.receipt is not None and item.receipt.number is not None and str(item.effect.key) == str(key):
            return item.receipt.number
    return None


def _fits(kind: TypeAdapter[str], name: str) -> bool:
    try:
        kind.validate_python(name)
    except ValidationError:
        return False
    return True


def _reference(number: int | None) -> str:
    return "" if number is None else f"#{number}"
