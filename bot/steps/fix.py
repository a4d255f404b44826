"""Step 6: the model proposes edits; code applies them, and the fix guard looks for cured symptoms."""

from __future__ import annotations

import hashlib

from bot.domain.patch import Patch, PatchedFile
from bot.domain.proposals import ProposedFix
from bot.domain.record import Decision
from bot.domain.results import FiveWhys, Fixed, Planned, Proven, TestsRun, TestsWritten
from bot.evidence.pack import build_code_pack
from bot.logs.redact import redact
from bot.model.prompts import render
from bot.proof.edits import apply_edits, counts, unified_diff
from bot.proof.guard import guard
from bot.steps.asking import MOST_PACK_CHARS, ask, code_at, code_globs
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit
from bot.steps.write_tests import stored_tests


def run(ctx: StepContext) -> StepOutcome:
    """Ask for edits that can be applied; a hard finding of the guard sends them back."""
    whys, plan = ctx.need(FiveWhys), ctx.need(Planned).plan
    if whys.root_cause is None:
        raise LookupError("a fix needs a root cause")
    code = code_at(ctx, base_commit(ctx))
    suspects = tuple(dict.fromkeys((*whys.root_cause.suspects, *(test.expectation.reaches for test in plan.tests))))
    forbidden = ctx.config.policy.forbidden_paths
    frozen = tuple(file.path for file in ctx.need(TestsWritten).files)
    before = ctx.record.latest(Fixed)
    proven = ctx.record.latest(Proven)
    prompt = render(
        "fix", root_cause=whys.root_cause, pack=build_code_pack(code, suspects, code_globs(ctx), MOST_PACK_CHARS),
        tests=stored_tests(ctx), outcomes=ctx.need(TestsRun).runs[0].outcomes, allowed=code_globs(ctx),
        forbidden=forbidden, findings=before.findings if before else (),
        missing=proven.proof.missing if proven else (),
        rejected_diff=before.patch.diff if before and before.patch else "",
    )

    def files_of(fix: ProposedFix) -> dict[str, str]:
        return {path: text for path in {edit.path for edit in fix.edits} if (text := code.raw(path)) is not None}

    def objections(fix: ProposedFix) -> tuple[str, ...]:
        try:
            after = apply_edits(files_of(fix), fix.edits)
        except ValueError as error:
            return (str(error),)
        return () if after != files_of(fix) else ("The edits change nothing.",)

    fix = ask(ctx, "fix", prompt, ProposedFix, objections)
    old = files_of(fix)
    new = apply_edits(old, fix.edits)
    findings = guard(old, new, code_globs(ctx), forbidden, frozen)
    diff = redact(unified_diff(old, new))
    ctx.keep(f"fix/attempt-{ctx.attempt}.patch", diff.encode())
    hard = [finding for finding in findings if finding.hard]
    if hard:
        said = f"rejected by the fix guard: {hard[0].rule} in {hard[0].path}"
        return StepOutcome(Fixed(patch=None, findings=findings), said, Decision.HOLD)
    files = tuple(
        PatchedFile(path=path, sha256=hashlib.sha256(new[path].encode()).hexdigest())
        for path in sorted(new) if new[path] != old.get(path)
    )
    added, removed = counts(old, new)
    patch = Patch(
        summary=fix.summary, edits=fix.edits, files=files, diff=diff, added=added, removed=removed,
        notes=findings,
    )
    said = f"{added} lines added and {removed} removed in {len(files)} files"
    return StepOutcome(Fixed(patch=patch, findings=findings), said)


STEP = Step("fix", takes=(FiveWhys, Planned, TestsWritten, TestsRun), gives=Fixed, run=run)
