"""Running the target's tests at a commit, and saying what kind each outcome is and what is to be believed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.audit.kinds import outcomes_of
from bot.audit.outcomes.wording import named, why_not_begun
from bot.domain.base import Sha
from bot.domain.config import ServiceConfig
from bot.domain.errors import TargetSetupFailed
from bot.domain.logs import Frame
from bot.domain.plan import ServiceNeed, TestPlan
from bot.domain.record import CycleRecord
from bot.domain.results import TestsWritten
from bot.domain.suite import Ended, Observation, Outcome, RaisedException, SuiteResult
from bot.logs.redact import redact
from bot.ports import FileChange
from bot.probe.junit import read_junit
from bot.probe.launch import needed_services, product_globs, run_tests, within_root
from bot.probe.seen import TestRun
from bot.steps.context import StepContext
from bot.steps.environment import python_of
from bot.steps.plan import base_commit

_RED = frozenset({"failed", "error"})


@dataclass(frozen=True)
class Ran:
    """One run: the result for the record, and what the probe saw for the audit. Neither holds a plain secret."""

    result: SuiteResult
    observations: tuple[Observation, ...]


def tests_commit(ctx: StepContext) -> Sha:
    """The commit with the newest attempt's tests on top of the base commit."""
    written = ctx.need(TestsWritten)
    changes = tuple(FileChange(path=file.path, content=ctx.read(file.artifact)) for file in written.files)
    return ctx.repository.commit(base_commit(ctx), changes, tests_message(ctx.record), ctx.record.created_at)


def tests_message(record: CycleRecord) -> str:
    """The message of the commit with the tests."""
    return f"Add tests that reproduce {record.fingerprint}\n\nWhybot-Cycle: {record.ref}\n"


def run_suite(ctx: StepContext, label: str, commit: Sha, paths: tuple[str, ...], plan: TestPlan | None,
              ignored: tuple[str, ...] = ()) -> Ran:
    """Export a commit, run its tests under the probe, classify, and keep JUnit XML and output in the record.

    `paths` and the files `ignored` within them are relative to the repository. Without a plan nothing is
    predicted. The services of bot.toml and of the plan are probed first, and started where bot.toml says how; tests
    that need one that does not answer are not begun. Raises TargetSetupFailed when the target's environment does not
    work.
    """
    if not paths:
        # Given nothing, pytest would look for tests everywhere.
        raise ValueError("there is nothing to run")
    target = ctx.target
    base = base_commit(ctx)
    needed = needed_services(ctx.config.service, plan)
    declared = declared_services(ctx.config.service, plan)
    tree = ctx.scratch / label / "tree"
    shutil.rmtree(tree.parent, ignore_errors=True)
    ctx.repository.export(commit, tree)
    scratch = tree.parent / "scratch"
    scratch.mkdir()
    environment = ctx.environments if target.setup else None
    try:
        run = run_tests(
            ctx.sandbox, tree, target, python_of(ctx, base), paths, ctx.config.limits, label, scratch,
            read_only=(environment,) if environment else (),
            extra_args=tuple(f"--ignore={within_root(target, path)}" for path in ignored),
            services=needed,
        )
    except TargetSetupFailed as problem:
        # It quotes what was printed.
        raise TargetSetupFailed(redact(problem.what), redact(problem.remedy)) from None
    shown = redacted(run)
    true, said = (
        outcomes_of(each, plan.tests if plan else (), product_globs(target), declared)
        for each in (run, shown)
    )
    outcomes = redacted_outcomes(true, said, _quotes(run, shown))
    doubts = tuple(doubts_about(run))
    absent = why_not_begun(outcomes)
    for why in absent:
        ctx.progress.note(f"tests are not begun: {why}")
    junit = f"junit/{label}.xml"
    log = f"logs/{label}.txt"
    if run.junit is not None:
        ctx.keep(junit, redact(run.junit.decode("utf-8", "replace")).encode())
    ctx.keep(log, shown.completed.output.encode("utf-8", "replace"))
    shutil.rmtree(tree.parent, ignore_errors=True)
    result = SuiteResult(
        label=label, tree=ctx.repository.tree(commit), command=redact(run.command), ended=run.completed.ended,
        exit_code=run.completed.exit_code, outcomes=outcomes, duration_s=run.completed.duration_s,
        junit=junit if run.junit is not None else "", log=log,
        note="; ".join(filter(None, (redact(shown.complaint), *absent, *doubts))), doubts=doubts,
    )
    return Ran(result, tuple(_observation(seen) for seen in shown.observations))


# Services

def declared_services(declared: Mapping[str, ServiceConfig], plan: TestPlan | None) -> tuple[ServiceNeed, ...]:
    """The services that bot.toml and the plan declare; what bot.toml says of one goes before what the plan says."""
    planned = {need.name: need for need in (plan.services if plan else ())}
    ours = {name: ServiceNeed(name=name, address=service.address) for name, service in declared.items()}
    return tuple({**planned, **ours}.values())


# What is to be believed

def doubts_about(run: TestRun) -> Iterator[str]:
    """Why the accounts of a run do not agree; none for a run that was ended at a limit, which proves nothing anyway.

    There are three accounts: the probe's record, pytest's JUnit file and its exit code. The code under test runs
    in the same process, so it can write to each; a run is believed when all of them say the same.
    """
    if run.seen.bad_lines:
        yield f"{run.seen.bad_lines} lines of the probe's record could not be believed"
    if run.completed.ended is not Ended.EXITED:
        return
    if not run.seen.finished:
        yield "pytest did not come to the end of its session"
    if run.running:
        yield f"{run.running[0].test} began and did not end"
    red = sum(seen.status in _RED for seen in run.observations)
    if red and run.completed.exit_code == 0:
        yield f"pytest ended with exit code 0, and the probe saw {red} tests fail"
    yield from _doubts_about_junit(run, red)


def _doubts_about_junit(run: TestRun, red: int) -> Iterator[str]:
    counts = read_junit(run.junit) if run.junit is not None else None
    if counts is None:
        yield "pytest left no JUnit file" if run.junit is None else "pytest's JUnit file cannot be read"
        return
    if len(run.observations) not in {counts.tests, counts.cases}:
        yield f"the probe saw {len(run.observations)} tests, and pytest's JUnit file has {counts.tests}"
    if red not in {counts.failed, counts.failures} or bool(red) != bool(counts.said):
        yield f"the probe saw {red} tests fail, and pytest's JUnit file says {max(counts.failed, counts.said)}"


# What may be kept

def redacted(run: TestRun) -> TestRun:
    """A run without the secrets in what the tests printed, raised or warned of. Its tests keep their names."""
    return run.model_copy(update={
        "completed": run.completed.model_copy(update={"output": redact(run.completed.output)}),
        "stopped_at": tuple(map(_frame, run.stopped_at)),
        "seen": run.seen.model_copy(update={"observations": tuple(
            seen.model_copy(update={
                "skip_reason": redact(seen.skip_reason),
                "exceptions": tuple(map(_raised, seen.exceptions)),
                "caught": tuple(map(_raised, seen.caught)),
                "warnings": tuple(
                    warning.model_copy(update={"message": redact(warning.message)}) for warning in seen.warnings
                ),
            }) for seen in run.observations
        )}),
    })


def _raised(raised: RaisedException) -> RaisedException:
    frames = tuple(map(_frame, raised.frames))
    return raised.model_copy(update={"message": redact(raised.message), "frames": frames})


def _quotes(run: TestRun, shown: TestRun) -> dict[str, str]:
    """How an exception is quoted, and how it may be."""
    return {
        named(raised): named(instead)
        for seen, safe in zip(run.observations, shown.observations, strict=True)
        for raised, instead in zip((*seen.exceptions, *seen.caught), (*safe.exceptions, *safe.caught), strict=True)
    }


def redacted_outcomes(
    true: tuple[Outcome, ...], shown: tuple[Outcome, ...], quotes: Mapping[str, str],
) -> tuple[Outcome, ...]:
    """The kinds of what really happened, in the words of what may be shown of it.

    `true` was classified as it was seen, since a predicted message may look like a secret; `shown` is the same
    run redacted, and `quotes` are the exceptions of both as a reason quotes them: by their beginnings, and a
    secret that such a cut goes through is not recognised any more.
    """
    return tuple(
        each.model_copy(update={
            "test": _node_id(each.test), "frame": _frame(each.frame) if each.frame else None,
            "reason": redact(other.reason if other.kind is each.kind else _requoted(each.reason, quotes)),
        })
        for each, other in zip(true, shown, strict=True)
    )


def _requoted(reason: str, quotes: Mapping[str, str]) -> str:
    for quote, instead in quotes.items():
        reason = reason.replace(quote, instead)
    return reason


def _frame(frame: Frame) -> Frame:
    return frame.model_copy(update={"source": redact(frame.source)})


def _observation(seen: Observation) -> Observation:
    return seen.model_copy(update={"test": _node_id(seen.test)})


def _node_id(test: str) -> str:
    """A test's name with the secrets in its parameters replaced; `TestToken::test_v2` is none."""
    name, bracket, parameters = test.partition("[")
    return name + bracket + redact(parameters)
