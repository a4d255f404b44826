"""What the commands do, and how their results are shown."""

from __future__ import annotations

import sys
from dataclasses import replace

from bot.app import App, Options, exit_code
from bot.domain.asking import Usage
from bot.domain.errors import EXIT_INTERRUPTED, BotError, RecordDamaged, UsageProblem
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, CycleStatus, Settings
from bot.domain.results import FiveWhys, Proven, Retrieved, TestsAudited, TestsRun
from bot.engine.retrying import set_back
from bot.ports import Progress
from bot.progress import harmless, make_progress, say, say_json, say_table
from bot.reports.course import next_in_words, state_in_words
from bot.reports.json.cycle import CycleSummary, cycle_document, cycle_summary
from bot.reports.proof_document import ProofView
from bot.reports.rendering import scripted_in_words
from bot.reports.summary import PlannedEffect, plan_of


def run_cycle(app: App, options: Options, json: bool) -> int:
    """Start a run, or go on with an interrupted one of the same settings; return the exit code."""
    settings = app.settings(options)
    _announce(settings, app)
    with app.lock(f"bot cycle --focus {options.focus}", options.wait_s), make_progress() as progress:
        app.recall(settings)
        interrupted = app.runs.interrupted(settings)
        if interrupted is not None and options.fresh:
            app.runs.give_up(interrupted)
            interrupted = None
        if interrupted is None:
            ref = app.runs.begin(settings)
        else:
            ref = interrupted.ref
            progress.note(f"going on with the interrupted run {ref.run}")
        return _finish(app, ref, json, progress)


def resume_cycle(options: Options, run: str | None, json: bool) -> int:
    """Go on with a cycle; return the exit code."""
    app = App.open(options)
    _must_be_a_step(options.until, "--until", app)
    with app.lock(f"bot resume {run or ''}".strip(), options.wait_s), make_progress() as progress:
        record = app.runs.resumable(run)
        app = _of_record(app, record, options)
        app.reopen(record, options.until)
        return _finish(app, record.ref, json, progress)


def retry_cycle(options: Options, step: str, run: str | None, json: bool) -> int:
    """Set the newest cycle of a run back to a step and go on from there; return the exit code."""
    app = App.open(options)
    _must_be_a_step(step, "--from", app)
    _must_be_a_step(options.until, "--until", app)
    with app.lock(f"bot retry --from {step} {run or ''}".strip(), options.wait_s), make_progress() as progress:
        record = app.runs.newest(run)
        app = _of_record(app, record, options)
        record = set_back(record, step, app.workflow, app.store, app.clock.now())
        app.reopen(record, options.until)
        return _finish(app, record.ref, json, progress)


def _must_be_a_step(name: str | None, option: str, app: App) -> None:
    if name is not None and name not in {step.name for step in app.workflow.steps}:
        known = ", ".join(step.name for step in app.workflow.steps)
        raise UsageProblem(f"There is no step {name!r}; there are {known}.", f"Name one with {option}.")


def _of_record(app: App, record: CycleRecord, options: Options) -> App:
    """What goes on with a record, as its run was begun."""
    if record.settings.demo:
        app = App.open(replace(options, demo=True))
    _announce(record.settings, app)
    app.recall(record.settings)
    return app


def _finish(app: App, ref: CycleRef, json: bool, progress: Progress) -> int:
    """Run, and show the records whatever came of it."""
    try:
        app.run(ref, progress)
    except BotError as error:
        _show(app, ref, json)
        error.shown = json
        raise
    except KeyboardInterrupt:
        _err("bot: interrupted. `bot resume` goes on where it was.")
        return EXIT_INTERRUPTED
    return exit_code(_show(app, ref, json))


def _announce(settings: Settings, app: App) -> None:
    if settings.scripted:
        _err(f"{scripted_in_words(settings.model)}: its answers come from files, not from a language model.")
    if settings.dry_run:
        _err("Dry run: nothing is published. Model calls are made, and cost what they cost.")
    if settings.publish == "later" and app.publish_to is not None:
        _err(f"Nothing is published now: {_publishing(settings, app)} does it.")
    if settings.sandbox == "process":
        _err(f"Weak sandbox: {app.sandbox('process', demo=True).warning}")


def _publishing(settings: Settings, app: App) -> str:
    """The command that publishes what a run keeps for later."""
    return f"`bot publish{' --demo' if settings.demo else ''} {app.publish_to}`"


def summary(app: App, record: CycleRecord) -> CycleSummary:
    """What `--json` says of a cycle."""
    return cycle_summary(record, usage_of(app, record), app.store.folder(record.ref))


def usage_of(app: App, record: CycleRecord) -> Usage:
    """What the cycle paid, with what no step has recorded yet: a call in flight when the process died."""
    if record.status is CycleStatus.ENDED and record.end is not CycleEnd.GIVEN_UP:
        return record.usage
    try:
        return app.runs.spent(record.ref)
    except RecordDamaged:
        return record.usage


def _show(app: App, ref: CycleRef, json: bool) -> tuple[CycleRecord, ...]:
    """Show what a run came to; return its records. Says nothing when they cannot be read: the error will."""
    try:
        records = app.runs.records_of(ref.run)
    except BotError:
        return ()
    *earlier, record = records
    if json:
        say_json(cycle_document(summary(app, record), (summary(app, item) for item in earlier)))
        return records
    for item in earlier:
        _out(harmless(f"{item.ref}: {state_in_words(item, app.workflow)}"))
    show_record(app, record)
    return records


def show_record(app: App, record: CycleRecord) -> None:
    """Print what a cycle came to, and where its log for people lies."""
    _show_plan(app, record)
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in _rows(app, record):
        table.add_row(name, harmless(value))
    _out("")
    say_table(table)
    _out(f"\nStatus log: {app.store.folder(record.ref)}/status.md")


def _rows(app: App, record: CycleRecord) -> list[tuple[str, str]]:
    rows = [("cycle", str(record.ref))]
    if record.settings.scripted:
        rows.append(("model", f"{scripted_in_words(record.settings.model).lower()}: its answers come from files"))
    incident = record.incident
    retrieved = record.latest(Retrieved)
    if incident and retrieved:
        rows.append(("incident", f"{incident.root.type}: {incident.root.message}"[:160]))
        if incident.root.location:
            rows.append(("", f"in {incident.root.location}"))
    if retrieved:
        heading = "why this one" if incident else "why none"
        rows.extend((heading if number == 0 else "", reason)
                    for number, reason in enumerate(retrieved.selection.reasons))
    whys = record.latest(FiveWhys)
    if whys:
        cited = sum(1 for why in whys.whys if why.support == "cited")
        support = whys.root_cause.support if whys.root_cause else "unproven"
        rows.append(("whys", f"{cited} of {len(whys.whys)} cited; root cause {support}"))
    for number, audit in enumerate(record.results(TestsAudited), 1):
        report = audit.report
        rules = len({finding.rule for finding in report.findings})
        tests = f"{len(report.tests)} tests, {len(report.defects)} defective"
        rows.append((
            f"audit {number}", f"{report.recommendation}: {tests}, {len(report.findings)} findings by {rules} rules"
        ))
    run = record.latest(TestsRun)
    if run:
        rows.append(("reproduced", f"{'yes' if run.reproduced else 'no'}: {run.reason}"))
    proven = record.latest(Proven)
    if proven:
        proof = proven.proof
        rows.append(("proof", f"{proof.verdict.value.replace('_', ' ')}: {proof.tally}"))
        rows.append(("rests on", ProofView(proof).rests_on))
        rows.extend(("", f"missing: {item}") for item in proof.missing)
    rows.extend(
        (item.effect.effect.replace("_", " "), f"{item.receipt.did} {item.receipt.url or item.receipt.note}".strip())
        for item in record.effects() if item.receipt and item.effect.effect != "comment"
    )
    rows.append(("state", state_in_words(record, app.workflow)))
    if record.settings.publish == "later" and record.end is CycleEnd.FIX_PROPOSED:
        rows.append(("", f"Next: {_publishing(record.settings, app)}. Then a person reviews the draft pull request."))
    else:
        rows.append(("", next_in_words(record, app.workflow)))
    return rows


def _plan(record: CycleRecord) -> tuple[PlannedEffect, ...]:
    """What would be published, or is to be: of each thing its last state."""
    return () if record.settings.publish == "now" else plan_of(item.effect for item in record.effects())


def _show_plan(app: App, record: CycleRecord) -> None:
    plan = _plan(record)
    if not plan:
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "key", "title", "size"):
        table.add_column(heading, overflow="fold")
    for planned in plan:
        table.add_row(planned.what, harmless(planned.key), harmless(planned.title), planned.size_in_words)
    _out("\nWould be published:" if record.settings.dry_run else f"\n{_publishing(record.settings, app)} publishes:")
    say_table(table)


def _out(text: str) -> None:
    say(text)


def _err(text: str) -> None:
    say(text, sys.stderr)
