"""Step 6: the model proposes edits; code applies them, and the fix guard looks for cured symptoms."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from bot.domain.evidence import RootCause
from bot.domain.patch import Edit, Patch, PatchedFile
from bot.domain.proof import Proof
from bot.domain.proposals import ProposedFix
from bot.domain.record import CycleRecord, Decision
from bot.domain.results import FiveWhys, Fixed, Planned, Proven, TestsRun, TestsWritten
from bot.evidence.claims import Evidence, unsupported
from bot.evidence.pack import build_code_pack
from bot.logs.redact import redact
from bot.model.prompts import render
from bot.proof.edits import apply_edits, counts, unified_diff
from bot.steps.asking import ask, code_at, code_globs, in_code, product_files, tests_of
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.five_whys import investigator, snapshot
from bot.steps.plan import base_commit
from bot.steps.write_tests import stored_tests

MOST_DIFF_CHARS = 40_000
"""Of the diff of a rejected attempt that is shown to the next."""
MOST_TOLD = 10
"""Places of a rejected fix, and changes of it that no test would miss, that are told to the next attempt."""
_VERDICT = re.compile(
    r"\b(?:prove[nds]?|proof|verified|guarantee[ds]?|definitely|never again|successfully|(?:all|every) (?:\w+ )?tests?|"
    r"tests? (?:now |all )*(?:pass|succeed)(?:es|ed|s)?|no longer fails?|works now|production[- ]ready)\b|\d\s?%",
    re.IGNORECASE,
)
"""Words of a verdict. Whether a fix cures is decided by the proof, and said by it alone."""


def run(ctx: StepContext) -> StepOutcome:
    """Ask for edits that can be applied; a hard finding of the guard sends them back.

    The model may look around with the same tools, within the same caps, as for the whys and the plan.
    """
    whys, plan = ctx.need(FiveWhys), ctx.need(Planned).plan
    if whys.root_cause is None:
        raise LookupError("a fix needs a root cause")
    cause = whys.root_cause
    code = code_at(ctx, base_commit(ctx))
    tests = tests_of(ctx)
    suspects = tuple(dict.fromkeys((*whys.root_cause.suspects, *(test.expectation.reaches for test in plan.tests))))
    forbidden = ctx.config.policy.forbidden_paths
    frozen = tuple(file.path for file in ctx.need(TestsWritten).files)
    before = ctx.record.latest(Fixed)
    pack = build_code_pack(code, suspects, code_globs(ctx), ctx.config.model.pack_tokens)
    prompt = render(
        "fix", root_cause=whys.root_cause, pack=pack, tests=stored_tests(ctx),
        outcomes=ctx.need(TestsRun).runs[0].outcomes, allowed=code_globs(ctx), forbidden=(*forbidden, *tests),
        findings=before.findings if before else (), missing=missing_now(ctx.record), notes=notes_now(ctx.record),
        rejected_diff=rejected_diff(ctx),
    )

    def files_of(fix: ProposedFix) -> dict[str, str]:
        return {path: text for path in {edit.path for edit in fix.edits} if (text := code.raw(path)) is not None}

    def objections(fix: ProposedFix) -> tuple[str, ...]:
        try:
            after = apply_edits(files_of(fix), fix.edits)
        except ValueError as error:
            return (redact(str(error)),)
        if after == files_of(fix):
            return ("The edits change nothing.",)
        found = tuple(f"An edit of {edit.path} writes what looks like a secret; leave it out."
                      for edit in fix.edits if writes_secret(edit))
        return (*found, *summary_problems(fix.summary, files_of(fix), after, cause))

    tools = investigator(ctx, ctx.incident, snapshot(ctx), code, pack)
    asked = ask(ctx, "fix", prompt, ProposedFix, objections, toolbox=tools)
    fix = asked.value
    old = files_of(fix)
    new = apply_edits(old, fix.edits)
    from bot.proof.guard import guard

    findings = guard(
        old, new, code_globs(ctx), forbidden, frozen, tests=tests, others=product_files(ctx, code),
        new_tests={file.path: file.content for file in stored_tests(ctx)},
    )
    diff = redact(unified_diff(old, new))
    ctx.keep(diff_name(ctx.attempt), diff.encode())
    if any(finding.hard for finding in findings):
        return concluded(Fixed(patch=None, findings=findings, investigation=asked.investigation))
    files = tuple(
        PatchedFile(path=path, sha256=hashlib.sha256(new[path].encode()).hexdigest())
        for path in sorted(new) if new[path] != old.get(path)
    )
    added, removed = counts(old, new)
    patch = Patch(
        summary=redact(fix.summary), edits=fix.edits, files=files, diff=diff, added=added, removed=removed,
        notes=findings,
    )
    return concluded(Fixed(patch=patch, findings=findings, investigation=asked.investigation))


def concluded(fixed: Fixed) -> StepOutcome:
    """What the step says of a patch or of what speaks against it, and what follows."""
    hard = next((finding for finding in fixed.findings if finding.hard), None)
    if hard is not None or fixed.patch is None:
        said = f"rejected by the fix guard: {hard.rule} in {hard.path}" if hard else "rejected by the fix guard"
        return StepOutcome(fixed, said, Decision.HOLD)
    patch = fixed.patch
    return StepOutcome(fixed, f"{patch.added} lines added and {patch.removed} removed in {len(patch.files)} files")


def writes_secret(edit: Edit) -> bool:
    """Whether an edit brings in what looks like a secret. Lines that it only moves stood there before."""
    old = {line.strip() for line in edit.find.splitlines()}
    new = "\n".join(line for line in edit.replace.splitlines() if line.strip() not in old)
    return in_code(new) != new


def missing_now(record: CycleRecord) -> tuple[str, ...]:
    """What the proof of the newest patch lacks; nothing when that patch was never tried."""
    proof = _proof_now(record)
    return proof.missing if proof is not None else ()


def notes_now(record: CycleRecord) -> tuple[str, ...]:
    """What else the proof of the newest patch found: what of it is not needed, and what of it no test would miss."""
    proof = _proof_now(record)
    if proof is None:
        return ()
    needless = [f"Not needed, {check.hunk.path}:{check.hunk.first}\n{check.hunk.text}" for check in proof.hunks
                if check.needed is False]
    unnoticed = [f"No test notices, {check.path}:{check.line}, `{check.before}` made `{check.after}`"
                 for check in proof.mutants if check.killed is False]
    return (*proof.notes, *needless[:MOST_TOLD], *unnoticed[:MOST_TOLD])


def _proof_now(record: CycleRecord) -> Proof | None:
    newest = next((step.result for step in reversed(record.steps) if isinstance(step.result, Fixed | Proven)), None)
    return newest.proof if isinstance(newest, Proven) else None


def rejected_diff(ctx: StepContext) -> str:
    """The redacted diff of the attempt before this one, also where the guard rejected it; empty when there is none."""
    before = next((step for step in reversed(ctx.record.steps) if isinstance(step.result, Fixed)), None)
    if before is None:
        return ""
    diff = ctx.read(diff_name(before.attempt)).decode()
    return diff if len(diff) <= MOST_DIFF_CHARS else f"{diff[:MOST_DIFF_CHARS]}\n… and more"


def diff_name(attempt: int) -> str:
    """Under which name the diff of an attempt is kept."""
    return f"fix/attempt-{attempt}.patch"


def summary_problems(
    summary: str, before: Mapping[str, str], after: Mapping[str, str], cause: RootCause
) -> tuple[str, ...]:
    """What a summary states that is not the model's to state: verdicts, and numbers and names without a ground.

    Numbers must stand in the diff or in the root cause; names may also stand elsewhere in the changed files.
    """
    found = [f"The summary says {match.group()!r}; whether the fix cures is for the proof to say. Say what was wrong "
             "and what the change does." for match in (_VERDICT.search(summary),) if match]
    places = " ".join((*(suspect.key for suspect in cause.suspects), *after))
    evidence = Evidence(
        text="\n".join((unified_diff(before, after), cause.statement, cause.mechanism, cause.trigger)),
        facts="\n".join((places, *before.values(), *after.values())),
    )
    missing = unsupported(summary, evidence)
    if missing:
        found.append(f"The summary names {', '.join(missing)}, which neither the change nor the root cause holds; "
                     "leave it out.")
    return tuple(found)


STEP = Step("fix", takes=(FiveWhys, Planned, TestsWritten, TestsRun), gives=Fixed, run=run)
