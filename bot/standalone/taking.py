"""Runs of tests with the behaviours taken away that their titles name: one for each test, all tests in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.base import counted
from bot.domain.config import Limits
from bot.domain.suite import RED, Ended, FailureKind, Observation
from bot.proof.removals import Removal, switched
from bot.standalone.aiming import Aim
from bot.standalone.choosing import GreenTest
from bot.standalone.running import Project, ProjectRun
from bot.standalone.trying import Budget, by_function, function_of

MOST_RUNS = 12

_CRASHES = frozenset({"TypeError", "AttributeError", "NameError", "UnboundLocalError"})
"""What code that no longer fits together raises."""


@dataclass(eq=False)
class Taken:
    """The behaviours that a title names: those still to be taken away, and those that were."""

    test: GreenTest
    waiting: list[Aim]
    tried: list[tuple[Aim, bool]] = field(default_factory=list)

    @property
    def told(self) -> bool:
        """Whether there is nothing more to learn: it noticed that something is gone, or all were tried."""
        return not self.waiting or any(noticed for _, noticed in self.tried)

    @property
    def silent(self) -> tuple[Aim, ...]:
        """What went unnoticed of what the title names, where nothing else that it might mean was noticed either."""
        if not self.told or any(noticed for _, noticed in self.tried):
            return ()
        meant = [aim for aim, _ in self.tried]
        return tuple([aim for aim in meant if aim.certain] or [aim for aim in meant if aim.likely])


def take_away(project: Project, asked: Mapping[GreenTest, list[Aim]], budget: Budget,
              note: Callable[[str], None]) -> dict[GreenTest, Taken]:
    """Run the tests, each with one behaviour after another taken away for it alone. Raises what `Project.run` raises.

    A behaviour without which the code no longer fits together, or with which the run did not end, is in neither list.
    """
    found = {test: Taken(test, list(all_)) for test, all_ in asked.items() if all_}
    last = budget.used + MOST_RUNS
    while not budget.spent and budget.used < last:
        overlay, now = _next(project, found)
        if not now:
            break
        budget.used += 1
        note(f"{counted(len(now), 'test')} without what their titles name (run {budget.used} of at most {budget.most})")
        run = project.run(tuple(test.id for test in now), overlay=overlay, limits=_limits(project, budget),
                          label=f"without-{budget.used}")
        _judge(found, now, run)
    return found


def _next(project: Project, found: Mapping[GreenTest, Taken]) -> tuple[dict[str, bytes], dict[GreenTest, Aim]]:
    """The files of the next run, and the behaviour that is taken away from each test in it."""
    wanted: dict[str, dict[Removal, list[GreenTest]]] = {}
    for test, taken in found.items():
        if not taken.told:
            removal = taken.waiting[0].removal
            wanted.setdefault(removal.path, {}).setdefault(removal, []).append(test)
    overlay, now = {}, {}
    for path, on in wanted.items():
        source = (project.copy.tree / path).read_bytes()
        text, made = switched(source, {one: [test.id for test in tests] for one, tests in on.items()})
        for at, (removal, tests) in enumerate(on.items()):
            for test in tests:
                if removal in made:
                    now[test] = found[test].waiting[0]
                elif at == 0 or not switched(source, {removal: [test.id]})[1]:
                    found[test].waiting.pop(0)  # it is no Python so
        overlay[path] = text
    return overlay, now


def _limits(project: Project, budget: Budget) -> Limits:
    limits = project.limits
    return limits.model_copy(update={"seconds": min(limits.seconds, 20.0 + 4.0 * budget.together)})


def _judge(found: Mapping[GreenTest, Taken], now: Mapping[GreenTest, Aim], run: ProjectRun) -> None:
    kinds, seen = by_function(run)
    cut = run.run.completed.ended is not Ended.EXITED or not run.run.seen.finished
    hung = {function_of(test.test) for test in run.run.running}
    for test, aim in now.items():
        taken = found[test]
        kind = kinds.get(test.id, set()) - {FailureKind.SKIPPED}
        if cut and not kind and test.id not in hung and hung:
            continue  # another test stopped the run before this one
        taken.waiting.pop(0)
        if kind & RED:
            if not (aim.removal.loose and _crashed(seen.get(test.id, []))):
                taken.tried.append((aim, True))
        elif kind and kind <= {FailureKind.PASSED}:
            taken.tried.append((aim, False))
        elif test.id in hung:
            taken.tried.append((aim, True))


def _crashed(seen: list[Observation]) -> bool:
    """Whether all that failed is code that no longer fits together."""
    raised = [one.exceptions[0] for one in seen if one.exceptions]
    return bool(raised) and all(one.type.rpartition(".")[2] in _CRASHES for one in raised)
