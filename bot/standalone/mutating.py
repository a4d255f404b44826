"""Runs green tests with small changes of the code that they run, to see which of them notice any."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.audit.kinds import merge_reruns
from bot.audit.observed.aimed import Aimed
from bot.domain.audit import Tried
from bot.domain.base import counted
from bot.domain.config import SandboxKind
from bot.domain.plan import TestPlan
from bot.domain.suite import RED, FailureKind, Outcome
from bot.proof.behaviours import removals_of
from bot.proof.mutants import Defined, functions_of
from bot.standalone.aiming import Aim, aims, vocabulary
from bot.standalone.choosing import GreenTest, chosen
from bot.standalone.claims import TestCode
from bot.standalone.observed import Ground, Observed, observed_from_here
from bot.standalone.rebasing import place_in, rebased_test
from bot.standalone.running import Project, ProjectRun, open_project
from bot.standalone.taking import Taken, take_away
from bot.standalone.trying import Budget, Course, Queue, by_function, function_of

MOST_RUNS = 40
MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Mutated:
    """What a run showed, and what became of the green tests under changes. All paths are from the current folder."""

    observed: Observed
    tried: tuple[Tried, ...]
    notes: tuple[str, ...]
    runs: int


def mutate(
    ground: Ground, *, sandbox: SandboxKind | None, plan: TestPlan | None, note: Callable[[str], None],
    skip: Callable[[Observed], frozenset[str]] = lambda _seen: frozenset(), most: int = MOST_RUNS,
    seconds: float = MOST_SECONDS,
) -> Mutated:
    """Run the tests once, watched; run the green ones again; then with changes, in at most `most` runs.

    `skip` says, given the first run, which tests (node ids without parameters, from the current folder) need no more,
    since they are defects already. For the same tree the result is the same, unless the time runs out after `seconds`.
    Raises what `open_project` and `Project.run` raise.
    """
    started = time.monotonic()
    with open_project(ground.root, ground.paths, ground.config, implementation=ground.implementation, sandbox=sandbox,
                      plan=plan, note=note) as project:
        first = project.run(ground.paths, watch=True)
        observed = observed_from_here(first, ground.root)
        place = place_in(ground.root)
        known = skip(observed)
        green = [test for test in green_tests(first) if rebased_test(test.id, place) not in known]
        note(f"{counted(len(first.outcomes), 'outcome')}; {counted(len(green), 'green test')} to try with changes.")
        steady, outcomes = _again(project, green, first) if green else (green, first.outcomes)
        if outcomes != first.outcomes:
            observed = observed_from_here(first.model_copy(update={"outcomes": outcomes}), ground.root)
        budget = Budget(most, started + seconds, _slowest(first))
        texts = _texts(project, {test.path for test in steady} | {test.id.partition("::")[0] for test in steady})
        taken = take_away(project, _aims(project, steady, texts), budget, note)
        # Whether a test notices what its title is about says more than whether it notices anything.
        left = [test for test in steady if test not in taken or not _is_judged(taken[test])]
        queues = _queues(project, left, texts)
        course = Course(project, queues, budget, _texts_of_tests(project, first).shared(), note)
        course.go()
    tried: list[Tried] = []
    for test, one in taken.items():
        tried.extend(
            Aimed(test=rebased_test(test.id, place), path=place(aim.removal.path), line=aim.removal.line,
                  change=aim.removal.change, noticed=noticed, certain=aim.certain)
            for aim, noticed in one.tried if noticed or aim in one.silent)
    tried.extend(
        Tried(test=rebased_test(test.id, place), path=place(mutant.path), line=mutant.line, change=mutant.change,
              noticed=noticed)
        for test, queue in queues.items() if queue.told for mutant, noticed in queue.tried
    )
    return Mutated(observed, tuple(tried), tuple(course.notes()), budget.used)


# the tests

def green_tests(run: ProjectRun) -> list[GreenTest]:
    """The test functions all of whose instances passed and that ran product code, in the order of their ids."""
    kinds, seen = by_function(run)
    found = []
    for test in sorted(seen):
        of_it = seen[test]
        reached = frozenset(key for one in of_it for key in one.reached)
        if kinds.get(test) != {FailureKind.PASSED} or not reached or any(one.status != "passed" for one in of_it):
            continue
        lines: dict[str, set[int]] = {}
        for one in of_it if all(one.watched for one in of_it) else ():
            for file in one.lines:
                lines.setdefault(file.path, set()).update(file.lines)
        found.append(GreenTest(test, of_it[0].path, reached, {path: frozenset(all_) for path, all_ in lines.items()}))
    return found


def _again(project: Project, green: list[GreenTest], first: ProjectRun) -> tuple[list[GreenTest], tuple[Outcome, ...]]:
    """The tests that are green a second time, and the outcomes of both runs in one."""
    second = project.run(tuple(test.id for test in green), label="again")
    by_test = {outcome.test: outcome for outcome in second.outcomes}
    merged = tuple(
        merge_reruns([(outcome,), (by_test[outcome.test],)])[0]
        if outcome.test in by_test and by_test[outcome.test].kind in RED else outcome
        for outcome in first.outcomes
    )
    bad = {function_of(outcome.test) for outcome in second.outcomes if outcome.kind is not FailureKind.PASSED}
    there = {function_of(outcome.test) for outcome in second.outcomes}
    return [test for test in green if test.id in there - bad], merged


def _is_judged(taken: Taken) -> bool:
    """Whether what its title names decides about a test."""
    return any(noticed for _, noticed in taken.tried) or any(aim.certain for aim in taken.silent)


def _aims(project: Project, tests: list[GreenTest], texts: TestCode) -> dict[GreenTest, list[Aim]]:
    """What the titles of tests name. None for those whose file hides from the code which test it is that runs."""
    paths = sorted({key.partition("::")[0] for test in tests for key in test.reached})
    functions = [one for path in paths if (source := _source(project, path)) is not None
                 for one in removals_of(path, source)]
    known = vocabulary(functions)
    claims = {test: texts.claims(test.id) for test in tests}
    return {test: list(aims(test, claims[test], functions, known)) for test in tests
            if not claims[test].hides and "@" not in test.id}


def _queues(project: Project, tests: list[GreenTest], texts: TestCode) -> dict[GreenTest, Queue]:
    wanted: dict[str, set[str]] = {}
    for test in tests:
        for key in test.reached:
            wanted.setdefault(key.partition("::")[0], set()).add(key)
    functions: dict[str, tuple[Defined, ...]] = {}
    for path in sorted(wanted):
        source = _source(project, path)
        functions[path] = functions_of(path, source, frozenset(wanted[path])) if source is not None else ()
    queues = {}
    for test in tests:
        reached = [one for path in sorted({key.partition("::")[0] for key in test.reached}) for one in functions[path]]
        claims = texts.claims(test.id)
        queues[test] = Queue(test, list(chosen(test, claims, reached)))
    return queues


def _source(project: Project, path: str) -> bytes | None:
    """The source of a product file if it is plain UTF-8."""
    place = project.copy.tree / path
    if path not in project.copy.files or place.is_symlink():
        return None
    try:
        source = place.read_bytes()
        source.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return source


def _texts(project: Project, paths: Iterable[str]) -> TestCode:
    conftests = [path for path in project.copy.files if path.rpartition("/")[2] == "conftest.py"]
    texts = {path: _source(project, path) for path in sorted({*paths, *conftests})}
    return TestCode({path: text.decode("utf-8") for path, text in texts.items() if text is not None})


def _texts_of_tests(project: Project, run: ProjectRun) -> TestCode:
    return _texts(project, {seen.path for seen in run.run.observations})


def _slowest(run: ProjectRun) -> float:
    return sum(outcome.duration_s for outcome in run.outcomes)


def table_of(tried: Iterable[Tried]) -> list[tuple[str, str, str]]:
    """A row for each test: its id, how many changes were tried, and the one that it noticed or that it did not."""
    by_test: dict[str, list[Tried]] = {}
    for one in tried:
        by_test.setdefault(one.test, []).append(one)
    return [
        (test, f"{len(all_):,}", next((one.change for one in all_ if one.noticed), "none"))
        for test, all_ in sorted(by_test.items())
    ]
