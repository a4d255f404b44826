"""The tests of a cycle's commits: where they are run, and the commit that brings them."""

from __future__ import annotations

from pathlib import Path

from bot.domain.base import Sha
from bot.domain.plan import TestPlan
from bot.domain.record import CycleRecord
from bot.domain.results import TestsWritten
from bot.domain.suite import Ran
from bot.ports import FileChange
from bot.proof.trials import Trial
from bot.steps.bench import Bench
from bot.steps.context import StepContext
from bot.steps.environment import TargetEnvironment
from bot.steps.plan import base_commit


def tests_commit(ctx: StepContext) -> Sha:
    """The commit with the newest attempt's tests on top of the base commit."""
    written = ctx.need(TestsWritten)
    changes = tuple(FileChange(path=file.path, content=ctx.read(file.artifact)) for file in written.files)
    return ctx.repository.commit(base_commit(ctx), changes, tests_message(ctx.record), ctx.record.created_at)


def tests_message(record: CycleRecord) -> str:
    """The message of the commit with the tests."""
    return f"Add tests that reproduce {record.fingerprint}\n\nWhybot-Cycle: {record.ref}\n"


def bench_of(ctx: StepContext, plan: TestPlan | None) -> Bench:
    """The place where a cycle runs tests. With a plan the outcomes of new tests are held to it.

    Raises TargetSetupFailed when the target's environment cannot be made.
    """
    environment = TargetEnvironment(
        repository=ctx.repository, folder=Path(ctx.config.repository.path), sandbox=ctx.sandbox, target=ctx.target,
        environments=ctx.environments, setup_env=ctx.setup_env, note=ctx.progress.note,
        keep=lambda output: f"the record as {ctx.keep(f'setup-{ctx.attempt}.log', output).name}",
    )
    return Bench(
        repository=ctx.repository, sandbox=ctx.sandbox, target=ctx.target,
        interpreter=environment.python(base_commit(ctx)),
        read_only=(ctx.environments,) if ctx.target.setup else (), limits=ctx.config.limits,
        services=ctx.config.service, plan=plan, scratch=ctx.scratch, keep=ctx.keep, kept=ctx.kept_before,
        tell=ctx.progress.note, workers=ctx.config.proof.workers,
    )


def run_suite(ctx: StepContext, label: str, commit: Sha, paths: tuple[str, ...], plan: TestPlan | None,
              ignored: tuple[str, ...] = ()) -> Ran:
    """Run tests of a commit once: the new ones, held to a plan, or the service's own. See `Bench.run`."""
    suite = "own" if plan is None else "new"
    trial = Trial(label=label, role="base", suite=suite, number=1, commit=commit, tests=paths, ignored=ignored)
    return bench_of(ctx, plan).run([trial])[0]
