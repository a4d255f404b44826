"""Log entries from Google Cloud Logging, page by page through its own client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from bot.adapters.surroundings import Surroundings
from bot.domain.errors import ConfigProblem, RetrievalFailed
from bot.domain.logs import DamagedLine, LogEntry, LogQuery, ReadReport
from bot.domain.moments import rfc3339
from bot.logs.entries import entry_from_json
from bot.logs.query import gcp_filter
from bot.logs.redact import redact
from bot.ports import Clock

if TYPE_CHECKING:
    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

PAGE_SIZE = 1_000
"""The most entries that the API gives at once."""
DEADLINE_S = 60.0
"""For one page. A dead server would else hold a call for as long as it likes."""
BACKOFF_S = (5.0, 10.0, 20.0, 40.0)
"""Waits before asking again. Their sum is longer than the minute over which the quota of 60 requests counts."""
_MOST_SAMPLES = 5
_WHOLE_BELOW = 2.0**53
_LOGIN = "Log in with `gcloud auth application-default login`, or give the job a service account."


class GcpLogs:
    """A LogSource over one Google Cloud project.

    `client` is the GAPIC client to use; without one it is made from the environment's credentials when
    reading starts. Raises RetrievalFailed for a missing project.
    """

    def __init__(self, project: str, clock: Clock, client: LoggingServiceV2Client | None = None,
                 deadline_s: float = DEADLINE_S) -> None:
        if not project:
            raise RetrievalFailed(
                "No Google Cloud project is configured.", "Set `project` under [logs] in bot.toml."
            )
        self._project = project
        self._clock = clock
        self._client = client
        self._deadline_s = deadline_s

    @property
    def name(self) -> str:
        """`gcp:PROJECT`."""
        return f"gcp:{self._project}"

    def read(self, query: LogQuery) -> GcpReading:
        """Make the client. Raises RetrievalFailed when there are no credentials."""
        return GcpReading(self._project, self._client or self._connect(), query, self._clock, self._deadline_s)

    def _connect(self) -> LoggingServiceV2Client:
        # Imported where it is used: it takes 0.3 s that few commands need.
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

        try:
            return LoggingServiceV2Client()
        except GoogleAuthError as error:
            raise RetrievalFailed(f"There are no Google Cloud credentials: {_said(error)}.", _LOGIN) from None


class GcpReading:
    """One reading of a project's log, newest entries first."""

    def __init__(self, project: str, client: LoggingServiceV2Client, query: LogQuery, clock: Clock,
                 deadline_s: float) -> None:
        self._project = project
        self._client = client
        self._query = query
        self._clock = clock
        self._deadline_s = deadline_s
        self._filter = gcp_filter(query)
        self._read = 0
        self._damaged = 0
        self._samples: list[DamagedLine] = []
        self._unread: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[LogEntry]:
        """Yield the entries that the query's filter selects, newest first.

        Raises RetrievalFailed, saying how far it came, when a page cannot be had.
        """
        self._read = self._damaged = 0
        self._samples, self._unread = [], ()
        token = ""
        oldest = 0
        while True:
            page = self._page(token)
            for number, message in enumerate(page.entries, 1):
                entry = self._entry(message, f"page {token or 'first'}, entry {number}")
                if entry is None:
                    continue
                if self._read >= self._query.most_entries:
                    self._stopped(oldest)
                    return
                self._read += 1
                oldest = entry.time_ns
                yield entry
            if not page.next_page_token:
                return
            if page.next_page_token == token:
                raise self._failed("Cloud Logging gave the same page token twice", "Run the command again later.")
            if self._read >= self._query.most_entries:
                self._stopped(oldest)
                return
            token = page.next_page_token

    def report(self) -> ReadReport:
        """What was read so far and what was not."""
        return ReadReport(
            source=f"gcp:{self._project}", entries_read=self._read, entries_damaged=self._damaged,
            damaged_samples=tuple(self._samples), unread=self._unread,
        )

    def _stopped(self, oldest: int) -> None:
        back_to = f" Entries before {rfc3339(oldest)} were not read." if oldest else ""
        self._unread = (f"Reading stopped after {self._query.most_entries:,} entries, the limit.{back_to}",)

    def _entry(self, message: Any, where: str) -> LogEntry | None:
        try:
            value = entry_json(message)
            return entry_from_json(msgspec.json.encode(value), value)
        except (ValueError, TypeError) as error:
            self._damaged += 1
            if len(self._samples) < _MOST_SAMPLES:
                self._samples.append(DamagedLine(where=where, reason=_said(error)))
            return None

    def _page(self, token: str) -> Any:
        """One page as the plain protocol buffer; waits and asks again when the quota is spent or nobody answers."""
        from google.api_core import exceptions as google_errors
        from google.auth.exceptions import GoogleAuthError

        waits = iter(BACKOFF_S)
        while True:
            try:
                return self._ask(token)
            except (google_errors.ResourceExhausted, google_errors.ServiceUnavailable,
                    google_errors.InternalServerError) as error:
                wait = next(waits, None)
                if wait is None:
                    raise self._explained(error) from None
                self._clock.sleep(wait)
            except (google_errors.GoogleAPICallError, GoogleAuthError) as error:
                raise self._explained(error) from None

    def _ask(self, token: str) -> Any:
        pager = self._client.list_log_entries(
            {
                "resource_names": [f"projects/{self._project}"],
                "filter": self._filter,
                "order_by": "timestamp desc",
                "page_size": PAGE_SIZE,
                "page_token": token,
            },
            retry=None,
            timeout=self._deadline_s,
        )
        page = next(iter(pager.pages))
        return type(page).pb(page)

    def _explained(self, error: Exception) -> RetrievalFailed:
        from google.api_core import exceptions as google_errors

        said = _said(error)
        project = self._project
        if isinstance(error, google_errors.PermissionDenied) and "SERVICE_DISABLED" in str(error):
            return self._failed(f"The Cloud Logging API is not enabled in {project}",
                                f"Run `gcloud services enable logging.googleapis.com --project={project}`.")
        if isinstance(error, google_errors.PermissionDenied):
            return self._failed(f"Reading the logs of {project} is not permitted ({said})",
                                "Check the project's id, and grant the account roles/logging.viewer on it.")
        if isinstance(error, google_errors.NotFound):
            return self._failed(f"Google knows no project {project} ({said})",
                                "Check `project` under [logs] in bot.toml.")
        if isinstance(error, google_errors.Unauthenticated):
            return self._failed(f"Google did not accept the credentials ({said})", _LOGIN)
        if isinstance(error, google_errors.DeadlineExceeded):
            return self._failed(f"Cloud Logging did not answer within {self._deadline_s:g} s",
                                "Check the network, or ask for a shorter time or fewer services.")
        if isinstance(error, google_errors.ResourceExhausted):
            waited = f"{sum(BACKOFF_S):g} s"
            return self._failed(f"The quota of the Cloud Logging API stayed exhausted for {waited} ({said})",
                                "Wait a few minutes, or ask Google for a larger read quota.")
        if isinstance(error, google_errors.ServiceUnavailable | google_errors.InternalServerError):
            return self._failed(f"Cloud Logging could not be reached ({said})", "Check the network, then try again.")
        if isinstance(error, google_errors.InvalidArgument):
            return self._failed(f"Cloud Logging refused the request ({said})",
                                f"Check the project's id and the focus. The filter was: {self._filter}")
        if isinstance(error, google_errors.GoogleAPICallError):
            return self._failed(f"Cloud Logging answered with an error ({said})", "Run the command again later.")
        return self._failed(f"The Google Cloud credentials have expired or are not usable ({said})", _LOGIN)

    def _failed(self, what: str, remedy: str) -> RetrievalFailed:
        return RetrievalFailed(f"{what}; {self._read:,} entries had been read before that.", remedy)


def entry_json(message: Any) -> dict[str, Any]:
    """A LogEntry protocol buffer in the JSON shape that Google exports: nanoseconds kept, whole numbers whole.

    Raises ValueError or TypeError for what JSON cannot say.
    """
    from google.protobuf import json_format  # type: ignore[import-untyped]

    try:
        value = json_format.MessageToDict(message)
    except TypeError:
        # An audit payload whose type this client does not know: everything but its content can be read.
        type_url = message.proto_payload.type_url
        known = type(message)()
        known.CopyFrom(message)
        known.ClearField("proto_payload")
        value = json_format.MessageToDict(known)
        value["protoPayload"] = {"@type": type_url}
    except json_format.SerializeToJsonError as error:
        raise ValueError(str(error)) from None
    for field in ("jsonPayload", "protoPayload"):
        if field in value:
            value[field] = _whole(value[field])
    return {str(key): item for key, item in value.items()}


def _whole(value: Any) -> Any:
    """Protocol buffers keep JSON numbers as doubles: 500 comes back as 500.0."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _WHOLE_BELOW else value
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _said(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error).strip().rstrip(".")
    return redact(text.split("\n", 1)[0])[:300]


def open_log_source(rest: str, surroundings: Surroundings) -> GcpLogs:
    """`--logs gcp`, of the project under [logs], or `--logs gcp:PROJECT`. Raises ConfigProblem without one."""
    project = rest or surroundings.config.logs.project
    if not project:
        raise ConfigProblem("No Google Cloud project is configured.", "Set `project` under [logs] in bot.toml.")
    return GcpLogs(project, surroundings.clock)
