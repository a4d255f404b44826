"""What the audit of a test suite says."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bot.domain.base import Frozen
from bot.domain.suite import Outcome


class FindingSeverity(StrEnum):
    """An error makes the test a defect; a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Frozen):
    """One thing wrong with one test. `evidence` is the source line or what the run recorded."""

    rule: str
    defect_class: str
    severity: FindingSeverity
    path: str
    line: int
    test: str
    message: str
    evidence: str = ""
    hint: str = ""


class Recommendation(StrEnum):
    """GO: the tests may be run and believed. HOLD: they go back with the findings."""

    GO = "GO"
    HOLD = "HOLD"


class Score(Frozen):
    """A mark out of ten and the formula it came from."""

    name: str
    value: float
    formula: str


Depth = Literal["static", "run", "mutate"]
"""How far an audit looks: at the text, at a run too, or also at what the tests notice of small changes."""


class Tried(Frozen):
    """One small change of product code while a test ran. `change` says what became of what, on one line.

    `noticed`: the test, green before, failed then.
    """

    test: str
    path: str
    line: int
    change: str
    noticed: bool


class AuditReport(Frozen):
    """The verdict on a set of test files. `defects` are the tests with an error; the rest are good."""

    recommendation: Recommendation
    tests: tuple[str, ...]
    defects: tuple[str, ...]
    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]
    scores: tuple[Score, ...]
    reasons: tuple[str, ...]
    depth: Depth
