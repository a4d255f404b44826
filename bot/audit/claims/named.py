"""Finds test cases by the names that reports give them, and says how each ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.audit.claims.results import Case, Run

_WANTED: Mapping[str, frozenset[str]] = {
    "errors": frozenset({"error", "failed"}), "failed": frozenset({"failed", "error", "xfailed"}),
    "xfailed": frozenset({"xfailed", "skipped"}), "xpassed": frozenset({"passed"}),
}


class Named:
    """The cases of one run by name."""

    def __init__(self, run: Run) -> None:
        self._found: dict[str, list[Case]] = {}
        for case in run.cases:
            plain = case.name.partition("[")[0].removesuffix("()")
            for name in {plain, case.name}:
                self._found.setdefault(name, []).append(case)

    def of(self, test: str, file: str) -> tuple[Case, ...]:
        """The cases of a test, of its file where there are such; with parameters only those of the same."""
        named = self._found.get(short(test), [])
        return tuple([case for case in named if not file or case.is_in(file)] or named)


def short(test: str) -> str:
    """The name of a test without its file and classes, with its parameters."""
    before, bracket, parameters = test.partition("[")
    return before.rpartition("::")[2] + bracket + parameters


def ended_so(cases: Iterable[Case], word: str) -> bool:
    """Whether what a report says of a test holds: of all its cases when good, of one when bad, of any namesake."""
    cases = tuple(cases)
    fits = [not _WANTED.get(word, frozenset({word})).isdisjoint(_ways(case)) for case in cases]
    namesakes = len({case.classname for case in cases}) > 1
    return all(fits) if word in {"passed", "skipped"} and not namesakes else any(fits)


def _ways(case: Case) -> frozenset[str]:
    """How a case may rightly be said to have ended."""
    return frozenset({case.status, *case.also, *(("xfailed",) if case.xfailed else ())})
