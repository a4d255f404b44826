"""Step 1: the model proposes a chain of whys over the evidence; every citation is checked by code."""

from __future__ import annotations

from bot.domain.errors import RecordDamaged, no_repository
from bot.domain.evidence import EvidencePack, Support
from bot.domain.logs import Incident, LogEntry
from bot.domain.patch import StoredFile
from bot.domain.proposals import ProposedWhys
from bot.domain.record import CycleEnd, Decision
from bot.domain.results import FiveWhys, Retrieved
from bot.evidence.code import CodeAt
from bot.evidence.ground import Ground
from bot.evidence.pack import build_pack
from bot.evidence.past import MOST_COMMITS, Past
from bot.evidence.whys import check_whys, paths_used
from bot.logs.snapshot import parse_snapshot
from bot.model.prompts import render
from bot.model.tools.investigator import Investigator
from bot.steps.asking import ask, code_at, code_globs, tests_of
from bot.steps.context import Step, StepContext, StepOutcome

PATHS = "code-paths.txt"


def run(ctx: StepContext) -> StepOutcome:
    """Build the pack, ask, check; what fails the check goes back once, then it is unproven."""
    retrieved = ctx.need(Retrieved)
    if retrieved.commit is None:
        raise no_repository(ctx.config.repository.path)
    incident = ctx.incident
    code = code_at(ctx, retrieved.commit.sha)
    entries = snapshot(ctx)
    ground = Ground(
        incident=incident, pack=evidence(ctx, incident, entries, code), entries=entries, code=code,
        product=code_globs(ctx), tests=tests_of(ctx),
    )

    def objections(proposed: ProposedWhys) -> tuple[str, ...]:
        return check_whys(proposed, ground).failures

    note = f"{retrieved.commit.sha[:12]}, {retrieved.commit.how}"
    prompt = render(
        "five_whys", focus=ctx.record.settings.focus, incident=incident, commit_note=note, pack=ground.pack
    )
    asked = ask(ctx, "five_whys", prompt, ProposedWhys, objections, insist=False,
                toolbox=investigator(ctx, incident, entries, code, ground.pack))
    result = check_whys(asked.value, ground).result
    ctx.keep(PATHS, "".join(f"{path}\n" for path in code.files).encode("utf-8", "surrogatepass"))
    return concluded(result.model_copy(update={
        "investigation": asked.investigation, "code": _kept(ctx, code, paths_used(asked.value, ground)),
        "paths": PATHS, "product": ground.product, "tests": ground.tests,
    }))


def snapshot(ctx: StepContext) -> tuple[LogEntry, ...]:
    """The redacted entries that step 0 kept. Raises RecordDamaged."""
    name = ctx.need(Retrieved).snapshot
    try:
        return parse_snapshot(ctx.read(name))
    except ValueError as error:
        raise RecordDamaged(
            f"The snapshot {name} of {ctx.record.ref} is damaged: {error}.",
            "It was left as it is. Restore it from a copy, or start a new run with --new.",
        ) from error


def evidence(ctx: StepContext, incident: Incident, entries: tuple[LogEntry, ...], code: CodeAt) -> EvidencePack:
    """The pack of an incident. The snapshot holds its entries and what happened around them."""
    repository = ctx.repository
    past = Past(
        redact=ctx.redactor.text,
        history=lambda path, first, last: repository.history(code.commit, path, (first, last), MOST_COMMITS),
        findings=ctx.findings((incident.fingerprint, *incident.aliases)),
    )
    return build_pack(incident, entries, entries, code, code_globs(ctx), ctx.config.model.pack_tokens, past=past)


def investigator(ctx: StepContext, incident: Incident, entries: tuple[LogEntry, ...], code: CodeAt,
                 pack: EvidencePack) -> Investigator:
    """The read-only tools over what a cycle may look at."""
    return Investigator(code, ctx.repository, entries, incident.groups, pack, ctx.redactor.text)


def _kept(ctx: StepContext, code: CodeAt, used: tuple[str, ...]) -> tuple[StoredFile, ...]:
    """Keep what was shown or quoted of the code, so that a citation can be checked without the repository."""
    stored: list[StoredFile] = []
    for path in sorted({*code.shown, *used}):
        lines = code.lines(path)
        if lines is None:
            continue
        content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
        stored.append(ctx.keep_file(path, f"code/{path}", content))
    return tuple(stored)


def concluded(result: FiveWhys) -> StepOutcome:
    """What the step says of checked whys, and what follows."""
    cited = sum(1 for why in result.whys if why.support is Support.CITED)
    said = f"{cited} of {len(result.whys)} whys cited"
    if result.root_cause is None or result.root_cause.support is not Support.CITED:
        return StepOutcome(result, f"{said}; no root cause that the evidence supports", Decision.END, CycleEnd.NO_CAUSE)
    suspects = ", ".join(suspect.key for suspect in result.root_cause.suspects)
    return StepOutcome(result, f"{said}; root cause cited, in {suspects}")


STEP = Step("five_whys", takes=(Retrieved,), gives=FiveWhys, run=run)
