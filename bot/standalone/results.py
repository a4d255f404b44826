"""Results of a run as JUnit XML has them, and what can be told from that alone: less than from a run that was watched.

Such a file says which tests there were, how they ended, and what was printed of their failures. It does not say which
functions ran, which addresses were tried and what became of mocks. The format has no norm: what pytest (families
xunit1 and xunit2), unittest-xml-reporting, nose and Surefire write is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from bot.audit.junit.cases import Case, Ending, junit_cases
from bot.audit.junit.failures import exceptions_of, status_of
from bot.audit.kinds import function_name, merge_reruns
from bot.audit.outcomes.case import classify
from bot.audit.reading.program import Program
from bot.audit.reading.source import tests_in
from bot.domain.base import counted
from bot.domain.errors import UsageProblem
from bot.domain.plan import PlannedTest, ServiceNeed, TestPlan
from bot.domain.suite import FailureKind, Observation, Outcome
from bot.standalone.rebasing import observation_from_here

MOST_BYTES = 200_000_000
ALONE = "(from JUnit XML alone)"
_PARAMETERS = re.compile(r"[\[(:].*$|\s+\[.*$|\s+\(.*$", re.DOTALL)


def read_file(path: Path, tests: Iterable[str]) -> tuple[Observation, ...]:
    """`read_results` of a file. Raises UsageProblem also when it cannot be read or is too large."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageProblem(f"The results {path} have more than {MOST_BYTES // 1_000_000} MB.",
                               "Give --junit the results of these tests alone.")
        content = path.read_bytes()
    except OSError as error:
        raise UsageProblem(f"The results {path} cannot be read: {error.strerror}.",
                           "Give --junit another file.") from error
    try:
        return read_results(content, tests)
    except UsageProblem as problem:
        raise UsageProblem(problem.what.replace("The results", f"The results {path}", 1), problem.remedy) from problem


def read_results(content: bytes, tests: Iterable[str]) -> tuple[Observation, ...]:
    """What JUnit XML says of each test case, in its order; one that was repeated has several.

    `tests` are node ids, by which the cases are named: with parameters where the case has some. A case that fits none
    of them, or several equally well, keeps the name that the file gives it and has no path. Raises UsageProblem when
    it is not JUnit XML, declares a document type, or has too much in it.
    """
    if len(content) > MOST_BYTES:
        raise UsageProblem(f"The results have more than {MOST_BYTES // 1_000_000} MB.",
                           "Give --junit the results of these tests alone.")
    names = _Names(tests)
    return tuple(_observation(case, ending, names) for case in junit_cases(content) for ending in case.endings)


def outcomes_from(observations: Iterable[Observation], planned: Iterable[PlannedTest], product: tuple[str, ...],
                  services: tuple[ServiceNeed, ...]) -> tuple[Outcome, ...]:
    """The kinds of what results say, as far as they tell it; each reason says that it rests on nothing else.

    A test that is there several times and did not end alike is flaky. Where a test fails and then errs in teardown,
    the failure counts.
    """
    plans = {(test.path, test.name): test for test in planned}
    found: dict[str, list[Outcome]] = {}
    failed: set[str] = set()
    for seen in observations:
        if seen.phase == "teardown" and seen.test in failed:
            continue
        if seen.phase == "teardown":
            found.pop(seen.test, None)
        if seen.status == "failed":
            failed.add(seen.test)
        plan = plans.get((seen.path, function_name(seen.test)))
        outcome = classify(seen, plan.expectation if plan else None, product, services, told=True)
        found.setdefault(seen.test, []).append(outcome)
    merged = (merge_reruns([(each,) for each in several])[0] for several in found.values())
    return tuple(outcome.model_copy(update={"reason": f"{outcome.reason.rstrip('.')} {ALONE}."}) for outcome in merged)


_RED = frozenset({"failed", "error"})


def disagreements(observations: Iterable[Observation], ran: Iterable[Observation]) -> tuple[str, ...]:
    """Where results say another thing of a test than a run that was watched, one sentence each: the run decides."""
    seen = {one.test: one for one in ran}
    said = []
    for one in observations:
        now = seen.get(one.test)
        if now is not None and now.status != one.status and not (now.status in _RED and one.status in _RED):
            said.append(f"{one.test} {one.status} in the results and {now.status} in this run, which decides.")
    return tuple(dict.fromkeys(said))


# names

class _Names:
    """Finds the node id that a case means."""

    def __init__(self, tests: Iterable[str]) -> None:
        self._by_name: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._files: dict[tuple[str, ...], str] = {}
        for test in dict.fromkeys(tests):
            path, _, rest = test.partition("[")[0].partition("::")
            module = _dotted(path)
            self._files[module] = path
            if rest:
                *classes, name = rest.split("::")
                self._by_name.setdefault(name, []).append(((*module, *classes), test))

    def find(self, case: Case) -> str:
        """The node id without parameters; empty when none fits, or several do."""
        name = _PARAMETERS.sub("", case.name)
        owner = tuple(part for part in case.classname.split(".") if part)
        if "." in name:
            # Some put all of it into the name.
            *more, name = name.split(".")
            owner = owner or tuple(more)
        wanted = (*_dotted(case.file), *_classes(owner)) if case.file else owner
        fits = [(_common_end(wanted, place), test) for place, test in self._by_name.get(name, ())]
        if case.file:
            fits += [(_common_end(owner, place), test) for place, test in self._by_name.get(name, ())]
        best = max((shared for shared, _ in fits), default=0)
        tests = {test for shared, test in fits if shared == best}
        return tests.pop() if len(tests) == 1 and (best or not wanted) else ""

    def file(self, case: Case) -> str:
        """The file that a case for a whole file means; empty when none does."""
        wanted = tuple(part for part in (case.name or case.classname).replace("/", ".").split(".") if part)
        wanted = wanted[:-1] if wanted[-1:] == ("py",) else wanted
        fits = {path for module, path in self._files.items() if _common_end(wanted, module)}
        return fits.pop() if len(fits) == 1 else ""


def _dotted(path: str) -> tuple[str, ...]:
    parts = [part for part in path.replace("\\", "/").removesuffix(".py").split("/") if part not in {"", ".", ".."}]
    return tuple(parts)


def _classes(owner: tuple[str, ...]) -> tuple[str, ...]:
    """The part of a dotted name that is classes: from the first part that begins with a capital."""
    first = next((number for number, part in enumerate(owner) if part[:1].isupper()), len(owner))
    return owner[first:]


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many parts two dotted names have, where one is the end of the other; 0 where they differ."""
    shared = min(len(one), len(other))
    return shared if shared and one[-shared:] == other[-shared:] else 0


# one case

def _observation(case: Case, ending: Ending, names: _Names) -> Observation:
    status, phase = status_of(ending)
    node = names.find(case)
    path = node.partition("::")[0]
    parameters = re.search(r"\[.*", case.name, re.DOTALL)
    test = node + (parameters[0] if parameters else "") if node else ""
    if not node and (phase == "collect" or not case.classname):
        # What could not be collected stands there as a case of its own, named as its module is.
        test = path = names.file(case)
        if path and status in _RED:
            status, phase = "error", "collect"
    raised = exceptions_of(ending, path) if status in {"failed", "error", "xfailed"} else ()
    reason = "" if status in _RED and raised else ending.message or ending.text.strip()
    return Observation(
        test=test or "::".join(filter(None, (case.classname, case.name))) or "?", path=path, status=status,
        phase=phase, exceptions=raised, skip_reason=_reason(reason), duration_s=case.seconds)


def _reason(text: str) -> str:
    return text.removeprefix("Skipped: ")[:4_000]


def results_for(
    files: Iterable[Path], tests: Mapping[str, str], implementation: Iterable[str], plan: TestPlan | None,
    services: tuple[ServiceNeed, ...], named: frozenset[str] = frozenset(),
) -> tuple[tuple[Outcome, ...], tuple[str, ...]]:
    """The outcomes of audited tests by the results of their run, and notes on what these cannot tell.

    `tests` map paths to text, `implementation` are paths, and the paths in `plan` are as in both; `named` are test
    files whatever they are called. Raises UsageProblem as `read_file` does.
    """
    python = {path: text for path, text in tests.items() if path.endswith(".py")}
    modules = Program.build({}, python, named).by_path.values()
    ids = [case.id for module in modules for case in tests_in(module.source)]
    seen = [one for file in files for one in read_file(file, (*ids, *python))]
    place = _place_among((*python, *implementation))
    known = [observation_from_here(one, place) for one in seen if one.path]
    outcomes = outcomes_from(known, plan.tests if plan else (), tuple(implementation),
                             (*(plan.services if plan else ()), *services))
    strange = len({one.test for one in seen if not one.path})
    more = (f"{counted(strange, 'case')} of the results fit no test that was read.",) if strange else ()
    return outcomes, (untold(outcomes), *more)


def _place_among(paths: tuple[str, ...]) -> Callable[[str], str]:
    """A function from a printed path to the one of `paths` that it means, where there is but one."""
    there = frozenset(paths)

    @lru_cache(maxsize=4_096)
    def place(path: str) -> str:
        if not path or path in there:
            return path
        fits = [each for each in there if each.endswith(f"/{path}") or path.endswith(f"/{each.lstrip('./')}")]
        return fits[0] if len(fits) == 1 else path

    return place


def untold(outcomes: Iterable[Outcome]) -> str:
    """What is to be known of outcomes that results alone gave."""
    note = ("The results are from JUnit XML alone: it does not say which functions ran, which addresses were tried and "
            "what became of mocks")
    if all(outcome.kind is FailureKind.PASSED for outcome in outcomes):
        return f"{note}."
    return (f"{note}, so a failure counts as predicted only where its traceback goes through the suspect function; "
            "--run shows more.")
