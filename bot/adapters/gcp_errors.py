"""What Google's errors mean to a person, and what to do about each."""

from __future__ import annotations

from typing import Any

from bot.domain.errors import RetrievalFailed
from bot.logs.redact import redact

LOGIN = "Log in with `gcloud auth application-default login`, or give the job a service account."
_PLUGIN = "metadata from plugin failed"
"""How gRPC says that no token could be had; it calls that UNAVAILABLE."""
_NO_NETWORK = ("dns resolution failed", "name resolution", "failed to resolve", "could not contact dns",
               "network is unreachable", "no route to host", "connection refused", "failed to connect to all addresses",
               "max retries exceeded", "timed out")
_EXPIRED = ("invalid_grant", "reauth", "expired", "revoked")


def said(error: BaseException) -> str:
    """The first line of what an error says, redacted."""
    text = str(getattr(error, "message", "") or error).strip()
    return redact(text.split("\n", 1)[0])[:300].rstrip(".")


def is_about_token(error: BaseException) -> bool:
    """Whether a call failed before it was sent, since the credentials gave no token."""
    return _PLUGIN in str(error)


def is_no_network(error: BaseException) -> bool:
    """Whether an error says that nothing could be reached at all."""
    text = str(error).lower()
    return any(words in text for words in _NO_NETWORK)


def credentials_failed(error: BaseException, so_far: str = "") -> RetrievalFailed:
    """The error for credentials that are missing, damaged, expired, or that cannot be renewed."""
    from google.auth import exceptions

    text = str(error).lower()
    if isinstance(error, exceptions.TransportError) or (isinstance(error, exceptions.RefreshError)
                                                        and is_no_network(error)):
        return RetrievalFailed(f"Google could not be reached for a token ({said(error)}){so_far}.",
                               "Check the network and the proxy settings, then try again.")
    if isinstance(error, exceptions.RefreshError | exceptions.OAuthError):
        if any(words in text for words in _EXPIRED):
            what = f"The Google Cloud credentials have expired or were revoked ({said(error)}){so_far}."
            return RetrievalFailed(what, LOGIN)
        return RetrievalFailed(
            f"Google gave no token for the credentials ({said(error)}){so_far}.",
            "Log in again, or check the service account and the workload identity pool that the job uses.",
        )
    if "was not found" in text and "file" in text:
        return RetrievalFailed(f"There are no Google Cloud credentials: {said(error)}{so_far}.",
                               f"Correct GOOGLE_APPLICATION_CREDENTIALS. {LOGIN}")
    if "could not automatically determine" in text or "default credentials were not found" in text:
        return RetrievalFailed(f"There are no Google Cloud credentials{so_far}.", LOGIN)
    return RetrievalFailed(f"The Google Cloud credentials cannot be used: {said(error)}{so_far}.",
                           f"Check the file that GOOGLE_APPLICATION_CREDENTIALS names. {LOGIN}")


def call_failed(error: BaseException, project: str, tried: str, so_far: str, sent_filter: str) -> RetrievalFailed:
    """The error for a refused or lost call. `tried` says how long, `so_far` how many entries had been read."""
    what, remedy = _meaning(error, project, tried, sent_filter)
    return RetrievalFailed(f"{what}{so_far}.", remedy)


def _meaning(error: BaseException, project: str, tried: str, sent_filter: str) -> tuple[str, str]:
    from google.api_core import exceptions as google_errors

    words = said(error)
    if isinstance(error, google_errors.PermissionDenied):
        return _not_permitted(error, project)
    if isinstance(error, google_errors.NotFound):
        return f"Google knows no project {project} ({words})", "Check `project` under [logs] in bot.toml."
    if isinstance(error, google_errors.Unauthenticated):
        return f"Google did not accept the credentials ({words})", LOGIN
    if isinstance(error, google_errors.DeadlineExceeded):
        return (f"Cloud Logging did not answer within {tried}",
                "Check the network, or ask for a shorter time or fewer services.")
    if isinstance(error, google_errors.ResourceExhausted):
        return (f"The quota of the Cloud Logging API stayed exhausted for {tried} ({words})",
                "Wait a few minutes, or ask Google for a larger read quota.")
    if isinstance(error, google_errors.ServiceUnavailable) and is_no_network(error):
        return (f"There is no way to Cloud Logging, in {tried} of trying ({words})",
                "Check the network connection, the name service and the proxy settings, then try again.")
    if isinstance(error, google_errors.ServiceUnavailable | google_errors.InternalServerError | google_errors.Unknown):
        return (f"Cloud Logging could not be reached or failed for {tried} ({words})",
                "Check the network and https://status.cloud.google.com, then try again.")
    if isinstance(error, google_errors.InvalidArgument):
        return (f"Cloud Logging refused the request ({words})",
                f"Check the project's id and the focus. The filter was: {sent_filter}")
    return f"Cloud Logging answered with an error ({words})", "Run the command again later."


def _not_permitted(error: Any, project: str) -> tuple[str, str]:
    words, text = said(error), f"{error} {error.reason or ''}"
    if "SERVICE_DISABLED" in text or "has not been used in project" in text:
        return (f"The Cloud Logging API is not enabled in {project}",
                f"Run `gcloud services enable logging.googleapis.com --project={project}`.")
    if "quota project" in text or "USER_PROJECT_DENIED" in text:
        return (f"Google wants to know which project's quota counts ({words})",
                f"Run `gcloud auth application-default set-quota-project {project}`.")
    if "CONSUMER_INVALID" in text or "not found or deleted" in text:
        return f"Google knows no project {project} ({words})", "Check `project` under [logs] in bot.toml."
    return (f"Reading the logs of {project} is not permitted ({words})",
            "Check the project's id, and grant the account roles/logging.viewer on it.")
