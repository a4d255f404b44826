"""Reads the test cases of JUnit XML, one element at a time: nothing in it is expanded, and no tree of it is built."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from xml.parsers import expat

from bot.domain.errors import UsageProblem

MOST_CASES = 200_000
MOST_TEXT = 400_000
_MOST_DEPTH = 100
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_REMEDY = "Give --junit the file that pytest writes with --junitxml, or one of that form."

EndingKind = Literal["passed", "failure", "error", "skipped"]
_ENDINGS: dict[str, EndingKind] = {
    "failure": "failure", "error": "error", "skipped": "skipped",
    # Maven's Surefire, for attempts before the last one.
    "flakyFailure": "failure", "flakyError": "error", "rerunFailure": "failure", "rerunError": "error",
}
_EARLIER = frozenset({"flakyFailure", "flakyError", "rerunFailure", "rerunError"})


@dataclass
class Ending:
    """One way in which a case ended, with what the file says of it."""

    kind: EndingKind
    message: str = ""
    type: str = ""
    text: str = ""


@dataclass
class Case:
    """One `testcase`. `endings` are several where it was repeated, or failed and then erred; the last one counts.

    `file` is its own, else that of its suite; `seconds` its time.
    """

    classname: str
    name: str
    file: str
    seconds: float
    endings: list[Ending] = field(default_factory=list)


@dataclass
class Results:
    """What one file has. `seconds` is the time of its suites that have cases, `days` those on which they began."""

    cases: list[Case] = field(default_factory=list)
    seconds: float = 0.0
    days: set[date] = field(default_factory=set)


@dataclass
class _Suite:
    """A `testsuite` that is open. `seconds` are those it states, `added` those of its own cases."""

    file: str
    seconds: float
    cases: int = 0
    added: float = 0.0


class _Refused(Exception):
    """What the file may not have."""


class _Reader:
    """Takes what the parser meets."""

    def __init__(self) -> None:
        self.results = Results()
        self.cases = self.results.cases
        self._suites: list[_Suite] = []
        self._open: list[str] = []
        self._case: Case | None = None
        self._ending: Ending | None = None
        self._text: list[str] = []
        self._size = 0
        self._last: list[Ending] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag not in {"testsuites", "testsuite"}:
            raise _Refused(f"begin with <{tag[:40]}>")
        self._open.append(tag)
        if len(self._open) > _MOST_DEPTH:
            raise _Refused(f"are nested over {_MOST_DEPTH} deep")
        if tag == "testsuite":
            self._suites.append(_Suite(attributes.get("file", ""), _seconds(attributes.get("time", ""))))
            self.results.days |= _days(attributes.get("timestamp", ""))
        elif tag == "testcase":
            if len(self.cases) >= MOST_CASES:
                raise _Refused(f"have more than {MOST_CASES:,} cases")
            suite = self._suites[-1] if self._suites else _Suite("", 0.0)
            self._case = Case(attributes.get("classname", ""), attributes.get("name", ""),
                              attributes.get("file", "") or suite.file, _seconds(attributes.get("time", "")))
            suite.cases += 1
            suite.added += self._case.seconds
            self._last = []
            self.cases.append(self._case)
        elif self._case is not None and tag in _ENDINGS and self._ending is None:
            self._ending = Ending(_ENDINGS[tag], attributes.get("message", ""), attributes.get("type", ""))
            self._text, self._size = [], 0
            if tag in _EARLIER:
                self._case.endings.append(self._ending)
            else:
                self._last.append(self._ending)

    def text(self, data: str) -> None:
        if self._ending is not None and self._size < MOST_TEXT:
            self._text.append(data[:MOST_TEXT - self._size])
            self._size += len(data)

    def end(self, tag: str) -> None:
        self._open.pop()
        if tag in _ENDINGS and self._ending is not None and not _ENDINGS.keys() & set(self._open):
            self._ending.text = "".join(self._text)
            self._ending = None
        elif tag == "testcase" and self._case is not None:
            self._case.endings += self._last or [Ending("passed")]
            self._case = None
        elif tag == "testsuite":
            suite = self._suites.pop()
            self.results.seconds += (suite.seconds or suite.added) if suite.cases else 0.0


def junit_cases(content: bytes) -> list[Case]:
    """The cases in their order, each with at least one ending. Raises UsageProblem when this is no JUnit XML."""
    return junit_results(content).cases


def junit_results(content: bytes) -> Results:
    """The cases in their order, each with at least one ending, and when and how long their suites ran.

    Raises UsageProblem when this is no JUnit XML, declares a document type, or has too much in it.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    # Without a document type there are no entities that could grow or be fetched.
    parser.StartDoctypeDeclHandler = _no_document_type
    try:
        parser.Parse(content, True)
    except _Refused as refused:
        raise UsageProblem(f"The results {refused}.", _REMEDY) from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UsageProblem(f"The results are no XML: {error}.", _REMEDY) from error
    return reader.results


def _no_document_type(*_arguments: object) -> None:
    raise _Refused("declare a document type")


def _seconds(text: str) -> float:
    try:
        seconds = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < 10**9 else 0.0


def _days(text: str) -> set[date]:
    found = _DAY.match(text)
    try:
        return {date(int(found[1]), int(found[2]), int(found[3]))} if found else set()
    except ValueError:
        return set()
