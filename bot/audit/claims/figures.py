"""The figures that some test cases allow: what may rightly be said of them, however one counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from bot.audit.claims.results import LEVELS, Case, Run
from bot.domain.base import counted
from bot.domain.claims import Claim, Scope, Subject


class Figures:
    """Counts of some cases. Parameter sets may be counted as tests of their own or together, skipped tests or not."""

    def __init__(self, cases: tuple[Case, ...]) -> None:
        self.cases = cases
        by_case: Counter[str] = Counter(case.status for case in cases)
        worst: dict[tuple[str, str, str], str] = {}
        for case in cases:
            before = worst.get(case.function, "")
            worst[case.function] = max(before, case.status, key=("", "skipped", "passed", "failed", "error").index)
        # A test that passed and then erred in teardown is one more of each.
        also: Counter[str] = Counter(status for case in cases for status in (case.status, *case.also))
        self.ways: tuple[Counter[str], ...] = (by_case, Counter(worst.values()), also)
        self.xfailed = sum(case.xfailed for case in cases)

    def allowed(self, subject: Subject) -> frozenset[float]:
        """Every value of a subject that these cases bear out."""
        found: set[float] = set()
        for way in self.ways:
            total, skipped = sum(way.values()), way["skipped"]
            failed, errors, passed = way["failed"], way["error"], way["passed"]
            match subject:
                case "total":
                    found |= {total, total - skipped}
                case "passed":
                    found |= {passed}
                case "failed":
                    found |= {failed, failed + errors}
                case "not passed":
                    found |= {failed, failed + errors, total - passed}
                case "skipped":
                    found |= {skipped, skipped - self.xfailed}
                case "xfailed":
                    found |= {self.xfailed}
                case "xpassed":
                    found |= set(range(passed + 1))
                case "errors":
                    found |= {errors, *([failed + errors] if not errors else [])}
                case "passed share":
                    found |= {100 * passed / whole for whole in (total, total - skipped) if whole}
                case "failed share":
                    found |= {100 * bad / whole for whole in (total, total - skipped) if whole
                              for bad in (failed, failed + errors)}
                case _:
                    pass
        return frozenset(found)

    @cached_property
    def parts(self) -> dict[str, Figures]:
        """The figures of the natural parts of these cases."""
        return {name: Figures(cases) for name, cases in _parts_of(self.cases).items()}

    def fits(self, claim: Claim, xpassed: float = 0) -> bool:
        """Whether a count or a share is borne out. Results count what passed unexpectedly, `xpassed`, as passed."""
        values = self.allowed(claim.subject)
        if claim.subject == "total" and claim.quantity.text == "both":
            return True
        more = xpassed if claim.subject == "passed" else 0
        return any(claim.quantity.holds(value) or (more and claim.quantity.holds(value - more)) for value in values)

    def rules_out(self, claim: Claim, whole: Figures, total: float | None) -> bool:
        """Whether a claim that does not fit is false of every set of tests between these and the `whole`."""
        if total is not None and total in self.allowed("total"):
            return True
        if claim.subject in {"passed share", "failed share"}:
            bad = min(self.allowed("not passed" if claim.subject == "passed share" else "passed"))
            return claim.quantity.least == 100 and bad > 0
        return claim.quantity.most < min(self.allowed(claim.subject)) or (
            claim.quantity.least > max(whole.allowed(claim.subject)))

    def __str__(self) -> str:
        way = self.ways[0]
        parts = [f"{way['passed']:,} passed", f"{way['failed']:,} failed"]
        if way["error"]:
            parts.append(f"{way['error']:,} with errors")
        if way["skipped"]:
            parts.append(f"{way['skipped']:,} skipped")
        return f"{counted(len(self.cases), 'test')}: {', '.join(parts)}"


def narrowed(run: Run, scope: Scope, only_level: bool) -> tuple[Case, ...] | None:
    """The cases of a run that a scope names; None when the results do not tell which those are.

    `only_level`: the report speaks of no other level, so results that name none are of this one.
    """
    cases = run.cases
    if scope.file:
        return tuple(case for case in cases if case.is_in(scope.file))
    if scope.level:
        at_level = tuple(case for case in cases if case.at_level(scope.level))
        if at_level:
            cases = at_level
        elif any(case.at_level(level) for case in cases for level in LEVELS):
            return ()
        elif not only_level:
            return None
    return cases


def members(cases: tuple[Case, ...], about: str) -> tuple[Case, ...]:
    """The cases whose file or class has all words of a topic in its name: certainly of it, but maybe not all."""
    wanted = {_stem(word) for word in about.split()}
    return tuple(case for case in cases if wanted <= {_stem(word) for word in case.place_words()}) if wanted else ()


def named_by(cases: tuple[Case, ...], about: str) -> tuple[Case, ...]:
    """The cases that have all words of a topic somewhere in their names."""
    wanted = set(about.split())
    return tuple(case for case in cases if wanted <= case.words()) if wanted else ()


def _stem(word: str) -> str:
    return word.removesuffix("s")


def _parts_of(cases: Iterable[Case]) -> dict[str, tuple[Case, ...]]:
    """The natural parts of some cases: results files, test files, classes, levels; the whole is none."""
    every = tuple(cases)
    found: dict[str, list[Case]] = {}
    for case in every:
        for name in {case.source, case.place, case.classname} - {""}:
            found.setdefault(name, []).append(case)
    for level in LEVELS:
        members = [case for case in every if case.at_level(level)]
        if members:
            found[f"{level} tests"] = members
    return {name: tuple(members) for name, members in found.items() if len(members) < len(every)}
