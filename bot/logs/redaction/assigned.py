"""Secrets that only their name tells: `password=…`, `"apiKey": "…"`, `--token …`, `Authorization: …`, `Cookie: …`."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from bot.logs.redaction.places import Cut, at, cut_group
from bot.logs.redaction.values import is_code, is_word, looks_random


class _Name(NamedTuple):
    """A telling name: how it goes on, what must stand before it, the kind it tells, the least length of a value."""

    pattern: str
    before: str
    kind: str
    least: int


_KEYS = (
    r"api|access|private|signing|encryption|account|auth|secret|master|storage|service|license|ssh|deploy|webhook|client|"
    r"app|application|admin|shared|consumer|subscription"
)
_NAMES: dict[str, _Name] = {
    "pass": _Name(r"pass(?:w(?:or)?ds?|wrd|code|(?P<phrase>phrase)|(?P<plain>(?![A-Za-z])))", "", "password", 3),
    "pwd": _Name(r"pwd(?P<phrase>(?!))?(?P<plain>(?!))?", "", "password", 3),
    "secret": _Name(r"secrets?", "", "secret", 8),
    "token": _Name(r"token", "", "secret", 8),
    "key": _Name(r"key", rf"(?:{_KEYS})[ _.-]?$", "secret", 8),
    "credential": _Name(r"credentials?", "", "secret", 8),
    "sig": _Name(r"sig(?:nature)?", r"(?<![A-Za-z])(?:x-[a-z]{1,8}-)?$", "secret", 16),
    "auth": _Name(r"auth", r"(?<![A-Za-z])$", "secret", 12),
    "sess": _Name(r"sess(?:ion)?(?:[ _.-]?(?:id|key|token))?", "", "session", 16),
    "sid": _Name(r"sid", r"(?<![A-Za-z])$", "session", 16),
}
"""By the letters that are looked for."""

_SUFFIX = (
    r"(?:[_-]?(?:key(?:[_-]?base)?|value|string|plain|raw|base64|b64|prod(?:uction)?|stag(?:e|ing)|dev|test|live|old|"
    r"new|current|primary|secondary|main|default|\d{1,2}))?"
)
_SIGN = (
    r"(?:(?P<sign>\\{0,3}[\"']?\]?\s{0,2}:\s{0,2}[A-Za-z_][A-Za-z_.]{0,30}(?:\[[^\]\n]{0,30}\])?(?:\s?\|\s?None)?"
    r"\s{0,2}=(?!=)\s{0,2}"
    r"|\\{0,3}[\"']?\]?\s{0,3}(?::=|=>|={1,3}|:)\s{0,3})"
    r"|(?P<pair>\\{0,3}[\"'],\s{0,3}(?=[brfu]{0,2}\\{0,3}[\"']))"
    r"|(?P<xml>>)"
    r"|\s(?P<says>is|was)[\s:]\s?"
    r"|(?P<gap>\s{1,3}))"
)
"""What joins a name and its value: `:` and `=`, with a type between them or not; a pair's comma; a tag's end; words."""
_VALUE = (
    r"(?:(?:[A-Za-z_.]{0,20}Secret(?:Str|Bytes)?\(|str\(|bytes\()?"
    r"(?:[brfu]{0,2}(?P<q>[\"'])(?P<quoted>(?:(?!(?P=q))[^\n\\]|\\.){1,200}+)"
    r"|\\{1,3}[\"'](?P<escaped>[^\"'\n\\]{1,200}+))"
    r"|(?P<bare>(?:[^\s\"',;&\\)}\]<]|&(?![\w.-]{1,40}=)|;(?=\w)(?![\w.-]{1,40}=)|[)}\]](?=[A-Za-z0-9])"
    r"|<(?=[a-z-]{2,21}:[0-9a-f]{4}>)){3,200}+))"
)
_RULES = {
    literal: re.compile(rf"{name.pattern}{_SUFFIX}{_SIGN}{_VALUE}", re.IGNORECASE) for literal, name in _NAMES.items()
}
_BEFORE = {
    literal: re.compile(name.before, re.IGNORECASE) for literal, name in _NAMES.items() if name.before
}
_MOST_BEFORE = 44
_FLAG = re.compile(r"(?:^|[\s\"'=\[(])--?[A-Za-z0-9_-]{0,40}$")
_TAG = re.compile(r"<[A-Za-z0-9_:.-]{0,40}$")
_REST = {
    "value": re.compile(r"[A-Za-z0-9._~+/=%-]*"), "quoted": re.compile(r"[^\n\"']*"),
    "escaped": re.compile(r"[^\n\"'\\]*"), "bare": re.compile(r"[^\s\"'&;,<>]*"),
}
_MOST_VALUE = 200
_NUMBER = re.compile(r"[\d.,:%/]+")

NAMES = tuple(_NAMES)
"""What a text must hold in small letters for a name to be in it."""
HEADERS = ("authorization", "bearer", "basic", "cookie")

_CREDENTIAL = re.compile(
    r"(?:(?P<header>authorization\\{0,3}[\"']?\s{0,3}[:=,]\s{0,3}b?\\{0,3}[\"']?\s{0,3})"
    r"(?:(?:bearer|basic|digest|negotiate|token|apikey|key)\s{1,3})?|(?:bearer|basic)\s{1,3})"
    r"(?P<value>[A-Za-z0-9._~+/=%-]{8,200}+)",
    re.IGNORECASE,
)
_COOKIE = re.compile(
    r"cookies?\\{0,3}[\"']?\s{0,3}[:=,]\s{0,3}b?\\{0,3}[\"']?(?P<value>[^\s\"'\\=]{1,200}=[^\n\"'\\]{3,})",
    re.IGNORECASE,
)


SECRET_KEY = re.compile(
    r"(?:^|[_.\- ]|(?<=[a-z])(?=[A-Z]))(?:(?i:password|passwd|pwd|pass|passphrase|passcode|secret|x[_-]?auth|"
    r"(?:access|refresh|id|auth|session|bearer|csrf|security)?[_-]?token|bearer|(?:proxy[_-])?authorization|"
    rf"(?:{_KEYS})[_-]?key|(?:set[_-])?cookies?|credentials?|connection[_-]?string|session[_-]?id|signature|sid|otp|"
    r"cvv|cvc))$"
)
"""A key of a JSON object whose value is secret, whatever it is."""


def without_headers(text: str) -> str:
    """The text with a stand-in for what `Authorization`, `Bearer`, `Basic` and `Cookie` are followed by."""
    return at(at(text, ("cookie",), _cookie), ("authorization", "bearer", "basic"), _credential)


def _cookie(text: str, place: int) -> Cut | None:
    match = _COOKIE.match(text, place)
    return None if match is None else cut_group(match, "value", "cookie")


def _credential(text: str, place: int) -> Cut | None:
    match = _CREDENTIAL.match(text, place)
    if match is None or (match["header"] is None and place and text[place - 1].isalpha()):
        return None
    value = match["value"]
    if is_word(value) or (value.isalpha() and value.islower()) or not (match["header"] or looks_random(value, 12)):
        return None
    return _cut(match, "value", "credential")


def without_assigned(text: str, lower: str) -> str:
    """The text with a stand-in for each value that is given to a telling name; `lower` is it in small letters."""
    for literal in NAMES:
        if literal in lower:
            text = at(text, (literal,), partial(_assigned, literal))
    return text


def _assigned(literal: str, text: str, place: int) -> Cut | None:
    match = _RULES[literal].match(text, place)
    if match is None:
        return None
    before = text[max(0, place - _MOST_BEFORE) : place]
    required = _BEFORE.get(literal)
    if required is not None and not required.search(before):
        return None
    group = next(name for name in ("quoted", "escaped", "bare") if match[name] is not None)
    if not _is_secret(literal, match, match[group], group, before):
        return None
    return _cut(match, group, _NAMES[literal].kind)


def _cut(match: re.Match[str], group: str, kind: str) -> Cut:
    """The cut of a value, with the rest of one that was too long to be judged as a whole."""
    end = match.end(group)
    if end - match.start(group) >= _MOST_VALUE:
        rest = _REST[group].match(match.string, end)
        end = rest.end() if rest else end
    return cut_group(match, group, kind, end)


def _is_secret(literal: str, match: re.Match[str], value: str, group: str, before: str) -> bool:
    """Whether what is given to a telling name is itself a secret and not a word about one."""
    name, quoted = _NAMES[literal], group != "bare"
    flag = _FLAG.search(before) is not None
    if is_word(value) or (not quoted and is_code(value, given="=" in (match["sign"] or ""))):
        return False
    if (match["gap"] and (not flag or value.startswith("-"))) or (match["xml"] and not _TAG.search(before)):
        return False
    if match["says"] or (match["pair"] and not flag):
        return looks_random(value, max(name.least, 6))
    if name.kind == "session" and value.startswith("0x"):
        return False  # How ZooKeeper and others count sessions: nobody can use it.
    if name.kind != "password":
        long = (quoted or flag or "=" in (match["sign"] or "")) and len(value) >= 20 and " " not in value
        return looks_random(value, name.least) or (long and name.least < 16)
    plain = match["plain"] is not None
    if plain and ((before[-1:].isalpha() and before[-1:].islower()) or _NUMBER.fullmatch(value)):
        return False
    if quoted and " " in value.strip() and match["phrase"] is None:
        return False
    if quoted or flag or match["xml"] or "=" in (match["sign"] or "="):
        return len(value) >= 3
    return len(value) >= 4 and not (value.strip(".,").isalpha() and value.islower())
