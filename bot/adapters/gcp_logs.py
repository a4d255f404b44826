"""Log entries from Google Cloud Logging, the most severe first, page by page through its own client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.adapters.gcp_calls import DEADLINE_S, PAGE_SIZE, Calls, TokenRefused, connect
from bot.adapters.gcp_reach import Reach
from bot.adapters.gcp_spool import PageHead, Spool, open_spool
from bot.adapters.gcp_wire import entry_line, nanoseconds
from bot.adapters.surroundings import Surroundings
from bot.domain.base import counted
from bot.domain.errors import ConfigProblem, RetrievalFailed
from bot.domain.logs import LogPage, LogQuery
from bot.domain.moments import nanoseconds_of, rfc3339
from bot.logs.query import left_out_filter, tiers
from bot.logs.redact import Redactor
from bot.logs.snapshot import redacted_line
from bot.ports import Clock

if TYPE_CHECKING:
    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

_MOST_EMPTY = 20
"""Pages without an entry that are followed to find out whether older entries are left once the limit is reached."""


class GcpLogs:
    """A LogSource over one Google Cloud project.

    `client` is the GAPIC client to use; without one it is made from the environment's credentials when reading
    starts, for `endpoint` or the public address. Under `state` the pages are kept, redacted, until the reading is
    finished: after a failure or a kill the next one of the same query goes on from there, within an hour. Raises
    RetrievalFailed for a missing project.
    """

    def __init__(self, project: str, clock: Clock, client: LoggingServiceV2Client | None = None,
                 deadline_s: float = DEADLINE_S, state: Path | None = None, endpoint: str = "",
                 redacted: Callable[[bytes], bytes] = redacted_line) -> None:
        if not project:
            raise RetrievalFailed(
                "No Google Cloud project is configured.", "Set `project` under [logs] in bot.toml."
            )
        self._project = project
        self._clock = clock
        self._client = client
        self._deadline_s = deadline_s
        self._state = state
        self._endpoint = endpoint
        self._redacted = redacted

    @property
    def name(self) -> str:
        """`gcp:PROJECT`."""
        return f"gcp:{self._project}"

    def read(self, query: LogQuery) -> GcpReading:
        """Connect. Raises RetrievalFailed without credentials that work or a place to keep pages."""
        if self._client is None:
            calls = connect(self._project, self._clock, self._endpoint, self._deadline_s)
        else:
            calls = Calls(self._project, self._client, self._clock, self._deadline_s)
        timeless = query.model_copy(update={"since": None, "until": None})
        key = "\n".join([self._project, self._endpoint, str(query.most_entries), *map(str, tiers(timeless))])
        try:
            spool = open_spool(self._state, key, query, self._clock.now())
        except RetrievalFailed:
            if self._client is None:
                calls.close()
            raise
        return GcpReading(self.name, calls, query, spool, self._clock, self._redacted, self._client is None)


class GcpReading:
    """One reading of a project's log: tier by tier, in each the newest entries first, redacted."""

    def __init__(self, name: str, calls: Calls, query: LogQuery, spool: Spool, clock: Clock,
                 redacted: Callable[[bytes], bytes], own_connection: bool) -> None:
        self._name = name
        self._calls = calls
        self._spool = spool
        self._clock = clock
        self._redacted = redacted
        self._own_connection = own_connection
        self._query = query
        question = spool.question
        self._tiers = tiers(query.model_copy(update={"since": question.since, "until": question.until}))
        self._reaches = [Reach(tier) for tier in self._tiers]
        self._earlier = len(spool.heads)
        self._read = 0
        self._finished = False
        self._context_failed = ""

    @property
    def name(self) -> str:
        """`gcp:PROJECT`."""
        return self._name

    def __iter__(self) -> Iterator[LogPage]:
        """Yield the pages: those that are kept already, then those that are still to be fetched.

        Raises RetrievalFailed, saying how far it came, when a page cannot be had.
        """
        self._reaches = [Reach(tier) for tier in self._tiers]
        self._read = 0
        self._finished = False
        for number, head in enumerate(self._spool.heads):
            self._reaches[head.tier].went(head)
            self._read += head.entries
            yield LogPage(number, self._spool.lines(number))
        for index, reach in enumerate(self._reaches):
            while not reach.complete and self._read < self._query.most_entries:
                yield self._fetch(index, reach)
            if not reach.complete:
                reach.left = self._has_more(reach)
        self._finished = True

    def page(self, number: int) -> list[bytes]:
        """The lines of a page that was given before, from disk."""
        return self._spool.lines(number)

    def where(self, number: int, index: int) -> str:
        """`page 3, entry 7`, both counted from 1."""
        return f"page {number + 1}, entry {index + 1}"

    def left_out(self, instances: tuple[str, ...], since: datetime, until: datetime, most: int) -> Iterable[bytes]:
        """What these instances logged below the focus's severity; where the limit was reached, whatever they logged.

        Newest first, redacted. Nothing depends on it: where it fails, this is what was had, and `unread` says so.
        """
        wanted = left_out_filter(self._query.focus, instances, since, until, every=any(r.left for r in self._reaches))
        found: list[bytes] = []
        token = ""
        while wanted and len(found) < most:
            try:
                page = self._calls.page(wanted, token, min(PAGE_SIZE, most - len(found)))
            except TokenRefused:
                self._context_failed = "Cloud Logging refuses its own page tokens."
                break
            except RetrievalFailed as error:
                self._context_failed = error.what
                break
            found += [self._redacted(entry_line(message)) for message in page.entries]
            if not page.next_page_token or page.next_page_token == token:
                break
            token = page.next_page_token
        return found

    def unread(self) -> tuple[str, ...]:
        """What the limit left out, tier by tier, what was logged since a reading that this one goes on with, and more.

        Once `left_out` was asked for, whether it failed; and whether no page of the reading can outlive it.
        """
        found: list[str] = []
        if any(reach.left for reach in self._reaches):
            told = "; ".join(reach.told() for reach in self._reaches)
            found.append(f"Reading stopped after {self._query.most_entries:,} entries, the limit. {told}.")
        question = self._spool.question
        if self._earlier and question.open_end:
            found.append(
                f"This reading goes on with one that began at {rfc3339(nanoseconds_of(question.began))}; "
                "what was logged after that was not read."
            )
        if self._context_failed:
            found.append(
                f"What else happened on the incident's instances could not be read: {self._context_failed}"
            )
        if self._spool.hindered:
            found.append(self._spool.hindered)
        return tuple(found)

    def close(self) -> None:
        """Delete the pages of a finished reading, keep those of an unfinished one, and let go of the connection."""
        if self._finished or not self._spool.kept:
            self._spool.remove()
        self._spool.release()
        if self._own_connection:
            self._calls.close()

    def _fetch(self, index: int, reach: Reach) -> LogPage:
        """Fetch and keep the next page of a tier."""
        page = self._next(reach, min(PAGE_SIZE, self._query.most_entries - self._read))
        lines = [self._redacted(entry_line(message)) for message in page.entries]
        times = [nanoseconds(message.timestamp) for message in page.entries]
        now = self._clock.now()
        head = PageHead(index, page.next_page_token, reach.before, min(times, default=0), len(lines), now)
        reach.went(head)
        self._read += len(lines)
        return LogPage(self._spool.add(head, lines), lines)

    def _next(self, reach: Reach, size: int) -> Any:
        """The next page of a tier, by its token or, where that is not known any more, by the time it had reached."""
        try:
            page = self._ask(reach.filter, reach.token, size)
        except TokenRefused:
            if reach.before == reach.oldest and (reach.oldest or reach.restarted):
                # Nothing was gained since it started again from here, and would not be the next time.
                raise self._failed("Cloud Logging refuses its own page tokens") from None
            # What was read of the same moment comes twice, and is known as the same by whoever counts it.
            reach.before, reach.token, reach.restarted = reach.oldest, "", True
            page = self._ask(reach.filter, "", size)
        if page.next_page_token and page.next_page_token == reach.token:
            raise self._failed("Cloud Logging gave the same page token twice")
        return page

    def _has_more(self, reach: Reach) -> bool:
        """Whether a tier has entries beyond the limit: a token does not say so, and a tier may be empty."""
        ahead = Reach(reach.tier, reach.token, reach.before, reach.oldest)
        for _ in range(_MOST_EMPTY):
            page = self._next(ahead, 1)
            if page.entries or not page.next_page_token:
                return bool(page.entries)
            ahead.token = page.next_page_token
        return True

    def _ask(self, wanted: str, token: str, size: int) -> Any:
        return self._calls.page(wanted, token, size, self._so_far())

    def _failed(self, what: str) -> RetrievalFailed:
        return RetrievalFailed(f"{what}{self._so_far()}.", "Run the command again later.")

    def _so_far(self) -> str:
        had = "; " + counted(self._read, "entry", "entries") + " had been read before that"
        if not (self._spool.kept and self._read):
            return had
        return f"{had}, and {'is' if self._read == 1 else 'are'} kept for an hour: the same command goes on from there"


def open_log_source(rest: str, surroundings: Surroundings) -> GcpLogs:
    """`--logs gcp`, of the project under [logs], or `--logs gcp:PROJECT`. Raises ConfigProblem without one."""
    project = rest or surroundings.config.logs.project
    if not project:
        raise ConfigProblem("No Google Cloud project is configured.", "Set `project` under [logs] in bot.toml.")
    redactor = Redactor.of(surroundings.config.redaction)
    return GcpLogs(project, surroundings.clock, state=surroundings.state,
                   redacted=partial(redacted_line, redactor=redactor))
