"""`bot actions stop`: cancels cycles that run in Actions, in a job that may do that and has no model."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.actions import order_of
from bot.actions_command import Job
from bot.adapters.system_clock import SystemClock
from bot.domain.base import counted
from bot.domain.effects import KEPT, RecordedEffect
from bot.domain.errors import ForgeProblem, UsageProblem
from bot.domain.publication import Publication, Scope
from bot.engine.keeping import write_publication
from bot.ports import Clock, CommandDesk
from bot.progress import say
from bot.reports.replies import failed_text, reply, stopped_text

_WORKFLOW = re.compile(r"([A-Za-z0-9._-]{1,100}\.ya?ml)(?::([A-Za-z0-9 _./-]{1,100}))?")


def run_stop(
    workflows: tuple[str, ...], publish_to: Path, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> int:
    """Cancel what runs of the named workflows, and keep the answer for the job that publishes; return 0.

    Each is the name of a file, or `FILE:JOB`: then only runs in which that job has not ended; `CALL / JOB` is one of a
    called workflow, and has not ended either while that waits for its turn. The run that this is part of is left alone.
    Raises UsageProblem for names that are none, and where the
    order is another; ForgeProblem, after the answer was kept.
    """
    job = Job(os.environ if environ is None else environ, clock or SystemClock())
    order = order_of(job.environ)
    if order.command.word != "stop":
        raise UsageProblem("The order is not to stop anything.", "Run this job only when `command` is stop.")
    stopping = _Stopping(job.desk(), job.needed("GITHUB_RUN_ID"))
    problem: ForgeProblem | None = None
    try:
        for file, part in map(_parsed, workflows):
            stopping.stop(file, part)
    except ForgeProblem as failure:
        problem = failure
    text = stopping.text if problem is None else f"{failed_text(problem)}\n\n{stopping.text}"
    kept = RecordedEffect(effect=reply(order, job.repository, text), receipt=KEPT)
    write_publication(publish_to, Publication(
        made_at=job.clock.now(), scope=Scope(repository=job.repository), effects=(kept,)))
    if problem is not None:
        raise problem
    say(f"Stopped: {counted(len(stopping.stopped), 'run')}.")
    return 0


@dataclass
class _Stopping:
    desk: CommandDesk
    own: str
    stopped: dict[int, str] = field(default_factory=dict)
    ended: int = 0
    missing: list[str] = field(default_factory=list)

    def stop(self, file: str, part: str) -> None:
        runs = self.desk.unfinished(file, part)
        if runs is None:
            self.missing.append(file)
            return
        for run in runs:
            if str(run.id) == self.own or run.id in self.stopped:
                continue
            if self.desk.cancel(run.id):
                self.stopped[run.id] = run.url
            else:
                self.ended += 1

    @property
    def text(self) -> str:
        return stopped_text(tuple(self.stopped.values()), self.ended, tuple(self.missing))


def _parsed(given: str) -> tuple[str, str]:
    found = _WORKFLOW.fullmatch(given)
    if found is None:
        raise UsageProblem(
            "A --workflow is neither FILE nor FILE:JOB.", "Name a file in .github/workflows, say `cycle.yml`."
        )
    return found[1], found[2] or ""
