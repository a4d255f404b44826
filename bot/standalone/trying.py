"""The runs of tests with changes of the code: what to try next, with which tests, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.base import counted
from bot.domain.config import Limits
from bot.domain.suite import RED, Ended, FailureKind, Observation
from bot.proof.mutants import Mutant, Weight, mutated
from bot.standalone.choosing import GreenTest
from bot.standalone.running import Project, ProjectRun

FEWEST = 3
"""Fewer changes than this say nothing of a test whose others were not tried for want of time."""

_MOST_BATCH = 24
_NOTED = 3


def function_of(test: str) -> str:
    """The node id of a test without its parameters."""
    path, colons, rest = test.partition("::")
    return f"{path}{colons}{rest.partition('[')[0]}"


def by_function(run: ProjectRun) -> tuple[dict[str, set[FailureKind]], dict[str, list[Observation]]]:
    """The kinds of the outcomes of each test function, and what was observed of it, all its parameters together."""
    kinds: dict[str, set[FailureKind]] = {}
    for outcome in run.outcomes:
        kinds.setdefault(function_of(outcome.test), set()).add(outcome.kind)
    seen: dict[str, list[Observation]] = {}
    for one in run.run.observations:
        seen.setdefault(function_of(one.test), []).append(one)
    return kinds, seen


@dataclass(eq=False)
class Queue:
    """The changes that a test waits for, and those that it was tried with."""

    test: GreenTest
    waiting: list[Mutant]
    tried: list[tuple[Mutant, bool]] = field(default_factory=list)

    @property
    def noticed(self) -> bool:
        """Whether it noticed one; then no more are tried."""
        return any(noticed for _, noticed in self.tried)

    @property
    def told(self) -> bool:
        """Whether enough was tried to speak of it: something noticed, all tried, or a good part of it."""
        behind = any(mutant.weight is Weight.HOLLOW for mutant in self.waiting)
        return self.noticed or not self.waiting or (len(self.tried) >= FEWEST and not behind)


@dataclass
class Budget:
    """How many runs there may be, until when, and how long all tests took without a change."""

    most: int
    until: float
    together: float
    used: int = 0

    @property
    def spent(self) -> bool:
        """Whether there may be no further run."""
        return self.used >= self.most or time.monotonic() >= self.until


class Course:
    """The runs with changes: what to try next, with which tests, and what came of it."""

    def __init__(self, project: Project, queues: dict[GreenTest, Queue], budget: Budget, shared: frozenset[str],
                 note: Callable[[str], None]) -> None:
        self.project, self.queues, self.budget, self.shared, self.note = project, queues, budget, shared, note
        self.alone: set[Mutant] = set()
        self.cut = False

    def go(self) -> None:
        """Try until every test has noticed something or has nothing left to try."""
        while True:
            batch = self._next()
            if not batch:
                return
            if self.budget.spent:
                self.cut = True
                return
            self._run(batch)

    def notes(self) -> list[str]:
        """What is to be known of the runs as a whole."""
        silent = sum(not queue.tried and not queue.waiting for queue in self.queues.values())
        found = []
        if self.cut:
            left = self._open()
            few = sum(not queue.told for queue in left)
            found.append(f"Changes were tried in {counted(self.budget.used, 'run')}, the most there may be or all that "
                         f"there was time for: {counted(len(left), 'green test')} did not come to all of theirs, "
                         f"{few} of them to too few to be judged by.")
        if silent:
            found.append(f"For {counted(silent, 'green test')} there was no change to try.")
        return found

    def _open(self) -> list[Queue]:
        return [queue for queue in self.queues.values() if queue.waiting and not queue.noticed]

    def _next(self) -> dict[Mutant, list[Queue]]:
        """The changes of the next run, each with the tests that it is for. No test runs what is changed for another."""
        wanted: dict[Mutant, list[Queue]] = {}
        for queue in self._open():
            for mutant in queue.waiting:
                wanted.setdefault(mutant, []).append(queue)
        first = {queue.waiting[0] for queue in self._open()}
        order = sorted(first, key=lambda one: (one.weight, -len(wanted[one]), one.path, one.start, one.replacement))
        batch: dict[Mutant, list[Queue]] = {}
        busy: set[str] = set()
        for mutant in order:
            if len(batch) >= _MOST_BATCH:
                break
            takers = [queue for queue in wanted[mutant] if queue.test.id not in busy]
            if takers and (not batch or self._goes_with(mutant, takers, batch)):
                batch[mutant] = takers
                busy |= {queue.test.id for queue in takers}
                if self._stands_alone(mutant):
                    break
        return batch

    def _stands_alone(self, mutant: Mutant) -> bool:
        """Whether a change may matter to tests that do not run it by themselves: fixtures use it, or it has shown."""
        names = set(mutant.function.partition("::")[2].split("."))
        return mutant in self.alone or mutant.at_definition or bool(names & self.shared)

    def _goes_with(self, mutant: Mutant, takers: list[Queue], batch: dict[Mutant, list[Queue]]) -> bool:
        if self._stands_alone(mutant):
            return False
        for other, others in batch.items():
            if _outermost(mutant.function) == _outermost(other.function):
                return False
            if any(other.function in queue.test.reached for queue in takers):
                return False
            if any(mutant.function in queue.test.reached for queue in others):
                return False
        return True

    def _run(self, batch: dict[Mutant, list[Queue]]) -> None:
        by_file: dict[str, list[Mutant]] = {}
        for mutant in batch:
            by_file.setdefault(mutant.path, []).append(mutant)
        sources = {path: (self.project.copy.tree / path).read_bytes() for path in by_file}
        overlay = {path: mutated(sources[path], mutants) for path, mutants in by_file.items()}
        tests = tuple(queue.test.id for takers in batch.values() for queue in takers)
        self.budget.used += 1
        self._tell(batch, len(tests))
        run = self.project.run(tests, overlay=overlay, limits=self._limits(), label=f"change-{self.budget.used}")
        self._judge(batch, run)

    def _tell(self, batch: dict[Mutant, list[Queue]], tests: int) -> None:
        said = "; ".join(mutant.change for mutant in list(batch)[:_NOTED])
        more = f" and {len(batch) - _NOTED} more" if len(batch) > _NOTED else ""
        self.note(f"{counted(tests, 'test')} with {said}{more} ({counted(len(self._open()), 'test')} open, run "
                  f"{self.budget.used} of at most {self.budget.most})")

    def _limits(self) -> Limits:
        limits = self.project.limits
        return limits.model_copy(update={"seconds": min(limits.seconds, 15.0 + 3.0 * self.budget.together)})

    def _judge(self, batch: dict[Mutant, list[Queue]], run: ProjectRun) -> None:
        kinds: dict[str, set[FailureKind]] = {}
        for outcome in run.outcomes:
            kinds.setdefault(function_of(outcome.test), set()).add(outcome.kind)
        elsewhere = {function_of(seen.test) for seen in run.run.observations if seen.phase in {"setup", "teardown"}}
        cut = run.run.completed.ended is not Ended.EXITED or not run.run.seen.finished
        hung = {function_of(test.test) for test in run.run.running}
        for mutant, takers in batch.items():
            stopped = any(queue.test.id in hung for queue in takers)
            for queue in takers:
                found = kinds.get(queue.test.id, set()) - {FailureKind.SKIPPED}
                if found & RED and queue.test.id in elsewhere and len(batch) > 1:
                    # A fixture may have met the change that was made for another test.
                    self.alone.add(mutant)
                elif found & RED:
                    self._count(queue, mutant, noticed=True)
                elif found and found <= {FailureKind.PASSED}:
                    self._count(queue, mutant, noticed=False)
                elif cut and not stopped and len(batch) > 1:
                    self.alone.add(mutant)
                else:
                    # It was not collected, not reached or skipped itself: that says nothing of what it checks.
                    queue.waiting.remove(mutant)
            if stopped:
                for queue in self._open():
                    if mutant in queue.waiting:
                        queue.waiting.remove(mutant)

    @staticmethod
    def _count(queue: Queue, mutant: Mutant, *, noticed: bool) -> None:
        queue.waiting.remove(mutant)
        queue.tried.append((mutant, noticed))


def _outermost(function: str) -> str:
    return function.partition(".<locals>.")[0]
