"""Replaces what varies between two occurrences of one message, so that they read the same.

A pure function of one text, never of a corpus: the same text is masked alike today and tomorrow. What may tell two
failures apart stays: words, exception types, names of modules and source files, states, the places of requests.

Each stage is a function of what the one before gave, so that a cache between two of them cannot change an answer:
digits become 0 (`fold`), hexadecimal ids and the lengths of numbers go (`_without_ids`), then all else (`_masked`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.logs.redact import Redactor

ANY = "<*>"
_MOST_CHARS = 1_000
_SECRETS = Redactor(keep_ips=True, keep_cards=True)
"""Addresses and long numbers are masked here, all of them alike, whether they were redacted before or not."""
_FOLD = bytes.maketrans(b"123456789", b"000000000")

_B = r"(?<![0-9A-Za-z])"
_E = r"(?![0-9A-Za-z])"

_HEX_WORDS = r"(?:ccede|acade|ecade|fface|eface|eaded|edded|eefed|abbed)d?"
"""English words that read as hexadecimal, without their first letter: a decade is no id."""
_HEX_ID = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0A-Fa-f]{8}(?:-[0A-Fa-f]{4}){3}-[0A-Fa-f]{12}"
    rf"|(?![A-Fa-f]{_HEX_WORDS}{_E})"
    r"(?=0*+[A-Fa-f])(?:[0a-f]{6,}|[0A-F]{6,})"
    rf"){_E}"
)
"""UUIDs and hexadecimal ids of six characters or more, digits folded to 0. Numbers are not among them."""
_POINTER = re.compile(rf"{_B}0x[0A-Fa-f]+{_E}")
_SIX = b"hhhhhh"
_IS_HEX = bytes(ord("h") if chr(code) in "0ABCDEFabcdef" else ord(" ") for code in range(256))
_ADDRESS = "0.0.0.0"  # noqa: S104 - what an address is masked as
_REDACTED_IP = re.compile("<ip:[0-9a-f]{4}>")
_REDACTED_CARD = re.compile("<card:[0-9a-f]{4}>")
_SPACED_CARD = re.compile(r"(?<![0-9A-Za-z])0{4}(?: 0{4}){3}(?![0-9A-Za-z])")


def fold(text: str) -> str:
    """The text with its digits as zeros: what two texts must share to be masked at once."""
    # By way of bytes, which is four times as fast as str.translate.
    return text.encode("utf-8", "surrogatepass").translate(_FOLD).decode("utf-8", "surrogatepass")


def _cut(text: str) -> str:
    """The first 1,000 characters, up to a whole word: half an id would read as another."""
    if len(text) <= _MOST_CHARS:
        return text
    text = text[:_MOST_CHARS]
    return text[: text.rfind(" ")] if " " in text else text


def _without_ids(folded: str) -> str:
    """The folded text with ANY for each hexadecimal id, and each run of digits as one 0."""
    if "<ip:" in folded:
        folded = _REDACTED_IP.sub(_ADDRESS, folded)
    if "<card:" in folded:
        folded = _REDACTED_CARD.sub("0", folded)
    if "0000 0000" in folded:
        folded = _SPACED_CARD.sub("0", folded)
    if "0x" in folded:
        folded = _POINTER.sub(ANY, folded)
    # Six hexadecimal digits in a row are found in bytes, which is twice as fast as to let the pattern search.
    digits = folded.encode("ascii", "replace").translate(_IS_HEX)
    place, done, text = digits.find(_SIX), 0, ""
    while place >= 0:
        found = _HEX_ID.match(folded, place)
        if found is not None:
            text += folded[done:place] + ANY
            done = found.end()
        place = digits.find(_SIX, max(done, place + 1))
    text += folded[done:]
    while "00" in text:
        text = text.replace("000", "0").replace("00", "0")
    return text


# From here on, digits are folded and each run of them is one 0.

_URL_QUERY = re.compile(r"((?:https?|wss?)://[^\s\"'<>?#]{1,2000})[?#](?:[^\s\"'<>]|<\*>|<[a-z-]{2,21}:[0-9a-f]{1,4}>)*")

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_ZONE = r"(?:UTC|GMT|(?:[ECMPJBI]|AK|CE|EE|WE|AE)[SD]?T|CEST|EEST|WEST|[+-]0(?::0)?)"
_WORDY_DATE = re.compile(
    rf"{_B}(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}},? )?(?:{_MONTH} {{1,2}}0(?:,? 0)?|0[ /-]{_MONTH}[ /-]0)"
    rf"[ :]0:0:0(?:[.,]0)?(?: ?{_ZONE}{_E})?(?: 0{_E})?"
)
"""Dates with the month as a word, as `date`, mail and HTTP write them. Always with a time: "May 5" may be anything."""

_PART = r"[\w.+@%~#$<*>-]*[\w*>]"
_PATH = re.compile(rf"/(?<![\w.*>:/~-].)/*{_PART}(?:/+{_PART})*")
_ASKED_FOR = re.compile(
    r"(?:\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) +|File \""
    r"|\b(?:path|route|endpoint|ur[il]|href|location|handler)\b[\"']?[ :=]{1,4}[\"']?)$"
)
"""What stands before the path of a request, or of source code in a traceback."""
_IS_CODE = re.compile(r"\.(?:pyx?|m?jsx?|tsx?|go|rs|java|kt|rb|php|c|cc|cpp|h|hpp|cs|scala|so|jar)$", re.IGNORECASE)
_SHARED_ROOTS = frozenset({
    "app", "workspace", "code", "src", "srv", "etc", "usr", "lib", "opt", "bin", "sbin", "dev", "sys", "api", "rest",
    "graphql", "ws", "health", "v0",
})
"""Where code, configuration and devices are installed, alike on every instance, and where APIs begin."""
_PRIVATE_ROOTS = frozenset({"home", "root", "tmp", "var", "mnt", "proc", "scratch"})
"""Where people's, temporary and mounted files are."""
_PRIVATE_DEPTH = 4
_OF_REQUEST = re.compile(r"[a-z][a-z-]*|0|<\*>")
"""A part of a request's path: a plain word or an id. File names are more mixed."""

_NO_NAMES = frozenset({
    "input", "data", "account", "accounts", "session", "sessions", "agent", "profile", "id", "name", "names",
    "request", "requests", "group", "groups", "service", "token", "role", "roles", "creation", "lookup", "login",
    "logout", "reset", "access", "settings", "state", "info", "not", "is", "was", "has", "and", "or",
})
_ABSTRACT = re.compile(r"(?:tion|sion|ing|ment|ance|ence|ity|ness)$")
_USER = re.compile(
    r"(?P<before>\b(?:(?:invalid|illegal|for|by|as|of)(?: invalid| illegal| unknown)? user|password for"
    r"|user(?= [\"'])) )"
    r"(?P<name>(?P<quote>[\"']?)[\w.@$<*>+-]+(?P=quote))"
    r"(?:(?<=[\"'])|(?=(?P<ends>$|[.:](?:\s|$))|\s*[\[(,;]| (?:from|by|at|on|via|port)\b))",
    re.IGNORECASE,
)
"""Whom a sentence is about, as login services write it."""

_VALUE = re.compile(r"=(?<=[\w-]=)([\"']?)([^\s\"',;&()\[\]{}=]+)")
_NO_KEY = re.compile(r"[^\w-]")
_PARTY = re.compile(
    r"(?!(?:err|exc|stat|reason|code|type|level|result|event|rule|check|cause))(?:[a-z0-9]+[_-]){0,3}(?:"
    r"(?:r?user|username|login|logname|account|acct|tenant|customer|client|member|owner|author|org|organi[sz]ation|"
    r"team|session|room|channel|queue|rhost|peer|node|pod|instance|worker|device|shard|partition|request|req|trace|span|"
    r"order|invoice|cart|thread|conversation|correlation|subscriber|consumer|player|visitor|guest)"
    r"(?:[_-]?(?:id|name|key|uuid))?|(?<=[_-])(?:id|uuid))",
    re.IGNORECASE,
)
"""A key that names a party, or one of many things alike. Others tell what happened: `status=`, `error=`, `code=`."""
_MOST_KEY = 40
_STATES = frozenset({
    "none", "null", "nil", "true", "false", "unknown", "missing", "invalid", "valid", "empty", "ok", "up", "down",
    "error", "timeout", "active", "inactive", "ready", "not", "no", "yes", "new", "old", "lost", "dead", "alive",
    "gone", "full", "offline", "online", "unreachable", "unavailable", "undefined", "anonymous", "default", "stale",
    "busy", "idle", "open", "pending", "running", "waiting", "starting", "stopping", "closing", "connecting",
    "processing", "failing", "success", "failure", "healthy", "unhealthy", "denied", "forbidden", "unauthorized",
    "in", "out",
})
_TELLING = re.compile(r"(?:ed|error|exception|failure)$", re.IGNORECASE)

_PEER = re.compile(
    r"(?<![\w.<*>-])(?P<name>[\w<*>-]+(?:\.[\w<*>-]+)+)(?= ?\[0\.0\.0\.0\])"
    r"|(?<=0\.0\.0\.0)(?P<before> ?\()(?P<after>(?:[\w<*>-]+(?:\.[\w<*>-]+)+)?)(?=\))"
)
"""A host's name beside its address, as servers write who connected: `name [address]`, `address (name)`.

The second form is also written where the address has no name: `address ()`.
"""
_LABEL = re.compile(r"\[(?=[^\]]*[a-z])(?=[^\]]*0|[^\]]*<\*>)(?=[A-Za-z0<*>]+[_.#-])[\w.#<*>-]+\]")
"""A joined word with digits in brackets: a thread, a process, a request. Codes such as `[ORA-0]` have capitals only."""

_SHORT_IPV6 = re.compile(
    r"(?<![0-9A-Za-z:.])(?=[A-Fa-f:]*0)(?=[0A-Fa-f:]*::)[0A-Fa-f]{0,4}(?::[0A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])"
)

_OWN_HOST = re.compile(r"\.(?:internal|local|svc|localdomain|lan|intra|corp)$")
"""Names within one's own network: they name a service that fails, not one peer of many."""

_NAMES = (
    r"(?:s0|ec0|r0|k0s|h0|x0|x0_0|utf-?0|utf0mb0|sha0|md0|base0|http0|oauth0|ipv0|i0n|l0n|u?int0|float0|v0|log0j0?|es0|"
    r"mp0|p0|0xx|python0|py0|c0)"
)
"""Names whose digits are part of the name: masking `s3` but not `redis` would split a group."""
_JOINED = rf"(?:[.,:/-](?:0|<\*>))*(?:e[+-]?0{_E}| [kKMGTP]i?[Bb]{_E})?"
_NO_TYPE = r"(?<!Error)(?<!Exception)(?<!Warning)"
_VARIABLE = re.compile(
    rf"(?P<keep><(?P<kind>[a-z][a-z-]{{1,20}}):[0-9a-f]{{1,4}}>|{_B}{_NAMES}{_E})"
    rf"|{_B}(?=[A-Za-z_:-]{{0,40}}0)(?:"
    # ISO dates with a time.
    rf"0[-/]0[-/]0[T ]0:0(?::0)?(?:[.,]0)?(?:Z| ?[+-]0(?::0)?)?"
    # Durations as Go prints them and sizes with their unit, which varies with the size.
    rf"|(?:0(?:[.,]0)?(?:ns|us|µs|ms|s|m|h|d)){{1,6}}{_E}"
    rf"|0(?:[.,]0)*(?:[kKMGTP]i?[Bb]|[KMGTB]){_E}"
    # IPv6 and MAC addresses.
    rf"|(?:[0A-Fa-f]{{1,4}}:){{3,7}}[0A-Fa-f]{{0,4}}{_E}"
    # Random ids (ULIDs, pods, mails): digits in two places, and a small letter after a digit or no word of four.
    rf"|(?=[A-Za-z]{{0,40}}0[A-Za-z]{{1,40}}0)(?:(?=[A-Za-z0]{{0,40}}0[a-z])|(?![A-Za-z0]{{0,40}}[a-z]{{4}}))"
    rf"[A-Za-z0]{{5,}}{_E}{_NO_TYPE}"
    # The same with - and _ in them: long ones of both cases.
    rf"|(?=[A-Za-z_-]{{0,40}}0[A-Za-z_-]{{1,40}}0)(?=[A-Za-z0_-]{{0,40}}0[a-z])"
    rf"(?=[a-z0_-]{{0,40}}[A-Z])(?=[A-Z0_-]{{0,40}}[a-z])[A-Za-z0_-]{{16,}}(?![A-Za-z0_-]){_NO_TYPE}"
    rf")"
    # Numbers, and numbers joined by one sign: addresses, dates, versions, fractions, ranges. An id counts as a number,
    # since one of digits only cannot be told from one.
    rf"|(?<![0-9A-Za-z)\]>])-(?=0|<\*>)(?:0|<\*>){_JOINED}"
    rf"|(?:0|<\*>){_JOINED}"
)
_AGAIN = re.compile(r"(?<!\S)(\S{0,60}<\*>\S{0,60})(?:[, ]+\1)+(?!\S)")
"""A list of any length: the same masked word again and again."""


def _path(match: re.Match[str]) -> str:
    """ANY for a file that is one of many; whatever names a place in code, a configuration or a request stays."""
    path = match.group()
    parts = [part for part in path.split("/") if part]
    if len(parts) < 2 or parts[0].lower() in _SHARED_ROOTS:
        return path
    private = parts[0].lower() in _PRIVATE_ROOTS
    if not private and (len(parts) < _PRIVATE_DEPTH or all(map(_OF_REQUEST.fullmatch, parts))):
        return path
    asked_for = _ASKED_FOR.search(match.string, max(0, match.start() - 20), match.start())
    return path if asked_for or _IS_CODE.search(path) else ANY


def _user(match: re.Match[str]) -> str:
    name = match["name"].strip("\"'").lower()
    abstract = match["ends"] is not None and _ABSTRACT.search(name)
    return match.group() if name in _NO_NAMES or abstract else match["before"] + ANY


def is_state(value: str) -> bool:
    """Whether a word tells what became of something rather than which one it is: `expired`, `None`, `TimeoutError`."""
    return value.lower() in _STATES or _TELLING.search(value) is not None


def _value(match: re.Match[str]) -> str:
    key = _NO_KEY.split(match.string[max(0, match.start() - _MOST_KEY) : match.start()])[-1]
    if not _PARTY.fullmatch(key) or is_state(match[2].strip(".:")):
        return match.group()
    return f"={match[1]}{ANY}"


def _peer(match: re.Match[str]) -> str:
    own = _OWN_HOST.search(match["name"] or match["after"])
    return match.group() if own else (match["before"] or "") + ANY


def _variable(match: re.Match[str]) -> str:
    kind = match["kind"]
    if kind is not None:
        return f"<{kind}>"
    return match.group() if match["keep"] is not None else ANY


@lru_cache(maxsize=50_000)
def _masked(text: str) -> str:
    """What is left of a text of `_without_ids`. The substring in front of each rule is what it cannot do without."""
    if "://" in text:
        text = _URL_QUERY.sub(r"\1", text)
    if ":0:0" in text:
        text = _WORDY_DATE.sub(ANY, text)
    if "/" in text:
        text = _PATH.sub(_path, text)
    if "=" in text:
        text = _VALUE.sub(_value, text)
    if "user " in text or "password for " in text:
        text = _USER.sub(_user, text)
    if _ADDRESS in text:
        text = _PEER.sub(_peer, text)
    if "::" in text:
        text = _SHORT_IPV6.sub(ANY, text)
    if "[" in text:
        text = _LABEL.sub(f"[{ANY}]", text)
    text = " ".join(_VARIABLE.sub(_variable, text).split())
    return _AGAIN.sub(r"\1", text) if "<*>" in text else text


def template(folded: str) -> str:
    """The mask of a text that is folded and holds no secret (see `fold`).

    Texts that differ only in hexadecimal ids and in how long their numbers are share one cached answer.
    """
    return _masked(_without_ids(_cut(folded)))


def without_cache(folded: str) -> str:
    """`template` without its cache, for measuring."""
    return _masked.__wrapped__(_without_ids(_cut(folded)))


def mask(text: str) -> str:
    """The text with times, ids, addresses, numbers, parties and secrets replaced; of its first 1,000 characters.

    Secrets are replaced by their kind, whether they were redacted before or not. Everything else depends on the
    folded text alone: mask(text) == template(fold(text)) for a text without secrets.
    """
    return template(fold(_SECRETS.text(_cut(text))))


def mask_path(url: str) -> str:
    """The path of a URL or request target without host and query, each varying segment replaced."""
    target = url.partition("?")[0].partition("#")[0]
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return "/".join(mask(segment) if segment else "" for segment in target.split("/")) or "/"
