"""Notices on their way out: held against the destinations of bot.toml, cleaned once more, and given their links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.domain.config import NotifyConfig
from bot.domain.effects import Effect, IssueUpsert, NoticeSend, PullRequestUpsert, Receipt, RecordedEffect
from bot.domain.notices import Notice, NoticeEvent, NoticeLink, NoticeLinks
from bot.engine.publishing.wording import plain_url
from bot.ports import Notifier
from bot.reports.notices import cleaned

_MOST_URL: Final = 500
_RESTS_ON: Final[Mapping[NoticeEvent, tuple[type[Effect], str]]] = {
    "issue-filed": (IssueUpsert, "issue"), "fix-proposed": (PullRequestUpsert, "pull request"),
}
"""Events that say that something is on the forge."""


class NoticeDesk:
    """Sends the notices of a process. `destinations` are those of the bot.toml at hand, whatever an effect says.

    `record_url` is where the record of a cycle can be read.
    """

    def __init__(self, destinations: Mapping[str, NotifyConfig], notifier: Notifier, record_url: str = "") -> None:
        self._destinations = destinations
        self._notifier = notifier
        self._record_url = _page(record_url)

    def send(self, effect: NoticeSend, known: Sequence[RecordedEffect]) -> Receipt:
        """Send one notice and say what came of it; nothing that goes wrong on the way is raised.

        `known` are all effects of the scope; those that were published have their receipts.
        """
        name, summary = effect.key.destination, cleaned(effect.notice)
        config = self._destinations.get(name)
        if config is None:
            return Receipt(did="not published", note=f"bot.toml has no [notify.{name}].")
        priority = None if summary.incident is None else summary.incident.priority
        if not config.wants(effect.key.event, summary.focus, priority):
            return Receipt(did="not published", note=f"[notify.{name}] does not ask for it.")
        links = _links(known, self._record_url)
        needs, words = _RESTS_ON.get(effect.key.event, (None, ""))
        if needs is not None and (links.issue if needs is IssueUpsert else links.pull_request) is None:
            return Receipt(did="not delivered", note=f"{name}: the {words} is not published yet.")
        notice = Notice(id=effect.key.message, links=links, **dict(summary))
        delivery = self._notifier.send(name, notice)
        if delivery.delivered:
            return Receipt(did="delivered", note=name)
        return Receipt(did="not delivered", note=f"{name}: {delivery.why}")


def _links(known: Sequence[RecordedEffect], record: str) -> NoticeLinks:
    return NoticeLinks(issue=_link(known, IssueUpsert), pull_request=_link(known, PullRequestUpsert), record=record)


def _link(known: Sequence[RecordedEffect], kind: type[Effect]) -> NoticeLink | None:
    """The newest thing of a kind that has a number."""
    for item in reversed(known):
        if isinstance(item.effect, kind) and item.receipt is not None and item.receipt.number is not None:
            return NoticeLink(number=item.receipt.number, url=_page(item.receipt.url))
    return None


def _page(url: str) -> str:
    """An address that others can open; a folder's is none."""
    return url if len(url) <= _MOST_URL and plain_url(url) else ""
