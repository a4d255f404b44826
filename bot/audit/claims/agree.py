"""Holds a report against itself, and reports against each other: sums, marks, verdicts, figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.domain.claims import Claim, Fact, Scope, Subject

_COUNTS: tuple[Subject, ...] = ("total", "passed", "failed", "not passed", "skipped", "xfailed", "xpassed", "errors",
                                "passed share", "failed share")
WRITTEN = frozenset({"created", "written", "implemented", "added", "authored", "generated", "developed",
                     "delivered", "wrote", "named"})
"""Words of tests that somebody wrote, which need not be all that ran."""
_MOST = 20
"""With so many different statements each is compared; a report that makes more contradicts itself anyway."""


@dataclass(frozen=True)
class Against:
    """What speaks against a claim."""

    claim: Claim
    why: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Statement:
    """The counts that were claimed together, of the same tests."""

    claims: tuple[Claim, ...]

    @property
    def first(self) -> Claim:
        """The claim that comes first."""
        return self.claims[0]

    @property
    def scope(self) -> Scope:
        """The tests it is about."""
        return self.first.scope

    def value(self, subject: Subject) -> float | None:
        """The figure that is claimed for a subject, None where there is none or not exactly one."""
        found = {claim.quantity.least for claim in self.claims if claim.subject == subject
                 and claim.quantity.least == claim.quantity.most}
        return found.pop() if len(found) == 1 else None

    def of(self, subject: Subject) -> Claim | None:
        """The first claim about a subject."""
        return next((claim for claim in self.claims if claim.subject == subject), None)

    @property
    def bad(self) -> float | None:
        """How many are said to have failed or to need work."""
        failed = self.value("failed")
        return failed if failed is not None else self.value("not passed")

    @property
    def skipped(self) -> float:
        """How many are said to be skipped, or to have ended as was expected though not by passing."""
        return sum(self.value(subject) or 0 for subject in ("skipped", "xfailed", "xpassed"))

    @property
    def neither(self) -> float:
        """How many are said to have neither passed nor failed."""
        return self.skipped + (self.value("errors") or 0)

    @property
    def total(self) -> float | None:
        """The total, said or added up."""
        said = self.value("total")
        if said is not None:
            return said
        passed, bad = self.value("passed"), self.bad
        if passed is None or bad is None:
            return None
        return passed + bad + self.neither

    @property
    def passed(self) -> float | None:
        """How many passed, said or what is left."""
        said, total = self.value("passed"), self.value("total")
        if said is not None:
            return said
        if total is not None and self.bad is not None:
            return total - self.bad - self.neither
        return None


def statements(claims: Iterable[Claim]) -> tuple[Statement, ...]:
    """The counts of some claims by the statement they were made in."""
    found: dict[tuple[str, int, Scope, str], list[Claim]] = {}
    for claim in claims:
        if claim.subject in _COUNTS:
            found.setdefault((claim.path, claim.statement, claim.scope, claim.when), []).append(claim)
    return tuple(Statement(tuple(members)) for members in found.values())


def contradictions(claims: tuple[Claim, ...]) -> Iterator[Against]:
    """All that the reports themselves hold against their claims."""
    now = statements(claim for claim in claims if claim.when == "now")
    for statement in now:
        yield from _sums(statement)
    yield from _tables(claims)
    for claim in claims:
        yield from _own_parts(claim)
    yield from _verdicts(claims)
    yield from _dates(claims)
    yield from _pairs([each for each in now if each.first.word != "row sum"], _days(claims))


def _pairs(now: list[Statement], days: dict[str, float]) -> Iterator[Against]:
    """What two statements about the same tests hold against each other; each is compared with a few that differ."""
    everything = [each for each in now if _says_all(each)][:_MOST]
    kept: dict[tuple[str, ...], dict[tuple[object, ...], Statement]] = {}
    for one in now:
        for other in everything:
            if other is not one and _of_a_day(one, other, days):
                yield from _all_and(other, one)
    for again in (now, now[::-1]):
        kept.clear()
        for one in again:
            if one.total is None or one.passed is None:
                continue
            for key in _keys(one):
                others = kept.setdefault(key, {})
                for other in others.values():
                    if other.passed != one.passed and _same(one.scope, other.scope) and _of_a_day(one, other, days):
                        yield from _compared(one, other)
                if len(others) < _MOST:
                    others.setdefault((one.passed, one.scope.file, one.first.path), one)


def _keys(one: Statement) -> Iterator[tuple[str, ...]]:
    """Statements of the same tests have one of these in common."""
    scope = one.scope
    if scope.file:
        yield scope.run, f"{one.total}", "file", scope.file.rpartition("/")[2]
    if scope.level:
        yield scope.run, f"{one.total}", "level", scope.level
    if not (scope.file or scope.level):
        yield scope.run, f"{one.total}", "about", scope.about


def _of_a_day(one: Statement, other: Statement, days: dict[str, float]) -> bool:
    """Whether two statements may be of the same run: one report's, or those of reports without different dates."""
    here, there = days.get(one.first.path), days.get(other.first.path)
    return one.first.path == other.first.path or here is None or there is None or here == there


def _own(text: str, claim: Claim) -> tuple[Fact, ...]:
    return (Fact(text=text, path=claim.path, line=claim.line),)


# within one statement

def _sums(said: Statement) -> Iterator[Against]:
    total_claim = said.of("total")
    total, passed, bad = said.value("total"), said.value("passed"), said.bad
    skipped, errors = said.skipped, said.value("errors") or 0
    if total_claim is not None and total is not None and total_claim.word != "both":
        parts = [value for value in (passed, bad, skipped, errors) if value]
        if passed is not None and bad is not None:
            sums = {passed + bad, passed + bad + skipped, passed + bad + skipped + errors, passed + bad + errors}
            # "Added 3 tests: 12 passed" counts those that were there before, too.
            if total not in sums and not (total_claim.word in WRITTEN and passed + bad > total):
                written = " + ".join(f"{value:,g}" for value in parts) or "0"
                yield Against(total_claim, f"The parts do not add up to it: {written} = {sum(parts):,g}, not "
                                           f"{total:,g}.",
                              _own(f"{written} = {sum(parts):,g}", total_claim))
        elif parts and max(parts) > total and total_claim.word not in WRITTEN:
            yield Against(total_claim, f"A part of it, {max(parts):,g}, is more than the whole, {total:,g}.",
                          _own(f"{max(parts):,g} of {total:,g}", total_claim))
    yield from _shares(said)


def _shares(said: Statement) -> Iterator[Against]:
    total, passed, bad = said.total, said.passed, said.bad
    pairs: tuple[tuple[Subject, float | None], ...] = (("passed share", passed), ("failed share", bad))
    for subject, part in pairs:
        share = said.of(subject)
        if share is None or not total or part is None or (share.word in {"all", "every", "both"} and part == total):
            continue
        skipped, errors = said.skipped, said.value("errors") or 0
        whole = {100 * each / base for base in (total, total - skipped, total - errors) if base > 0
                 for each in (part, part + errors if subject == "failed share" else part)}
        if not any(share.quantity.holds(value) for value in whole):
            said_part = f"{part:,g} of {total:,g} is {100 * part / total:.1f} %"
            yield Against(share, f"{said_part}, not {share.quantity.text}.", _own(said_part, share))


def _tables(claims: Iterable[Claim]) -> Iterator[Against]:
    """A row of totals against the rows above it."""
    claims = tuple(claims)
    rows = {(claim.path, claim.subject, claim.line): claim for claim in claims if claim.word == "row"}
    for total in (claim for claim in claims if claim.word == "row sum" and not claim.subject.endswith("share")):
        line = total.line - 1
        values: list[float] = []
        while (row := rows.get((total.path, total.subject, line))) is not None:
            values.append(row.quantity.least)
            line -= 1
        if len(values) >= 2 and sum(values) != total.quantity.least:
            said = f"The rows above it add up to {sum(values):,g}"
            yield Against(total, f"{said}, not {total.quantity.text}.", _own(said, total))


def _own_parts(claim: Claim) -> Iterator[Against]:
    if claim.subject == "items" and not claim.quantity.holds(float(claim.evidence)):
        said = f"What stands below it are {claim.evidence}"
        yield Against(claim, f"{said}, not {claim.quantity.text}.", _own(said, claim))
    if claim.subject == "rating":
        parts = [float(part) for part in claim.evidence.split()]
        mean = sum(parts) / len(parts)
        value = claim.quantity.least
        outside = not min(parts) - 0.05 <= value <= max(parts) + 0.05
        if outside or (claim.word == "average" and abs(value - mean) > 0.51):
            said = f"Its parts are {', '.join(f'{part:g}' for part in parts)}, on average {mean:.1f}"
            yield Against(claim, f"{said}.", _own(said, claim))


def _verdicts(claims: Iterable[Claim]) -> Iterator[Against]:
    by_report: dict[str, list[Claim]] = {}
    for claim in claims:
        if claim.subject == "verdict":
            by_report.setdefault(claim.path, []).append(claim)
    for found in by_report.values():
        against = next((claim for claim in found if not claim.quantity.least), None)
        for claim in found:
            if claim.quantity.least and against is not None:
                said = f"The same report says {against.quantity.text}"
                yield Against(claim, f"{said} on line {against.line}.",
                              (Fact(text=said, path=against.path, line=against.line),))


def _days(claims: Iterable[Claim]) -> dict[str, float]:
    found: dict[str, float] = {}
    for claim in claims:
        if claim.subject == "date":
            found.setdefault(claim.path, claim.quantity.least)
    return found


def _dates(claims: Iterable[Claim]) -> Iterator[Against]:
    """One label, two days."""
    seen: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        if claim.subject == "date":
            first = seen.setdefault((claim.path, claim.word), claim)
            if first.quantity.least != claim.quantity.least:
                said = f"Line {first.line} says {first.quantity.text}"
                yield Against(claim, f"{said}, this line {claim.quantity.text}.",
                              (Fact(text=said, path=first.path, line=first.line),))


# two statements

def _all_and(everything: Statement, rest: Statement) -> Iterator[Against]:
    """Both sides, where all are said to pass and some of the same not to."""
    if not _covers(everything, rest):
        return
    total, passed, bad = rest.value("total"), rest.value("passed"), rest.bad
    if bad is None and total is not None and passed is not None and rest.of("skipped") is None:
        bad = total - passed if any(claim.word == "of" for claim in rest.claims) else 0
    wrong = (bad or 0) + (rest.value("errors") or 0)
    failing = rest.of("failed") or rest.of("not passed") or rest.of("errors") or rest.of("passed")
    if wrong > 0 and failing is not None:
        share = next(claim for claim in everything.claims if claim.subject in {"passed share", "failed"})
        yield _disagree(share, failing, f"{wrong:,g} not passed")
        yield _disagree(failing, share, "all passed" if share.subject == "passed share" else "none failed")


def _compared(one: Statement, other: Statement) -> Iterator[Against]:
    """Both sides of two statements that give the same tests different figures."""
    for here, there in ((one, other), (other, one)):
        shown = here.of("passed") or here.of("failed") or here.of("not passed") or here.first
        reason = there.of("passed") or there.of("failed") or there.of("not passed") or there.first
        yield _disagree(shown, reason, f"{there.passed:,g} of {there.total:,g} passed")


def _disagree(claim: Claim, other: Claim, said: str) -> Against:
    where = f"line {other.line}" if claim.path == other.path else f"{other.path}:{other.line}"
    return Against(claim, f"Of the same tests, {where} says: {said}.",
                   (Fact(text=f"{said} (“{other.quote}”)", path=other.path, line=other.line),))


def _says_all(statement: Statement) -> bool:
    share, failed = statement.of("passed share"), statement.of("failed")
    return (share is not None and share.word in {"all", "every"} and share.quantity.least == 100) or (
        failed is not None and failed.word == "none" and statement.value("passed") is None)


def _covers(everything: Statement, rest: Statement) -> bool:
    """Whether what is said of all must hold of the rest too: all of one report, or exactly the same tests."""
    one, other = everything.scope, rest.scope
    if one.run != other.run:
        return False
    if not (one.level or one.file or one.about):
        return everything.first.path == rest.first.path
    return _same(one, other)


def _same(one: Scope, other: Scope) -> bool:
    """Whether two scopes are certainly of the same tests, given that their totals agree."""
    if one.run != other.run or one.test != other.test:
        return False
    if one.file and other.file:
        return one.file.rpartition("/")[2] == other.file.rpartition("/")[2]
    if one.level or other.level:
        return one.level == other.level
    return not (one.file or other.file) and one.about == other.about
