"""Judges claims: by the results of runs first, by what the reports themselves say where there are none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from bot.audit.claims.agree import WRITTEN, Against, Statement, contradictions, statements
from bot.audit.claims.figures import Figures, members, named_by, narrowed
from bot.audit.claims.find import find_claims
from bot.audit.claims.named import Named, ended_so, short
from bot.audit.claims.results import Case, Run
from bot.audit.outcomes.signals import environment_signal, wrong_call
from bot.domain.claims import Claim, ClaimsReport, Fact, Judgement, Scope, Verdict
from bot.domain.logs import Frame
from bot.domain.suite import RED, FailureKind, RaisedException

_SLACK_SECONDS, _SLACK = 1.0, 2.0
"""A duration may be measured in another way: contradicted when more than twice, and by over 1 s."""
_LEAST_SECONDS = 0.3
"""Contradicted when less than half, and by over 0.3 s: a runner starts its clock before the results do, not later."""
_ABSOLUTE = frozenset({"total", "passed", "failed", "not passed", "skipped", "xfailed", "errors"})
_COUNTED = _ABSOLUTE | {"passed share", "failed share"}
_EARLIER = re.compile(r"\b(?:before|baseline|previous|earlier|prior|original|initial)\b", re.IGNORECASE)
_NOTHING = "No results were given, and nothing in the reports speaks against it."


def judge_reports(reports: Mapping[str, str], runs: tuple[Run, ...] = (), today: date | None = None) -> ClaimsReport:
    """Find and judge the claims of some reports (text by path).

    `today` is the last day that a report can rightly bear; None when that is not to be judged.
    """
    claims = tuple(claim for path, text in reports.items() for claim in find_claims(path, text))
    against: dict[Claim, Against] = {}
    for one in contradictions(claims):
        against.setdefault(one.claim, one)
    judge = _Judge(claims, runs, today)
    found = tuple(judge.judged(claim, against.get(claim)) for claim in claims)
    return ClaimsReport(
        reports=tuple(reports), results=tuple(source for run in runs for source in run.sources), judgements=found,
        notes=judge.notes(),
    )


class _Judge:
    """Holds claims against runs."""

    def __init__(self, claims: tuple[Claim, ...], runs: tuple[Run, ...], today: date | None) -> None:
        self.runs, self.today = runs, today
        self.named = {run.sources: Named(run) for run in runs}
        self.figures: dict[tuple[str, tuple[str, ...], Scope], tuple[Figures, Figures | None] | None] = {}
        self.levels = {claim.path: {one.scope.level for one in claims if one.path == claim.path and one.scope.level}
                       for claim in {each.path: each for each in claims}.values()}
        self.runs_told = {path: {one.scope.run for one in claims if one.path == path
                                  and one.subject in _ABSOLUTE | {"outcome"}}
                          for path in self.levels}
        self.abouts = {path: {one.scope.about for one in claims if one.path == path and one.subject in _ABSOLUTE
                              and not one.scope.level and not one.scope.file} for path in self.levels}
        self.by_claim: dict[Claim, Statement] = {}
        for statement in statements(claims):
            for claim in statement.claims:
                self.by_claim[claim] = statement

    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the results."""
        if not self.runs:
            return ("No results were given: the reports were only held against themselves and each other.",)
        if len(self.runs) > 1:
            return ("The result files have tests in common, so each is taken for a run of its own.",)
        return ()

    def judged(self, claim: Claim, against: Against | None) -> Judgement:
        """The verdict on one claim. What other lines say against a count matters unless results bear it out."""
        found = self._by_results(claim)
        if against is not None and not (found.verdict is Verdict.SUPPORTED and claim.subject in _COUNTED):
            return Judgement(claim=claim, verdict=Verdict.CONTRADICTED,
                             why=f"{against.why} {found.why}" if found.verdict is Verdict.CONTRADICTED else against.why,
                             facts=(*against.facts, *found.facts))
        return found

    def _by_results(self, claim: Claim) -> Judgement:
        if claim.when == "elsewhere":
            return _unverifiable(claim, "It speaks of another run, or of one on another machine.")
        match claim.subject:
            case "items":
                return _supported(claim, f"The list below has {claim.evidence}.")
            case "rating":
                return _supported(claim, "It lies among its parts.")
            case "verdict":
                return _unverifiable(claim, "It is a judgement; nothing in the same report speaks against it.")
            case "coverage":
                return _unverifiable(claim, "JUnit results hold no coverage.")
            case "date":
                return self._date(claim)
            case "reproduced":
                return self._reproduced(claim)
            case "outcome":
                return self._outcome(claim)
            case "duration":
                return self._duration(claim)
            case _:
                return self._counted(claim)

    # counts

    def _counted(self, claim: Claim) -> Judgement:
        if not self.runs:
            return _unverifiable(claim, _NOTHING)
        statement = self.by_claim[claim]
        tried: list[tuple[int, Figures, Figures | None]] = []
        for run in self.runs:
            held = self._figures(run, claim)
            if held is not None:
                tried.append((sum(not held[0].fits(one) for one in statement.claims), *held))
        if not tried:
            return _unverifiable(claim, self._nothing_of(claim))
        _, figures, whole = min(tried, key=lambda one: one[0])
        fact = self._fact(figures)
        if figures.fits(claim, statement.value("xpassed") or 0):
            return _supported(claim, f"{fact.text}.", fact)
        doubt = self._doubt(claim, statement, figures)
        if not doubt and whole is not None and not figures.rules_out(claim, whole, statement.value("total")):
            doubt = f"Other tests may be of “{claim.scope.about}”, too."
        if doubt:
            return _unverifiable(claim, doubt, fact)
        return Judgement(claim=claim, verdict=Verdict.CONTRADICTED, why=f"{fact.text}.", facts=(fact,))

    def _figures(self, run: Run, claim: Claim) -> tuple[Figures, Figures | None] | None:
        """The figures that a claim is held against, and those of all that it may be about where these are more."""
        key = claim.path, run.sources, claim.scope.model_copy(update={"run": ""})
        if key not in self.figures:
            cases = self._cases(run, claim)
            about = "" if claim.scope.file or claim.scope.test else claim.scope.about
            known = members(cases, about)
            whole = Figures(cases) if known and len(known) < len(cases) else None
            self.figures[key] = (Figures(known or named_by(cases, about) or cases), whole) if cases else None
        return self.figures[key]

    def _fact(self, figures: Figures) -> Fact:
        sources = sorted({case.source for case in figures.cases})
        return Fact(text=f"The results have {figures}", path=sources[0] if len(sources) == 1 else ", ".join(sources))

    def _doubt(self, claim: Claim, statement: Statement, figures: Figures) -> str:
        """Why figures that differ do not contradict; empty when they do."""
        scope = claim.scope
        if self._of_unknown_run(claim):
            return f"The report tells of several runs; whether these are the results of “{scope.run}” is not known."
        if claim.subject == "total" and claim.word in WRITTEN and claim.quantity.most < len(figures.cases):
            return "The results have more tests; the others may be older."
        if scope.file or scope.level or scope.test:
            return ""
        about = set(scope.about.split())
        if about and len(self.abouts[claim.path]) > 1 and not any(about <= case.words() for case in figures.cases):
            return f"The results do not tell which tests are those of “{scope.about}”."
        if claim.subject.endswith("share") and claim.quantity.text.startswith(("at least", "at most")):
            return ""  # Nobody says `more than 80 %` of a part without its name.
        nothing = claim.subject in {"failed", "not passed"} and not claim.quantity.most
        if (nothing or claim.word in {"all", "every", "none", "most"}) and not any(
                one.subject in _ABSOLUTE and one.quantity.least for one in statement.claims):
            return ""
        for name, part in figures.parts.items():
            if all(part.fits(one) for one in statement.claims):
                return f"It would fit a part of the results, {name}, which it does not name."
        return ""

    def _of_unknown_run(self, claim: Claim) -> bool:
        """Whether a claim is of one of several runs, or of one before, while there are results of one only."""
        run = claim.scope.run
        several = len(self.runs_told[claim.path]) > 1 or _EARLIER.search(run) is not None
        return bool(run) and several and len(self.runs) == 1

    def _cases(self, run: Run, claim: Claim) -> tuple[Case, ...]:
        if claim.scope.test:
            return self.named[run.sources].of(claim.scope.test, claim.scope.file)
        found = narrowed(run, claim.scope, only_level=len(self.levels[claim.path]) <= 1)
        return found or ()

    def _nothing_of(self, claim: Claim) -> str:
        if claim.scope.file or claim.scope.level or claim.scope.test:
            return f"The results have no tests that are known to be of {claim.scope}."
        return "The results have no tests."

    # one test

    def _outcome(self, claim: Claim) -> Judgement:
        if not self.runs:
            return _unverifiable(claim, _NOTHING)
        name = short(claim.scope.test)
        here = [cases for named in self.named.values() if (cases := named.of(name, claim.scope.file))]
        if not here:
            return _unverifiable(claim, f"The results have no test `{name}`.")
        for cases in here:
            if ended_so(cases, claim.word):
                return _supported(claim, f"The results say so of `{name}`.", Fact(text=name, path=cases[0].source))
        if self._of_unknown_run(claim):
            return _unverifiable(claim, f"Whether these are the results of “{claim.scope.run}” is not known.")
        case = next(case for cases in here for case in cases if not ended_so((case,), claim.word))
        said = {"error": "ended with an error", "skipped": "was skipped"}.get(case.status, case.status)
        why = f"In the results `{case.name}` {said}" + (f": {case.reason}" if case.reason else ".")
        return Judgement(claim=claim, verdict=Verdict.CONTRADICTED, why=why, facts=(Fact(text=why, path=case.source),))

    # time

    def _duration(self, claim: Claim) -> Judgement:
        if not self.runs:
            return _unverifiable(claim, _NOTHING)
        ranges: list[tuple[float, float]] = []
        for run in self.runs:
            cases = self._cases(run, claim)
            if not cases:
                continue
            whole = len(cases) == len(run.cases)
            measured = [sum(case.seconds for case in cases), *([sum(run.seconds), max(run.seconds)] if whole else [])]
            ranges.append((min(measured), max(measured)))
        if not ranges or not any(most for _, most in ranges):
            return _unverifiable(claim, "The results have no times for it.")
        said = claim.quantity
        for least, most in ranges:
            low, high = min(least / _SLACK, least - _LEAST_SECONDS), max(most * _SLACK, most + _SLACK_SECONDS)
            if said.least <= high and said.most >= low:
                return _supported(claim, f"The results say {_span(least, most)}.")
        unnamed = not (claim.scope.file or claim.scope.level)
        if claim.scope.run or (unnamed and self.abouts[claim.path] - {claim.scope.about}):
            return _unverifiable(claim, "Which part of the results it is the time of is not known.")
        why = f"The results say {_span(*ranges[0])}."
        return Judgement(claim=claim, verdict=Verdict.CONTRADICTED, why=why,
                         facts=(Fact(text=why, path=", ".join(self.runs[0].sources)),))

    def _date(self, claim: Claim) -> Judgement:
        said = date.fromordinal(int(claim.quantity.least))
        # A day more or less: other zones have another date.
        if self.today is not None and said.toordinal() > self.today.toordinal() + 1:
            return _contradicted(claim, f"It lies in the future: today is {self.today.isoformat()}.")
        days = sorted({day for run in self.runs for day in run.days})
        if not days:
            return _unverifiable(claim, "No results with a date were given.")
        if said.toordinal() < days[0].toordinal() - 1:
            return _contradicted(claim, f"The results are of {days[0].isoformat()}, after it.")
        if any(abs(said.toordinal() - day.toordinal()) <= 1 for day in days):
            return _supported(claim, f"The results are of {days[-1].isoformat()}.")
        return _unverifiable(claim, f"The results are of {days[-1].isoformat()}, before it.")

    # reproduction

    def _reproduced(self, claim: Claim) -> Judgement:
        shown = _kind_shown(claim)
        if shown:
            return _contradicted(claim, shown)
        if not self.runs:
            return _unverifiable(claim, "No results were given that show how the tests failed.")
        cases = [case for run in self.runs for case in self._cases(run, claim)]
        red = [case for case in cases if case.kind in RED]
        if not cases:
            return _unverifiable(claim, self._nothing_of(claim))
        if not red:
            return _unverifiable(claim, "No test failed in these results, so they do not show it.")
        others = [case for case in red if case.kind not in {FailureKind.HARNESS, FailureKind.ENVIRONMENT}]
        if others:
            return _unverifiable(claim, f"`{others[0].name}` failed, but JUnit alone does not tell whether for the "
                                        f"stated "
                                 f"reason: {others[0].reason}", Fact(text=others[0].reason, path=others[0].source))
        kinds = " or ".join(sorted({case.kind.value for case in red}))
        facts = tuple(Fact(text=f"{case.name}: {case.kind.value}: {case.reason}", path=case.source) for case in red[:5])
        return Judgement(claim=claim, verdict=Verdict.CONTRADICTED, facts=facts, why=(
            f"Every failure in the results is of kind {kinds}, which reproduces nothing: {red[0].reason}"))


def _kind_shown(claim: Claim) -> str:
    """What the output right below a claimed race shows instead: a wrong call, or a service that does not answer."""
    if claim.word != "race" or not claim.evidence:
        return ""
    # The report shows no frames, so what is judged is the message alone.
    frame = Frame(path="a test", line=1, function="")
    for kind in ("TypeError", "OSError"):
        raised = RaisedException(type=kind, message=claim.evidence, frames=(frame,))
        mistake = wrong_call(raised) if kind == "TypeError" else None
        if mistake is not None:
            return f"The output below it is of kind harness: a test {mistake.words} (`{claim.evidence[:160]}`)."
        signal = environment_signal(raised, ()) if kind == "OSError" else ""
        if signal:
            said = f"{signal[0].lower()}{signal[1:]}"
            return f"The output below it is of kind environment: {said} (`{claim.evidence[:160]}`)."
    return ""


def _span(least: float, most: float) -> str:
    return f"{most:.2f} s" if most - least < 0.01 else f"{least:.2f} to {most:.2f} s"


def _supported(claim: Claim, why: str, *facts: Fact) -> Judgement:
    return Judgement(claim=claim, verdict=Verdict.SUPPORTED, why=why, facts=facts)


def _unverifiable(claim: Claim, why: str, *facts: Fact) -> Judgement:
    return Judgement(claim=claim, verdict=Verdict.UNVERIFIABLE, why=why, facts=facts)


def _contradicted(claim: Claim, why: str) -> Judgement:
    return Judgement(claim=claim, verdict=Verdict.CONTRADICTED, why=why,
                     facts=(Fact(text=why, path=claim.path, line=claim.line),))
