"""Publishes a recorded demo cycle to a GitHub in processes that are killed between two requests, until one is through.

Usage: python -m tests.engine.github_driver MADE STATE LEDGER URL KILLS

MADE is where a cycle was done (`tests/e2e/github_cycle.py`). Its steps are not done again: each gives what it gave
then, and the runner, the store, the publisher and the forge are the real ones. Time stands still.

A point is before each request that may change something and after it, and before each question, of the same ones once.
Each process dies at the first point at which none died before: the ledger, written before the kill, remembers. With
KILLS 0 nothing is killed, and the ledger lists all points. The parent imports everything and forks, so that a killed
process costs milliseconds.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import github  # noqa: F401 - loaded late by the forge: once here, not in each child

import bot.adapters.github_connection
import bot.app
from bot.adapters.directory_store import DirectoryStore
from bot.adapters.git_command import Git, GitResult
from bot.adapters.github_api import GitHubApi
from bot.app import App, Options
from bot.domain.config import TargetConfig
from bot.domain.effects import CommentUpsert, Effect, Receipt, RecordedEffect
from bot.domain.publication import Scope
from bot.domain.record import CycleRecord, CycleStatus, Decision
from bot.engine.publisher import Publisher
from bot.progress import PlainProgress
from bot.reports.documents import documents_of
from bot.steps import STEPS
from bot.steps.context import Step, StepContext, StepOutcome
from tests.e2e.github_cycle import TOKEN
from tests.engine.kill_driver import until_through

MOST_PROCESSES = 400


class StillClock:
    """Time stands still, so that two runs differ in nothing but what was killed; who waits has waited."""

    def now(self) -> datetime:
        return datetime(2025, 11, 7, 8, 15, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        pass


class Ledger:
    """What was killed, in a file that survives."""

    def __init__(self, path: Path, kills: bool) -> None:
        self._path = path
        self._kills = kills
        self._seen: Counter[str] = Counter()
        self._dead = set(path.read_text().splitlines()) if path.exists() else set()
        self.effect = ""

    def reach(self, where: str, *, reads: bool = False) -> None:
        """Die here, unless a process died here before. Before each kind of question once: it changes nothing."""
        self._seen[f"{self.effect}: {where}"] += 1
        point = where if reads else f"{self.effect}: {where}, {self._seen[f'{self.effect}: {where}']}"
        if point in self._dead:
            return
        with self._path.open("a") as stream:
            stream.write(f"{point}\n")
            stream.flush()
            os.fsync(stream.fileno())
        if self._kills:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(ledger: Ledger) -> None:
    """Put the points before and after requests."""
    follow, run, apply = GitHubApi._follow, Git.run, Publisher.apply

    def followed(self: GitHubApi, plan: Any) -> tuple[Mapping[str, str], Any]:
        what = f"{plan.verb} {plan.path.removeprefix(self._url)}"
        ledger.reach(f"before {what}", reads=not plan.writes)
        answer = follow(self, plan)
        if plan.writes:
            ledger.reach(f"after {what}")
        return answer

    def ran(
        self: Git, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] = {}, secrets: tuple[str, ...] = ()
    ) -> GitResult:
        what = arguments[0]
        if what in {"ls-remote", "push"}:
            ledger.reach(f"before git {what}", reads=what == "ls-remote")
        done = run(self, *arguments, stdin=stdin, env=env, secrets=secrets)
        if what == "push":
            ledger.reach(f"after git {what}")
        return done

    def applied(
        self: Publisher, effect: Effect, scope: Scope, known: Sequence[RecordedEffect], target: TargetConfig | None
    ) -> Receipt:
        ledger.effect = f"{sum(1 for item in known if item.receipt)} published, {effect.effect}"
        return apply(self, effect, scope, known, target)

    GitHubApi._follow = followed  # type: ignore[method-assign]
    Git.run = ran  # type: ignore[method-assign]
    Publisher.apply = applied  # type: ignore[method-assign]


def recorded(made: Path) -> CycleRecord:
    """The record of the cycle that proposed a fix."""
    store = DirectoryStore(made / ".bot")
    records = [store.load(ref) for ref in store.cycles()]
    return next(record for record in records if record.end is not None)


def as_recorded(record: CycleRecord) -> dict[str, Step]:
    """Steps that give what they gave then. The comment on the cycle's course is the runner's own."""
    def runs(name: str) -> Callable[[StepContext], StepOutcome]:
        def run(context: StepContext) -> StepOutcome:
            done = next(one for one in record.steps if (one.step, one.attempt) == (name, context.attempt))
            assert done.result is not None
            return StepOutcome(
                result=done.result, said=done.said, decision=done.decision or Decision.GO, end=done.end,
                effects=tuple(item.effect for item in done.effects if not isinstance(item.effect, CommentUpsert)),
            )
        return run

    return {name: replace(step, run=runs(name)) for name, step in STEPS.items()}


def cycle(record: CycleRecord, config: Path, state: Path, url: str) -> None:
    """What `bot cycle --demo --forge github` does, or `bot resume` once there is something to resume."""
    app = App.open(Options(demo=True, state=state, config=config))
    app.clock, app.environ = StillClock(), {"GITHUB_TOKEN": TOKEN}
    app.config = app.config.model_copy(update={"forge": app.config.forge.model_copy(update={"api_url": url})})
    with (
        mock.patch.object(bot.app, "STEPS", as_recorded(record)), app.lock("GitHub driver", 5),
        PlainProgress(sys.stderr) as progress,
    ):
        if record.ref not in app.store.cycles():
            app.runs.begin(record.settings.model_copy(update={"until": None}), record.ref.number, record.ref.run)
        elif app.store.load(record.ref).status is CycleStatus.PAUSED:
            app.reopen(app.store.load(record.ref), None)
        app.run(record.ref, progress)


def prepare(made: Path, state: Path) -> None:
    """A state that has the demo's repository, with the commits of the cycle, and no record."""
    DirectoryStore(state).prepare()
    shutil.copytree(made / ".bot" / "demo", state / "demo")


def main() -> int:
    made, state, path, url = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), Path(sys.argv[3]), sys.argv[4]
    prepare(made, state)
    record = recorded(made)
    # What each child would compile and load anew.
    tuple(documents_of(record, App.open(Options(demo=True, state=state)).workflow))

    def child() -> None:
        arm(Ledger(path, kills=sys.argv[5] != "0"))
        cycle(record, made / "bot.toml", state, url)

    return until_through(child, MOST_PROCESSES)


if __name__ == "__main__":
    sys.exit(main())
