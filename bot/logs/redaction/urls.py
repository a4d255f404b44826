"""Passwords and tokens in URLs, and e-mail addresses: whatever goes with an `@`."""

from __future__ import annotations

import re

from bot.logs.redaction.places import PLACEHOLDER, Cut, at, cut_group, placeholder
from bot.logs.redaction.values import looks_random

_DATABASE = re.compile(
    r"(?<![a-z])(?:postgres(?:ql)?|mysql|mariadb|rediss?|valkeys?|mongodb|amqps?|clickhouse|mssql|sqlserver|oracle|"
    r"cockroachdb|nats|kafka|smtps?|ldaps?|s?ftp)(?:\+[a-z0-9]{1,20}){0,2}$",
    re.IGNORECASE,
)
"""Schemes whose passwords are often written as they are, with `/`, `@` and `#` in them."""
_OF_DATABASE = re.compile(r"://[^\s:@\"',<>]{0,200}+:(?P<secret>[^\s\"',]{1,300})@")
_OF_ANYTHING = re.compile(r"://[^\s:/?#@\"'<>]{0,200}+:(?P<secret>[^\s/@\"']{1,300}+)@")
_TOKEN = re.compile(r"://(?P<secret>[A-Za-z0-9_.~-]{16,300}+)@")
_LOCAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-")
_MOST_LOCAL = 64
_DOMAIN = re.compile(r"@(?:[A-Za-z0-9-]{1,63}\.){1,8}(?P<top>[A-Za-z][A-Za-z0-9-]{1,23})")
_NO_TOP = frozenset({
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "mjs", "py", "json", "md", "so", "service", "socket",
    "timer", "mount", "target", "tgz", "gz", "zip", "jar", "html",
})
"""File endings and kinds of systemd units: `logo@2x.png`, `getty@tty1.service`."""
_NO_PEOPLE = frozenset({"git", "celery"})
_VERSION = re.compile(r"@v?\d+\.\d")


def without_url_secrets(text: str) -> str:
    """The text with a stand-in for each password or token before the host of a URL."""
    return at(text, ("://",), _userinfo)


def _userinfo(text: str, place: int) -> Cut | None:
    database = _DATABASE.search(text[max(0, place - 40) : place])
    match = (_OF_DATABASE.match(text, place) if database else None) or _OF_ANYTHING.match(text, place)
    if match:
        return None if PLACEHOLDER.fullmatch(match["secret"]) else cut_group(match, "secret", "password")
    match = _TOKEN.match(text, place)
    return cut_group(match, "secret", "token") if match and looks_random(match["secret"], 16) else None


def without_emails(text: str) -> str:
    """The text with a stand-in for each e-mail address, those of service accounts included."""
    return at(text, ("@",), _email)


def _email(text: str, place: int) -> Cut | None:
    domain = _DOMAIN.match(text, place)
    if domain is None or domain["top"].lower() in _NO_TOP or _VERSION.match(text, place):
        return None
    start = place
    while start > 0 and place - start < _MOST_LOCAL and text[start - 1] in _LOCAL:
        start -= 1
    if text[start - 1 : start] == "\\" and text[start] in "nrt":
        start += 1
    while start < place and text[start] in ".-":
        start += 1
    local = text[start:place].lower()
    if not local or local in _NO_PEOPLE or text[max(0, start - 2) : start] == "//":
        return None
    end = domain.end()
    while text[end - 1] == "-":
        end -= 1
    return Cut(start, end, placeholder("email", text[start:end].lower()))
