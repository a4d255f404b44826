"""Reaching a remote repository: which URLs may be pushed to, how the token gets there, what failures mean."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import re
from urllib.parse import urlsplit

from bot.domain.errors import ForgeBusy, ForgeProblem


def check_url(url: str, credential: str) -> None:
    """Refuse a URL that could run something, or that would show the token. Raises ForgeProblem."""
    try:
        parts = urlsplit(url)
    except ValueError as bad:
        raise ForgeProblem("The URL to push to cannot be read.", "Use an https URL.") from bad
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme not in {"https", "http", "file"} or not url.isprintable():
        raise ForgeProblem(f"A push to {shown} is not possible.", "Use an https URL.")
    if parts.username is not None or parts.password is not None:
        raise ForgeProblem(f"The URL of {shown} holds a user name or password.", "Leave it out; the token is enough.")
    if parts.scheme == "http" and credential and not _is_loopback(parts.hostname or ""):
        raise ForgeProblem(f"The token would go to {shown} unencrypted.", "Use an https URL.")


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def authorised(url: str, credential: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The environment that sends a token to one URL, and the texts that must not be shown."""
    if not credential:
        return {}, ()
    encoded = base64.b64encode(f"x-access-token:{credential}".encode()).decode()
    key = f"http.{url}.extraHeader"
    # The empty value drops a header that actions/checkout may have left in the clone's settings.
    env = {
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": key, "GIT_CONFIG_VALUE_1": f"Authorization: Basic {encoded}",
    }
    return env, (credential, encoded)


def push_failed(branch: str, url: str, said: str) -> ForgeProblem:
    """The error for a push that git refused, with the remedy that fits what it said; ForgeBusy for what may pass."""
    what = f"The branch {branch} could not be pushed to {url}: {said or 'git said nothing'}."
    if re.search(r"was archived", said):
        return ForgeProblem(what, "Unarchive the repository in its settings; until then nobody can write to it.")
    if re.search(r"without `?workflows?`? (permission|scope)", said):
        return ForgeProblem(what, "The commit changes a workflow of GitHub's, which the bot must not; see [policy].")
    if re.search(r"GH0(06|13)|protected branch|rule violations", said):
        return ForgeProblem(what, "A rule of the repository protects such branches; let the bot push to whybot/**.")
    if re.search(r"returned error: (429|5\d\d)|rate limit|abuse detection", said, re.IGNORECASE):
        return ForgeBusy(what, "The server is busy or has a fault; wait a while, then run `bot resume`.")
    if re.search(r"Authentication failed|could not read Username|returned error: 40[13]|denied", said):
        return ForgeProblem(what, "Give the token write access to the repository's contents.")
    if re.search(r"not found|returned error: 404", said):
        return ForgeProblem(what, "Check the repository's name; a token without access to it gets the same answer.")
    if re.search(r"stale info|fetch first|non-fast-forward|cannot lock ref", said):
        return ForgeProblem(what, "Somebody moved the branch at the same moment; run `bot resume`.")
    if re.search(
        r"Could not resolve host|Failed to connect|unable to access|timed out|Connection|early EOF|RPC failed"
        r"|hung up|disconnect|Empty reply", said,
    ):
        return ForgeBusy(what, "Check the network and the proxy settings, then run `bot resume`.")
    return ForgeProblem(what, "Check that branch's protection rules, then run `bot resume`.")
