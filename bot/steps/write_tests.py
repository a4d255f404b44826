"""Step 3: the model writes the planned tests, in the folders where tests may go."""

from __future__ import annotations

from pathlib import PurePosixPath

from bot.domain.plan import TestPlan
from bot.domain.proposals import ProposedFile, ProposedTests
from bot.domain.results import FiveWhys, Planned, TestsAudited, TestsWritten
from bot.evidence.code import CodeAt
from bot.evidence.pack import build_code_pack
from bot.model.prompts import render
from bot.steps.asking import ask, code_at, code_globs, in_code, is_test_path, may_hold_test, test_folders
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit

_MOST_EXAMPLE_CHARS = 8_000


def run(ctx: StepContext) -> StepOutcome:
    """Ask for the files and keep them beside the record; nothing is executed here."""
    whys, plan = ctx.need(FiveWhys), ctx.need(Planned).plan
    if whys.root_cause is None:
        raise LookupError("tests need a root cause")
    code = code_at(ctx, base_commit(ctx))
    suspects = tuple(dict.fromkeys((*whys.root_cause.suspects, *(test.expectation.reaches for test in plan.tests))))
    rejected = ctx.record.latest(TestsAudited)
    prompt = render(
        "write_tests", plan=plan, root_cause=whys.root_cause,
        pack=build_code_pack(code, suspects, code_globs(ctx), ctx.config.model.pack_tokens, tools=False),
        examples=_examples(ctx, code), pytest_args=ctx.target.pytest_args, test_folders=test_folders(ctx),
        findings=rejected.report.findings if rejected else (),
        rejected=stored_tests(ctx) if rejected else (),
    )
    existing = set(code.files)

    def objections(tests: ProposedTests) -> tuple[str, ...]:
        found = [
            f"{file.path} is not in a folder where tests may go ({', '.join(test_folders(ctx))})."
            for file in tests.files if not may_hold_test(ctx, file.path)
        ]
        found += [f"{file.path} exists already; write a new file." for file in tests.files if file.path in existing]
        found += unplanned(plan, tests.files)
        found += [f"{file.path} holds what looks like a secret; make up a value that does not."
                  for file in tests.files if in_code(file.content) != file.content]
        paths = [file.path for file in tests.files]
        found += [f"{path} is given twice." for path in sorted(set(paths)) if paths.count(path) > 1]
        return tuple(found)

    tests = ask(ctx, "write_tests", prompt, ProposedTests, objections).value
    return concluded(TestsWritten(files=tuple(
        ctx.keep_file(file.path, f"tests/attempt-{ctx.attempt}/{file.path}", file.content.encode())
        for file in tests.files
    )))


def concluded(written: TestsWritten) -> StepOutcome:
    """What the step says of its files."""
    return StepOutcome(written, f"{len(written.files)} files written")


def unplanned(plan: TestPlan, files: tuple[ProposedFile, ...]) -> tuple[str, ...]:
    """What speaks against files that are not the planned ones, one sentence each.

    Besides a planned file there may be an `__init__.py` without code in its folder or one above: everything else
    (a conftest, pytest's configuration, a script) could decide how tests run without being seen as a test.
    """
    planned = {test.path for test in plan.tests}
    folders = {str(folder) for path in planned for folder in PurePosixPath(path).parents}
    found: list[str] = []
    for file in files:
        folder, _, name = file.path.rpartition("/")
        if file.path in planned and name.endswith(".py"):
            continue
        if name != "__init__.py" or folder not in folders:
            found.append(f"{file.path} is not in the plan; write {', '.join(sorted(planned))} and nothing else.")
        elif any(line.strip() and not line.lstrip().startswith("#") for line in file.content.splitlines()):
            found.append(f"{file.path} must be empty; what the tests need belongs into the planned files.")
    return tuple(found)


def stored_tests(ctx: StepContext) -> tuple[ProposedFile, ...]:
    """The test files of the newest attempt, as they were kept."""
    return tuple(
        ProposedFile(path=file.path, content=ctx.read(file.artifact).decode())
        for file in ctx.need(TestsWritten).files
    )


def _examples(ctx: StepContext, code: CodeAt) -> tuple[ProposedFile, ...]:
    """The shortest own tests of the service, as a model for style, within a size."""
    found = [
        ProposedFile(path=path, content="\n".join(lines))
        for path in code.files
        if path.endswith(".py") and is_test_path(ctx, path) and (lines := code.lines(path)) is not None
    ]
    found.sort(key=lambda file: (len(file.content), file.path))
    chosen: list[ProposedFile] = []
    room = _MOST_EXAMPLE_CHARS
    for file in found:
        if file.content.strip() and len(file.content) <= room:
            chosen.append(file)
            room -= len(file.content)
    return tuple(chosen)


STEP = Step("write_tests", takes=(FiveWhys, Planned), gives=TestsWritten, run=run)
