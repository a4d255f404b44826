"""Step 0: read the logs, group them, and select the incident that matters most for the focus."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from bot.domain.base import counted
from bot.domain.logs import Incident, LogQuery, RunningCommit
from bot.domain.record import CycleEnd, Decision
from bot.domain.results import Retrieved
from bot.logs.analysis import AnalysisOptions, analyse
from bot.logs.ranking import again_since, rank
from bot.logs.snapshot import snapshot_lines
from bot.steps.context import Step, StepContext, StepOutcome

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
SNAPSHOT = "logs.ndjson"
SECONDS_BETWEEN_NOTES = 5.0
MOST_RUNNERS_UP = 50
"""Other incidents that the record lists, of all that were ranked."""
MOST_CONTEXT = 400
"""Entries of what else happened that are kept: in the incident's traces, on its instances, at its revision."""


def run(ctx: StepContext) -> StepOutcome:
    """Read, group, rank, keep the redacted snapshot of the incident and of what happened around it."""
    settings = ctx.record.settings
    rule = ctx.config.logs.commit
    query = LogQuery(focus=settings.focus, since=settings.since, deployments=rule.needs_images)
    options = AnalysisOptions(commits=rule, redactor=ctx.redactor)
    reading = ctx.logs.read(query)
    try:
        analysis = analyse(reading, query, options, _seldom(ctx))
        selection = rank(analysis.incidents, ctx.history(), analysis.nothing)
        winner = selection.winner.incident if selection.winner else None
        members = () if winner is None else analysis.entries_of(winner)
        context = analysis.context_of(members, MOST_CONTEXT)
    finally:
        reading.close()
    ctx.keep(SNAPSHOT, snapshot_lines(members + context, ctx.redactor))
    report = analysis.report
    if report.entries_damaged:
        first = "".join(f", the first at {sample.where}" for sample in report.damaged_samples[:1])
        ctx.progress.note(f"left out as damaged: {counted(report.entries_damaged, 'entry', 'entries')}{first}")
    if winner is not None and len(members) < winner.entries:
        ctx.progress.note(f"kept of the incident: the earliest {len(members):,} of {winner.entries:,} entries")
    result = Retrieved(
        report=report, groups=len(analysis.groups), incidents=len(analysis.incidents),
        selection=selection.model_copy(update={"runners_up": selection.runners_up[:MOST_RUNNERS_UP]}),
        commit=None if winner is None else running_commit(ctx, winner, analysis.stood),
        target=_target(ctx, winner), snapshot=SNAPSHOT, keeps_emails=ctx.config.redaction.keep_emails,
        again_since=again_since(selection.winner, members) if selection.winner else "",
        read_from=analysis.span[0] if analysis.span else "", read_until=analysis.span[1] if analysis.span else "",
        revisions=analysis.lives_of(winner) if winner is not None else (),
    )
    return concluded(result)


def concluded(result: Retrieved) -> StepOutcome:
    """What the step says of what it read, and what follows."""
    report = result.report
    winner = result.selection.winner.incident if result.selection.winner else None
    if report.entries_read == 0:
        return StepOutcome(
            result, f"the log is empty: no entry in {report.source}", Decision.END, CycleEnd.EMPTY_LOG
        )
    if winner is None:
        said = f"{counted(report.entries_read, 'entry', 'entries')}, none is an incident to work on"
        return StepOutcome(result, said, Decision.END, CycleEnd.LOG_CLEAN)
    said = (
        f"{counted(report.entries_read, 'entry', 'entries')}, {counted(result.incidents, 'incident')}; first: "
        f"{winner.root.type}, {counted(winner.entries, 'entry', 'entries')} on "
        f"{counted(len(winner.instances), 'instance')}"
    )
    return StepOutcome(result, said)


def _seldom(ctx: StepContext) -> Callable[[str], None]:
    """Pass on how far it came, but not every time."""
    last = ctx.clock.now()

    def note(text: str) -> None:
        nonlocal last
        now = ctx.clock.now()
        if (now - last).total_seconds() >= SECONDS_BETWEEN_NOTES:
            last = now
            ctx.progress.note(text)

    return note


def running_commit(ctx: StepContext, incident: Incident, stood: Mapping[str, str]) -> RunningCommit | None:
    """The commit the incident's entries name, where the repository has it; else the branch's head, said so."""
    if ctx.workspace is None:
        return None
    for name in incident.commits:
        # Most entries first. A label can hold any text, and git would take `main` or `HEAD~3` for a commit too.
        sha = ctx.workspace.resolve(name) if _COMMIT.fullmatch(name) else None
        if sha is not None:
            return RunningCommit(sha=sha, known=True, how=stood[name])
    branch = ctx.config.repository.branch
    head = ctx.workspace.resolve(branch)
    if head is None:
        return None
    named = f"{', '.join(incident.commits)} is not in the repository" if incident.commits else "no entry names one"
    return RunningCommit(sha=head, known=False, how=f"head of {branch}, since the running commit is unknown: {named}")


def _target(ctx: StepContext, incident: Incident | None) -> str:
    """The described service that the incident is in; the first service's name where none is described."""
    if incident is None:
        return ""
    described = [name for name in incident.services if name in ctx.config.target]
    return next(iter(described or incident.services), "")


STEP = Step("retrieve", takes=(), gives=Retrieved, run=run)
