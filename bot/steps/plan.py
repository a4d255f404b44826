"""Step 2: the test plan, with the way each test must fail fixed before any test exists."""

from __future__ import annotations

from bot.domain.base import Sha
from bot.domain.message_pattern import message_pattern
from bot.domain.plan import Expectation, PlannedTest, TestPlan
from bot.domain.results import FiveWhys, Planned, Retrieved
from bot.evidence.code import CodeAt
from bot.evidence.pack import build_code_pack
from bot.model.prompts import render
from bot.steps.asking import ask, code_at, code_globs, is_test_path, may_hold_test, test_folders
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.five_whys import investigator, snapshot

MOST_SUITE_FILES = 200
LEAST_LITERAL = 8
"""Letters and digits that a message must at least hold to be told from others: a word or two."""
_ANY_FAILURE = (
    "", "x", "boom", "failed", "unexpected", "Error", "Exception", "AssertionError", "TimeoutError", "assertion failed",
    "assert 1 == 2", "assert False", "assert False is True", "assert None is not None", "assert [] == [1]",
    "assert 'a' == 'b'", "DID NOT RAISE <class 'Exception'>", "timed out", "Connection refused",
    "[Errno 111] Connection refused", "No such file or directory", "'NoneType' object has no attribute 'x'",
)
"""Messages that failures of any test may have. A pattern that matches one of them foretells nothing."""


def run(ctx: StepContext) -> StepOutcome:
    """Ask for a plan and hold it to what can be checked: places, names, functions that exist."""
    whys, commit = ctx.need(FiveWhys), base_commit(ctx)
    if whys.root_cause is None:
        raise LookupError("a plan needs a root cause")
    code = code_at(ctx, commit)
    pack = build_code_pack(code, whys.root_cause.suspects, code_globs(ctx), ctx.config.model.pack_tokens)
    suite = tuple(path for path in code.files if is_test_path(ctx, path))[:MOST_SUITE_FILES]
    prompt = render("plan", whys=whys, pack=pack, suite_files=suite, test_folders=test_folders(ctx))

    def objections(plan: TestPlan) -> tuple[str, ...]:
        return plan_problems(ctx, plan, code)

    tools = investigator(ctx, ctx.incident, snapshot(ctx), code, pack)
    asked = ask(ctx, "plan", prompt, TestPlan, objections, toolbox=tools)
    return concluded(Planned(plan=asked.value, investigation=asked.investigation))


def concluded(planned: Planned) -> StepOutcome:
    """What the step says of its plan."""
    tests = planned.plan.tests
    levels = ", ".join(
        f"{count} {level}" for level in ("unit", "integration", "e2e")
        if (count := sum(1 for test in tests if test.level == level))
    )
    return StepOutcome(planned, f"{len(tests)} tests planned: {levels}")


def base_commit(ctx: StepContext) -> Sha:
    """The commit that everything is measured against: the one that was running."""
    commit = ctx.need(Retrieved).commit
    if commit is None:
        raise LookupError("there is no base commit")
    return commit.sha


def plan_problems(ctx: StepContext, plan: TestPlan, code: CodeAt) -> tuple[str, ...]:
    """What speaks against a plan, one sentence each."""
    found: list[str] = []
    existing = set(code.files)
    for test in plan.tests:
        if not test.path.endswith(".py") or not test.path.rpartition("/")[2].startswith("test_"):
            found.append(f"{test.path} is not a test file: its name must be test_*.py.")
        if not may_hold_test(ctx, test.path):
            found.append(f"{test.path} is not in a folder where tests may go ({', '.join(test_folders(ctx))}).")
        if test.path in existing:
            found.append(f"{test.path} exists already; name a new file.")
        if code.find(test.expectation.reaches) is None:
            found.append(f"{test.name} must reach {test.expectation.reaches.key}, which does not exist at the commit.")
        if why := untelling(test.expectation):
            found.append(f"{test.name}: {why}")
        if why := unprovided(test, (*ctx.config.service, *(service.name for service in plan.services))):
            found.append(why)
    return tuple(dict.fromkeys(found))


def unprovided(test: PlannedTest, provided: tuple[str, ...]) -> str:
    """Why a test cannot have the services that it asks for, which nobody declares; empty when it can."""
    asked = ", ".join(name for name in test.services if name not in provided)
    if not asked:
        return ""
    return (f"{test.name} needs {asked}, which neither the plan nor bot.toml declares (declared: "
            f"{', '.join(sorted(provided)) or 'none'}); what a test starts itself does not belong into `services`.")


def untelling(expectation: Expectation) -> str:
    """Why the predicted message would not tell the predicted failure from any other; empty when it would.

    The message of an exception may be short (`KeyError: 'room'`), and is telling when it is given as a whole.
    """
    pattern = message_pattern(expectation.message)
    shown = f"expectation.message /{expectation.message}/"
    common = next((message for message in _ANY_FAILURE if pattern.search(message)), None)
    if common is not None:
        return f"{shown} also matches {common!r}, which any failure may say; write what only this failure says."
    if expectation.failure == "exception" and pattern.is_exact:
        return ""
    if pattern.least_literal < LEAST_LITERAL:
        whole = ", or an exception's whole message from ^ to $" if expectation.failure == "exception" else ""
        return (f"{shown} holds too little plain text: give at least {LEAST_LITERAL} letters and digits of the message "
                f"in each alternative{whole}.")
    return ""


STEP = Step("plan", takes=(Retrieved, FiveWhys), gives=Planned, run=run)
