"""What a report claims about a test run, and what became of each claim."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bot.domain.base import Frozen

Subject = Literal[
    "total", "passed", "failed", "not passed", "skipped", "xfailed", "xpassed", "errors", "passed share",
    "failed share", "outcome", "duration", "items", "rating", "verdict", "date", "reproduced", "coverage",
]
"""What a claim is about. `outcome` is that of one test; `items` are those of a list or table of the report itself."""

When = Literal["now", "elsewhere", "planned"]
"""`elsewhere`: the claim speaks of another run, earlier or on another machine. `planned`: it stands in a plan."""


class Quantity(Frozen):
    """What is claimed, from `least` to `most`, both included; `text` as a reader would say it.

    Counts are tests, shares percent, durations seconds, dates days (proleptic ordinal), ratings as given.
    """

    least: float
    most: float
    text: str

    def holds(self, value: float) -> bool:
        """Whether a figure is within it."""
        return self.least - 1e-9 <= value <= self.most + 1e-9


class Scope(Frozen):
    """Which tests a claim is about, as far as the report says. `run` names one of several runs in it."""

    level: str = ""
    file: str = ""
    test: str = ""
    about: str = ""
    run: str = ""

    def __str__(self) -> str:
        named = self.test or self.file or (f"{self.level} tests" if self.level else self.about)
        return named or "all tests"


class Claim(Frozen):
    """One countable claim. Claims of one `statement` (the line where it begins) were made together.

    `word` is the verb or status it was made with (`created`, `all`), `evidence` what the report shows for it.
    """

    path: str
    line: int
    quote: str
    subject: Subject
    quantity: Quantity
    scope: Scope = Scope()
    statement: int = 0
    word: str = ""
    when: When = "now"
    evidence: str = ""


class Verdict(StrEnum):
    """What the facts say of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNVERIFIABLE = "unverifiable"


class Fact(Frozen):
    """What a claim was held against: a sentence, and where it is from (a results file, or a line of a report)."""

    text: str
    path: str = ""
    line: int = 0


class Judgement(Frozen):
    """A claim, the verdict on it, one sentence why, and the facts."""

    claim: Claim
    verdict: Verdict
    why: str
    facts: tuple[Fact, ...] = ()


class ClaimsReport(Frozen):
    """All claims of some reports, in their order. `results` are the files they were held against."""

    reports: tuple[str, ...]
    results: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    notes: tuple[str, ...] = ()

    def of(self, verdict: Verdict) -> tuple[Judgement, ...]:
        """The judgements of this verdict."""
        return tuple(one for one in self.judgements if one.verdict is verdict)
