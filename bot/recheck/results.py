"""Checks the verdicts: each is computed again from what it rests on, with the functions that gave it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.adapters.git_command import BOT_EMAIL, BOT_NAME
from bot.audit.reading.program import Program
from bot.audit.rule import Context
from bot.audit.scores import scores
from bot.domain.audit import FindingSeverity, Recommendation
from bot.domain.base import Sha
from bot.domain.proof import Proof, ProofRun
from bot.domain.record import StepRecord
from bot.domain.results import (
    Fixed,
    IssueFiled,
    Planned,
    Proven,
    Retrieved,
    TestsAudited,
    TestsRun,
    TestsWritten,
)
from bot.domain.suite import SuiteResult
from bot.proof.counterfactual import BEFORE, STILL_GREEN, conclude, judge_green, judge_own, judge_red, turned_red
from bot.recheck.comparing import compared
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted, same
from bot.steps.prove import fix_message, proof_label, revert_message
from bot.steps.running import tests_message


def reproduction(material: Material) -> Iterator[Statement]:
    """Hold what is run and proven against each other: trees, and the new tests that are expected."""
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsRun):
            what = f"step {number} ({step.step})"
            trees = [run.tree for run in step.result.runs]
            yield judged(f"{what}, its tree", "" if len(set(trees)) <= 1 else "its runs are of different trees")
            yield same(f"{what}, its runs", [run.label for run in step.result.runs],
                       [f"base-{at}" for at in range(1, len(trees) + 1)], "their order is")


def audits(material: Material) -> Iterator[Statement]:
    """Compute tests, defects, verdict and scores of each audit again, from its findings and the stored test files."""
    planned = material.record.latest(Planned)
    written: TestsWritten | None = None
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsWritten):
            written = step.result
        if not isinstance(step.result, TestsAudited) or written is None or planned is None:
            continue
        what, report = f"step {number} ({step.step})", step.result.report
        files = {file.path: text for file in written.files if (text := material.text(file.artifact)) is not None}
        context = Context(Program.build({}, files), files, planned.plan, (), report.outcomes)
        ids = tuple(dict.fromkeys(case.id for case in context.cases))
        wrong = {finding.test for finding in report.findings if finding.severity is FindingSeverity.ERROR}
        missing = tuple(
            test for one in planned.plan.tests
            if (test := f"{one.path}::{one.name}") not in ids and context.node_id(one) not in ids
        )
        defects = tuple(test for test in (*ids, *missing) if test in wrong)
        held = bool(wrong or missing or not ids)
        yield noted(f"{what}, its findings", "most rules read the implementation, which is not kept")
        yield same(f"{what}, its tests", report.tests, ids, "its files have")
        yield same(f"{what}, defective tests", report.defects, tuple(test for test in defects if test in ids),
                   "its findings give")
        yield same(f"{what}, recommendation", report.recommendation,
                   Recommendation.HOLD if held else Recommendation.GO, "its findings give")
        yield from compared(f"{what}, scores", list(report.scores),
                            list(scores(context, ids, defects, missing, report.findings)), "its findings give")
        yield from _findings(what, step, files)
        yield from _reasons(what, step.result, ids, missing)


def _findings(what: str, step: StepRecord, files: dict[str, str]) -> Iterator[Statement]:
    """A finding quotes the line that it is about."""
    assert isinstance(step.result, TestsAudited)
    for number, finding in enumerate(step.result.report.findings, 1):
        if finding.path in files:
            lines = len(files[finding.path].split("\n"))
            yield judged(f"{what}, finding {number} ({finding.rule})", "" if 1 <= finding.line <= lines else
                         f"it is about line {finding.line} of {finding.path}, which has {lines}")


def _reasons(what: str, audited: TestsAudited, ids: tuple[str, ...], missing: tuple[str, ...]) -> Iterator[Statement]:
    """The sentences of the verdict have the numbers of the findings."""
    report = audited.report
    errors = [finding for finding in report.findings if finding.severity is FindingSeverity.ERROR]
    starts: list[str] = []
    if report.recommendation is Recommendation.GO:
        starts = [f"No error in {_count(len(ids), 'test')}; {_count(len(report.findings), 'warning')}."]
    else:
        if missing:
            starts.append(f"{len(missing)} of ")
        if errors:
            rules = dict.fromkeys(finding.rule for finding in errors)
            starts.append(f"{_count(len(errors), 'error')} of {_count(len(rules), 'rule')}: {', '.join(rules)}.")
        if report.defects:
            starts.append(f"{len(report.defects)} of {_count(len(ids), 'test')} defective.")
    for start in starts:
        told = any(reason.startswith(start) for reason in report.reasons)
        yield judged(f"{what}, its reasons", "" if told else f"none of them says: {start.strip()}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def proofs(material: Material) -> Iterator[Statement]:
    """Judge every run of each proof again, and conclude from them; hold trees and commits against each other."""
    ran: TestsRun | None = None
    for index, step in enumerate(material.record.steps):
        if isinstance(step.result, TestsRun):
            ran = step.result
        if not isinstance(step.result, Proven):
            continue
        what, proof = f"step {index + 1} ({step.step})", step.result.proof
        if ran is None:
            yield judged(what, "there is a proof, and nothing was run before it")
            continue
        runs = tuple(_judged(run, ran) for run in proof.runs)
        again = conclude(
            proof.base, proof.with_tests, proof.with_fix, proof.reverted, same_tree=_same_tree(proof), runs=runs,
            hunks=proof.hunks, mutants=proof.mutants, lines=proof.lines, guard=proof.guard,
        )
        yield same(f"{what}, verdict", proof.verdict, again.verdict, "its runs give")
        yield same(f"{what}, tally", proof.tally, again.tally, "its runs give")
        yield same(f"{what}, what is missing", proof.missing, again.missing, "its runs give")
        yield same(f"{what}, notes", proof.notes, again.notes, "its runs give")
        yield same(f"{what}, same tree", proof.same_tree, again.same_tree, "the trees of its runs say")
        for stored, judged_again in zip(proof.runs, runs, strict=True):
            left, right = (one.model_dump(mode="json", exclude={"result"}) for one in (stored, judged_again))
            yield from compared(f"{what}, {stored.result.label}", left, right, "its outcomes give")
        # Before schema 3, a later attempt's runs were called as the first one's.
        yield from _trees(what, proof, ran, 1 if material.older else step.attempt)
        yield from _commits(material, index, what, proof, ran)


def _judged(run: ProofRun, ran: TestsRun) -> ProofRun:
    if run.role in {"without", "mutant"}:
        red = turned_red(run.result)
        return run.model_copy(update={"holds": bool(red), "reason": red or STILL_GREEN})
    if run.suite == "own" and run.role == "base":
        return run.model_copy(update={"result": ran.own, "holds": True, "reason": BEFORE})
    if run.suite == "own":
        return judge_own(ran.own, run.result)
    if run.role == "fix":
        return judge_green(run.number, run.result, tuple(outcome.test for outcome in ran.runs[0].outcomes))
    return judge_red(run.role, run.number, run.result, ran.reproduced_by)


def _of(proof: Proof, role: str) -> list[SuiteResult]:
    return [run.result for run in proof.runs if run.role == role and (run.suite, run.role) != ("own", "base")]


def _same_tree(proof: Proof) -> bool:
    base, revert = _of(proof, "base"), _of(proof, "revert")
    return bool(base and revert) and base[0].tree == revert[0].tree


def _trees(what: str, proof: Proof, ran: TestsRun, attempt: int) -> Iterator[Statement]:
    """Runs of one role are of one tree; those without the fix of the tree that reproduced."""
    first = {run.tree for run in ran.runs}
    base, fix, revert = ({result.tree for result in _of(proof, role)} for role in ("base", "fix", "revert"))
    yield judged(f"{what}, its base tree", "" if base <= first else "it is not the tree that was run before the fix")
    for name, trees in (("fixed", fix), ("reverted", revert)):
        yield judged(f"{what}, its {name} tree", "" if len(trees) <= 1 else "its runs are of different trees")
    yield judged(f"{what}, its trees differ", "" if not fix & (base | first) else "the fixed tree is the base tree")
    told = [run for run in proof.runs if (run.suite, run.role) != ("own", "base")]
    yield same(f"{what}, its runs", [run.result.label for run in told],
               [proof_label(attempt, run.role, run.suite, run.number) for run in told], "they have to be")
    for role in ("base", "fix", "revert"):
        numbers = [run.number for run in told if run.role == role and run.suite == "new"]
        yield judged(f"{what}, its {role} runs", "" if numbers == list(range(1, len(numbers) + 1)) else
                     f"they have the numbers {numbers}")


def _commits(material: Material, index: int, what: str, proof: Proof, ran: TestsRun) -> Iterator[Statement]:
    """A commit's id is the hash of its tree, parent, message and time, all of which the record gives."""
    record = material.before(index)
    retrieved, filed, fixed = record.latest(Retrieved), record.latest(IssueFiled), record.latest(Fixed)
    base = retrieved.commit.sha if retrieved is not None and retrieved.commit is not None else ""
    yield same(f"{what}, base", proof.base, base, "the commit that was running is")
    if filed is None or fixed is None or fixed.patch is None or not ran.runs:
        yield judged(what, "there is a proof without an issue or a patch")
        return
    when = record.created_at
    fix, revert = _of(proof, "fix"), _of(proof, "revert")
    made = [("with the tests", proof.with_tests, proof.base, ran.runs[0].tree, tests_message(record))]
    if fix:
        message = fix_message(record.ref, filed.title, fixed.patch.summary)
        made.append(("with the fix", proof.with_fix, proof.with_tests, fix[0].tree, message))
    if revert:
        message = revert_message(record.ref)
        made.append(("with the fix reverted", proof.reverted, proof.with_fix, revert[0].tree, message))
    for name, stored, parent, tree, message in made:
        again = commit_id(tree, parent, message, when)
        yield judged(f"{what}, the commit {name}", "" if stored == again else
                     f"it is {stored[:12]}, and its tree, parent, message and time give {again[:12]}")


def commit_id(tree: Sha, parent: Sha, message: str, when: datetime) -> Sha:
    """The id of a commit that the bot makes: see `GitWorkspace.commit`, and git's object format."""
    who = f"{BOT_NAME} <{BOT_EMAIL}> {int(when.astimezone(UTC).timestamp())} +0000"
    body = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message}".encode("utf-8", "replace")
    stored = b"commit %d\0%b" % (len(body), body)
    return (hashlib.sha1(stored, usedforsecurity=False) if len(tree) == 40 else hashlib.sha256(stored)).hexdigest()
