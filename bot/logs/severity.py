"""The severity of an entry that carries none, from what its text says."""

from __future__ import annotations

import re

from bot.domain.logs import SEVERITIES, Severity

RANK = {severity: severity.rank for severity in Severity}
_BY_NUMBER = {index * 100: Severity(name) for index, name in enumerate(SEVERITIES)}
_LEVELS = {
    "TRACE": Severity.DEBUG, "DEBUG": Severity.DEBUG, "INFO": Severity.INFO, "SUCCESS": Severity.INFO,
    "NOTICE": Severity.NOTICE, "WARN": Severity.WARNING, "WARNING": Severity.WARNING, "ERR": Severity.ERROR,
    "ERROR": Severity.ERROR, "CRIT": Severity.CRITICAL, "CRITICAL": Severity.CRITICAL, "FATAL": Severity.CRITICAL,
    "PANIC": Severity.CRITICAL, "ALERT": Severity.ALERT, "EMERG": Severity.EMERGENCY, "EMERGENCY": Severity.EMERGENCY,
}
_NAMES = "|".join(sorted(_LEVELS, key=len, reverse=True))
_HEAD = re.compile(
    r"\s{0,4}"
    r"(?:\[?\d[\d:.,T/+\-Z ]{5,40}\]?\s{0,4}[|\-]?\s{0,4})?"  # a time, bracketed or not
    r"(?:[\[(][\w.:\-]{1,60}[\])]\s{0,4}){0,2}?"  # a process, a thread, a name in brackets
    r"(?:[\w.\-]{1,80}\s{0,2}[|\-:]\s{0,2})?"  # a logger before the level, as in Python's usual format
    rf"[\[(]?({_NAMES})(?:[\])]|\s{{0,10}}[:|\-]|\s|$)"
)
_BRACKETED = re.compile(r"\[(emerg|alert|crit|error|warn|warning|notice|info|debug)\]")
_NAMED = re.compile(r"\b(?:level|lvl|severity|levelname)\\?[\"']?\s?[=:]\s?\\?[\"']?([A-Za-z]{3,9})\b")
_PYTHON_WARNING = re.compile(r":\d{1,7}: \w{0,60}Warning: ")
_EXITED = re.compile(r"Container called exit\((\d{1,3})\)")
_TELLING = (
    ("Traceback (most recent call last):", Severity.ERROR),
    ("Fatal Python error", Severity.CRITICAL),
    ("Segmentation fault", Severity.ERROR),
    ("Uncaught signal: ", Severity.ERROR),
    ("Memory limit of ", Severity.ERROR),
    ("The request failed because ", Severity.ERROR),
    ("The container exited with an error", Severity.ERROR),
    ("panic: ", Severity.CRITICAL),
)
"""What Python and Cloud Run itself write when something died."""


def given(value: object) -> Severity:
    """The severity that a field states, by name or by number; DEFAULT for anything else."""
    if isinstance(value, str):
        if value in Severity.__members__:
            return Severity[value]
        return _LEVELS.get(value.upper(), Severity.DEFAULT)
    if isinstance(value, int) and not isinstance(value, bool):
        return _BY_NUMBER.get(value, Severity.DEFAULT)
    return Severity.DEFAULT


def infer(text: str) -> Severity:
    """The severity that a text without one states; DEFAULT when it states none.

    A level in the place where loggers print it decides, else what Python and Cloud Run print at a death.
    """
    head = text[:300]
    if match := _HEAD.match(head):
        return _LEVELS[match[1]]
    if match := _BRACKETED.search(head, 0, 80) or _NAMED.search(head):
        level = _LEVELS.get(match[1].upper())
        if level is not None:
            return level
    for words, severity in _TELLING:
        if words in text:
            return severity
    if match := _EXITED.search(head):
        return Severity.WARNING if int(match[1]) else Severity.INFO
    return Severity.WARNING if _PYTHON_WARNING.search(head) else Severity.DEFAULT


def of_status(status: int) -> Severity:
    """What Cloud Run itself gives a request of this HTTP status."""
    return Severity.ERROR if status >= 500 else Severity.WARNING if status >= 400 else Severity.INFO
