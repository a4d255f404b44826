"""The kinds of outcomes in words: which are a reproduction, which say nothing of the product, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.suite import FailureKind, Outcome


@dataclass(frozen=True)
class KindWords:
    """A kind as people read it: in a cell, as a heading, and what it means for the incident."""

    short: str
    title: str
    meaning: str


KIND_WORDS: Mapping[FailureKind, KindWords] = {
    FailureKind.AS_PREDICTED: KindWords(
        "failed as predicted", "Reproductions",
        "failed as the plan said before they were written: the only kind that counts as a reproduction"),
    FailureKind.ENVIRONMENT: KindWords(
        "infrastructure", "Infrastructure failures",
        "a service or an address that they need did not answer: they say nothing of the product"),
    FailureKind.TIMEOUT: KindWords(
        "time limit", "Ended at a time limit",
        "still ran when a limit ended them: it is not known what they would show"),
    FailureKind.HARNESS: KindWords(
        "mistake of the test", "Mistakes of the tests",
        "failed by a mistake of their own or of what runs them: they say nothing of the product"),
    FailureKind.OTHER_FAILURE: KindWords(
        "failed otherwise", "Other failures", "failed, and not as the plan said: no reproduction of this incident"),
    FailureKind.FLAKY: KindWords(
        "unsteady", "Unsteady",
        "came out differently in runs of the same code: evidence of nothing until they are steady"),
    FailureKind.SKIPPED: KindWords("skipped", "Skipped", "were skipped: nothing is known of what they would show"),
    FailureKind.NOT_RUN: KindWords("not run", "Not run", "did not run, or are not there"),
    FailureKind.PASSED: KindWords("passed", "Passed", "passed without the fix: they do not show the defect"),
}
"""In the order in which reports tell them: what counts first, then what must not be taken for it."""


@dataclass(frozen=True)
class KindGroup:
    """The outcomes of one kind."""

    kind: FailureKind
    outcomes: tuple[Outcome, ...]

    @property
    def words(self) -> KindWords:
        """The kind in words."""
        return KIND_WORDS[self.kind]


_ALWAYS = frozenset({FailureKind.AS_PREDICTED, FailureKind.ENVIRONMENT, FailureKind.HARNESS})
"""Kinds of which it is worth saying that no outcome is of them."""


def by_kind(outcomes: Sequence[Outcome]) -> tuple[KindGroup, ...]:
    """The outcomes by kind, what counts as a reproduction first."""
    groups = (KindGroup(kind, tuple(one for one in outcomes if one.kind is kind)) for kind in KIND_WORDS)
    return tuple(group for group in groups if group.outcomes or group.kind in _ALWAYS)
