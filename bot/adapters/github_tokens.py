"""What a request to GitHub is authorised with: a token that is given, or one that is made anew when it ends."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from bot.domain.errors import ConfigProblem


class Tokens(Protocol):
    """Gives the token to use now."""

    def current(self) -> str:
        """A token that is valid for the next minutes. Raises ForgeProblem when none can be had."""
        ...

    def renew(self) -> bool:
        """Forget the current token, which GitHub does not take any more; False when there is no other."""
        ...

    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        ...


class GivenToken:
    """A token from the environment. Raises ConfigProblem for what can be none, without showing it."""

    def __init__(self, token: str) -> None:
        if re.fullmatch(r"[!-~]+", token) is None:
            raise ConfigProblem(
                f"The GitHub token is {'missing' if not token else 'no token: it has spaces or special characters'}.",
                "Set the variable that `token_env` in [forge] names.",
            )
        self._token = token

    def current(self) -> str:
        """The token."""
        return self._token

    def renew(self) -> bool:
        """There is no other."""
        return False

    def secrets(self) -> tuple[str, ...]:
        """The token."""
        return (self._token,)


def check_url(url: str) -> None:
    """Raise ConfigProblem for an address that a token may not be sent to.

    Without TLS, whoever is on the way reads the token, so that is for this machine alone.
    """
    try:
        parts = urlsplit(url)
        is_one = re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url) is not None and bool(parts.hostname)
    except ValueError:
        is_one = False
    if not is_one:
        raise ConfigProblem(f"`api_url` in [forge] is {url!r}, which is no URL.", "Use https://api.github.com.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ConfigProblem(
            f"`api_url` in [forge] is {url!r}: the token would go over the network as plain text.",
            "Use https:// there. Only a server on this machine may be asked without it.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
