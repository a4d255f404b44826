"""What the bot answers to commands in comments, as Markdown. Nothing that others wrote has power in it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.audit.rules import RULES
from bot.domain.audit import AuditReport
from bot.domain.base import Sha, counted
from bot.domain.commands import COMMANDS, Order
from bot.domain.effects import ReplyKey, ReplyUpsert, RepositoryName
from bot.domain.errors import BotError
from bot.domain.proof import Proof, Verdict
from bot.domain.record import STEPS, CycleRecord
from bot.domain.results import FiveWhys, Proven
from bot.domain.workflow import Workflow
from bot.reports.audit_view import by_importance, silenced, tasks, unsuppressed
from bot.reports.course import next_in_words, state_in_words
from bot.reports.markdown import FOLD, UNFOLD, cell, inline, link, prose, span
from bot.reports.proof_document import ProofView
from bot.reports.rendering import rendered

_MOST_NAMED = 60
_MOST_FINDINGS = 50


def help_text(focuses: Iterable[str], usual: str) -> str:
    """The commands, and what can stand for the words in capitals. `usual` is the focus where none is named."""
    rows = [f"| {cell(usage.form)} | {prose(usage.does, cell=True)} |" for usage in COMMANDS.values()]
    return "\n".join((
        "| command | what it does |", "|---|---|", *rows, "",
        "A command is the first line of a new comment, by somebody who may write to this repository.",
        "", f"- FOCUS is one of {_named(sorted(focuses))}; without it, {span(usual)}.",
        f"- STEP is one of {_named(STEPS)}.",
        "- Eyes on the comment: accepted; the answer is a comment. Confused: not understood. Thumbs down: not allowed.",
    ))


def audit_text(report: AuditReport, notes: Iterable[str], head: Sha) -> str:
    """What an audit of a pull request's tests came to: the verdict, what was found, what has to change."""
    return rendered("reply_audit.md.j2", {
        "report": report, "notes": tuple(notes), "head": head, "findings": by_importance(unsuppressed(report)),
        "most": _MOST_FINDINGS, "tasks": tasks(report), "titles": {name: rule.title for name, rule in RULES.items()},
        "silenced": [(item, *found) for item in report.findings if (found := silenced(item)) is not None],
    })


def no_tests_text(head: Sha, what_for: str) -> str:
    """A pull request that changes no test."""
    return f"This pull request adds and changes no tests at {span(head[:12])}, so there is nothing {what_for}."


def proof_text(proof: Proof, tests: tuple[str, ...], notes: tuple[str, ...]) -> str:
    """What a proof of a pull request came to."""
    verdict = "Proven" if proof.verdict is Verdict.PROVEN else "Not proven"
    said = f"**{verdict}.** From {span(proof.base[:12])} to {span(proof.with_fix[:12])}, by {_named(tests)}."
    report = rendered("reply_proof.md.j2", {
        "proof": ProofView(proof), "notes": (*proof.notes, *notes), "fold": FOLD, "unfold": UNFOLD,
    })
    return f"{said}\n\n{report}"


def cycle_text(record: CycleRecord, workflow: Workflow) -> str:
    """How a cycle stands that a command began or went on with."""
    state = state_in_words(record, workflow)
    lines = [f"**{inline(state[:1].upper() + state[1:])}**"]
    incident, whys, proven = record.incident, record.latest(FiveWhys), record.latest(Proven)
    rows = []
    if incident is not None:
        shown = span(f"{incident.root.type}: {incident.root.message}", 160)
        entries = counted(incident.entries, "entry", "entries")
        rows.append(f"- Incident: {shown} ({entries}), {link('issue', incident.fingerprint)}")
    if whys is not None:
        cited = sum(why.support == "cited" for why in whys.whys)
        rows.append(f"- Whys: {cited} of {len(whys.whys)} cited")
    if proven is not None:
        said = ProofView(proven.proof).rests_on
        rows.append(f"- Proof: {proven.proof.verdict.value.replace('_', ' ')}; {prose(said)}")
    if rows:
        lines += ["", *rows]
    return "\n".join((*lines, "", prose(next_in_words(record, workflow)), "", f"Cycle {span(str(record.ref))}."))


def failed_text(error: BotError) -> str:
    """A command that did not come to an end."""
    return f"It did not come to an end. {prose(error.what)} {prose(error.remedy)}"


def stopped_text(stopped: tuple[str, ...], ended: int, missing: tuple[str, ...]) -> str:
    """Which runs were cancelled, by their pages; how many had ended by themselves; which workflows are not there."""
    lines = []
    if stopped:
        lines += [f"Stopped {counted(len(stopped), 'run')}:", "", *(f"- {span(url)}" for url in stopped), "",
                  "What they have done so far is published."]
    else:
        lines.append("No cycle is running in Actions, so nothing was stopped.")
    if ended:
        lines += ["", f"{counted(ended, 'run')} ended before the order came."]
    if missing:
        lines += ["", f"There is no workflow {_named(missing)} in this repository."]
    return "\n".join(lines)


def reply(order: Order, repository: RepositoryName, text: str) -> ReplyUpsert:
    """The answer to a command. Its first line is no command, whatever the text is."""
    head, foot = f"### {span(str(order.command))}", f"---\n\n*How it went is in {link('record')}.*"
    body = f"{head}\n\n{text.strip()}\n\n{foot}\n"
    return ReplyUpsert(key=ReplyKey(repository=repository, comment=order.comment), number=order.number, body=body)


def _named(names: Iterable[str]) -> str:
    every = list(names)
    shown = ", ".join(span(name) for name in every[:_MOST_NAMED])
    return shown + (f" and {len(every) - _MOST_NAMED} more" if len(every) > _MOST_NAMED else "")
