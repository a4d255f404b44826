"""Where Claude is asked: the host, and the setting that names it. A wrong one is refused before anything is sent."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.errors import ConfigProblem
from bot.domain.model_names import region_name

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|(?=.*:)[0-9A-Fa-f:.]{2,45}")
"""A name that the name service can be asked for, or an address of IPv6."""
_MOST_PORT = 65_535
_UNKNOWN_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


@dataclass(frozen=True)
class Address:
    """A host, and how people are told of the setting that it comes from; nothing where none was made."""

    host: str
    setting: str = ""

    @property
    def check(self) -> str:
        """What to look at when it does not answer as it should."""
        return f"Check {f'{self.setting}, ' if self.setting else ''}the network and the proxy settings."


def address_of(url: str, setting: str) -> Address:
    """The address that a URL says. Raises ConfigProblem for one that no server can have.

    The URL is not repeated, since there may be a password in it.
    """
    import httpx2

    try:
        parsed = httpx2.URL(url)
        host, port = parsed.raw_host.decode("ascii"), parsed.port
    except (httpx2.InvalidURL, ValueError):
        host, port, parsed = "", None, httpx2.URL()
    if parsed.scheme not in {"https", "http"} or _HOST.fullmatch(host) is None or not 0 < (port or 443) <= _MOST_PORT:
        raise ConfigProblem(
            f"What {setting} says is not the address of a server.", "Write it as https://HOST, or leave it out."
        )
    return Address(host, setting)


def address_in(environ: Mapping[str, str], variable: str) -> Address | None:
    """The address that a variable of the environment says, as the SDK reads it; None where it is not set."""
    given = environ.get(variable)
    return None if given is None else address_of(given, variable)


def region_in(name: str, setting: str) -> str:
    """A region that was found outside the configuration. Raises ConfigProblem for what is none."""
    try:
        return region_name(name)
    except ValueError as error:
        raise ConfigProblem(f"{setting} is wrong: {error}.", "Set it to the name of a region.") from error


def is_unknown_name(error: BaseException) -> bool:
    """Whether a connection failed since the name service does not know the host: asking again finds the same."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return seen.errno in _UNKNOWN_NAME
        seen = seen.__cause__ or seen.__context__
    return False
