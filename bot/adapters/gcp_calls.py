"""Calls to Cloud Logging: within its quota, each with a deadline, asked again where that can help."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.adapters.gcp_errors import call_failed, credentials_failed, is_about_token, is_no_network
from bot.ports import Clock

if TYPE_CHECKING:
    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

PAGE_SIZE = 1_000
"""The most entries that the API gives at once."""
DEADLINE_S = 60.0
"""For one call. A dead server would else hold it for as long as it likes."""
MOST_A_MINUTE = 60
"""The API's own quota of read requests a project: https://cloud.google.com/logging/quotas."""
FIRST_WAIT_S = 2.0
MOST_WAIT_S = 60.0
PATIENCE_S = 300.0
"""How long one page is asked for again. The quota counts over a minute, so a minute must fit in many times."""
PATIENCE_WITHOUT_NETWORK_S = 20.0
_TOKEN_DEADLINE_S = 20.0
_MINUTE = timedelta(seconds=60)
_SCOPES = ("https://www.googleapis.com/auth/logging.read",)


class TokenRefused(Exception):
    """The page token is not known any more."""


class Calls:
    """Asks one project for pages. `renew` gets a new access token and raises what hinders it."""

    def __init__(self, project: str, client: LoggingServiceV2Client, clock: Clock, deadline_s: float = DEADLINE_S,
                 renew: Callable[[], None] | None = None) -> None:
        self._project = project
        self._client = client
        self._clock = clock
        self._deadline_s = deadline_s
        self._renew = renew
        self._asked: deque[datetime] = deque(maxlen=MOST_A_MINUTE)

    def page(self, wanted: str, token: str, size: int, so_far: str = "") -> Any:
        """A page of at most `size` entries, newest first, as the plain protocol buffer.

        Waits and asks again while the quota is spent or nobody answers: 2 s, 4 s, 8 s and so on, or what the server
        asks for, a minute at most. Raises RetrievalFailed, which ends with `so_far`; TokenRefused.
        """
        from google.api_core import exceptions as google_errors
        from google.auth.exceptions import GoogleAuthError

        began = self._clock.now()
        wait, waited, silent = FIRST_WAIT_S, 0.0, 0
        while True:
            self._pace()
            try:
                return self._ask(wanted, token, size)
            except google_errors.InvalidArgument as error:
                if token:
                    raise TokenRefused from None
                raise call_failed(error, self._project, "", so_far, wanted) from None
            except google_errors.DeadlineExceeded as error:
                silent += 1
                if silent == 2:
                    tried = f"{self._deadline_s:g} s, asked twice"
                    raise call_failed(error, self._project, tried, so_far, wanted) from None
            except (google_errors.ResourceExhausted, google_errors.ServiceUnavailable,
                    google_errors.InternalServerError, google_errors.Unknown) as error:
                if is_about_token(error):
                    self._check_credentials(so_far)
                pause = min(max(wait, _asked_for(error)), MOST_WAIT_S)
                spent = max(waited, (self._clock.now() - began).total_seconds())
                patience = PATIENCE_WITHOUT_NETWORK_S if is_no_network(error) else PATIENCE_S
                if spent + pause > patience:
                    raise call_failed(error, self._project, f"{spent:.0f} s", so_far, wanted) from None
                self._clock.sleep(pause)
                waited += pause
                wait *= 2
            except GoogleAuthError as error:
                raise credentials_failed(error, so_far) from None
            except google_errors.GoogleAPICallError as error:
                raise call_failed(error, self._project, "", so_far, wanted) from None

    def close(self) -> None:
        """Let go of the connection."""
        self._client.transport.close()  # type: ignore[no-untyped-call]

    def _check_credentials(self, so_far: str) -> None:
        """Renew the token by ourselves, since gRPC says only that there is none and not why."""
        from google.auth.exceptions import GoogleAuthError

        if self._renew is not None:
            try:
                self._renew()
            except GoogleAuthError as error:
                raise credentials_failed(error, so_far) from None

    def _pace(self) -> None:
        if len(self._asked) == MOST_A_MINUTE:
            free = self._asked[0] + _MINUTE - self._clock.now()
            if free > timedelta(0):
                self._clock.sleep(free.total_seconds())
        self._asked.append(self._clock.now())

    def _ask(self, wanted: str, token: str, size: int) -> Any:
        pager = self._client.list_log_entries(
            {
                "resource_names": [f"projects/{self._project}"],
                "filter": wanted,
                "order_by": "timestamp desc",
                "page_size": size,
                "page_token": token,
            },
            retry=None,
            timeout=self._deadline_s,
        )
        page = next(iter(pager.pages))
        return type(page).pb(page)


def _asked_for(error: Any) -> float:
    """The seconds that the server asks to wait, 0 where it asks for none."""
    delays = (getattr(detail, "retry_delay", None) for detail in error.details)
    return max((delay.seconds + delay.nanos / 1e9 for delay in delays if delay is not None), default=0.0)


def connect(project: str, clock: Clock, endpoint: str = "", deadline_s: float = DEADLINE_S) -> Calls:
    """Calls with the environment's credentials: a service account's, a user's, or workload identity federation's.

    A token is got at once, so that credentials which do not work are named as such. `endpoint` is another address
    than the public one. Raises RetrievalFailed.
    """
    # Imported where it is used: it takes 0.3 s that few commands need.
    import warnings

    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request
    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

    request = Request()

    def renew() -> None:
        credentials.refresh(lambda *args, **kwargs: request(*args, **{**kwargs, "timeout": _TOKEN_DEADLINE_S}))

    try:
        with warnings.catch_warnings():
            # A user's credentials without a quota project are warned of; Google's answer, if any, says it better.
            warnings.simplefilter("ignore", UserWarning)
            # No scopes here: with them, federated credentials ask another API, which may be off, for a project's name.
            found, _ = google.auth.default()
        credentials = google.auth.credentials.with_scopes_if_required(  # type: ignore[no-untyped-call]
            found, list(_SCOPES)
        )
        renew()
    except GoogleAuthError as error:
        raise credentials_failed(error) from None
    options = {"api_endpoint": endpoint} if endpoint else {}
    client = LoggingServiceV2Client(credentials=credentials, client_options=options)
    return Calls(project, client, clock, deadline_s, renew)
