"""The one issue of an incident: made, brought up to date, or opened again when the incident is back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final, NamedTuple, get_args

from bot.domain.effects import CycleKey, IssueUpsert, Priority, Receipt, markers_in
from bot.domain.errors import ForgeGone, NotOffered
from bot.engine.publishing.bearers import bearing, chosen, made_at_once
from bot.engine.publishing.conversation import put_comment
from bot.engine.publishing.means import Means
from bot.engine.publishing.region import Said, digest_of, place_in, same
from bot.ports import ForgeIssue

_TRIES: Final = 3
"""How often an issue may go away between looking for it and writing to it."""

PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)


def publish_issue(effect: IssueUpsert, means: Means) -> Receipt:
    """Make the issue, change it, or open it again. An issue that is gone is made anew, and the receipt says so."""
    gone: dict[int, str] = {}
    for _ in range(_TRIES):
        try:
            return _IssueDesk(effect, means, gone).publish()
        except _Gone as lost:
            gone[lost.number] = lost.what
    raise ForgeGone(" ".join(gone.values()), "Run `bot resume` when nobody moves issues.")


class _Gone(Exception):
    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number
        self.what = what


class _Labels(NamedTuple):
    """What is to become of an issue's labels; `given` is the priority that the bot has given then."""

    add: tuple[str, ...]
    take: tuple[str, ...]
    given: Priority | None


class _IssueDesk:
    """One look at the forge and what follows from it."""

    def __init__(self, effect: IssueUpsert, means: Means, gone: dict[int, str]) -> None:
        self._effect = effect
        self._means = means
        self._forge = means.forge
        self._gone = gone
        self._keys = {str(effect.key), *(str(alias) for alias in effect.aliases)}
        self._title = means.wording.title(effect.title)
        self._notes: list[str] = []
        self._related = ""

    def publish(self) -> Receipt:
        number = self._means.number(self._effect.key)
        wanted = self._keys | {str(key) for key in self._effect.related}
        seen = [issue for issue in self._forge.issues()
                if issue.number not in self._gone and (issue.number == number or markers_in(issue.body) & wanted)]
        self._related = self._references(seen)
        mine = bearing(seen, self._keys)
        found = chosen(self._forge, mine, self._effect.key)
        if found is not None:
            return self._change(found)
        # Somebody may have written the whole body anew, and the marker is lost with it.
        bare = next((issue for issue in seen if issue.number == number and not markers_in(issue.body)), None)
        return self._make(number) if bare is None else self._change(bare, written=True)

    # Making

    def _make(self, lost: int | None) -> Receipt:
        if lost is not None and lost not in self._gone:
            self._gone[lost] = self._whereabouts(lost)
        labels = self._labels((), None)
        body = self._body("", Said(
            run=self._means.scope.run, cycle=self._means.scope.cycle, title=digest_of(self._title),
            priority=labels.given,
        ))
        made = self._forge.create_issue(self._title, body or "", labels.add)
        earlier = made_at_once(self._forge, made, self._keys, self._effect.key, self._gone)
        if earlier is not None:
            self._notes.append(f"Issue {made.number} was made at the same moment, and closed as its duplicate.")
            return self._change(earlier)
        self._notes.extend(f"{what} So a new one was made." for what in self._gone.values())
        return self._receipt(Receipt(did="created", number=made.number, url=made.url))

    def _whereabouts(self, number: int) -> str:
        """What became of an issue that is not listed any more."""
        with contextlib.suppress(NotOffered):
            try:
                # Takes nothing away; it is the way to hear where an issue went.
                self._forge.unlabel_issue(number, ())
            except ForgeGone as gone:
                return gone.what
        return f"Issue {number} is not among the bot's own any more."

    # Changing

    def _change(self, found: ForgeIssue, written: bool = False) -> Receipt:
        """Bring an issue up to date. `written`: this cycle wrote it before, though it does not say so."""
        scope = self._means.scope
        before = place_in(found.body, self._keys).said
        receipt = Receipt(did="unchanged", number=found.number, url=found.url)
        if before is not None and before.after(scope):
            self._notes.append("A later cycle has written it since, so it was left as it is.")
            return self._receipt(receipt)
        mine = written or (before is not None and before.by(scope))
        if not found.open and mine:
            self._notes.append("It was closed after this cycle had written it, so it stays closed.")
            return self._receipt(receipt)
        is_back = not found.open
        reopened = is_back or (mine and before is not None and before.reopened)
        labels = self._labels(found.labels, before)
        title, digest = self._titled(found, before, is_back)
        said = Said(run=scope.run, cycle=scope.cycle, title=digest, priority=labels.given, reopened=reopened)
        body = self._body(found.body, said)
        if body is None:
            self._notes.append("Its text leaves no room for the bot's, so it was left as it is.")
            body = found.body
        if is_back or labels.add or labels.take or title != found.title or not same(body, found.body):
            self._write(found, title, body, labels)
            receipt = receipt.model_copy(update={"did": "updated"})
        if reopened:
            self._tell(found.number)
            receipt = receipt.model_copy(update={"did": "reopened"})
        return self._receipt(receipt)

    def _write(self, found: ForgeIssue, title: str, body: str, labels: _Labels) -> None:
        try:
            # Taken off first: once the body is written, it says that the new priority is the bot's.
            if labels.take:
                self._forge.unlabel_issue(found.number, labels.take)
            self._forge.update_issue(found.number, title, body, labels.add, reopen=not found.open)
        except ForgeGone as gone:
            raise _Gone(found.number, gone.what) from gone

    def _tell(self, number: int) -> None:
        """What the regression shows that was not known: once for each cycle that reopens the issue."""
        scope, key = self._means.scope, self._effect.key
        if not self._effect.news or scope.run is None or scope.cycle is None:
            return
        told = CycleKey(
            of="comment", repository=key.repository, fingerprint=key.fingerprint, run=scope.run, cycle=scope.cycle,
            name="regression",
        )
        receipt = put_comment(number, told, self._effect.news, self._means)
        if receipt.did == "not published":
            self._notes.append(receipt.note)

    def _titled(self, found: ForgeIssue, before: Said | None, is_back: bool) -> tuple[str, str]:
        """The title to give, and the digest of the last one that the bot gave. A person's title stays."""
        last = "" if before is None else before.title
        title = self._title if is_back and digest_of(found.title) == last else found.title
        return title, digest_of(title) if title == self._title else last

    def _labels(self, has: Sequence[str], before: Said | None) -> _Labels:
        """One priority; where a person has given another, that one, since labels that people give stay."""
        present = {label.lower() for label in has}
        wanted = [label for label in self._effect.labels if label.lower() not in present]
        ranks = [rank for rank in PRIORITIES if rank.lower() in present]
        last = None if before is None else before.priority
        new = self._effect.priority if self._means.policy.priority_labels else None
        if new is None:
            return _Labels(tuple(wanted), (), last)
        # Before the bot kept in mind which was its own, all were.
        peoples = [] if before is None else [rank for rank in ranks if rank not in {last, new}]
        if peoples:
            return _Labels(tuple(wanted), tuple(rank for rank in ranks if rank == last), None)
        return _Labels(
            (*wanted, *(() if new in ranks else (new,))), tuple(rank for rank in ranks if rank != new), new
        )

    # Words

    def _body(self, old: str, said: Said) -> str | None:
        place = place_in(old, self._keys)
        return self._means.body(place, self._effect.key, self._effect.body, said, self._related)

    def _references(self, seen: Sequence[ForgeIssue]) -> str:
        """The line that links the related issues. Their numbers are the forge's, so they are safe as they are."""
        numbers = []
        for key in self._effect.related:
            found = [] if str(key) in self._keys else bearing(seen, {str(key)})
            best = min(found, key=lambda issue: (not issue.open, issue.number), default=None)
            if best is not None:
                numbers.append(f"#{best.number}")
        return f"Related: {', '.join(dict.fromkeys(numbers))}" if numbers else ""

    def _receipt(self, receipt: Receipt) -> Receipt:
        return receipt.model_copy(update={"note": " ".join(self._notes)})
