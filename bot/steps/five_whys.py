"""Step 1: the model proposes a chain of whys over the evidence; every citation is checked by code."""

from __future__ import annotations

from bot.domain.errors import RecordDamaged, no_repository
from bot.domain.evidence import EvidencePack, Support
from bot.domain.logs import LogEntry
from bot.domain.proposals import ProposedWhys
from bot.domain.record import CycleEnd, Decision
from bot.domain.results import FiveWhys, Retrieved
from bot.evidence.code import CodeAt
from bot.evidence.pack import build_pack
from bot.evidence.whys import check_whys
from bot.logs.snapshot import parse_snapshot
from bot.model.prompts import render
from bot.steps.asking import MOST_PACK_CHARS, ask, code_at, code_globs
from bot.steps.context import Step, StepContext, StepOutcome


def run(ctx: StepContext) -> StepOutcome:
    """Build the pack, ask, check; what fails the check goes back once, then it is unproven."""
    retrieved = ctx.need(Retrieved)
    if retrieved.selection.winner is None:
        raise LookupError("the whys need an incident")
    if retrieved.commit is None:
        raise no_repository(ctx.config.repository.path)
    code = code_at(ctx, retrieved.commit.sha)
    try:
        entries = parse_snapshot(ctx.read(retrieved.snapshot))
    except ValueError as error:
        raise RecordDamaged(
            f"The snapshot {retrieved.snapshot} of {ctx.record.ref} is damaged: {error}.",
            "It was left as it is. Restore it from a copy, or start a new run with --new.",
        ) from error
    pack = evidence(ctx, entries, code)
    snapshot = {entry.insert_id: entry.text for entry in entries}

    def objections(proposed: ProposedWhys) -> tuple[str, ...]:
        return check_whys(proposed, pack, snapshot, code).failures

    incident = retrieved.selection.winner.incident
    note = f"{retrieved.commit.sha[:12]}, {retrieved.commit.how}"
    prompt = render(
        "five_whys", focus=ctx.record.settings.focus, incident=incident, commit_note=note, pack=pack
    )
    proposed = ask(ctx, "five_whys", prompt, ProposedWhys, objections, insist=False)
    result = check_whys(proposed, pack, snapshot, code).result
    cited = sum(1 for why in result.whys if why.support is Support.CITED)
    said = f"{cited} of {len(result.whys)} whys cited"
    if result.root_cause is None or result.root_cause.support is not Support.CITED:
        return StepOutcome(result, f"{said}; no root cause that the evidence supports", Decision.END, CycleEnd.NO_CAUSE)
    suspects = ", ".join(suspect.key for suspect in result.root_cause.suspects)
    return StepOutcome(result, f"{said}; root cause cited, in {suspects}")


def evidence(ctx: StepContext, entries: tuple[LogEntry, ...], code: CodeAt) -> EvidencePack:
    """The pack of the selected incident. The snapshot holds its entries and what went before them."""
    winner = ctx.need(Retrieved).selection.winner
    if winner is None:
        raise LookupError("a pack needs an incident")
    return build_pack(winner.incident, entries, entries, code, code_globs(ctx), MOST_PACK_CHARS)


STEP = Step("five_whys", takes=(Retrieved,), gives=FiveWhys, run=run)
