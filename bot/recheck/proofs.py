"""Checks a proof: each of its runs is judged again, and the verdict, trees and commits follow from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.adapters.git_command import BOT_EMAIL, BOT_NAME
from bot.domain.base import Sha
from bot.domain.proof import Proof, ProofRun
from bot.domain.results import Fixed, IssueFiled, Proven, Retrieved, TestsRun
from bot.domain.suite import SuiteResult
from bot.proof.counterfactual import BEFORE, STILL_GREEN, conclude, judge_green, judge_own, judge_red, turned_red
from bot.recheck.comparing import compared
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted, same
from bot.steps.prove import fix_message, proof_label, revert_message
from bot.steps.running import tests_message


def proofs(material: Material) -> Iterator[Statement]:
    """Judge every run of each proof again, and conclude from them; hold trees and commits against each other."""
    ran: TestsRun | None = None
    at = 0
    for index, step in enumerate(material.record.steps):
        if isinstance(step.result, TestsRun):
            ran, at = step.result, index + 1
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
        for own in proof.runs:
            if (own.suite, own.role) == ("own", "base"):
                yield from compared(f"{what}, {own.result.label}, the service's own suite before", own.result, ran.own,
                                    f"step {at} has")
        if not material.older:
            yield from _drawn(what, proof, ran)
        # Before schema 3, a later attempt's runs were called as the first one's.
        yield from _trees(what, proof, ran, 1 if material.older else step.attempt)
        yield from _commits(material, index, what, proof, ran)


def _drawn(what: str, proof: Proof, ran: TestsRun) -> Iterator[Statement]:
    """What drew the order of each run: the first round is in the order of the files, each other by its number."""
    rounds = max((run.number for run in proof.runs if _counts(run)), default=0)
    for run in proof.runs:
        seed = run.number if _counts(run) and run.number > 1 else None
        yield same(f"{what}, {run.result.label}, seed", run.result.seed, seed, "its number gives")
        if run.result.pressure:
            yield judged(f"{what}, {run.result.label}, pressure", "" if _counts(run) and run.number == rounds > 1 else
                         "only the last round is run under pressure")
    pressed = {run.result.pressure for run in proof.runs if _counts(run) and run.number == rounds}
    yield judged(f"{what}, pressure", "" if len(pressed) <= 1 else "not all of the last round is under it")
    if rounds > 1 and rounds != len(ran.runs):
        yield noted(f"{what}, its rounds", f"there are {rounds}, and {len(ran.runs)} runs before the fix: `reruns` may "
                    "have been changed in between")


def _counts(run: ProofRun) -> bool:
    """Whether it is one of the rounds without, with and again without the fix."""
    return run.suite == "new" and run.role in {"base", "fix", "revert"}


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
    parts = {result.tree for role in ("without", "mutant") for result in _of(proof, role)}
    # A changed tree goes by the commit that it was changed from.
    yield judged(f"{what}, the tree of its parts", "" if parts <= fix else "it is not the fixed tree")
    for name, trees in (("fixed", fix), ("reverted", revert)):
        yield judged(f"{what}, its {name} tree", "" if len(trees) <= 1 else "its runs are of different trees")
    yield judged(f"{what}, its trees differ", "" if not fix & (base | first) else "the fixed tree is the base tree")
    told = [run for run in proof.runs if (run.suite, run.role) != ("own", "base")]
    yield same(f"{what}, its runs", [run.result.label for run in told],
               [proof_label(attempt, run.role, run.suite, run.number) for run in told], "they have to be")
    for role in ("base", "fix", "revert", "without", "mutant"):
        # The runs of the own suite without a part are counted on, and follow the run that they belong to.
        numbers = sorted(run.number for run in told if run.role == role and (run.suite == "new" or role == "without"))
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
        message = fix_message(record, fixed.patch.summary)
        made.append(("with the fix", proof.with_fix, proof.with_tests, fix[0].tree, message))
    if revert:
        message = revert_message(record.ref)
        made.append(("with the fix reverted", proof.reverted, proof.with_fix, revert[0].tree, message))
    for name, stored, parent, tree, message in made:
        again = commit_id(tree, parent, message, when)
        if material.older and stored != again and name == "with the fix":
            yield noted(f"{what}, the commit {name}", f"schema {material.schema} gave it another message")
            continue
        yield judged(f"{what}, the commit {name}", "" if stored == again else
                     f"it is {stored[:12]}, and its tree, parent, message and time give {again[:12]}")


def commit_id(tree: Sha, parent: Sha, message: str, when: datetime) -> Sha:
    """The id of a commit that the bot makes: see `GitWorkspace.commit`, and git's object format."""
    who = f"{BOT_NAME} <{BOT_EMAIL}> {int(when.astimezone(UTC).timestamp())} +0000"
    body = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message}".encode("utf-8", "replace")
    stored = b"commit %d\0%b" % (len(body), body)
    return (hashlib.sha1(stored, usedforsecurity=False) if len(tree) == 40 else hashlib.sha256(stored)).hexdigest()
