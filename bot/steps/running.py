"""Running the target's tests at a commit, and saying what kind each outcome is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.kinds import outcomes_of
from bot.domain.base import Sha
from bot.domain.plan import TestPlan
from bot.domain.results import TestsWritten
from bot.domain.suite import Observation, SuiteResult
from bot.logs.redact import redact
from bot.ports import FileChange
from bot.probe.launch import product_globs, run_tests
from bot.probe.seen import TestRun
from bot.steps.context import StepContext
from bot.steps.environment import python_of
from bot.steps.plan import base_commit


@dataclass(frozen=True)
class Ran:
    """One run: the result for the record, and what the probe saw for the audit."""

    result: SuiteResult
    observations: tuple[Observation, ...]


def _notes(run: TestRun) -> Iterator[str]:
    if run.complaint:
        yield run.complaint
    if run.seen.bad_lines:
        yield f"{run.seen.bad_lines} lines of the probe's record could not be believed"


def tests_commit(ctx: StepContext) -> Sha:
    """The commit with the newest attempt's tests on top of the base commit."""
    written = ctx.need(TestsWritten)
    changes = tuple(FileChange(path=file.path, content=ctx.read(file.artifact)) for file in written.files)
    message = f"Add tests that reproduce {ctx.record.fingerprint}\n\nWhybot-Cycle: {ctx.record.ref}\n"
    return ctx.repository.commit(base_commit(ctx), changes, message, ctx.record.created_at)


def run_suite(ctx: StepContext, label: str, commit: Sha, paths: tuple[str, ...], plan: TestPlan | None) -> Ran:
    """Export a commit, run its tests under the probe, classify, and keep JUnit XML and output in the record.

    `paths` are relative to the repository. Without a plan nothing is predicted. Raises TargetSetupFailed
    when the target's environment does not work.
    """
    target = ctx.target
    base = base_commit(ctx)
    tree = ctx.scratch / label / "tree"
    shutil.rmtree(tree.parent, ignore_errors=True)
    ctx.repository.export(commit, tree)
    scratch = tree.parent / "scratch"
    scratch.mkdir()
    environment = ctx.environments if target.setup else None
    run = run_tests(
        ctx.sandbox, tree, target, python_of(ctx, base), paths, ctx.config.limits, label, scratch,
        read_only=(environment,) if environment else (),
    )
    outcomes = outcomes_of(
        run, plan.tests if plan else (), product_globs(target), plan.services if plan else ()
    )
    junit = f"junit/{label}.xml"
    log = f"logs/{label}.txt"
    if run.junit is not None:
        ctx.keep(junit, redact(run.junit.decode("utf-8", "replace")).encode())
    ctx.keep(log, redact(run.completed.output).encode("utf-8", "replace"))
    shutil.rmtree(tree.parent, ignore_errors=True)
    result = SuiteResult(
        label=label, tree=ctx.repository.tree(commit), command=run.command, ended=run.completed.ended,
        exit_code=run.completed.exit_code, outcomes=outcomes, duration_s=run.completed.duration_s,
        junit=junit if run.junit is not None else "", log=log,
        note="; ".join(_notes(run)),
    )
    return Ran(result, run.seen.observations)
